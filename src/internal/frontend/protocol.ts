/** The conversation in the messages of LiveKit's protocol. The package is loaded with the first of them. */
import type { AgentSession } from "@livekit/protocol"
import * as Effect from "effect/Effect"
import type * as Event from "../../Event.ts"
import type * as History from "../../History.ts"
import { hasFewFields } from "../fields.ts"
import { saysNothing } from "../history/aside.ts"

export type Message = InstanceType<typeof AgentSession.AgentSessionMessage>
export type Request = InstanceType<typeof AgentSession.SessionRequest>
export type Response = NonNullable<ConstructorParameters<typeof AgentSession.SessionResponse>[0]>
type SessionEvent = NonNullable<ConstructorParameters<typeof AgentSession.AgentSessionEvent>[0]>
type ChatItem = NonNullable<ConstructorParameters<typeof AgentSession.ChatContext_ChatItem>[0]>
type ModelUsage = NonNullable<ConstructorParameters<typeof AgentSession.ModelUsage>[0]>

export interface Protocol {
  readonly read: (bytes: Uint8Array) => Message | undefined
  readonly event: (event: SessionEvent) => Uint8Array
  readonly response: (response: Response) => Uint8Array
  readonly version: string
}

export const load: Effect.Effect<Protocol> = Effect.promise(async () => {
  const [{ AgentSession: pb }, { version }] = await Promise.all([
    import("@livekit/protocol"),
    import("../worker/version.ts")
  ])
  return {
    read: (bytes) => {
      if (!hasFewFields(bytes)) return undefined
      try {
        return pb.AgentSessionMessage.fromBinary(bytes)
      } catch {
        return undefined
      }
    },
    event: (event) => new pb.AgentSessionMessage({ message: { case: "event", value: event } }).toBinary(),
    response: (response) => new pb.AgentSessionMessage({ message: { case: "response", value: response } }).toBinary(),
    version
  }
})

export const timestamp = (ms: number) => ({
  seconds: BigInt(Math.floor(ms / 1000)),
  nanos: Math.floor((ms % 1000) * 1_000_000)
})

// By the numbers of the protocol.
export const agentStates = { initializing: 0, idle: 1, listening: 2, thinking: 3, speaking: 4 } as const
export const userStates = { speaking: 0, listening: 1, away: 2 } as const
const roles = { system: 1, user: 2, assistant: 3 } as const

const json = (value: unknown): string => JSON.stringify(value) ?? "null"

const message = (
  { at, id, interrupted, role, text }: {
    readonly id: string
    readonly role: keyof typeof roles
    readonly text: string
    readonly at: number
    readonly interrupted?: boolean
  }
): ChatItem => ({
  item: {
    case: "message",
    value: {
      id,
      role: roles[role],
      content: [{ payload: { case: "text", value: text } }],
      interrupted: interrupted === true,
      createdAt: timestamp(at)
    }
  }
})

/** What tools were given and have answered is for those who are let know. */
const written = (value: unknown, tools: boolean): string =>
  !tools ? "" : typeof value === "string" ? value : json(value)

const chatItem = (item: History.Item, tools: boolean): ChatItem => {
  const { createdAt: at, id } = item
  const createdAt = timestamp(at)
  switch (item._tag) {
    case "Message":
      return message({ id, role: item.role, text: item.text, at, interrupted: item.interrupted })
    case "Summary":
      return message({ id, role: "system", text: item.text, at })
    case "ToolCall":
      return {
        item: {
          case: "functionCall",
          value: { id, callId: item.callId, name: item.name, arguments: tools ? json(item.params) : "{}", createdAt }
        }
      }
    case "ToolOutput": {
      const output = written(item.output, tools)
      return {
        item: {
          case: "functionCallOutput",
          value: { id, callId: item.callId, name: item.name, output, isError: item.isFailure, createdAt }
        }
      }
    }
    case "Handoff":
      return {
        item: {
          case: "agentHandoff",
          value: { id, newAgentId: item.to, createdAt, ...(item.from === undefined ? {} : { oldAgentId: item.from }) }
        }
      }
  }
}

/** What a frontend shows of a history: no mere sounds, and no echo. */
export const chatItems = ({ items }: History.History, tools: boolean): Array<ChatItem> =>
  items.filter((item) => item._tag !== "Message" || !saysNothing(item.setAside)).map((item) => chatItem(item, tools))

