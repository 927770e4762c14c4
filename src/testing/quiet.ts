/** When a scenario has come to rest: nothing happens, and nobody is at it. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Event from "../Event.ts"
import { sleepUntil } from "./timedStream.ts"

/** How soon to look again while somebody is at it (ms): what ends it is an event. */
const lookAgain = 1000

/** Whether somebody speaks, thinks or works by what the events tell. */
const busy = (events: ReadonlyArray<Event.Event>): boolean => {
  let user = false
  let agent: Event.AgentState = "initializing"
  const calls = new Set<string>()
  for (const event of events) {
    if (event._tag === "UserStartedSpeaking") user = true
    if (event._tag === "UserStoppedSpeaking") user = false
    if (event._tag === "AgentStateChanged") agent = event.to
    if (event._tag === "FunctionCallStarted") calls.add(event.id)
    if (event._tag === "FunctionCallsFinished") { for (const { id } of event.calls) calls.delete(id) }
  }
  return user || agent === "speaking" || agent === "thinking" || calls.size > 0
}

export interface Watched {
  readonly events: ReadonlyArray<Event.Event>
  /** The time (ms) of the last thing that the users and the program do. */
  readonly last: () => number
  /** Without an event this long (ms), it is quiet. */
  readonly quietMs: number
  /** Until when (ms) somebody who has gone may be back. */
  readonly awaitedUntil: () => number
}

/** Waits until it is quiet. */
export const untilQuiet = (watched: Watched): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const { awaitedUntil, events, last, quietMs } = watched
    // A recogniser's meter runs on a silent line, too.
    const newest = events.findLast(({ _tag }) => _tag !== "UsageMeasured")?.at ?? 0
    const due = Math.max(Math.max(last(), newest) + quietMs, awaitedUntil())
    if (now < due) return Effect.andThen(sleepUntil(due), untilQuiet(watched))
    return busy(events) ? Effect.andThen(sleepUntil(now + lookAgain), untilQuiet(watched)) : Effect.void
  })
