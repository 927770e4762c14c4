/** What a caller gives once and several attempts read: the text of a speech, the audio of a call. */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** The caller's own failure on its way through a provider, told apart from the provider's. */
export class InputFailure<E> {
  readonly _tag = "effect-voice/InputFailure"
  readonly cause: Cause.Cause<E>
  constructor(cause: Cause.Cause<E>) {
    this.cause = cause
  }
}

export const isInputFailure = <E, I>(error: E | InputFailure<I>): error is InputFailure<I> =>
  error instanceof InputFailure

/** Lets the caller's own failure out of a stream through a provider. */
export const unwrapInput = <A, E, I, R>(self: Stream.Stream<A, E | InputFailure<I>, R>): Stream.Stream<A, E | I, R> =>
  Stream.catch(
    self,
    (error): Stream.Stream<never, E | I> =>
      error instanceof InputFailure ? Stream.failCause(error.cause) : Stream.fail(error)
  )

/**
 * A stream that several attempts read one after the other, while it is pulled
 * only once and only on demand.
 *
 * A pull runs in the buffer's own scope: an attempt that is given up in the
 * middle of one loses nothing.
 */
export class ReplayBuffer<A, E, R> {
  /** Pulls once, in the buffer's own scope and in the context that it was made in. */
  readonly #fetch: Effect.Effect<unknown>
  /** The entries from number `#base` on, after the places of `#forgotten` ones. */
  #kept: Array<A | undefined> = []
  #forgotten = 0
  #base = 0
  #ended: Cause.Cause<E> | "done" | undefined = undefined
  #arrival: Deferred.Deferred<void> | undefined = undefined

  private constructor(
    pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R>,
    scope: Scope.Scope,
    context: Context.Context<R | Scope.Scope>
  ) {
    this.#fetch = Pull.matchEffect(pull, {
      onSuccess: (entries) => Effect.sync(() => void this.#kept.push(...entries)),
      onFailure: (cause) => Effect.sync(() => void (this.#ended = cause)),
      onDone: () => Effect.sync(() => void (this.#ended = "done"))
    }).pipe(
      Effect.ensuring(Effect.sync(() => {
        const arrival = this.#arrival
        this.#arrival = undefined
        if (arrival !== undefined) Deferred.doneUnsafe(arrival, Exit.void)
      })),
      Effect.updateContext((_: Context.Context<never>) => context),
      Effect.forkIn(scope, { startImmediately: true })
    )
  }

  static make<A, E, R>(source: Stream.Stream<A, E, R>): Effect.Effect<ReplayBuffer<A, E, R>, never, R | Scope.Scope> {
    return Effect.contextWith((context: Context.Context<R | Scope.Scope>) => {
      const scope = Context.get(context, Scope.Scope)
      return Channel.toPullScoped(Stream.toChannel(source), scope).pipe(
        Effect.catchCause((cause) => Effect.succeed(Effect.failCause(cause))),
        Effect.map((pull) => new ReplayBuffer<A, E, R>(pull, scope, context))
      )
    })
  }

  /** Number of the first entry that is kept. */
  get base(): number {
    return this.#base
  }

  /** Number of the entry that comes next. */
  get head(): number {
    return this.#base + this.#kept.length - this.#forgotten
  }

  /** Whether the source has ended, and how. */
  get ended(): Cause.Cause<E> | "done" | undefined {
    return this.#ended
  }

  at(entry: number): A | undefined {
    return entry < this.#base ? undefined : this.#kept[this.#forgotten + entry - this.#base]
  }

  forgetBefore(entry: number): void {
    const count = Math.min(entry, this.head) - this.#base
    if (count <= 0) return
    this.#kept.fill(undefined, this.#forgotten, this.#forgotten + count)
    this.#forgotten += count
    this.#base += count
    // Audio is forgotten frame by frame: moving all that is kept each time would cost more than the audio.
    if (this.#forgotten * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#forgotten)
      this.#forgotten = 0
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
        if (next < this.head) {
          const entries = this.#kept.slice(this.#forgotten + Math.max(0, next - this.#base)) as Arr.NonEmptyArray<A>
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
      const arrival = this.#arrival = Deferred.makeUnsafe<void>()
      return Effect.andThen(this.#fetch, Deferred.await(arrival))
    })
  }
}