export interface Tally {
  readonly add: (event: Event.Event) => void
  readonly usage: () => { readonly modelUsage: Array<ModelUsage> }
}

/** What the providers have been used for. */
export const makeTally = (): Tally => {
  const llms = new Map<string, { inputTokens: number; outputTokens: number }>()
  const voices = new Map<string, { charactersCount: number; audioDuration: number }>()
  return {
    add: (event) => {
      if (event._tag === "LlmMeasured") {
        const { inputTokens, outputTokens } = llms.get(event.provider) ?? { inputTokens: 0, outputTokens: 0 }
        llms.set(event.provider, {
          inputTokens: inputTokens + event.inputTokens,
          outputTokens: outputTokens + event.outputTokens
        })
      }
      if (event._tag === "TtsMeasured") {
        const { audioDuration, charactersCount } = voices.get(event.provider) ??
          { audioDuration: 0, charactersCount: 0 }
        voices.set(event.provider, {
          charactersCount: charactersCount + event.characters,
          audioDuration: audioDuration + event.audioMs / 1000
        })
      }
    },
    usage: () => ({
      modelUsage: [
        ...[...llms].map(([provider, value]): ModelUsage => ({
          usage: { case: "llm", value: { provider, ...value } }
        })),
        ...[...voices].map(([provider, value]): ModelUsage => ({
          usage: { case: "tts", value: { provider, ...value } }
        }))
      ]
    })
  }
}

/** What a frontend is told of an event, if anything; `tools`: with what these were given and have answered. */
export const sessionEvent = (event: Event.Event, tally: Tally, tools: boolean): SessionEvent | undefined => {
  const told = payload(event, tally, tools)
  return told === undefined ? undefined : { createdAt: timestamp(event.at), event: told }
}

const payload = (event: Event.Event, tally: Tally, tools: boolean): SessionEvent["event"] => {
  switch (event._tag) {
    case "AgentStateChanged":
      return {
        case: "agentStateChanged",
        value: { oldState: agentStates[event.from], newState: agentStates[event.to] }
      }
    case "UserStateChanged":
      return {
        case: "userStateChanged",
        value: { oldState: userStates[event.from], newState: userStates[event.to] }
      }
    case "UserTranscript":
      return {
        case: "userInputTranscribed",
        value: {
          transcript: event.text,
          isFinal: event.final,
          ...(event.language === undefined ? {} : { language: event.language })
        }
      }
    case "UserSpeechCommitted":
      return { case: "conversationItemAdded", value: { item: message({ ...event, role: "user" }) } }
    case "UserSpeechSetAside":
      if (saysNothing(event.reason)) return undefined
      return { case: "conversationItemAdded", value: { item: message({ ...event, role: "user" }) } }
    case "AgentSpeechCommitted":
      if (event.recorded === false) return undefined
      return { case: "conversationItemAdded", value: { item: message({ ...event, role: "assistant" }) } }
    case "FunctionCallStarted":
      return {
        case: "functionToolsStarted",
        value: { functionCalls: [{ id: event.id, callId: event.id, name: event.name, createdAt: timestamp(event.at) }] }
      }
    case "FunctionCallsFinished":
      return {
        case: "functionToolsExecuted",
        value: {
          functionCalls: event.calls.map(({ id, name, params }) => ({
            id,
            callId: id,
            name,
            arguments: tools ? json(params) : "{}"
          })),
          functionCallOutputs: event.calls.map(({ id, isFailure, name, result }) => ({
            id,
            callId: id,
            name,
            output: written(result, tools),
            isError: isFailure
          }))
        }
      }
    case "FalseInterruption":
      return { case: "agentFalseInterruption", value: { resumed: event.resumed } }
    case "ProviderFailed":
      return event.recovered
        ? undefined
        : { case: "error", value: { message: `${event.component} ${event.provider}: ${reasonOf(event.reason)}` } }
    case "LlmMeasured":
    case "TtsMeasured":
      return { case: "sessionUsageUpdated", value: { usage: tally.usage() } }
    default:
      return undefined
  }
}

const reasonOf = (reason: Event.Of<"ProviderFailed">["reason"]): string =>
  typeof reason === "string" ? reason : reason._tag
