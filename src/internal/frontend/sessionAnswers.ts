/** The answers to requests about a session: facts that it knows, or actions that it performs. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type * as Room from "../../Room.ts"
import * as Tools from "../../Tools.ts"
import { agentStates, chatItems, type Request, type Response, type Tally, timestamp, userStates } from "./protocol.ts"

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

export interface Options {
  readonly session: Room.Conversation
  readonly tally: Tally
  /** When the session began (ms of the wall clock). */
  readonly startedAt: number
  /** Whether the agent's instructions are told. */
  readonly instructions: boolean
  /** Whether what tools were given and have answered is told. */
  readonly tools: boolean
  /** Longest time for a reply to what was asked to be run (ms). */
  readonly runTimeout: number
  /** Why a text cannot be run, if it cannot. */
  readonly refuse: (text: string) => string | undefined
  /** Of the protocol. */
  readonly version: Effect.Effect<string>
}

/** Runs a text as if the user had typed it, and answers with what was said. */
const makeRun = ({ runTimeout, session, tools }: Options) => (text: string): Effect.Effect<Response> =>
  Effect.scoped(Effect.gen(function*() {
    const { status } = yield* session.state
    if (status === "draining" || status === "closed") return { error: "the session has ended, or is ending" }
    const before = new Set((yield* session.history).items.map(({ id }) => id))
    const replied = yield* Effect.forkScoped(awaitReply(session.events, text.trim()), { startImmediately: true })
    yield* session.send(text)
    yield* Effect.timeoutOption(Fiber.join(replied), runTimeout)
    const items = chatItems({ items: (yield* session.history).items.filter(({ id }) => !before.has(id)) }, tools)
    return { response: { case: "runInput", value: { items } } } satisfies Response
  }))

export const makeAnswer = (options: Options): (request: Request["request"]) => Effect.Effect<Response> => {
  const { session, startedAt, tally } = options
  const run = makeRun(options)
  const state = Effect.gen(function*() {
    const { agent, user } = yield* session.state
    return {
      agentState: agentStates[agent],
      userState: userStates[user],
      agentId: yield* session.agent,
      createdAt: timestamp(startedAt)
    }
  })
  const agent = Effect.gen(function*() {
    return {
      id: yield* session.agent,
      tools: Tools.list(yield* session.tools).map(({ name }) => name),
      chatCtx: chatItems(yield* session.history, options.tools),
      ...(options.instructions ? { instructions: yield* session.instructions } : {})
    }
  })
  return (request) =>
    Effect.gen(function*() {
      switch (request.case) {
        case "ping":
          return { response: { case: "pong", value: {} } }
        case "getChatHistory":
          return {
            response: { case: "getChatHistory", value: { items: chatItems(yield* session.history, options.tools) } }
          }
        case "getAgentInfo":
          return { response: { case: "getAgentInfo", value: yield* agent } }
        case "getSessionState":
          return { response: { case: "getSessionState", value: yield* state } }
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
              value: { sdk: "effect-voice", sdkVersion: yield* options.version }
            }
          }
        case "runInput": {
          const why = options.refuse(request.value.text)
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
}
