/**
 * Fits a voice's times of words to the text that was spoken.
 *
 * The stretches should join to that text. Some leave its spaces out, give a sign to both of its
 * neighbours, change the case, or tell what was said in place of what was written ("twenty one" for
 * 21). So the letters and digits of a stretch are looked for in the text, and that text is what is
 * told, each character once. A stretch that is not found has no place of its own: its time goes to
 * what was passed over for it. Times are milliseconds.
 */
import type * as Tts from "../Tts.ts"

/** A stretch of so many letters may be further on in the text; a shorter one is found at the next word, or not. */
const tellingLetters = 4

/** Words of the text that are looked at for it. */
const wordsAhead = 12

interface Letter {
  readonly form: string
  /** Where it begins in the text, and where what follows it does. */
  readonly from: number
  readonly to: number
}

/** Letters and digits without case and marks. */
const letters = (text: string, offset = 0): ReadonlyArray<Letter> => {
  const found: Array<Letter> = []
  for (const { 0: char, index } of text.matchAll(/[\p{L}\p{N}]\p{M}*/gu)) {
    const from = offset + index
    for (const form of char.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase()) {
      found.push({ form, from, to: from + char.length })
    }
  }
  return found
}

/** Text (characters) in which a stretch is looked for, beside as much as it has itself. */
const textAhead = 400

/** As much more is read at once: each letter of the text is looked at a few times, however many stretches there are. */
const readAhead = 2000

/** The letters of a text that may grow, from a place in it that only goes on. */
const makeReader = () => {
  let read: ReadonlyArray<Letter> = []
  let [from, to, length] = [0, 0, 0]
  let first = 0
  return (
    text: string,
    at: number,
    needed: number
  ): { readonly all: ReadonlyArray<Letter>; readonly first: number } => {
    // What was read up to the end of it may go on with a mark.
    const grown = to === length && text.length !== length
    if (at < from || Math.min(text.length, at + needed) > to || grown) {
      from = at
      to = Math.min(text.length, at + needed + readAhead)
      length = text.length
      read = letters(text.slice(from, to), from)
      first = 0
    }
    while (first < read.length && read[first]!.from < at) first++
    return { all: read, first }
  }
}

const isSame = (text: ReadonlyArray<Letter>, stretch: ReadonlyArray<Letter>, at: number): boolean =>
  at + stretch.length <= text.length && stretch.every(({ form }, i) => text[at + i]!.form === form)

export interface Fitting {
  /** The stretches of the text whose times have become known. */
  readonly push: (told: ReadonlyArray<Tts.TimedText>) => ReadonlyArray<Tts.TimedText>
  /** What is left of the text, when its audio has ended. */
  readonly end: (totalMs: number) => ReadonlyArray<Tts.TimedText>
}

/** What it gives joins to the beginning of the text, which may grow; at its end to the whole. */
export const makeFitting = (text: () => string): Fitting => {
  let cursor = 0
  let lastEnd = 0
  let fitted: Array<Tts.TimedText> = []
  const read = makeReader()

  const give = (to: number, start: number, end: number): void => {
    if (to > cursor) fitted.push({ text: text().slice(cursor, to), start, end })
    cursor = Math.max(cursor, to)
    lastEnd = Math.max(lastEnd, end)
  }

  /** Signs that stand at the end of what was found are said with it. */
  const withSigns = (to: number): number =>
    to + (/^[^\s\p{L}\p{N}]*/u.exec(text().slice(to, to + textAhead))?.[0].length ?? 0)

  /** A stretch that is not where it should be: where it is, by the index of its first letter. */
  const ahead = (
    rest: ReadonlyArray<Letter>,
    first: number,
    last: number,
    stretch: ReadonlyArray<Letter>
  ): number | undefined => {
    const most = stretch.length < tellingLetters ? 1 : wordsAhead
    const ends = (at: number): boolean => at >= rest.length || rest[at - 1]!.to < rest[at]!.from
    for (let at = first + 1, words = 0; at < rest.length && rest[at]!.from < last && words < most; at++) {
      if (rest[at - 1]!.to >= rest[at]!.from) continue
      words++
      if (isSame(rest, stretch, at) && ends(at + stretch.length)) return at
    }
    return undefined
  }

  const place = ({ end, start, text: told }: Tts.TimedText): void => {
    const spoken = text()
    if (told !== "" && spoken.startsWith(told, cursor)) return give(cursor + told.length, start, end)
    const stretch = letters(told)
    // A sign, or a space, that the text has elsewhere.
    if (stretch.length === 0) return
    const reach = told.length + textAhead
    const { all: rest, first } = read(spoken, cursor, reach)
    const at = isSame(rest, stretch, first) ? first : ahead(rest, first, cursor + reach, stretch)
    if (at === undefined) return
    // A sign that nobody told takes no time.
    give(withSigns(cursor), lastEnd, lastEnd)
    if (at > first) give(withSigns(rest[at - 1]!.to), lastEnd, Math.max(lastEnd, start))
    give(withSigns(rest[at + stretch.length - 1]!.to), start, end)
  }

  const taken = (): ReadonlyArray<Tts.TimedText> => {
    const all = fitted
    fitted = []
    return all
  }

  return {
    push: (told) => {
      for (const one of told) place(one)
      return taken()
    },
    end: (totalMs) => {
      give(text().length, Math.min(lastEnd, totalMs), totalMs)
      return taken()
    }
  }
}
