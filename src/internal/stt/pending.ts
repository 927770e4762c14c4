/** Whether a recogniser owes a transcript, and for how long: a quiet user is no failure. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { monotonic } from "../steady.ts"

/** How far beyond an end of speech a provider may count the words before it. */
const overrunMs = 100

/** The ends of speech that wait for their transcript, and since when. */
export class Pending {
  #marks: Array<{ readonly position: number; readonly since: number }> = []
  #since: number | undefined = undefined
  #awaken = Deferred.makeUnsafe<void>()
  /** A final transcript came when none was waited for: before the end of its speech was marked. */
  #early = false

  add(position: number, now: number): void {
    if (this.#early) {
      // It has found the end by itself, and may have nothing to add.
      this.#early = false
      return
    }
    this.#marks.push({ position, since: now })
    if (this.#since === undefined) {
      this.#since = now
      Deferred.doneUnsafe(this.#awaken, Exit.void)
    }
  }

  /**
   * A final transcript has come, up to `end` where the provider tells. Gives the
   * position up to which the audio is answered, where a mark says so, and since
   * when the mark that it answers has waited.
   */
  answer(end: number | undefined): { readonly position: number; readonly since: number | undefined } | undefined {
    this.#early = this.#marks.length === 0
    const found = end === undefined ? -1 : this.#marks.findIndex(({ position }) => position + overrunMs >= end)
    const last = found === -1 ? this.#marks.length - 1 : found
    const position = end !== undefined && found === -1 ? end : this.#marks[last]?.position
    const since = this.#marks[Math.max(0, found)]?.since
    this.#marks = this.#marks.slice(last + 1)
    this.#waitSince(this.#marks[0]?.since)
    return position === undefined ? undefined : { position, since }
  }

  /** An interim transcript has come: the provider is at work. */
  sign(now: number): void {
    if (this.#since !== undefined) this.#since = now
  }

  /** The marks are given again to the same provider: the clock goes on. */
  again(): void {
    this.#marks = []
    this.#early = false
  }

  /** Another provider begins: so does the clock. */
  reset(): void {
    this.#marks = []
    this.#early = false
    this.#waitSince(undefined)
  }

  #waitSince(since: number | undefined): void {
    this.#since = since
    if (since === undefined) this.#awaken = Deferred.makeUnsafe()
  }

  /**
   * Completes when an end of speech has waited for so long (ms), which is asked for
   * again and again. `from` is when the waiting begins at the earliest.
   */
  overdue(ms: () => number, from = Number.NEGATIVE_INFINITY): Effect.Effect<void> {
    return Effect.suspend(() => {
      const since = this.#since
      if (since === undefined) return Effect.andThen(Deferred.await(this.#awaken), this.overdue(ms, from))
      return Effect.flatMap(monotonic, (now) => {
        const left = Math.max(since, from) + ms() - now
        return left <= 0 ? Effect.void : Effect.andThen(Effect.sleep(left), this.overdue(ms, from))
      })
    })
  }
}
