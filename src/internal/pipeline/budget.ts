/** Keeps the history within its budget, off the reply's way. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Event from "../../Event.ts"
import * as History from "../../History.ts"
import type { Options } from "../../Pipeline.ts"
import { logOwn } from "../foreign.ts"
import type { Core } from "./core.ts"

/** Listens to the events, and has the history made shorter once the agent was heard. */
export const makeBudget = (core: Core, budget: Options["budget"]): (event: Event.Event) => void => {
  if (budget === undefined) return () => {}
  const { history, publish } = core
  const { strategy, ...sizes } = budget
  let working = false
  const compact: Effect.Effect<void> = Effect.suspend(() => {
    const before = history.current()
    const by = strategy === "truncate" ? strategy : { summarizeWith: core.agent.bound().llm }
    return Effect.map(History.compact(before, by, sizes), (after) => {
      if (after === before) return
      history.compacted({ before, after })
      const kept = new Set(after.items.map((item) => item.id))
      publish({ _tag: "HistorySummarized", removed: before.items.filter((item) => !kept.has(item.id)).length })
    })
  }).pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.andThen(
          // An `estimate` of the program's own, which only its author can mend.
          Cause.hasDies(cause) ? logOwn("the history could not be summarised", cause) : Effect.void,
          Effect.sync(() =>
            publish({ _tag: "Warning", component: "llm", message: "the history could not be summarised" })
          )
        )
    ),
    Effect.ensuring(Effect.sync(() => {
      working = false
    }))
  )
  return (event) => {
    if (working || event._tag !== "AgentSpeechCommitted") return
    working = true
    core.fork(compact)
  }
}
