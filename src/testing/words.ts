/** Words of a text with the times at which they sound. */
import type { TimedText } from "../Tts.ts"

/** The words with the white space behind them: joined, they give the text. */
export const split = (text: string): ReadonlyArray<string> => {
  const words = text.match(/\s*\S+\s*/gu)
  return words ?? (text === "" ? [] : [text])
}

/** Spreads a text over a time, each word in proportion to its characters. */
export const spread = (text: string, start: number, ms: number): ReadonlyArray<TimedText> => {
  const total = text.length
  let from = 0
  return split(text).map((word) => {
    const begin = start + ms * from / total
    from += word.length
    return { text: word, start: Math.round(begin), end: Math.round(start + ms * from / total) }
  })
}

/** The words that were complete `ms` after the start of a text that takes `total`. */
export const saidAfter = (text: string, total: number, ms: number): string =>
  ms >= total
    ? text
    : spread(text, 0, total).filter((word) => word.end <= ms).map((word) => word.text).join("").trimEnd()
