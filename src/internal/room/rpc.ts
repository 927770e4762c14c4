/** Remote calls between those who are in the same memory. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { logOwn } from "../foreign.ts"
import { effectOf } from "../given.ts"
import * as Check from "../options.ts"
import { RoomError } from "./errors.ts"
import { calling, refused } from "./options.ts"

interface Call {
  readonly identity: string
  readonly payload: string
}

type Handler = (call: Call) => Effect.Effect<string, RoomError>

export interface Rpc {
  /** `callee` undefined is the agent. */
  readonly ask: (
    callee: string | undefined,
    method: string,
    call: Call,
    timeout?: Duration.Input
  ) => Effect.Effect<string, RoomError>
  /** Waits for an answer, no longer than is wanted. */
  readonly within: (
    method: string,
    answer: Effect.Effect<string, RoomError>,
    timeout: Duration.Input | undefined
  ) => Effect.Effect<string, RoomError>
  readonly answer: (
    callee: string | undefined,
    method: string,
    handler: Handler
  ) => Effect.Effect<void, RoomError, Scope.Scope>
  readonly forget: (callee: string) => void
  readonly size: () => number
}

const failed = (detail: string) => new RoomError({ reason: "RpcFailed", detail })

export const makeRpc = (): Rpc => {
  const handlers = new Map<string | undefined, Map<string, Handler>>()
  const within: Rpc["within"] = (method, answer, wait) =>
    Effect.flatMap(Check.readOrFail(calling, { timeout: wait }, refused, "call"), ({ timeout: ms }) =>
      answer.pipe(
        Effect.catchDefect((defect) =>
          Effect.andThen(
            logOwn(`the handler of ${method} broke`, Cause.die(defect)),
            Effect.fail(failed(`call: the handler of ${method} broke`))
          )
        ),
        Effect.timeoutOrElse({
          duration: ms,
          orElse: () =>
            Effect.fail(failed(`call: no answer of ${method} within ${Duration.format(Duration.millis(ms))}`))
        })
      ))
  return {
    within,
    ask: (callee, method, call, wait) =>
      within(
        method,
        Effect.suspend(() => {
          const handler = handlers.get(callee)?.get(method)
          return handler === undefined
            ? Effect.fail(failed(`call: nobody answers the method ${method}`))
            : effectOf(`handler of ${method}`, () => handler(call))
        }),
        wait
      ),
    answer: (callee, method, handler) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const own = handlers.get(callee) ?? new Map<string, Handler>()
          if (own.has(method)) {
            return Effect.fail(
              new RoomError({ reason: "InvalidOption", detail: `handle: the method ${method} has a handler already` })
            )
          }
          own.set(method, handler)
          handlers.set(callee, own)
          return Effect.void
        }),
        () =>
          Effect.sync(() => {
            if (handlers.get(callee)?.get(method) === handler) handlers.get(callee)?.delete(method)
          })
      ),
    forget: (callee) => {
      handlers.delete(callee)
    },
    size: () => {
      let total = 0
      for (const own of handlers.values()) total += own.size
      return total
    }
  }
}
