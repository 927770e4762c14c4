/** How a text is cut into sentences and words, and rewritten. */
import type { SentenceOptions } from "../../Text.ts"
import * as Check from "../options.ts"

const sentences = Check.struct<SentenceOptions>()({
  minLength: Check.whole({ endless: true }),
  firstMinLength: Check.whole({ endless: true }),
  maxLength: Check.whole({ least: 1, endless: true, default: Infinity }),
  language: Check.text()
})

const counting = Check.struct<{
  /** @default "ignore" */
  readonly punctuation?: "ignore" | "keep" | undefined
}>()({ punctuation: Check.oneOf(["ignore", "keep"], { default: "ignore" }) })

export const wording = (options: typeof counting.Encoded): typeof counting.Type => Check.readOrThrow(counting, options)

const replacements = Check.struct<{
  /** @default false */
  readonly caseSensitive?: boolean | undefined
}>()({ caseSensitive: Check.flag({ default: false }) })

export const replacing = (options: typeof replacements.Encoded): typeof replacements.Type =>
  Check.readOrThrow(replacements, options)

export const cutting = (options: SentenceOptions): typeof sentences.Type => Check.readOrThrow(sentences, options)
