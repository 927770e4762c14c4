/** How a text is cut into sentences. */
import type { SentenceOptions } from "../../Text.ts"
import * as Check from "../options.ts"

const sentences = Check.struct<SentenceOptions>()({
  minLength: Check.whole({ endless: true }),
  firstMinLength: Check.whole({ endless: true }),
  maxLength: Check.whole({ least: 1, endless: true, default: Infinity }),
  language: Check.text()
})

export const cutting = (options: SentenceOptions): typeof sentences.Type => Check.readOrThrow(sentences, options)
