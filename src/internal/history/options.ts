/** How much of a history is kept. */
import type { Budget, SummarizeOptions } from "../../History.ts"
import * as Check from "../options.ts"

const truncation = Check.struct<{ readonly maxItems: number }>()({
  maxItems: Check.required(Check.whole({ endless: true }))
})

export const truncating = (options: typeof truncation.Encoded): typeof truncation.Type =>
  Check.readOrThrow(truncation, options)

/** What a budget says, for those who lay more beside it. */
export const sizes = {
  maxTokens: Check.required(Check.whole({ endless: true })),
  targetTokens: Check.whole({ endless: true }),
  keepRecent: Check.whole({ default: 6, endless: true }),
  estimate: Check.callback
}

const sizing = Check.struct<Budget>()(sizes)
const summary = Check.struct<SummarizeOptions>()({ ...sizes, instructions: Check.text() })

export const budgeting = (options: Budget): typeof sizing.Type => Check.readOrThrow(sizing, options)

export const summarizing = (options: SummarizeOptions): typeof summary.Type => Check.readOrThrow(summary, options)
