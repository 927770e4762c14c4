/** Requests about a session, and its events, for tools that look on: playgrounds, the console of LiveKit. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import * as Room from "../../Room.ts"
import * as Tools from "../../Tools.ts"
import { makeTextLimit } from "../room/textLimit.ts"
import {
  agentStates,
  chatItem,
  load,
  makeTally,
  type Request,
  type Response,
  sessionEvent,
  timestamp,
  userStates
} from "./protocol.ts"
import { longestRequest, topics } from "./protocolNames.ts"
import { follow, makeTry } from "./sessionListener.ts"

export interface Options {
  /** Who may ask besides the participant of the session. */
  readonly access: (identity: string) => boolean
  /** Whether the agent's instructions are told. */
  readonly instructions: boolean
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
    const refuse = makeTextLimit(() => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000)
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
        const told = sessionEvent(event, tally)
        if (told === undefined) return
        const to = yield* audience
        if (to.length > 0) yield* send((yield* protocol).event(told), to)
      })

    const run = (text: string): Effect.Effect<Response> =>
      Effect.scoped(Effect.gen(function*() {
        const { status } = yield* session.state
        if (status === "draining" || status === "closed") return { error: "the session has ended, or is ending" }
        const before = new Set((yield* session.history).items.map(({ id }) => id))
        const replied = yield* Effect.forkScoped(awaitReply(session.events, text.trim()), { startImmediately: true })
        yield* session.send(text)
        yield* Effect.timeoutOption(Fiber.join(replied), options.runTimeout)
        const items = (yield* session.history).items.filter(({ id }) => !before.has(id)).map(chatItem)
        return { response: { case: "runInput", value: { items } } } satisfies Response
      }))

    const answer = (request: Request["request"]): Effect.Effect<Response> =>
      Effect.gen(function*() {
        switch (request.case) {
          case "ping":
            return { response: { case: "pong", value: {} } }
          case "getChatHistory":
            return {
              response: { case: "getChatHistory", value: { items: (yield* session.history).items.map(chatItem) } }
            }
          case "getAgentInfo":
            return {
              response: {
                case: "getAgentInfo",
                value: {
                  id: yield* session.agent,
                  tools: Tools.list(yield* session.tools).map(({ name }) => name),
                  chatCtx: (yield* session.history).items.map(chatItem),
                  ...(options.instructions ? { instructions: yield* session.instructions } : {})
                }
              }
            }
          case "getSessionState": {
            const { agent, user } = yield* session.state
            return {
              response: {
                case: "getSessionState",
                value: {
                  agentState: agentStates[agent],
                  userState: userStates[user],
                  agentId: yield* session.agent,
                  createdAt: timestamp(startedAt)
                }
              }
            }
          }
          case "getSessionUsage":
            return {
              response: {
                case: "getSessionUsage",
                value: { usage: tally.usage(), createdAt: timestamp(yield* Clock.currentTimeMillis) }
              }
            }
          case "getRtcStats":
            // A room does not tell of its connection.
            return { response: { case: "getRtcStats", value: { publisherStats: [], subscriberStats: [] } } }
          case "getFrameworkInfo":
            return {
              response: {
                case: "getFrameworkInfo",
                value: { sdk: "effect-voice", sdkVersion: (yield* protocol).version }
              }
            }
          case "runInput": {
            const why = refuse(request.value.text)
            return why === undefined ? yield* run(request.value.text) : { error: `runInput: ${why}` }
          }
          case "updateIo": {
            const { input, output } = request.value
            if (output !== undefined || input?.videoEnabled !== undefined) {
              return { error: "updateIo: input.audioEnabled is all that can be changed" }
            }
            if (input?.audioEnabled !== undefined) yield* session.listen(input.audioEnabled)
            return { response: { case: "updateIo", value: {} } }
          }
          default:
            return { error: `${request.case ?? "a request of another version"} is not served` }
        }
      })

    const take = ({ bytes, identity }: Room.ByteMessage): Effect.Effect<void> =>
      Effect.gen(function*() {
        const participant = yield* session.participant
        if (identity !== participant?.identity && !options.access(identity)) return
        if (bytes.length > longestRequest) return
        const { read, response } = yield* protocol
        const message = read(bytes)?.message
        if (message === undefined) {
          return yield* Effect.annotateLogs(Effect.logDebug("a request about the session cannot be read"), {
            participant: identity
          })
        }
        if (message.case !== "request") return
        if (identity !== participant?.identity) observers.add(identity)
        const { request, requestId } = message.value
        yield* send(response({ requestId, ...(yield* answer(request)) }), [identity])
      }).pipe(
        // One that breaks must not cost the others their answers.
        Effect.catchDefect((defect) => Effect.logWarning("a request about the session broke", Cause.die(defect)))
      )

    yield* Effect.forkScoped(
      Stream.runDrain(
        Stream.mapEffect(room.bytes(topics.session), take, { concurrency: atOnce, unordered: true })
      ),
      { startImmediately: true }
    )
    yield* follow(session, (events) => Effect.forEach(events, tell, { discard: true }))
  })

/** Waits until what was typed has been replied to, or the session is over. */
const awaitReply = (events: Stream.Stream<Event.Event>, text: string): Effect.Effect<void> => {
  let committed = false
  let speech: string | undefined
  return Stream.runDrain(Stream.takeUntil(events, (event) => {
    if (event._tag === "UserSpeechCommitted" && event.source === "text" && event.text === text) committed = true
    if (committed && event._tag === "SpeechCreated" && event.source === "turn") speech ??= event.speech
    return event._tag === "SpeechFinished" && event.speech === speech
  }))
}
