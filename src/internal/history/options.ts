/** How much of a history is kept, and what is made of it. */
import * as Predicate from "effect/Predicate"
import type { Budget, CopyOptions, PromptOptions, SummarizeOptions } from "../../History.ts"
import * as Check from "../options.ts"

const truncation = Check.struct<{ readonly maxItems: number }>()({
  maxItems: Check.required(Check.whole({ endless: true }))
})

export const truncating = (options: typeof truncation.Encoded): typeof truncation.Type =>
  Check.readOrThrow(truncation, options)

const copies = Check.struct<CopyOptions>()({
  excludeTools: Check.flag({ default: false }),
  excludeSystem: Check.flag({ default: false }),
  excludeEmpty: Check.flag({ default: false }),
  excludeHandoffs: Check.flag({ default: false }),
  tools: Check.such<Iterable<string>>(Predicate.isIterable, "be a list of names of tools")
})

export const copying = (options: CopyOptions): typeof copies.Type => Check.readOrThrow(copies, options)

const prompts = Check.struct<PromptOptions>()({
  instructions: Check.words,
  extra: Check.words,
  running: Check.such<NonNullable<PromptOptions["running"]>>(Array.isArray, "be a list of calls"),
  audio: Check.callback
})

export const prompting = (options: PromptOptions): typeof prompts.Type => Check.readOrThrow(prompts, options)

interface Imported {
  /** @default 0 */
  readonly createdAt?: number | undefined
  readonly id?: ((index: number) => string) | undefined
}

const imports = Check.struct<Imported>()({ createdAt: Check.number({ default: 0 }), id: Check.callback })

export const importing = (options: Imported): typeof imports.Type => Check.readOrThrow(imports, options)

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
