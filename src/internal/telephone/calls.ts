/**
 * The calls of a telephone: announced by the carrier, given a place and a word by
 * which their stream is known, then run as jobs. A place that no stream comes for
 * is free again after half a minute. No two calls share a word, and each is good
 * for one stream of one call.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import type { Room, RoomError } from "../../Room.ts"
import { logOwn } from "../foreign.ts"
import type { Shared, Takers } from "../worker/answering.ts"
import type { JobRequest } from "../worker/job.ts"
import * as metrics from "../worker/metrics.ts"
import { callerOf, type CallFacts, openCall, type Started } from "./accept.ts"
import type { Account } from "./carrier.ts"
import type { Start } from "./protocol.ts"

/** By this parameter a stream tells its word. */
export const wordName = "effect-voice-word"

const patience = "30 seconds"

interface Announced {
  readonly word: string
  readonly facts: CallFacts
  /** What the job is told, letter by letter: markup cannot hold each of them. */
  readonly parameters: Start["parameters"]
}

export interface Calls extends Takers {
  /** Holds a place for a call; tells the word of its stream, the same if it is announced again, or none without a place. */
  readonly announce: (
    callSid: string,
    facts: CallFacts,
    parameters: Start["parameters"]
  ) => Effect.Effect<string | undefined>
  /** The carrier says that a call is over: no stream of it comes any more. */
  readonly forget: (callSid: string) => Effect.Effect<void>
  /** Runs the call of a stream until it is over; `false` where it is not to be believed, or there is no place. */
  readonly run: (
    started: Started,
    trusted: boolean,
    accountOf: (start: Start) => Account | undefined
  ) => Effect.Effect<boolean>
}

const reservation = () => ({
  as: { identity: "agent", name: "", metadata: "", attributes: {} },
  assigned: Deferred.makeUnsafe<void>(),
  fiber: undefined
})

const requestOf = (start: Start, facts: CallFacts, agentName: string): JobRequest => {
  const { attributes = {}, identity, metadata = "" } = callerOf(start, facts)
  return {
    id: start.callSid,
    dispatch: "",
    type: "participant",
    room: { name: start.callSid, sid: start.streamSid, metadata: "" },
    participant: { identity, name: "", metadata, attributes },
    agentName,
    metadata,
    attributes: start.parameters
  }
}

export const makeCalls = ({ agentName, capacity, table }: Shared): Effect.Effect<Calls, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const announced = new Map<string, Announced>()
    const rooms = new Map<string, Effect.Effect<Room["Service"], RoomError, Scope.Scope>>()

    const forget = (callSid: string, held = announced.get(callSid)) =>
      Effect.suspend(() => {
        if (held === undefined || announced.get(callSid) !== held) return Effect.void
        announced.delete(callSid)
        table.release(callSid)
        return capacity.tell
      })

    return {
      announce: (callSid, facts, parameters) =>
        Effect.gen(function*() {
          const before = announced.get(callSid)
          const again = before !== undefined
          if (!again && (capacity.problem !== undefined || table.running.has(callSid))) {
            yield* metrics.offer("declined")
            return undefined
          }
          if (!again) yield* metrics.offer("accepted")
          // A carrier that asks twice may go by either answer.
          const word = before?.word ?? randomBytes(24).toString("base64url")
          const held = { word, facts, parameters }
          announced.set(callSid, held)
          table.reserve(callSid, reservation())
          yield* Effect.forkIn(Effect.andThen(Effect.sleep(patience), forget(callSid, held)), scope)
          yield* capacity.tell
          return word
        }),
      forget: (callSid) => forget(callSid),
      run: ({ link, start: told }, trusted, accountOf) =>
        Effect.gen(function*() {
          const { [wordName]: word, ...parameters } = told.parameters
          const { callSid } = told
          const held = announced.get(callSid)
          const known = held !== undefined && held.word === word
          const start: Start = { ...told, parameters: known ? held.parameters : parameters }
          const { executor } = capacity
          if (executor === undefined || !known && !trusted || table.running.has(callSid)) return false
          if (!known && capacity.problem !== undefined) return false
          const facts = known ? held.facts : {}
          // Before its place is given back: whoever waits for the last call must not see none.
          table.begin(callSid)
          if (announced.delete(callSid)) table.release(callSid)
          rooms.set(callSid, openCall({ link, start }, { facts, account: accountOf(start) }))
          const assignment = {
            job: requestOf(start, facts, agentName),
            identity: "agent",
            url: "",
            token: Redacted.make("")
          }
          yield* capacity.tell
          yield* executor.run(assignment, () => Effect.void).pipe(
            Effect.ensuring(Effect.suspend(() => {
              rooms.delete(callSid)
              table.end(callSid)
              return capacity.tell
            })),
            Effect.tapCause((cause) => logOwn("a call broke", cause))
          )
          return true
        }),
      release: Effect.suspend(() =>
        Effect.forEach([...announced.keys()], (callSid) => forget(callSid), { discard: true })
      ),
      roomOf: (callSid) => Effect.suspend(() => rooms.get(callSid) ?? Effect.die(`no stream of ${callSid}`))
    }
  })
