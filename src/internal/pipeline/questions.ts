/**
 * What is asked of the turn detector and of the overlap classifier. Neither is
 * waited for longer than it is of use, and one that fails harms nothing.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Turn from "../../Turn.ts"
import { type Core, signal } from "./core.ts"
import type { Judges } from "./judges.ts"

type ActionOf<Tag extends Turn.Action["_tag"]> = Extract<Turn.Action, { readonly _tag: Tag }>

export interface Questions {
  readonly askDetector: (action: ActionOf<"AskDetector">) => void
  readonly judge: (action: ActionOf<"Judge">) => void
}

const warn = (core: Core, message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasInterruptsOnly(cause)
    ? Effect.interrupt
    : Effect.sync(() => core.publish({ _tag: "Warning", component: "detector", message }))

export const makeQuestions = (
  core: Core,
  { overlapClassifier, turnDetector }: Judges
): Questions => {
  let question: Fiber.Fiber<void> | undefined
  return {
    askDetector: ({ question: id, text }) => {
      if (turnDetector === undefined) return
      const { detectorDeadline, threshold } = Turn.settings(core.conductor.state()).endpointing
      question?.interruptUnsafe()
      question = core.fork(
        Effect.suspend(() => turnDetector.model.ask({ text, history: core.history.current() })).pipe(
          Effect.timeoutOption(detectorDeadline),
          Effect.map((answer) => {
            const probability = answer._tag === "Some" ? answer.value.probability : Number.NaN
            if (probability >= 0 && probability <= 1) signal(core, { _tag: "EndOfTurn", question: id, probability })
          }),
          // One that fails will not answer: the words decide.
          Effect.catchCause((cause) =>
            Effect.andThen(
              warn(core, "the turn detector failed", cause),
              Effect.sync(() => signal(core, { _tag: "EndOfTurn", question: id, probability: threshold }))
            )
          )
        )
      )
    },
    judge: ({ text }) => {
      if (overlapClassifier === undefined) return
      core.fork(
        Effect.catchCause(
          Effect.map(
            Effect.suspend(() => overlapClassifier.model.ask({ text, history: core.history.current() })),
            ({ meaning }) => signal(core, { _tag: "Overlap", verdict: meaning, text })
          ),
          (cause) => warn(core, "the overlap classifier failed", cause)
        )
      )
    }
  }
}
