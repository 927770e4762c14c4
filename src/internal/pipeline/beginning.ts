/** The beginning of a conversation: the participant is awaited, listened to, and greeted by the agent. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Options } from "../../Pipeline.ts"
import type * as Room from "../../Room.ts"
import type { Session } from "../../Session.ts"
import { type Core, signal } from "./core.ts"
import type { Hearing } from "./hearing.ts"
import { type Judges, namesOf } from "./judges.ts"
import type { Checked } from "./options.ts"
import { awaitParticipant, idsOf } from "./participant.ts"
import { enter } from "./service.ts"

export interface Beginning {
  readonly room: Room.Room["Service"]
  readonly session: Session["Service"]
  readonly hearing: Pick<Hearing, "listen">
  readonly judges: Judges
  readonly log: (message: string) => Effect.Effect<void>
}

export const begin = (
  core: Core,
  { hearing, judges, log, room, session }: Beginning,
  options: Pick<Options, "participant" | "closeOnLeave">,
  { subscriberTimeout }: Pick<Checked, "subscriberTimeout">
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    // Whoever listens to the events from here on misses nothing.
    yield* Effect.yieldNow
    const participant = yield* awaitParticipant(room, options.participant)
    core.participant.met(participant)
    // Who picks up a telephone speaks first, into a line that cancels its own echo.
    const called = participant.kind === "sip" && participant.direction === "outbound"
    if (called && core.tuning.options().interruption?.echoWarmUp === undefined) {
      yield* Effect.ignore(session.update({ turn: { interruption: { echoWarmUp: 0 } } }))
    }
    core.publish({ _tag: "SessionStarted", session: core.id, ...namesOf(judges) })
    core.spending.begin(core, session)
    yield* Effect.annotateLogs(log("the conversation begins"), idsOf(participant))
    if (core.apology !== undefined) core.fork(core.apology.prepare)
    signal(core, { _tag: "Opened" })
    yield* hearing.listen(participant.identity)
    const stays = (yield* room.participants).some(({ identity }) => identity === participant.identity)
    if (!stays && options.closeOnLeave !== false) {
      return signal(core, { _tag: "Close", drain: false, reason: "participant_left" })
    }
    // What is said before anybody receives the track is heard by nobody.
    yield* Effect.timeoutOption(core.output.subscribed, subscriberTimeout)
    if (core.conductor.state().status === "open") enter(core)
  })
