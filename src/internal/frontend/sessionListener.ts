/** Listening to a session from beside it: nothing that happens here can hold it up. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type { Conversation, RoomError } from "../../Room.ts"
import { defectName } from "../thrown.ts"

// What was said last is still sent when the session has ended (ms); then nobody listens any more.
const patience = 1000

/**
 * Handles the events from now on, those that came together at once. When the
 * scope closes after the session's last event, what is left is still handled.
 */
export const follow = (
  session: Conversation,
  handle: (events: ReadonlyArray<Event.Event>) => Effect.Effect<void>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.forkDetach(Stream.runForEachArray(session.events, handle), { startImmediately: true }),
    (fiber) =>
      Effect.gen(function*() {
        const { status } = yield* session.state
        if (status === "closed") yield* Effect.timeoutOption(Fiber.await(fiber), patience)
        yield* Fiber.interrupt(fiber)
      })
  ))

/** What a room has to send it: whoever waits for longer keeps all that follows from being sent. */
const longestSend = "10 seconds"

/** Sends what can be done without: a failure is logged, loudly the first time, and so is a room that dies or never sends it. */
export const makeTry = (what: string): (send: Effect.Effect<void, RoomError>) => Effect.Effect<void> => {
  let failures = 0
  const failed = (reason: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      failures += 1
      const log = failures === 1 ? Effect.logWarning : Effect.logDebug
      return Effect.annotateLogs(log(`${what} was not sent`), { reason, failures })
    })
  return (send) =>
    send.pipe(
      Effect.timeoutOrElse({ duration: longestSend, orElse: () => failed("TimedOut") }),
      Effect.catch(({ reason }) =>
        // The room is gone, or the one it is for; or the room has no such thing.
        reason === "Disconnected" || reason === "UnknownParticipant" || reason === "Unsupported"
          ? Effect.void
          : failed(reason)
      ),
      Effect.catchDefect((defect) => failed(defectName(defect)))
    )
}
