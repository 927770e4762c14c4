/**
 * Open connections ahead of need: a handshake takes longer than anything else before the first
 * output. One that has served may be given back for the next to take.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Failure from "../../Failure.ts"
import type { Connection } from "./socket.ts"

/** How an unused connection is held. */
export interface Options {
  readonly open: Effect.Effect<Connection, Failure.Reason, Scope.Scope>
  /** Time in ms after which an unused connection is closed. */
  readonly keepMs: number
  /** Sent while it is unused, so that the other side does not close it. */
  readonly keepAlive?: { readonly message: string; readonly everyMs: number } | undefined
  /** Once it was asked to open one in advance, opens the next one as soon as one is taken and none is left. @default false */
  readonly again?: boolean | undefined
}

/** A connection that may be used again. */
export interface Loan {
  readonly connection: Connection
  /** Holds it for whoever takes the next one, instead of closing it with the scope. */
  readonly giveBack: Effect.Effect<void>
}

/** A source of connections that may hold some in advance. */
export interface Standby {
  /** Opens one in advance, unless there is one. */
  readonly prewarm: Effect.Effect<void, Failure.Reason>
  /** One that was opened in advance, or a new one; closed by the scope of the caller. */
  readonly open: Effect.Effect<Connection, Failure.Reason, Scope.Scope>
  /** The same; it may be given back before that scope closes. */
  readonly lend: Effect.Effect<Loan, Failure.Reason, Scope.Scope>
}

interface Owned {
  readonly connection: Connection
  readonly scope: Scope.Closeable
}

interface Held extends Owned {
  readonly watch: Fiber.Fiber<void>
}

/** The scope closes what is still unused. */
export const standby: (options: Options) => Effect.Effect<Standby, never, Scope.Scope> = Effect.fnUntraced(
  function*({ again, keepAlive, keepMs, open }) {
    const owner = yield* Effect.scope
    const opening = Semaphore.makeUnsafe(1)
    /** The one that was used last is taken first. */
    let held: ReadonlyArray<Held> = []
    let warm = false

    const watch = Effect.fnUntraced(function*({ connection, scope }: Owned) {
      const every = Math.min(keepAlive?.everyMs ?? keepMs, keepMs)
      for (let left = keepMs; left > 0 && !connection.isClosed(); left -= every) {
        yield* Effect.sleep(Math.min(every, left))
        if (keepAlive !== undefined) yield* Effect.ignore(connection.send(keepAlive.message))
      }
      held = held.filter((one) => one.connection !== connection)
      yield* Scope.close(scope, Exit.void)
    })

    const hold = (one: Owned): Effect.Effect<void> =>
      Effect.map(Effect.forkIn(Effect.interruptible(watch(one)), owner), (watch) => {
        held = [...held, { ...one, watch }]
      })

    const own = (restore: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
      Effect.gen(function*() {
        const scope = yield* Scope.fork(owner)
        const connection = yield* Effect.onError(
          Scope.provide(restore(open), scope),
          (cause) => Scope.close(scope, Exit.failCause(cause))
        )
        return { connection, scope }
      })

    const prewarm = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        warm = again === true
        if (held.some(({ connection }) => !connection.isClosed())) return
        yield* hold(yield* own(restore))
      })
    )

    const fill = opening.withPermit(prewarm)

    const next: Effect.Effect<Owned | undefined> = Effect.gen(function*() {
      for (let one = held.at(-1); one !== undefined; one = held.at(-1)) {
        held = held.slice(0, -1)
        yield* Fiber.interrupt(one.watch)
        if (!one.connection.isClosed()) return one
        yield* Scope.close(one.scope, Exit.void)
      }
      return undefined
    })

    const lend = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        // A handshake that is under way is over sooner than another one.
        if (held.length === 0) yield* restore(opening.withPermit(Effect.void))
        const taken = yield* next
        // One that cannot be opened in advance is told by whoever needs it.
        if (warm) yield* Effect.forkIn(Effect.ignore(Effect.interruptible(fill)), owner)
        const one = taken ?? (yield* own(restore))
        let kept = false
        yield* Effect.addFinalizer(() => kept ? Effect.void : Scope.close(one.scope, Exit.void))
        const giveBack = Effect.suspend(() => {
          if (kept || one.connection.isClosed()) return Effect.void
          kept = true
          return hold(one)
        })
        return { connection: one.connection, giveBack: Effect.uninterruptible(giveBack) }
      })
    )

    return { prewarm: fill, open: Effect.map(lend, ({ connection }) => connection), lend }
  }
)
