/** Gives each action of turn-taking to the part that performs it. */
import * as Effect from "effect/Effect"
import type { Session } from "../../Session.ts"
import type * as Turn from "../../Turn.ts"
import type { Away } from "./away.ts"
import type { Closing } from "./closing.ts"
import { type Core, signal } from "./core.ts"
import { escalate } from "./failures.ts"
import { makeFiller } from "./fillers.ts"
import { refuse } from "./generation.ts"
import type { Judges } from "./judges.ts"
import type { Listening } from "./listening.ts"
import type { Checked } from "./options.ts"
import { command, setLevel } from "./output.ts"
import { announce } from "./outstanding.ts"
import { makeQuestions } from "./questions.ts"
import { resume } from "./resuming.ts"
import { makeSpeaking } from "./speaking.ts"
import { makeTurns } from "./turns.ts"

/** How far the agent lowers its voice (dB). */
const duckedBy = -15

export interface Performers {
  readonly session: Session["Service"]
  readonly listening: Pick<Listening, "finalize" | "end" | "recentAudio">
  readonly closing: Pick<Closing, "watch" | "finish">
  readonly judges: Judges
  readonly away: Pick<Away, "tell">
}

export const makePerform = (
  core: Core,
  { away, closing, listening, judges, session }: Performers,
  checked: Pick<Checked, "hookTimeout" | "filler">
): (action: Turn.Action) => void => {
  const turns = makeTurns(core, checked.hookTimeout)
  const speaking = makeSpeaking(core, session, turns.takeTimes)
  const questions = makeQuestions(core, judges, listening.recentAudio)
  const fill = makeFiller(core, session, checked)
  return (action) => {
    switch (action._tag) {
      case "Publish":
        return core.publish(action.event)
      case "CommitTurn":
        return turns.commit(action)
      case "KeepWords":
        return turns.keep(action)
      case "SetAside":
        return turns.setAside(action)
      case "Away":
        return away.tell()
      case "TurnLimit":
        return turns.tooLong(action)
      case "StartReply":
        return speaking.startReply(action)
      case "Speculate":
        return speaking.speculate(action)
      case "Authorize":
        return speaking.authorize(action)
      case "Begin":
        return speaking.begin(action)
      case "Fill":
        return fill()
      case "Play":
        return speaking.play(action)
      case "Tell":
        return announce(core)
      case "Duck":
        core.fork(setLevel(core, duckedBy))
        return
      case "Restore":
        core.fork(setLevel(core, 0))
        return
      case "Pause":
        core.fork(command(core, "pause"))
        return
      case "Resume":
        core.fork(resume(core, action.speech, action.pausedMs ?? 0))
        return
      case "Stop":
        return speaking.stop(action)
      case "Refuse":
        return refuse(core, action.speech)
      case "AskDetector":
        return questions.askDetector(action)
      case "Judge":
        return questions.judge(action)
      case "Finalize":
        return listening.finalize()
      case "LastWords":
        core.fork(listening.end)
        return
      case "Settle":
        core.fork(Effect.andThen(Effect.yieldNow, Effect.sync(() => signal(core, { _tag: "Settled" }))))
        return
      case "Escalate": {
        const { apology, cause, component, failures } = action
        escalate(core, { component, cause, failures })
        if (apology !== undefined) speaking.apologise(apology)
        return
      }
      case "Closing":
        core.leaving.openUnsafe()
        return closing.watch(action.drain, action.reason)
      case "Finish":
        turns.stop()
        return closing.finish(action.reason)
    }
  }
}
