/**
 * The questions to the turn detector and to the overlap classifier. A late answer is not waited
 * for, and a failure changes nothing.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Audio from "../../Audio.ts"
import type { Meaning } from "../../OverlapClassifier.ts"
import * as Turn from "../../Turn.ts"
import { effectOf } from "../given.ts"
import { type Core, signal } from "./core.ts"
import type { Judges } from "./judges.ts"
import { ask } from "./roomTimeout.ts"
import { heardAt } from "./utterance.ts"

type ActionOf<Tag extends Turn.Action["_tag"]> = Extract<Turn.Action, { readonly _tag: Tag }>

export interface Questions {
  readonly askDetector: (action: ActionOf<"AskDetector">) => void
  readonly judge: (action: ActionOf<"Judge">) => void
}

const noProbability = "the turn detector gave no probability from 0 to 1"

const meanings: ReadonlySet<unknown> = new Set<Meaning>(["backchannel", "interruption", "hold", "unknown"])

const noMeaning = "the overlap classifier gave a meaning that there is none of"

/** What was heard of what the agent says now, and what is still to come. */
const saidOf = (core: Core): Effect.Effect<{ readonly said: string; readonly next: string }> => {
  const saying = core.speeches.all().find(({ saying }) => saying !== undefined)?.saying
  if (saying === undefined) return Effect.succeed({ said: "", next: "" })
  const { output, utterance } = saying
  return Effect.map(ask(core, core.output.played, undefined), (played) => {
    const said = heardAt(utterance, played === undefined ? 0 : output.heardTo(played))
    return { said, next: utterance.raw.trimStart().slice(said.length).trim() }
  })
}

export const makeQuestions = (
  core: Core,
  { failed, overlapClassifier, turnDetector }: Judges,
  recentAudio: () => Audio.Frame | undefined
): Questions => {
  const tell = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
    Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.sync(() => failed(message, cause))
  let question: Fiber.Fiber<void> | undefined
  return {
    askDetector: ({ language, length, question: id, silence, text }) => {
      if (turnDetector === undefined) return
      const { detectorDeadline } = Turn.settings(core.conductor.state()).endpointing
      const answer = (probability: number | undefined): void =>
        signal(core, { _tag: "EndOfTurn", question: id, probability })
      question?.interruptUnsafe()
      question = core.fork(
        effectOf(
          "ask",
          () => turnDetector.model.ask({ text, language, silence, length, history: core.history.current() })
        ).pipe(
          Effect.timeoutOption(detectorDeadline),
          Effect.map((verdict) => {
            if (verdict._tag === "None") return
            const { probability } = verdict.value
            if (probability >= 0 && probability <= 1) return answer(probability)
            core.publish({ _tag: "Warning", component: "detector", message: noProbability })
            answer(undefined)
          }),
          // One that fails will not answer: it is as if there were none.
          Effect.catchCause((cause) =>
            Effect.andThen(tell("the turn detector failed", cause), Effect.sync(() => answer(undefined)))
          )
        )
      )
    },
    judge: ({ language, text }) => {
      if (overlapClassifier === undefined) return
      const history = core.history.current()
      const audio = recentAudio()
      const asked = Effect.gen(function*() {
        const agent = yield* saidOf(core)
        const { meaning } = yield* effectOf(
          "ask",
          () => overlapClassifier.model.ask({ text, language, agent, audio, history })
        )
        if (meanings.has(meaning)) signal(core, { _tag: "Overlap", verdict: meaning, text })
        else core.publish({ _tag: "Warning", component: "detector", message: noMeaning })
      })
      core.fork(Effect.catchCause(asked, (cause) => tell("the overlap classifier failed", cause)))
    }
  }
}
