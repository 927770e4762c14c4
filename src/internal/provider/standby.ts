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
  /** Once it was asked to open one in advance, opens the next one as soon as one is taken. @default false */
  readonly again?: boolean | undefined
}

/** A source of connections that may hold one in advance. */
export interface Standby {
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
export const standby: (options: Options) => Effect.Effect<Standby, never, Scope.Scope> = Effect.fnUntraced(
  function*({ again, keepAlive, keepMs, open }) {
    const owner = yield* Effect.scope
    const opening = Semaphore.makeUnsafe(1)
    let held: Held | undefined
    let warm = false

    const watch = Effect.fnUntraced(function*(connection: Connection, scope: Scope.Closeable) {
      const every = Math.min(keepAlive?.everyMs ?? keepMs, keepMs)
      for (let left = keepMs; left > 0 && !connection.isClosed(); left -= every) {
        yield* Effect.sleep(Math.min(every, left))
        if (keepAlive !== undefined) yield* Effect.ignore(connection.send(keepAlive.message))
      }
      // It may have been replaced when it was found closed.
      if (held?.connection === connection) held = undefined
      yield* Scope.close(scope, Exit.void)
    })

    const prewarm = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        warm = again === true
        if (held !== undefined && !held.connection.isClosed()) return
        const scope = yield* Scope.fork(owner)
        const connection = yield* Effect.onError(
          Scope.provide(restore(open), scope),
          (cause) => Scope.close(scope, Exit.failCause(cause))
        )
        held = { connection, scope, watch: yield* Effect.forkIn(Effect.interruptible(watch(connection, scope)), owner) }
      })
    )

    const fill = opening.withPermit(prewarm)
    const take = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        // A handshake that is under way is over sooner than another one.
        yield* restore(opening.withPermit(Effect.void))
        const one = held
        held = undefined
        // One that cannot be opened in advance is told by whoever needs it.
        if (warm) yield* Effect.forkIn(Effect.ignore(Effect.interruptible(fill)), owner)
        if (one === undefined) return yield* restore(open)
        yield* Fiber.interrupt(one.watch)
        const closed = Scope.close(one.scope, Exit.void)
        if (!one.connection.isClosed()) {
          return yield* Effect.acquireRelease(Effect.succeed(one.connection), () => closed)
        }
        yield* closed
        return yield* restore(open)
      })
    )

    return { prewarm: fill, open: take }
  }
)
