/** Requests about a session, and its events, for tools that look on: playgrounds, the console of LiveKit. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import * as Room from "../../Room.ts"
import { logOwn } from "../foreign.ts"
import { saysYes } from "../given.ts"
import { masked } from "../numbers.ts"
import { makeTextLimit } from "../room/textLimit.ts"
import { monotonicMs } from "../steady.ts"
import { load, makeTally, sessionEvent } from "./protocol.ts"
import { longestRequest, topics } from "./protocolNames.ts"
import { makeAnswer } from "./sessionAnswers.ts"
import { follow, makeTry } from "./sessionListener.ts"

export interface Options {
  /** Who may ask besides the participant of the session. */
  readonly access: (identity: string) => boolean
  /** Whether the agent's instructions are told. */
  readonly instructions: boolean
  /** Whether what tools were given and have answered is told. */
  readonly tools: boolean
  /** Longest time for a reply to what was asked to be run (ms). */
  readonly runTimeout: number
}

// Most requests that are worked on at once: those that wait for a reply take their time.
const atOnce = 8

export const serveRequests = (
  session: Room.Conversation,
  options: Options
): Effect.Effect<void, never, Room.Room | Scope.Scope> =>
  Effect.gen(function*() {
    const room = yield* Room.Room
    const startedAt = yield* Clock.currentTimeMillis
    const protocol = yield* Effect.cached(load)
    const tally = makeTally()
    const observers = new Set<string>()
    const clock = yield* Clock.Clock
    const attempt = makeTry("a message about the session")
    const send = (bytes: Uint8Array, to: ReadonlyArray<string>) =>
      attempt(room.sendBytes({ topic: topics.session, bytes, to }))

    /** The participant, unless at a telephone, and who else has asked for something. */
    const audience = Effect.gen(function*() {
      const participant = yield* session.participant
      const there = new Set((yield* room.participants).map(({ identity }) => identity))
      for (const identity of observers) if (!there.has(identity)) observers.delete(identity)
      const direct = participant !== undefined && participant.kind !== "sip" && there.has(participant.identity)
        ? [participant.identity]
        : []
      return [...new Set([...direct, ...observers])]
    })
    const tell = (event: Event.Event): Effect.Effect<void> =>
      Effect.gen(function*() {
        tally.add(event)
        const told = sessionEvent(event, tally, options.tools)
        if (told === undefined) return
        const to = yield* audience
        if (to.length > 0) yield* send((yield* protocol).event(told), to)
      })

    const answer = makeAnswer({
      session,
      tally,
      startedAt,
      instructions: options.instructions,
      tools: options.tools,
      runTimeout: options.runTimeout,
      refuse: makeTextLimit(() => monotonicMs(clock)),
      version: Effect.map(protocol, ({ version }) => version)
    })

    const take = ({ bytes, identity }: Room.ByteMessage): Effect.Effect<void> =>
      Effect.gen(function*() {
        const participant = yield* session.participant
        if (identity !== participant?.identity && !saysYes("access", options.access(identity))) return
        if (bytes.length > longestRequest) return
        const { read, response } = yield* protocol
        const message = read(bytes)?.message
        if (message === undefined) {
          return yield* Effect.annotateLogs(Effect.logDebug("a request about the session cannot be read"), {
            participant: masked(identity)
          })
        }
        if (message.case !== "request") return
        if (identity !== participant?.identity) observers.add(identity)
        const { request, requestId } = message.value
        yield* send(response({ requestId, ...(yield* answer(request)) }), [identity])
      }).pipe(
        // One that breaks must not cost the others their answers.
        Effect.catchDefect((defect) =>
          logOwn("a request about the session broke", Cause.die(defect), Effect.logWarning)
        )
      )

    yield* Effect.forkScoped(
      Stream.runDrain(
        Stream.mapEffect(room.bytes(topics.session), take, { concurrency: atOnce, unordered: true })
      ),
      { startImmediately: true }
    )
    yield* follow(session, (events) => Effect.forEach(events, tell, { discard: true }))
  })
