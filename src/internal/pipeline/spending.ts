/** Keeps account of what a session uses, and sees to it that it stays within its budget. */
import * as Effect from "effect/Effect"
import * as Cost from "../../Cost.ts"
import type { Options } from "../../Pipeline.ts"
import type { Session } from "../../Session.ts"
import type * as Turn from "../../Turn.ts"
import { keyOf } from "../cost.ts"
import type { Core } from "./core.ts"
import { farewell } from "./farewell.ts"
import { mergeTurn } from "./options.ts"

export interface Spending {
  /** The session has begun: what was used to warm up is told now. */
  readonly begin: (core: Core, session: Session["Service"]) => void
  /** What turn-taking may do now: from the budget's economy on, nothing that may turn out to be for nothing. */
  readonly allowed: (turn: Turn.Options) => Turn.Options
  readonly report: () => Cost.Report
  readonly meter: (usage: Cost.Usage) => void
  /** What has been paid since the last time it was asked for; `undefined` without prices. */
  readonly takeCost: () => number | undefined
}

/** The conversation, once it has begun. */
interface Running {
  readonly core: Core
  readonly session: Session["Service"]
}

export const makeSpending = (options: Options["spending"]): Spending => {
  const { budget, prices } = options ?? {}
  const unit = budget?.unit ?? "cost"
  const unpriced = new Set<string>()
  let report = Cost.nothing
  let taken = 0
  const early: Array<Cost.Usage> = []
  let running: Running | undefined
  let reached = 0
  let frugal = false

  const economise = ({ core, session }: Running): void => {
    frugal = true
    // Those in force, made frugal: what is checked already stays valid.
    core.fork(Effect.ignore(session.update({ turn: {} })))
  }
  const close = ({ core, session }: Running): void =>
    farewell(core, session, budget?.goodbye ?? "I'm sorry, our time is up. Goodbye!", "budget")
  const stages = (budget === undefined ? [] : [
    { stage: "warning", at: budget.warnAt ?? 0.8, act: () => {} },
    { stage: "economy", at: budget.economyAt ?? 0.9, act: economise },
    { stage: "end", at: 1, act: close }
  ] as const).toSorted((one, other) => one.at - other.at)

  const hold = (running: Running): void => {
    if (budget === undefined) return
    const spent = Cost.amount(report, unit)
    for (let next = stages[reached]; next !== undefined; next = stages[reached]) {
      if (spent < next.at * budget.limit) return
      reached += 1
      const { stage } = next
      const { limit } = budget
      const { core } = running
      core.publish({ _tag: "BudgetReached", stage, unit, spent, limit })
      core.fork(
        Effect.logWarning("a budget is reached").pipe(Effect.annotateLogs({ stage, unit, spent, limit }))
      )
      next.act(running)
    }
  }

  const meter = (usage: Cost.Usage): void => {
    if (running === undefined) return void early.push(usage)
    const { core } = running
    const cost = prices === undefined ? undefined : Cost.of(usage, prices)
    report = Cost.add(report, usage, cost)
    const { component, ...used } = usage
    core.publish({ _tag: "UsageMeasured", component, ...used, ...(cost === undefined ? {} : { cost }) })
    const key = keyOf(usage)
    if (prices !== undefined && cost === undefined && !unpriced.has(key) && unpriced.size < 64) {
      unpriced.add(key)
      core.publish({ _tag: "Warning", component, message: `${key} has no price, and is counted as free` })
    }
    hold(running)
  }

  return {
    begin: (core, session) => {
      running = { core, session }
      for (const usage of early.splice(0)) meter(usage)
    },
    allowed: (turn) => frugal ? mergeTurn(turn, { preemption: { llm: false, tts: false } }) : turn,
    report: () => report,
    takeCost: () => {
      if (prices === undefined) return undefined
      const cost = report.total.cost - taken
      taken = report.total.cost
      return cost
    },
    meter
  }
}
