/** What a session writes into the log of itself: what happened and how long it took, never what was said. */
import * as Effect from "effect/Effect"
import type * as Event from "../../Event.ts"

/** What the operator is to see of each call: a worker's operator does, a program of one conversation prints what it wants itself. */
export const makeLog = (operated: boolean): (message: string) => Effect.Effect<void> =>
  operated ? Effect.logInfo : Effect.logDebug

const lineOf = (event: Event.Event, operated: boolean): Effect.Effect<void> | undefined => {
  switch (event._tag) {
    case "TurnMeasured": {
      const { interrupted, source, total, toolCalls, turn } = event.record
      return Effect.annotateLogs(Effect.logDebug("a turn is over"), {
        turn,
        source,
        totalMs: Math.round(total),
        toolCalls,
        interrupted
      })
    }
    case "FunctionCallsFinished":
      return Effect.forEach(
        event.calls,
        ({ isFailure, name }) =>
          Effect.annotateLogs(Effect.logDebug("a tool has ended"), { tool: name, failed: isFailure }),
        { discard: true }
      )
    case "AgentChanged":
      return Effect.annotateLogs(Effect.logDebug("another agent goes on"), { agent: event.to })
    case "ProviderAvailability": {
      const { available, component, provider } = event
      const log = !operated ? Effect.logDebug : available ? Effect.logInfo : Effect.logWarning
      return Effect.annotateLogs(log(available ? "a provider is back" : "a provider is lost"), { component, provider })
    }
    case "Warning": {
      const { component, message } = event
      return Effect.annotateLogs(Effect.logWarning(message), { component })
    }
    default:
      return undefined
  }
}

/** Listens to the events, and logs what is worth a line. `operated`: a worker's operator reads it. */
export const logEvents =
  (operated: boolean, fork: (line: Effect.Effect<void>) => void) => (event: Event.Event): void => {
    const line = lineOf(event, operated)
    if (line !== undefined) fork(line)
  }
