/**
 * One open connection ahead of need: a handshake takes longer than anything
 * else before the first output.
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
}

/** A source of connections that may hold one in advance. */
export interface Spare {
  /** Opens one in advance, unless there is one. */
  readonly prewarm: Effect.Effect<void, Failure.Reason>
  /** The one that was opened in advance, or a new one; closed by the scope of the caller. */
  readonly open: Effect.Effect<Connection, Failure.Reason, Scope.Scope>
}

interface Held {
  readonly connection: Connection
  readonly scope: Scope.Closeable
  readonly watch: Fiber.Fiber<void>
}

/** The scope closes what is still unused. */
export const spare: (options: Options) => Effect.Effect<Spare, never, Scope.Scope> = Effect.fnUntraced(
  function*({ keepAlive, keepMs, open }) {
    const owner = yield* Effect.scope
    const opening = Semaphore.makeUnsafe(1)
    let held: Held | undefined

    const watch = Effect.fnUntraced(function*(connection: Connection, scope: Scope.Closeable) {
      const every = Math.min(keepAlive?.everyMs ?? keepMs, keepMs)
      for (let left = keepMs; left > 0 && !connection.isClosed(); left -= every) {
        yield* Effect.sleep(Math.min(every, left))
        if (keepAlive !== undefined) yield* Effect.ignore(connection.send(keepAlive.message))
      }
      held = undefined
      yield* Scope.close(scope, Exit.void)
    })

    const prewarm = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        if (held !== undefined && !held.connection.isClosed()) return
        const scope = yield* Scope.fork(owner)
        const connection = yield* Effect.onError(
          Scope.provide(restore(open), scope),
          (cause) => Scope.close(scope, Exit.failCause(cause))
        )
        held = { connection, scope, watch: yield* Effect.forkIn(Effect.interruptible(watch(connection, scope)), owner) }
      })
    )

    const take = Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const one = held
        held = undefined
        if (one === undefined) return restore(open)
        const closed = Scope.close(one.scope, Exit.void)
        const unwatched = Fiber.interrupt(one.watch)
        if (one.connection.isClosed()) return Effect.andThen(Effect.andThen(unwatched, closed), restore(open))
        return Effect.andThen(unwatched, Effect.acquireRelease(Effect.succeed(one.connection), () => closed))
      })
    )

    return { prewarm: opening.withPermit(prewarm), open: take }
  }
)
