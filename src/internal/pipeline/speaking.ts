/**
 * The speeches that the turn-taking asks for: made, given the floor, taken it
 * away, and stopped. Each runs in a fiber of its own, which ends with it.
 */
import * as Effect from "effect/Effect"
import { Session } from "../../Session.ts"
import type * as Turn from "../../Turn.ts"
import { type Core, signal, type TurnTimes } from "./core.ts"
import { perform, stop as silence } from "./generation.ts"
import { command } from "./output.ts"
import { basisOf, makeSpeech, newSteps, type Speech } from "./speech.ts"

type ActionOf<Tag extends Turn.Action["_tag"]> = Extract<Turn.Action, { readonly _tag: Tag }>

export interface Speaking {
  readonly startReply: (action: ActionOf<"StartReply">) => void
  readonly speculate: (action: ActionOf<"Speculate">) => void
  readonly authorize: (action: ActionOf<"Authorize">) => void
  readonly begin: (action: ActionOf<"Begin">) => void
  readonly play: (action: ActionOf<"Play">) => void
  readonly stop: (action: ActionOf<"Stop">) => void
  /** What to say when the session gives up; it is begun as any other. */
  readonly apologise: (id: string) => void
}

export const makeSpeaking = (
  core: Core,
  session: Session["Service"],
  /** The times of a committed turn, for its reply. */
  takeTimes: (turn: number) => TurnTimes | undefined
): Speaking => {
  const { history, speeches } = core
  const start = (speech: Speech): void => {
    speeches.add(speech)
    speech.fiber = core.fork(Effect.provideService(perform(core, speech), Session, session))
  }
  const gone = (speech: string): void => signal(core, { _tag: "SpeechEnded", speech })
  return {
    startReply: ({ speech: id, turn }) => {
      core.publish({ _tag: "SpeechCreated", speech: id, source: "turn" })
      start(makeSpeech({ id, source: "turn", now: history.stamp(), turn: takeTimes(turn), steps: newSteps(core) }))
    },
    speculate: ({ speech: id, text, tts }) => {
      // Nobody replies to what is said meanwhile.
      if (core.answering.isOn()) return gone(id)
      start(makeSpeech({
        id,
        source: "turn",
        now: history.stamp(),
        guess: { text, tts },
        basis: basisOf(core),
        steps: newSteps(core)
      }))
    },
    authorize: ({ speech: id, turn }) => {
      const speech = speeches.get(id)
      if (speech === undefined) return gone(id)
      core.publish({ _tag: "SpeechCreated", speech: id, source: "turn" })
      speech.turn = takeTimes(turn)
      speech.measures = speech.turn && { times: speech.turn }
      speech.createdAt = history.stamp()
      // What it has thought of already stands behind the words that it answers, in the same order.
      for (const item of speech.early) item.createdAt = history.stamp()
      speech.authorized.openUnsafe()
    },
    begin: ({ speech: id }) => {
      const speech = speeches.get(id)
      if (speech === undefined) return gone(id)
      speech.createdAt = history.stamp()
      start(speech)
    },
    play: ({ speech: id }) => {
      const speech = speeches.get(id)
      if (speech === undefined) return
      speech.playing = true
      core.measuring.heard(speech, speeches.get(speech.askedBy ?? ""))
      speech.milestones.audible ??= core.conductor.now()
      // Paused for a speech that was at its end, and had nothing left to clear.
      if (core.commands.isPaused()) core.fork(command(core, "resume"))
      core.publish({ _tag: "AgentStartedSpeaking", speech: id })
      speech.floor.openUnsafe()
    },
    stop: ({ speech: id, why }) => {
      const speech = speeches.get(id)
      if (speech === undefined) return gone(id)
      if (why !== undefined) speech.reason = why
      if (speech.acting) core.fork(core.runner.cancelCalls(speech.calls))
      silence(core, speech)
    },
    apologise: (id) => {
      if (core.apology === undefined) return
      const { frames, text } = core.apology
      speeches.add(makeSpeech({ id, source: "say", text, clip: frames(), now: history.stamp(), steps: newSteps(core) }))
    }
  }
}
