/**
 * Operators of streams, at the level of their pull.
 *
 * A step over an array sees all that waits, in the fiber that pulls: an element costs arithmetic
 * and no Effect. An array that gives no element is skipped here, and costs nothing downstream.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

type Items<A> = Arr.NonEmptyReadonlyArray<A>

/** Takes each array through a step. */
export const through =
  <A, B>(step: (items: Items<A>) => ReadonlyArray<B>) => <E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<B, E, R> =>
    Stream.transformPull(self, (pull) => {
      const next: Pull.Pull<Items<B>, E> = Effect.flatMap(pull, (items) => {
        const made = step(items)
        return Arr.isReadonlyArrayNonEmpty(made) ? Effect.succeed(made) : next
      })
      return Effect.succeed(next)
    })

/** Takes each array through a step, up to the one after which nothing more is wanted. */
export const throughUntil =
  <A, B>(step: (items: Items<A>) => { readonly made: ReadonlyArray<B>; readonly last: boolean }) =>
  <E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<B, E, R> =>
    Stream.transformPull(self, (pull) => {
      let over = false
      const next: Pull.Pull<Items<B>, E> = Effect.suspend(() =>
        over ? Cause.done() : Effect.flatMap(pull, (items) => {
          const { last, made } = step(items)
          over = last
          return Arr.isReadonlyArrayNonEmpty(made) ? Effect.succeed(made) : next
        })
      )
      return Effect.succeed(next)
    })

/** Takes each array through a step that may wait, or fail. */
export const throughEffect =
  <A, B, E2, R2>(step: (items: Items<A>) => Effect.Effect<ReadonlyArray<B>, E2, R2>) =>
  <E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<B, E | E2, R | R2> =>
    Stream.transformPull(self, (pull) => {
      const pass = (made: ReadonlyArray<B>): Pull.Pull<Items<B>, E | E2, void, R2> =>
        Arr.isReadonlyArrayNonEmpty(made) ? Effect.succeed(made) : next
      const next: Pull.Pull<Items<B>, E | E2, void, R2> = Effect.flatMap(pull, (items) =>
        Effect.flatMapEager(step(items), pass))
      return Effect.succeed(next)
    })

/** Cuts long texts in parts of so many characters at most, between which others have their turn. What is no text stays whole. */
export const inParts =
  (most: number) => <A extends string | object, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A | string, E, R> =>
    Stream.transformPull(self, (pull) => {
      let left: Array<A | string> = []
      const isShort = (item: A): boolean => typeof item !== "string" || item.length <= most
      const cut = (item: A): ReadonlyArray<A | string> =>
        typeof item === "string"
          ? Array.from({ length: Math.ceil(item.length / most) }, (_, i) => item.slice(i * most, (i + 1) * most))
          : [item]
      const next: Pull.Pull<Items<A | string>, E> = Effect.suspend(() => {
        const part = left.shift()
        if (part !== undefined) return Effect.as(Effect.yieldNow, [part])
        return Effect.flatMap(pull, (items): Pull.Pull<Items<A | string>, E> => {
          if (items.every(isShort)) return Effect.succeed(items)
          left = items.flatMap(cut)
          return next
        })
      })
      return Effect.succeed(next)
    })

/** Shows each array to somebody else in passing: a fork in the way, in one fiber. */
export const beside =
  <A>(look: (items: Items<A>) => void) => <E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    Stream.mapArray(self, (items) => {
      look(items)
      return items
    })

/** What is to be known of a stream: each array as it passes, and how it has ended. */
export interface Watcher<A, E> {
  readonly saw: (items: Items<A>) => void
  readonly ended: (exit: Exit.Exit<unknown, E>) => void
}

/** Shows a stream, from its opening to its end, to a watcher of its own. */
export const watched =
  <A, E>(watcher: Effect.Effect<Watcher<A, E>>) => <R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    Stream.fromChannel(
      Channel.fromTransformBracket((upstream, scope, own) =>
        Effect.flatMap(
          watcher,
          ({ ended, saw }) =>
            Scope.addFinalizerExit(own, (exit) => Effect.sync(() => ended(exit as Exit.Exit<unknown, E>))).pipe(
              Effect.andThen(Channel.toTransform(Stream.toChannel(self))(upstream, scope)),
              Effect.map(Effect.map((items) => {
                saw(items)
                return items
              }))
            )
        )
      )
    )

/** Runs something for as long as the next array is waited for, and something else once it has come. */
export const awaited =
  (meanwhile: Effect.Effect<never>, then: Effect.Effect<void>) =>
  <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    Stream.transformPull(self, (pull) => Effect.succeed(Effect.tap(Effect.raceFirst(pull, meanwhile), then)))

/**
 * Opens a stream again when it has ended, or was lost, for as long as `again`
 * says so; that may take its time. What the stream held is released before.
 */
export const reopened = <A, E, R, R2>(
  self: Stream.Stream<A, E, R>,
  again: (exit: Exit.Exit<unknown, E>) => Effect.Effect<boolean, never, R2>
): Stream.Stream<A, never, R | R2> =>
  Stream.fromChannel(Channel.fromTransform((_, scope) =>
    Effect.sync(() => {
      let current: Pull.Pull<Items<A>, never, void, R | R2> | undefined
      const open: Pull.Pull<Items<A>, never, void, R | R2> = Effect.suspend(() => {
        const own = Scope.forkUnsafe(scope)
        return Effect.flatMap(Channel.toPullScoped(Stream.toChannel(self), own), (pull) => {
          current = Effect.catchCause(pull, (cause) => {
            const exit = Pull.doneExitFromCause(cause)
            return Effect.andThen(Scope.close(own, exit), again(exit)).pipe(
              Effect.flatMap((wanted) => wanted ? open : Cause.done())
            )
          })
          return current
        })
      })
      return Effect.suspend(() => current ?? open)
    })
  ))
