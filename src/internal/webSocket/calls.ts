/**
 * All calls that came over sockets, each with the program that answers it, as a
 * fiber of its own. A socket says who it is within a while, and is given a call,
 * its own from before, or a new one; none reaches another's. Closing the scope ends
 * them all.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import type { Room } from "../../Room.ts"
import type { Newcomer } from "../room/control.ts"
import { monotonicMs } from "../steady.ts"
import { type Call, makeCall, type Settings, type Wire } from "./call.ts"
import { type Join, read, write } from "./protocol.ts"

export interface CallsSettings extends Settings {
  /** Who is there, by the token that they gave; nothing refuses them. */
  readonly authorize: (token: string | undefined) => Effect.Effect<Newcomer | undefined>
  readonly mostCalls: number
  /** How soon a socket must have said who it is (ms). */
  readonly joinMs: number
  /** Bytes a second of one socket, over some seconds. */
  readonly mostBytes: number
}

/** What is done with one socket. */
export interface Reception {
  readonly receive: (message: string | Uint8Array) => void
  readonly closed: () => void
}

export interface Calls {
  readonly accept: (wire: Wire) => Reception
  readonly count: () => number
}

// Sockets that are in no call yet.
const mostStrangers = 64

// Messages a second of one socket: audio comes in at most a hundred.
const mostMessages = 400
// What may have been saved up, in seconds of both.
const burst = 5

/** Tells whether a socket says more than it may. */
const makeLimit = (now: () => number, mostBytes: number) => {
  let [messages, bytes, at] = [mostMessages * burst, mostBytes * burst, now()]
  return (size: number): boolean => {
    const since = (now() - at) / 1000
    at = now()
    messages = Math.min(mostMessages * burst, messages + since * mostMessages) - 1
    bytes = Math.min(mostBytes * burst, bytes + since * mostBytes) - size
    return messages < 0 || bytes < 0
  }
}

export const makeCalls = (
  settings: CallsSettings,
  program: (room: Room["Service"]) => Effect.Effect<unknown, unknown, Scope.Scope>
): Effect.Effect<Calls, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const run = yield* FiberSet.makeRuntime<never, unknown, never>()
    const calls = new Map<string, Call>()
    let opening = 0
    let strangers = 0

    /** Holds one call from its beginning to its end. */
    const hold = (caller: Newcomer, begun: (call: Call | undefined) => void): Effect.Effect<void> =>
      Effect.scoped(Effect.gen(function*() {
        const resume = randomBytes(24).toString("base64url")
        const name = `call-${randomBytes(6).toString("hex")}`
        const call = yield* makeCall(settings, { name, resume, caller })
        yield* Effect.acquireRelease(
          Effect.sync(() => calls.set(resume, call)),
          () => Effect.sync(() => calls.delete(resume))
        )
        begun(call)
        yield* Effect.annotateLogs(program(call.room), { room: name })
      })).pipe(
        Effect.onExit((exit) => {
          begun(undefined)
          return Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
            ? Effect.void
            : Effect.logWarning("a call has failed", exit.cause)
        }),
        Effect.ignoreCause
      )

    const accept = (wire: Wire): Reception => {
      const exceeds = makeLimit(() => monotonicMs(clock), settings.mostBytes)
      let call: Call | undefined
      let joining = false
      let closed = false
      let strange = true
      strangers++
      const known = (): void => {
        if (strange) strangers--
        strange = false
      }
      const refused = (reason: string): void => {
        if (closed) return
        closed = true
        known()
        wire.send(write({ type: "refused", reason }))
        wire.close(1008)
      }
      const given = (found: Call | undefined, join: Join): void => {
        if (call !== undefined) return
        if (found === undefined) return refused("unavailable")
        // Who has gone before their call began is not waited for.
        if (closed) return void run(found.room.leave)
        call = found
        known()
        found.connect(wire, join)
      }
      const join = (asked: Join): Effect.Effect<void> =>
        Effect.gen(function*() {
          const before = asked.resume === undefined ? undefined : calls.get(asked.resume)
          if (before !== undefined) return given(before, asked)
          const caller = yield* settings.authorize(asked.token)
          if (caller === undefined) return refused("unauthorized")
          if (calls.size + opening >= settings.mostCalls) return refused("busy")
          opening++
          let pending = true
          run(hold(caller, (made) => {
            if (pending) opening--
            pending = false
            given(made, asked)
          }))
        }).pipe(
          Effect.catchCause((cause) =>
            Effect.andThen(
              Effect.logWarning("a caller could not be let in", cause),
              Effect.sync(() => refused("failed"))
            )
          )
        )
      if (strangers > mostStrangers) refused("busy")
      else {run(Effect.andThen(
          Effect.sleep(settings.joinMs),
          Effect.sync(() => joining || closed ? undefined : refused("late"))
        ))}
      return {
        receive: (message) => {
          if (closed) return
          const size = typeof message === "string" ? message.length : message.byteLength
          if (exceeds(size)) {
            closed = true
            known()
            call?.lost(wire)
            return wire.close(1008)
          }
          if (call !== undefined && typeof message !== "string") return call.receive(wire, message)
          const understood = typeof message === "string" ? read(message) : undefined
          if (call !== undefined) {
            if (understood !== undefined) call.receive(wire, understood)
            return
          }
          if (joining) return
          if (understood?.type !== "join") return refused("malformed")
          joining = true
          run(join(understood))
        },
        closed: () => {
          closed = true
          known()
          call?.lost(wire)
        }
      }
    }
    return { accept, count: () => calls.size }
  })
