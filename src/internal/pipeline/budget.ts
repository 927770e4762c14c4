/** Keeps the history within its budget, off the reply's way. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Event from "../../Event.ts"
import * as History from "../../History.ts"
import type { Options } from "../../Pipeline.ts"
import type { Core } from "./core.ts"

export const makeBudget = (
  /** Set before anything is said. */
  core: () => Core,
  budget: Options["budget"]
): { readonly notice: (event: Event.Event) => void } => {
  let working = false
  const compact = (core: Core, limits: NonNullable<Options["budget"]>): Effect.Effect<void> =>
    Effect.suspend(() => {
      const before = core.history
      const strategy = limits.strategy === "truncate" ? "truncate" : { summarizeWith: core.persona.llm }
      return Effect.map(History.compact(before, strategy, limits), (after) => {
        if (after === before) return
        core.history = History.replaceHead(core.history, { before, after })
        const kept = new Set(after.items.map((item) => item.id))
        core.publish({ _tag: "HistorySummarized", removed: before.items.filter((item) => !kept.has(item.id)).length })
      })
    }).pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.sync(() =>
            core.publish({ _tag: "Warning", component: "llm", message: "the history could not be summarised" })
          )
      ),
      Effect.ensuring(Effect.sync(() => {
        working = false
      }))
    )
  return {
    notice: (event) => {
      if (budget === undefined || working || event._tag !== "AgentSpeechCommitted") return
      working = true
      core().fork(compact(core(), budget))
    }
  }
}
