/** The words of what a model gives. */
import type * as Llm from "./model.ts"

/** Those of one delta, whoever speaks them; `""` where it has none. */
export const wordsOf = (delta: Llm.Delta): string =>
  delta._tag === "Text" || delta._tag === "Speech" ? delta.text ?? "" : ""
