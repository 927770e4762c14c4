/** A value that changes: each change wakes the fibers that wait for it. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

export class Change {
  #next = Deferred.makeUnsafe<void>()

  /** Waits for the first change after this was taken. */
  get next(): Effect.Effect<void> {
    return Deferred.await(this.#next)
  }

  /** There was a change. `told` runs before anyone wakes; whoever takes `next` in it waits for the change after this. */
  tell(told?: () => void): void {
    const previous = this.#next
    this.#next = Deferred.makeUnsafe()
    told?.()
    Deferred.doneUnsafe(previous, Effect.void)
  }
}
