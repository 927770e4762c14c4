/**
 * Fits a voice's times of words to the text that was spoken.
 *
 * The stretches should join to that text. Some leave its spaces out, give a sign to both of its
 * neighbours, change the case, or tell what was said in place of what was written ("twenty one" for
 * 21). So the letters and digits of a stretch are looked for in the text, and that text is what is
 * told, each character once. A stretch that is not found has no place of its own: its time goes to
 * what was passed over for it. Times are milliseconds.
 */
import * as Effect from "effect/Effect"
import type * as Tts from "../Tts.ts"

/** A stretch of so many letters may be further on in the text; a shorter one is found at the next word, or not. */
const tellingLetters = 4

/** Words of the text that are looked at for it. */
const wordsAhead = 12

/** Letters and digits of a text without case and marks; of each where it begins in the text, and where what follows it does. */
interface Letters {
  readonly forms: string
  readonly from: ReadonlyArray<number>
  readonly to: ReadonlyArray<number>
}

const plain = /^[ -~\s]*$/

/** What is ASCII has neither marks nor other forms: the engine reads it, many characters at a time. */
const plainForms = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "")

const letters = (text: string, offset: number): Letters => {
  const from: Array<number> = []
  const to: Array<number> = []
  if (plain.test(text)) {
    for (const { 0: word, index } of text.matchAll(/[A-Za-z0-9]+/g)) {
      for (let at = offset + index; at < offset + index + word.length; at++) {
        from.push(at)
        to.push(at + 1)
      }
    }
    return { forms: plainForms(text), from, to }
  }
  let forms = ""
  // A text has few letters, many times.
  const known = new Map<string, string>()
  for (const { 0: char, index } of text.matchAll(/[\p{L}\p{N}]\p{M}*/gu)) {
    let form = known.get(char)
    if (form === undefined) {
      form = char.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase()
      known.set(char, form)
    }
    forms += form
    for (let i = 0; i < form.length; i++) {
      from.push(offset + index)
      to.push(offset + index + char.length)
    }
  }
  return { forms, from, to }
}

const formsOf = (text: string): string => plain.test(text) ? plainForms(text) : letters(text, 0).forms

/** Text (characters) in which a stretch is looked for, beside as much as it has itself. */
const textAhead = 400

/** As much more is read at once: each letter of the text is looked at a few times, however many stretches there are. */
const readAhead = 2000

/** What was read of a text: the first letter from a place on, and those that begin a word after it. */
interface Read {
  all: Letters
  first: number
  /** Indexes of all letters before which something else stands, and where those after `first` begin. */
  starts: ReadonlyArray<number>
  next: number
}

const nothing: Letters = { forms: "", from: [], to: [] }

const startsOf = ({ from, to }: Letters): ReadonlyArray<number> => {
  const starts: Array<number> = []
  for (let i = 1; i < from.length; i++) if (to[i - 1]! < from[i]!) starts.push(i)
  return starts
}

/** The letters of a text that may grow, from a place in it that only goes on. */
const makeReader = () => {
  let [from, to, length] = [0, 0, 0]
  const read: Read = { all: nothing, first: 0, starts: [], next: 0 }
  return (text: string, at: number, needed: number): Readonly<Read> => {
    // What was read up to the end of it may go on with a mark.
    const grown = to === length && text.length !== length
    if (at < from || Math.min(text.length, at + needed) > to || grown) {
      from = at
      to = Math.min(text.length, at + needed + readAhead)
      length = text.length
      read.all = letters(text.slice(from, to), from)
      read.starts = startsOf(read.all)
      read.first = read.next = 0
    }
    while (read.first < read.all.from.length && read.all.from[read.first]! < at) read.first++
    while (read.next < read.starts.length && read.starts[read.next]! <= read.first) read.next++
    return read
  }
}

/** Signs, no more than are looked at. */
const signs = new RegExp(`[^\\s\\p{L}\\p{N}]{1,${textAhead}}`, "uy")

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
  const withSigns = (to: number): number => {
    signs.lastIndex = to
    const next = text().charCodeAt(to)
    // Mostly there is none: a space, or the end.
    return next === 0x20 || Number.isNaN(next) || !signs.test(text()) ? to : signs.lastIndex
  }

  /** A stretch that is not where it should be: where it is, by the index of its first letter. */
  const ahead = (
    { all: { forms, from, to }, next, starts }: Readonly<Read>,
    last: number,
    stretch: string
  ): number | undefined => {
    const most = stretch.length < tellingLetters ? 1 : wordsAhead
    const ends = (at: number): boolean => at >= from.length || to[at - 1]! < from[at]!
    for (let i = next; i < Math.min(starts.length, next + most); i++) {
      const at = starts[i]!
      if (from[at]! >= last) return undefined
      if (forms.startsWith(stretch, at) && ends(at + stretch.length)) return at
    }
    return undefined
  }

  const place = ({ end, start, text: told }: Tts.TimedText): void => {
    const spoken = text()
    if (told !== "" && spoken.startsWith(told, cursor)) return give(cursor + told.length, start, end)
    const stretch = formsOf(told)
    // A sign, or a space, that the text has elsewhere.
    if (stretch.length === 0) return
    const reach = told.length + textAhead
    const rest = read(spoken, cursor, reach)
    const { all, first } = rest
    const at = all.forms.startsWith(stretch, first) ? first : ahead(rest, cursor + reach, stretch)
    if (at === undefined) return
    // A sign that nobody told takes no time.
    give(withSigns(cursor), lastEnd, lastEnd)
    if (at > first) give(withSigns(all.to[at - 1]!), lastEnd, Math.max(lastEnd, start))
    give(withSigns(all.to[at + stretch.length - 1]!), start, end)
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

/** So many stretches are looked for before others have their turn. */
export const atOnce = 512

/** `push` for more than that, which a voice may tell at once. */
export const pushInParts = (
  { push }: Fitting,
  told: ReadonlyArray<Tts.TimedText>,
  take: (fitted: ReadonlyArray<Tts.TimedText>) => void
): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let at = 0; at < told.length; at += atOnce) {
      take(push(told.slice(at, at + atOnce)))
      yield* Effect.yieldNow
    }
  })
