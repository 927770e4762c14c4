import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** The caller's own failure on its way through a provider, told apart from the provider's. */
export class InputFailure<E> {
  readonly _tag = "effect-voice/InputFailure"
  readonly cause: Cause.Cause<E>
  constructor(cause: Cause.Cause<E>) {
    this.cause = cause
  }
}

/**
 * A stream that several attempts read one after the other, while it is pulled
 * only once and only on demand.
 *
 * A pull runs in the tape's own scope: an attempt that is given up in the
 * middle of one loses nothing.
 */
export class Tape<A, E, R> {
  readonly #pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R>
  readonly #scope: Scope.Scope
  /** What is kept: the entries from number `#base` on. */
  #kept: Array<A> = []
  #base = 0
  #ended: Cause.Cause<E> | "done" | undefined = undefined
  #arrival: Deferred.Deferred<void> | undefined = undefined

  private constructor(pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R>, scope: Scope.Scope) {
    this.#pull = pull
    this.#scope = scope
  }

  static make<A, E, R>(source: Stream.Stream<A, E, R>): Effect.Effect<Tape<A, E, R>, never, R | Scope.Scope> {
    return Effect.flatMap(
      Effect.scope,
      (scope) => Effect.map(Stream.toPull(source), (pull) => new Tape<A, E, R>(pull, scope))
    )
  }

  /** Number of the first entry that is kept. */
  get base(): number {
    return this.#base
  }

  /** Number of the entry that comes next. */
  get head(): number {
    return this.#base + this.#kept.length
  }

  /** Whether the source has ended, and how. */
  get ended(): Cause.Cause<E> | "done" | undefined {
    return this.#ended
  }

  at(entry: number): A | undefined {
    return this.#kept[entry - this.#base]
  }

  forgetBefore(entry: number): void {
    const count = Math.min(entry - this.#base, this.#kept.length)
    if (count > 0) {
      this.#kept.splice(0, count)
      this.#base += count
    }
  }

  /** Waits until entry `next` is there, or the end is known. */
  reach(next: number): Effect.Effect<void, never, R> {
    return Effect.suspend(() => {
      if (next < this.head || this.#ended !== undefined) return Effect.void
      return Effect.andThen(this.#more, this.reach(next))
    })
  }

  /** The entries from number `from` on, as one attempt sees them; `onRead` is told of each batch before it goes out. */
  read(
    from: number,
    onRead: (entries: ReadonlyArray<A>, next: number) => Effect.Effect<void> = () => Effect.void
  ): Stream.Stream<A, InputFailure<E>, R> {
    return Stream.fromPull(Effect.sync(() => {
      let next = from
      const take: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, InputFailure<E>, void, R> = Effect.suspend(() => {
        const [first, ...rest] = this.#kept.slice(Math.max(0, next - this.#base))
        if (first !== undefined) {
          const entries: Arr.NonEmptyReadonlyArray<A> = [first, ...rest]
          next = this.head
          return Effect.as(onRead(entries, next), entries)
        }
        if (this.#ended === "done") return Cause.done()
        if (this.#ended !== undefined) return Effect.fail(new InputFailure(this.#ended))
        return Effect.andThen(this.#more, take)
      })
      return take
    }))
  }

  get #more(): Effect.Effect<void, never, R> {
    return Effect.suspend(() => {
      const under = this.#arrival
      if (under !== undefined) return Deferred.await(under)
      const arrival = Deferred.makeUnsafe<void>()
      this.#arrival = arrival
      return Pull.matchEffect(this.#pull, {
        onSuccess: (entries) => Effect.sync(() => void this.#kept.push(...entries)),
        onFailure: (cause) => Effect.sync(() => void (this.#ended = cause)),
        onDone: () => Effect.sync(() => void (this.#ended = "done"))
      }).pipe(
        Effect.ensuring(Effect.sync(() => {
          this.#arrival = undefined
          Deferred.doneUnsafe(arrival, Exit.void)
        })),
        Effect.forkIn(this.#scope, { startImmediately: true }),
        Effect.andThen(Deferred.await(arrival))
      )
    })
  }
}
