/**
 * The listeners of a session's events, in this order: the metrics, the recorder, the program's
 * `onEvent`, the session's stream, the log. The budget of the history comes last, once there is a
 * history.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Event from "../../Event.ts"
import * as Metrics from "../../Metrics.ts"
import type { Options } from "../../Pipeline.ts"
import { kindOf, logOwn } from "../foreign.ts"
import { problem } from "../options.ts"
import { readable } from "../thrown.ts"
import type { Core } from "./core.ts"
import { type Broadcast, type Events, makeBroadcast, makeEvents } from "./events.ts"
import { logEvents } from "./logging.ts"
import type { SessionParticipant } from "./participant.ts"
import type { Recorded } from "./recording.ts"

const notRun = problem(
  "onEvent",
  "must not give an Effect, which nobody runs: run it with Effect.runFork(…), or read session.events"
)

/** Lines of the log about them in a session. */
const mostTold = 100

/**
 * The program's own listener. What it throws, or what its promise rejects with, is logged once for each kind of event and
 * error: there are many events.
 */
const guarded = (onEvent: Options["onEvent"], fork: Core["fork"]) => {
  const listen: ((event: Event.Event) => unknown) | undefined = onEvent
  const logged = new Set<string>()
  return (event: Event.Event): void => {
    const failed = (thrown: unknown): void => {
      const defect = readable(thrown)
      const about = `${defect === notRun || event._tag}: ${defect instanceof Error ? defect.message : kindOf(defect)}`
      if (logged.has(about) || logged.size >= mostTold) return
      logged.add(about)
      fork(logOwn("onEvent has failed", Cause.die(defect)))
    }
    try {
      const given = listen?.(event)
      if (Effect.isEffect(given)) failed(notRun)
      else if (Predicate.isPromiseLike(given)) given.then(undefined, failed)
    } catch (defect) {
      failed(defect)
    }
  }
}

export const makeListeners = (parts: {
  readonly now: () => number
  readonly participant: SessionParticipant
  readonly recorded: Recorded
  readonly onEvent: Options["onEvent"]
  readonly operated: boolean
  readonly fork: Core["fork"]
}): Effect.Effect<Events & Pick<Broadcast, "stream">> =>
  Effect.gen(function*() {
    const { fork, now, onEvent, operated, participant, recorded } = parts
    const { listen, publish } = makeEvents(now, participant)
    const { stream, tell } = yield* makeBroadcast
    listen(yield* Metrics.recorder)
    listen(recorded.event)
    listen(guarded(onEvent, fork))
    listen(tell)
    listen(logEvents(operated, fork))
    return { listen, publish, stream }
  })
