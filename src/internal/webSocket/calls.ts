/**
 * All calls that came over sockets, each answered in a fiber of its own. A socket
 * says who it is within a while, and is given a call, its own from before, or a new
 * one; none reaches another's. Closing the scope ends them all.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import type { Room, RoomError } from "../../Room.ts"
import { makeAllowance } from "../allowance.ts"
import { effectOf } from "../given.ts"
import type { Newcomer } from "../room/control.ts"
import { monotonicMs } from "../steady.ts"
import { logFailure } from "../worker/failureLog.ts"
import { type Call, makeCall, type Settings, type Wire } from "./call.ts"
import { type Join, read, textIn, write } from "./protocol.ts"

export interface CallsSettings extends Settings {
  /** Who is there, by the token that they gave; nothing refuses them. */
  readonly authorize: (token: string | undefined) => Effect.Effect<Newcomer | undefined>
  readonly mostCalls: number
  /** How soon a socket must have said who it is (ms). */
  readonly joinMs: number
  /** Bytes a second of one socket, over some seconds. */
  readonly mostBytes: number
}

/** A call that is to be answered. */
export interface Ringing {
  readonly name: string
  readonly caller: Newcomer
  /** Its room, which is there until the scope closes. */
  readonly room: Effect.Effect<Room["Service"], RoomError, Scope.Scope>
}

/** Who answers. */
export interface Answer {
  /** Holds a place for a call, or tells why there is none. */
  readonly place: (name: string) => Effect.Effect<"busy" | "draining" | undefined>
  /** Answers a call that has a place, from its beginning to its end. */
  readonly answer: (ringing: Ringing) => Effect.Effect<void>
}

/** What is done with one socket. */
export interface Reception {
  readonly receive: (message: string | Uint8Array) => void
  /** A ping or pong of so many bytes has come. */
  readonly noticed: (bytes: number) => void
  readonly closed: () => void
}

export interface Calls {
  readonly accept: (wire: Wire) => Reception
  readonly count: () => number
  /** Whoever is there is told to go elsewhere: their calls are about to end. */
  readonly sendAway: () => void
}

// Messages a second of one socket: audio comes in at most a hundred.
const mostMessages = 400
// Bytes of text in a second of one socket: reading them takes longer than reading audio.
const mostText = 65_536
// What may have been saved up of each, in seconds.
const burst = 5
// Sockets that have not said yet who they are, beside one for each call.
const mostStrangers = 64
// How long it may take to say who shows a token.
const patience = "5 seconds"

/** Why a socket is closed, to a machine: whether and when to try again. */
const codes = {
  busy: 1013,
  draining: 1012,
  failed: 1011,
  late: 1008,
  malformed: 1008,
  unauthorized: 1008,
  unavailable: 1011
} as const

/** Tells whether a socket says more than it may. */
const makeLimit = (now: () => number, mostBytes: number) => {
  const began = now()
  const saved = (aSecond: number) => makeAllowance(aSecond * burst, aSecond / 1000, began)
  const [mayTell, mayWeigh, mayWrite] = [saved(mostMessages), saved(mostBytes), saved(mostText)]
  return (size: number, isText: boolean): boolean => {
    const at = now()
    const may = [mayTell(1, at), mayWeigh(size, at), mayWrite(isText ? size : 0, at)]
    return may.includes(false)
  }
}

/** Answers with a program of its own for each, as many as there may be. */
export const answering = (
  mostCalls: number,
  program: (room: Room["Service"]) => Effect.Effect<unknown, unknown, Scope.Scope>
): Answer => {
  const places = new Set<string>()
  return {
    place: (name) =>
      Effect.sync(() => {
        if (places.size >= mostCalls) return "busy"
        places.add(name)
        return undefined
      }),
    answer: ({ name, room }) =>
      Effect.scoped(Effect.flatMap(room, program)).pipe(
        Effect.onExit((exit) => {
          places.delete(name)
          return Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
            ? Effect.void
            : logFailure("a call has failed", exit.cause)
        }),
        Effect.ignoreCause,
        Effect.annotateLogs({ room: name })
      )
  }
}

/** Holds one call from its beginning to its end, among those that there are, by what they are resumed with. */
const holding =
  (settings: CallsSettings, desk: Answer, calls: Map<string, Call>) =>
  (name: string, caller: Newcomer, begun: (call: Call | undefined) => void): Effect.Effect<void> => {
    const resume = randomBytes(24).toString("base64url")
    const room = makeCall(settings, { name, resume, caller }).pipe(
      Effect.tap((call) =>
        Effect.acquireRelease(
          Effect.sync(() => calls.set(resume, call)),
          () => Effect.sync(() => calls.delete(resume))
        )
      ),
      Effect.map((call) => {
        begun(call)
        return call.room
      })
    )
    return Effect.ensuring(desk.answer({ name, caller, room }), Effect.sync(() => begun(undefined)))
  }

export const makeCalls = (settings: CallsSettings, desk: Answer): Effect.Effect<Calls, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const run = yield* FiberSet.makeRuntime<never, unknown, never>()
    const calls = new Map<string, Call>()
    let strangers = 0

    const hold = holding(settings, desk, calls)

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
      const close = (): void => {
        closed = true
        known()
      }
      const refused = (reason: keyof typeof codes): void => {
        if (closed) return
        close()
        wire.send(write({ type: "refused", reason }))
        wire.close(codes[reason])
      }
      const given = (found: Call | undefined, join: Join): void => {
        if (call !== undefined) return
        if (found === undefined) return refused("unavailable")
        // Who has gone before their call began is not waited for.
        if (closed) return void run(found.room.leave)
        known()
        call = found
        found.connect(wire, join)
      }
      const join = (asked: Join): Effect.Effect<void> =>
        Effect.gen(function*() {
          const before = asked.resume === undefined ? undefined : calls.get(asked.resume)
          if (before !== undefined) return given(before, asked)
          const caller = yield* Effect.timeout(effectOf("authorize", () => settings.authorize(asked.token)), patience)
          if (caller === undefined) return refused("unauthorized")
          if (closed) return
          const name = `call-${randomBytes(6).toString("hex")}`
          const problem = yield* desk.place(name)
          if (problem !== undefined) {
            refused(problem)
            return yield* Effect.annotateLogs(Effect.logWarning("a call was refused: there is no place for it"), {
              reason: problem
            })
          }
          run(hold(name, caller, (made) => given(made, asked)))
        }).pipe(
          Effect.catchCause((cause) =>
            Effect.andThen(
              logFailure("a caller could not be let in", cause),
              Effect.sync(() => refused("failed"))
            )
          )
        )
      if (strangers > mostStrangers + settings.mostCalls) refused("busy")
      else {
        run(Effect.andThen(
          Effect.sleep(settings.joinMs),
          Effect.sync(() => joining || closed ? undefined : refused("late"))
        ))
      }
      /** Tells whether they have said more than they may, and are put out. */
      const isTooMuch = (size: number, isText: boolean): boolean => {
        if (closed) return true
        if (!exceeds(size, isText)) return false
        close()
        call?.lost(wire)
        wire.close(1008)
        return true
      }
      return {
        noticed: (bytes) => void isTooMuch(bytes, false),
        receive: (received) => {
          if (isTooMuch(received.length, typeof received === "string")) return
          const message = typeof received === "string" ? received : textIn(received) ?? received
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
          close()
          call?.lost(wire)
        }
      }
    }
    return {
      accept,
      count: () => calls.size,
      sendAway: () => {
        for (const call of calls.values()) call.sendAway()
      }
    }
  })
