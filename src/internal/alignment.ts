/**
 * From a playhead to a position in the spoken text.
 *
 * Words are the unit: one counts as heard when the middle of its time has been
 * played. Scripts written without spaces go by character. The time of a word
 * inside a stretch of text is its share of the characters; white space at the
 * edges of a stretch takes no time. Positions and times are milliseconds.
 */
import type * as Tts from "../Tts.ts"

/** The words heard at `positionMs`: always a prefix of the joined text, without white space at its end. */
export const heard = (alignment: ReadonlyArray<Tts.TimedText>, positionMs: number): string => {
  if (positionMs <= 0) return ""
  const { text, words } = timed(alignment)
  let end = 0
  for (const word of words) {
    if ((word.start + word.end) / 2 > positionMs) break
    end = word.to
  }
  return text.slice(0, end)
}

/** As `heard`, for text of which only the length of its audio is known. */
export const heardInProportion = (text: string, playedMs: number, totalMs: number): string =>
  totalMs > 0 ? heard([{ text, start: 0, end: totalMs }], playedMs) : ""

export interface Release {
  readonly at: number
  readonly text: string
}

/**
 * When each next piece of text may be shown: its word begins to sound at `at`.
 * The pieces join to the whole text, and `at` never falls.
 */
export const releases = (alignment: ReadonlyArray<Tts.TimedText>): ReadonlyArray<Release> => {
  const { text, words } = timed(alignment)
  let at = 0
  let from = 0
  return words.map((word, i) => {
    at = Math.max(at, word.start)
    const to = i === words.length - 1 ? text.length : word.to
    const release = { at, text: text.slice(from, to) }
    from = to
    return release
  })
}

interface Word {
  readonly to: number
  readonly start: number
  readonly end: number
}

const timed = (
  alignment: ReadonlyArray<Tts.TimedText>
): { readonly text: string; readonly words: ReadonlyArray<Word> } => {
  const text = alignment.map((entry) => entry.text).join("")
  const words: Array<Word> = []
  let index = 0
  let offset = 0
  // Words come in order, so the entry of a position is at or after that of the position before.
  const timeAt = (position: number, edge: "start" | "end"): number => {
    const last = edge === "start" ? position : position - 1
    while (last >= offset + alignment[index]!.text.length) offset += alignment[index++]!.text.length
    return within(alignment[index]!, position - offset)
  }
  for (const match of text.matchAll(word)) {
    const to = match.index + match[0].length
    const start = timeAt(match.index, "start")
    words.push({ to, start, end: timeAt(to, "end") })
  }
  return { text, words }
}

const within = (entry: Tts.TimedText, position: number): number => {
  const from = entry.text.length - entry.text.trimStart().length
  const length = entry.text.trim().length
  return length === 0 ? entry.start : entry.start + (entry.end - entry.start) * (position - from) / length
}

const spaceless =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}"

const word = new RegExp(`[${spaceless}][\\p{M}\\p{P}]*|[^\\s${spaceless}]+`, "gu")

/** Ends a clause, whatever closes after it; a dash stands by itself. */
const clauseEnd = /[,;:.!?…、。，！？；：—–][\p{Pe}\p{Pf}"']*$/u

/**
 * Where the clause begins that sounds at `positionMs`: `undefined` if nothing
 * does. A clause longer than `furthest` is gone back in by a word.
 */
export const clauseStart = (
  alignment: ReadonlyArray<Tts.TimedText>,
  positionMs: number,
  furthest: number
): number | undefined => {
  const { text, words } = timed(alignment)
  const now = words.findLastIndex(({ start }) => start <= positionMs)
  if (now === -1) return undefined
  let first = now
  while (first > 0 && !clauseEnd.test(text.slice(words[first - 2]?.to ?? 0, words[first - 1]!.to))) first--
  const { start } = words[first]!
  return positionMs - start <= furthest ? start : words[now]!.start
}
