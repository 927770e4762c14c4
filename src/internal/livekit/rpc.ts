/** Remote calls, both ways. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { type Room, RoomError } from "../../Room.ts"
import { logOwn } from "../foreign.ts"
import { effectOf } from "../given.ts"
import * as Check from "../options.ts"
import { unknownParticipant } from "../room/errors.ts"
import { calling, refused } from "../room/options.ts"
import { asRecord, type Rtc, type RtcRoom, saying } from "./rtc.ts"

type Service = Room["Service"]
type Handler = Parameters<Service["handle"]>[1]

export interface Rpc {
  readonly call: Service["call"]
  readonly handle: Service["handle"]
  /** Lets a connection answer what is answered here. */
  readonly register: (room: RtcRoom) => void
  readonly end: () => void
  readonly size: () => number
}

// What the protocol says when a handler has failed, or whoever was called is not there.
const applicationError = 1500
const noRecipient = 1401

// Calls that are being answered, of all and of one caller: whoever is in a room may call.
const mostAnswered = 64
const mostOfOne = 16
// What one may have with it (characters): some clients send more than LiveKit's 15 KiB.
const longestPayload = 1_048_576

const invalid = (detail: string) => new RoomError({ reason: "InvalidOption", detail })

export const makeRpc = (options: {
  readonly rtc: Rtc
  readonly room: () => RtcRoom | undefined
  /** A call was not taken in. */
  readonly onRefused: (identity: string) => void
}): Effect.Effect<Rpc, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { rtc } = options
    const handlers = new Map<string, Handler>()
    const run = yield* FiberSet.makeRuntime<never, string, RoomError>()

    const answering = new Map<string, number>()
    let answered = 0

    /** Takes a place, and gives it back; `undefined` where there is none. */
    const place = (identity: string): (() => void) | undefined => {
      const theirs = answering.get(identity) ?? 0
      if (answered >= mostAnswered || theirs >= mostOfOne) return undefined
      answered += 1
      answering.set(identity, theirs + 1)
      return () => {
        answered -= 1
        const left = (answering.get(identity) ?? 1) - 1
        if (left === 0) answering.delete(identity)
        else answering.set(identity, left)
      }
    }

    const refusal = (identity: string, why: string) => {
      options.onRefused(identity)
      return new rtc.RpcError(applicationError, why)
    }

    const answer = (method: string) => async (invocation: { callerIdentity: string; payload: string }) => {
      const { callerIdentity: identity, payload } = invocation
      const handler = handlers.get(method)
      if (handler === undefined) throw new rtc.RpcError(applicationError, `nobody answers the method ${method}`)
      if (payload.length > longestPayload) throw refusal(identity, `longer than ${longestPayload} characters`)
      const leave = place(identity)
      if (leave === undefined) throw refusal(identity, "too many calls at once")
      const fiber = run(
        effectOf(`handler of ${method}`, () => handler({ identity, payload })).pipe(
          Effect.tapDefect((defect) => logOwn(`the handler of ${method} broke`, Cause.die(defect))),
          Effect.ensuring(Effect.sync(leave))
        )
      )
      const exit = await Effect.runPromise(Fiber.await(fiber))
      if (Exit.isSuccess(exit)) return exit.value
      const error = Cause.findErrorOption(exit.cause)
      throw new rtc.RpcError(
        applicationError,
        error._tag === "Some" ? error.value.detail : `the handler of ${method} broke`
      )
    }

    const put = (room: RtcRoom, method: string): void => {
      room.localParticipant?.registerRpcMethod(method, answer(method))
    }

    return {
      call: ({ identity, method, payload, timeout }) =>
        Effect.flatMap(Check.readOrFail(calling, { timeout }, refused, "call"), ({ timeout: responseTimeout }) => {
          const participant = options.room()?.localParticipant
          if (participant === undefined) {
            return Effect.fail(new RoomError({ reason: "Disconnected", detail: "call: the room has ended" }))
          }
          return Effect.tryPromise({
            try: () => participant.performRpc({ destinationIdentity: identity, method, payload, responseTimeout }),
            catch: (error) =>
              asRecord(error)["code"] === noRecipient
                ? unknownParticipant("call", identity)
                : new RoomError({ reason: "RpcFailed", detail: `call: ${method}: ${saying(error)}` })
          }).pipe(
            // The native side waits a little for the receiver, too.
            Effect.timeoutOrElse({
              duration: responseTimeout + 5000,
              orElse: () => Effect.fail(new RoomError({ reason: "RpcFailed", detail: `call: no answer of ${method}` }))
            })
          )
        }),
      handle: (method, handler) =>
        Effect.acquireRelease(
          Effect.suspend(() => {
            if (handlers.has(method)) return Effect.fail(invalid(`handle: the method ${method} has a handler already`))
            handlers.set(method, handler)
            const room = options.room()
            if (room !== undefined) put(room, method)
            return Effect.void
          }),
          () =>
            Effect.sync(() => {
              handlers.delete(method)
              const room = options.room()
              if (room?.isConnected === true) room.localParticipant?.unregisterRpcMethod(method)
            })
        ),
      register: (room) => {
        for (const method of handlers.keys()) put(room, method)
      },
      end: () => handlers.clear(),
      size: () => handlers.size
    }
  })
