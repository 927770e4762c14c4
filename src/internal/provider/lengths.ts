/** Lengths of time as servers write them: "7.66s", "1m30s", "20ms", "12 seconds". */
import { own } from "../own.ts"

const part = String.raw`(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)(?![a-z])`

const parts = new RegExp(part, "g")

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

const kindOf = (unit: string): string => /^(?:ms|milli)/.test(unit) ? "ms" : unit.slice(0, 1)

/** The length in ms that a text is, or holds; `undefined` where it has none. */
export const lengthMs = (text: string): number | undefined => {
  const units = [...text.toLowerCase().matchAll(parts)]
  return units.length === 0
    ? undefined
    : units.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (own(unitMs, kindOf(unit)) ?? 0), 0)
}

/** "Please try again in 7.66s", "Please retry after 27 seconds." */
const again = new RegExp(String.raw`\b(?:try again|retry) (?:in|after) ((?:${part}\s*)+)`, "i")

/** The wait in ms that a sentence asks for. */
export const waitIn = (sentence: string): number | undefined => {
  const length = again.exec(sentence)?.[1]
  return length === undefined ? undefined : lengthMs(length)
}
