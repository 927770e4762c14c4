/** Which events belong into a record, and how much of them. */
import type * as Event from "../../Event.ts"
import type { Content, Entry } from "../../Recorder.ts"

const whose = ({ participant }: { readonly participant?: string }) => participant === undefined ? {} : { participant }

export const entries = (event: Event.Event, content: Content = {}): ReadonlyArray<Entry> => {
  const { at } = event
  const said = <A extends object>(part: A): A | undefined => content.transcript === true ? part : undefined
  switch (event._tag) {
    case "SessionStarted":
      return [{ _tag: "Joined", at, ...(event.agent === undefined ? {} : { agent: event.agent }), ...whose(event) }]
    case "UserSpeechCommitted":
      return [{
        _tag: "UserTurn",
        at,
        turn: event.turn,
        source: event.source,
        ...whose(event),
        ...said({ text: event.text })
      }]
    case "UserSpeechSetAside":
      return [{ _tag: "UserAside", at, reason: event.reason, ...whose(event), ...said({ text: event.text }) }]
    case "UserPressedKey":
      return [{ _tag: "KeyPressed", at, ...whose(event), ...said({ key: event.key }) }]
    case "AgentSpeechCommitted":
      return [{
        _tag: "AgentSpeech",
        at,
        speech: event.speech,
        interrupted: event.interrupted,
        ...said({ text: event.text })
      }]
    case "FunctionCallStarted":
      return [{ _tag: "ToolStarted", at, speech: event.speech, id: event.id, name: event.name }]
    case "FunctionCallsFinished":
      return event.calls.map(({ id, isFailure, name, params, result }) => ({
        _tag: "ToolFinished",
        at,
        speech: event.speech,
        id,
        name,
        failed: isFailure,
        ...(content.tools === true ? { params, result } : undefined)
      }))
    case "CallStateChanged": {
      const { name, value } = event
      return [{ _tag: "CallStateChanged", at, name, ...(content.tools === true ? { value } : undefined) }]
    }
    case "AgentChanged":
      return [{ _tag: "AgentChanged", at, ...(event.from === undefined ? {} : { from: event.from }), to: event.to }]
    case "ProviderFailed": {
      const { component, provider, reason, recovered } = event
      const name = typeof reason === "string" ? reason : reason._tag
      return [{ _tag: "ProviderFailed", at, component, provider, reason: name, recovered }]
    }
    case "Escalated":
      return [{ _tag: "Escalated", at, component: event.component, cause: event.cause }]
    case "BudgetReached":
      return [{ _tag: "BudgetReached", at, stage: event.stage, unit: event.unit }]
    case "SessionClosed":
      return [{ _tag: "Closed", at, reason: event.reason }]
    default:
      return []
  }
}
