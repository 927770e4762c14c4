/**
 * The listeners of a session's events, in this order: the metrics, the recorder, the program's
 * `onEvent`, the session's stream, the log. The budget of the history comes last, once there is a
 * history.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Event from "../../Event.ts"
import * as Metrics from "../../Metrics.ts"
import type { Options } from "../../Pipeline.ts"
import { logOwn } from "../foreign.ts"
import type { Core } from "./core.ts"
import { type Broadcast, type Events, makeBroadcast, makeEvents } from "./events.ts"
import { logEvents } from "./logging.ts"
import type { SessionParticipant } from "./participant.ts"
import type { Recorded } from "./recording.ts"

/** The program's own listener. */
const guarded = (onEvent: Options["onEvent"], fork: Core["fork"]) => (event: Event.Event): void => {
  try {
    onEvent?.(event)
  } catch (defect) {
    fork(logOwn("onEvent has thrown", Cause.die(defect)))
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
