/** Sends the developer's page what frontends do not see: tools, hand-offs, failures, latencies. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Event from "../Event.ts"
import { hookFailed } from "../internal/hook.ts"
import type { Room } from "../Room.ts"

/** Text topic on which it is told, as JSON. */
export const topic = "effect-voice.dev"

const stages = [
  "endOfUtterance",
  "transcriptionDelay",
  "tools",
  "llmFirstToken",
  "firstSentence",
  "ttsFirstByte",
  "playoutStart"
] as const

// A message of a room has its limit.
const most = 2000

const shown = (value: unknown): string => (JSON.stringify(value) ?? "").slice(0, most)

const toldOf = (event: Event.Event): object | undefined => {
  switch (event._tag) {
    case "TurnMeasured": {
      const { total, turn } = event.record
      return { turn, totalMs: total, stages: stages.map((stage) => [stage, event.record[stage]]) }
    }
    case "FunctionCallStarted":
      return { tool: event.name, id: event.id }
    case "FunctionCallsFinished":
      return {
        tools: event.calls.map(({ id, isFailure, name, params, result }) => ({
          id,
          tool: name,
          params: shown(params),
          result: shown(result),
          isFailure
        }))
      }
    case "AgentChanged":
      return { agent: event.to }
    case "AgentSpeechCommitted":
      return event.interrupted ? { interrupted: event.text } : undefined
    case "ProviderFailed": {
      if (event.component === "hook") {
        return { failure: hookFailed(event.provider), recovered: true }
      }
      const reason = typeof event.reason === "string" ? event.reason : event.reason._tag
      return { failure: `${event.provider} (${event.component}): ${reason}`, recovered: event.recovered }
    }
    case "Warning":
      return { failure: `${event.component}: ${event.message}`, recovered: true }
    case "SessionClosed":
      return { closed: event.reason }
    default:
      return undefined
  }
}

/** A room that also tells it on `topic`. */
export const withTold = (room: Room["Service"]): Room["Service"] => ({
  ...room,
  attach: (session) =>
    Effect.andThen(
      room.attach?.(session) ?? Effect.void,
      session.events.pipe(
        Stream.runForEach((event) => {
          const told = toldOf(event)
          return told === undefined ? Effect.void : Effect.ignore(room.sendText({ topic, text: JSON.stringify(told) }))
        }),
        Effect.forkScoped({ startImmediately: true }),
        Effect.asVoid
      )
    )
})
