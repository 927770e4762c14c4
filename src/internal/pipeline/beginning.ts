/** The beginning of a conversation: the participant is awaited, listened to, and greeted by the agent. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Options } from "../../Pipeline.ts"
import type * as Room from "../../Room.ts"
import type { Session } from "../../Session.ts"
import * as Turn from "../../Turn.ts"
import { type Core, signal } from "./core.ts"
import { enter } from "./handoff.ts"
import { type Judges, namesOf } from "./judges.ts"
import type { Listening } from "./listening.ts"
import { type Checked, fillerByDefault } from "./options.ts"
import { awaitParticipant, awaitReachable, idsOf, type Leaving } from "./participant.ts"

export interface Beginning {
  readonly room: Room.Room["Service"]
  readonly session: Session["Service"]
  readonly listening: Pick<Listening, "listen">
  readonly judges: Judges
  readonly leaving: Leaving
  readonly log: (message: string) => Effect.Effect<void>
}

export const begin = (
  core: Core,
  { listening, judges, leaving, log, room, session }: Beginning,
  options: Pick<Options, "participant" | "closeOnLeave" | "stt">,
  { filler, microphoneTimeout, subscriberTimeout, timeLimits }: Pick<
    Checked,
    "filler" | "microphoneTimeout" | "subscriberTimeout" | "timeLimits"
  >
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    // Whoever listens to the events from here on misses nothing.
    yield* Effect.yieldNow
    const { participant, speaks } = yield* awaitParticipant(room, {
      identity: options.participant,
      microphoneMs: options.stt === false ? undefined : microphoneTimeout
    })
    core.participant.met(participant)
    // Who picks up a telephone speaks first, into a line that cancels its own echo.
    const called = participant.kind === "sip" && participant.direction === "outbound"
    const { turn } = core.agent.bound()
    if (called && core.tuning.optionsWith(turn).interruption?.echoWarmUp === undefined) {
      yield* Effect.ignore(session.update({ turn: { interruption: { echoWarmUp: 0 } } }))
    }
    core.publish({ _tag: "SessionStarted", session: core.id, agent: core.agent.bound().name, ...namesOf(judges) })
    core.participant.introduced()
    if (!speaks) {
      const message = "the agent talks with somebody who has no microphone: nobody who can speak has come in time"
      core.publish({ _tag: "Warning", component: "room", message })
    }
    core.spending.begin(core, session)
    yield* Effect.annotateLogs(log("the conversation begins"), idsOf(participant))
    for (const words of [core.apology, core.failedReply]) if (words !== undefined) core.fork(words.prepare)
    if (options.closeOnLeave !== false) yield* leaving.check(participant.identity)
    // A line that rings has nobody to be spoken to, nor to be heard.
    const reached = yield* Effect.timeoutOption(awaitReachable(room, participant.identity), timeLimits.ringing)
    if (Option.isNone(reached)) return signal(core, { _tag: "Close", drain: false, reason: "unanswered" })
    core.participant.reached(reached.value)
    const filling = filler ?? (participant.kind === "sip" ? fillerByDefault() : undefined)
    signal(core, { _tag: "Opened", filler: filling === false ? undefined : filling })
    yield* listening.listen(participant.identity)
    // What is said before anybody receives the track is heard by nobody.
    yield* Effect.timeoutOption(core.output.subscribed, subscriberTimeout)
    if (Turn.status(core.conductor.state()) === "open") enter(core)
  })
