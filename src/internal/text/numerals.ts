/** Numbers below a hundred, in words or digits: recognisers write them one way or the other. */
import { and, compounds, small, tens } from "./numberWords.ts"

/** The number that begins at `at`, and how many words it has. */
const numberAt = (words: ReadonlyArray<string>, at: number): readonly [value: number, words: number] | undefined => {
  const word = words[at]!
  const ten = tens.get(word)
  if (ten === undefined) {
    const value = small.get(word) ?? compounds.get(word)
    return value === undefined ? undefined : [value, 1]
  }
  const behind = and.has(words[at + 1] ?? "") ? 2 : 1
  const unit = small.get(words[at + behind] ?? "") ?? 0
  return unit > 0 && unit < 10 ? [ten + unit, behind + 1] : [ten, 1]
}

/** The same words, in lower case, with their numbers in digits: "twenty three" as "23", and "7:30" as "7 30". */
export const inDigits = (all: ReadonlyArray<string>): Array<string> => {
  const words = all.flatMap((word) => /^\d+[:.]\d+$/.test(word) ? word.split(/[:.]/) : word.split("-"))
  const out: Array<string> = []
  for (let at = 0; at < words.length;) {
    const [value, length] = numberAt(words, at) ?? [undefined, 1]
    out.push(value === undefined ? words[at]! : String(value))
    at += length
  }
  return out
}
