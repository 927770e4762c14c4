/** Phrases that a listener says to a speaker, and the kind of a text that consists of them. */
import { own } from "../own.ts"
import { borrowed, type Phrasebook, phrasebooks } from "./phrasebook.ts"
import { spellings, withDigits } from "./spellings.ts"
import { canonical } from "./words.ts"

/** Phrases by the number of their words, so that a text is matched in one pass. */
export interface Index {
  readonly phrases: ReadonlySet<string>
  /** Those that are only hummed, each letter once. */
  readonly hums: ReadonlySet<string>
  readonly longest: number
}

/** "O.K." is "OK". */
const joined = (word: string): string => /^\p{L}(?:\.\p{L})+$/u.test(word) ? word.replaceAll(".", "") : word

const words = (text: string): Array<string> => canonical(text).flatMap((word) => joined(word).split(/[-–]+/))

/** How often recognisers write each letter of a hum says nothing: "mhmm", "mmhm". */
const humOf = (phrase: string): string | undefined =>
  phrase.length > 2 && /^[hmu]+(?: [hmu]+)*$/u.test(phrase) ? phrase.replace(/(\p{L})\1+/gu, "$1") : undefined

const indexOf = (phrases: ReadonlyArray<string>): Index => {
  const split = phrases.map(words).filter((phrase) => phrase.length > 0)
  return {
    phrases: new Set(split.map((phrase) => phrase.join(" "))),
    hums: new Set(split.flatMap((phrase) => humOf(phrase.join(" ")) ?? [])),
    longest: split.reduce((longest, phrase) => Math.max(longest, phrase.length), 0)
  }
}

/** Of phrases in all their spellings. */
export const index = (phrases: ReadonlyArray<string>): Index => indexOf(phrases.flatMap(spellings))

/** Recognisers write drawn-out sounds with any number of letters. */
const shorten = (text: string, letters: "$1" | "$1$1"): string => text.replace(/(\p{L})\1{2,}/gu, letters)

const has = (index: Index, phrase: string): boolean =>
  index.phrases.has(phrase) || index.phrases.has(shorten(phrase, "$1")) ||
  index.phrases.has(shorten(phrase, "$1$1")) || index.hums.has(humOf(phrase) ?? "")

/** Whether a phrase begins so. */
const mayBegin = (index: Index, text: string): boolean => {
  const spellings = [text, shorten(text, "$1"), shorten(text, "$1$1")]
  return [...index.phrases].some((phrase) => spellings.some((spelling) => phrase.startsWith(spelling)))
}

/** Where the phrases that begin at `at` end. */
const endsAt = (index: Index, words: ReadonlyArray<string>, at: number): Array<number> => {
  const ends: Array<number> = []
  for (let end = at + 1; end <= Math.min(words.length, at + index.longest); end++) {
    if (has(index, words.slice(at, end).join(" "))) {
      ends.push(end)
    }
  }
  return ends
}

// Characters: who says more says something of their own.
const longestSign = 1000

/** How many of the words phrases may have taken, one behind the other, from none of them on. */
const reach = (index: Index, words: ReadonlyArray<string>): ReadonlySet<number> => {
  const reached = new Set([0])
  for (const at of words.keys()) {
    if (reached.has(at)) {
      for (const end of endsAt(index, words, at)) {
        reached.add(end)
      }
    }
  }
  return reached
}

/** Whether the text is made of the phrases alone. */
export const isMadeOf = (index: Index, text: string): boolean => {
  if (text.length > longestSign) return false
  const all = words(text)
  return all.length > 0 && reach(index, all).has(all.length)
}

/** Whether a text begins with one of the phrases. */
export const begins = (index: Index, text: string): boolean =>
  text.length <= longestSign && endsAt(index, words(text), 0).length > 0

/** Whether one of the phrases is in the text. */
export const holdsOne = (index: Index, text: string): boolean => {
  if (text.length > longestSign) return false
  const all = words(text)
  return all.some((_, at) => endsAt(index, all, at).length > 0)
}

// By language.

/** What a listener says, by what it does to who speaks. */
export type PhraseKind = "continuer" | "agreement" | "cut-in" | "hold"

/** Phrases beside those that are known, by the first part of their language's tag. */
export type MorePhrases = Readonly<Record<string, Partial<Phrasebook>>>

interface Indexes {
  readonly continuers: Index
  readonly signs: Index
  readonly holds: Index
  readonly requestsToWait: Index
  readonly cutIns: Index
  readonly requests: Index
  readonly hesitations: Index
  readonly unfinished: Index
  readonly lengths: Index
  readonly howLong: ReadonlyArray<Pattern>
}

/** Words in their order, with any others between them; `last` must be the last of all. */
interface Pattern {
  readonly words: ReadonlyArray<string>
  readonly last: boolean
}

const patternOf = (phrase: string): Pattern => ({ words: words(phrase), last: phrase.trimEnd().endsWith("?") })

const fits = ({ last, words }: Pattern, all: ReadonlyArray<string>): boolean => {
  let at = -1
  for (const word of words) {
    at = all.indexOf(word, at + 1)
    if (at === -1) return false
  }
  return words.length > 0 && (!last || all.at(-1) === words.at(-1))
}

/** Requests to stop that are the beginning of one to wait: "wait" of "wait a moment". */
const waits = ({ cutIns, holds }: Phrasebook): ReadonlyArray<string> => {
  const split = holds.map((hold) => words(hold).join(" "))
  return cutIns.filter((cutIn) => split.some((hold) => hold.startsWith(`${words(cutIn).join(" ")} `)))
}

/** With the English that its speakers use, but for what is something else in the language: "no" in Polish. */
const withBorrowed = (book: Phrasebook): Phrasebook => {
  const all = new Set(Object.values(book).flatMap((phrases: ReadonlyArray<string>) => phrases.flatMap(spellings)))
  const added = (
    kind: "continuers" | "agreement" | "cutIns" | "holds" | "lengths" | "courtesies"
  ) => [...book[kind], ...borrowed[kind].filter((phrase) => !all.has(phrase))]
  return {
    ...book,
    continuers: added("continuers"),
    agreement: added("agreement"),
    cutIns: added("cutIns"),
    holds: added("holds"),
    lengths: added("lengths"),
    courtesies: added("courtesies")
  }
}

const indexesOf = (book: Phrasebook): Indexes => {
  const { agreement, continuers, courtesies, cutIns, hesitations, howLong, unfinished } = book
  const [holds, lengths] = [book.holds.flatMap(withDigits), book.lengths.flatMap(withDigits)]
  const beside = [...courtesies, ...continuers, ...agreement, ...hesitations]
  return {
    continuers: index(continuers),
    signs: index([...continuers, ...agreement]),
    holds: index(holds),
    requestsToWait: index([...holds, ...waits(book), ...beside]),
    cutIns: index(cutIns),
    requests: index([...cutIns, ...holds, ...courtesies]),
    hesitations: index(hesitations),
    // "Ill" is no "I'll".
    unfinished: indexOf(unfinished),
    lengths: index([...lengths, ...beside]),
    howLong: howLong.map(patternOf)
  }
}

// Some recognisers name a language, or have codes of three letters (ISO 639-2), instead of giving its tag.
const named: Readonly<Record<string, string>> = {
  english: "en",
  eng: "en",
  german: "de",
  deu: "de",
  ger: "de",
  french: "fr",
  fra: "fr",
  fre: "fr",
  spanish: "es",
  spa: "es",
  portuguese: "pt",
  por: "pt",
  japanese: "ja",
  jpn: "ja",
  italian: "it",
  ita: "it",
  dutch: "nl",
  nld: "nl",
  dut: "nl",
  polish: "pl",
  pol: "pl",
  russian: "ru",
  rus: "ru",
  hindi: "hi",
  hin: "hi",
  chinese: "zh",
  zho: "zh",
  chi: "zh",
  korean: "ko",
  kor: "ko",
  turkish: "tr",
  tur: "tr",
  czech: "cs",
  ces: "cs",
  cze: "cs",
  slovak: "sk",
  slk: "sk",
  slo: "sk",
  hungarian: "hu",
  hun: "hu",
  finnish: "fi",
  fin: "fi",
  danish: "da",
  dan: "da",
  norwegian: "no",
  nor: "no"
}

/** Tags of a transcript that name no language: of several, or of one that was not found out. */
const ofNone: ReadonlySet<string> = new Set(["", "multi", "mul", "und", "auto"])

/** Whether a tag names a language; what a recogniser without types tells may be anything. */
export const isLanguage = (tag: unknown): tag is string =>
  typeof tag === "string" && !ofNone.has(tag.trim().toLowerCase())

/** The first part of a language tag; English where none is told. */
export const languageOf = (tag: string | undefined): string => {
  const first = (tag ?? "").trim().toLowerCase().split(/[-_]/u)[0] ?? ""
  return first === "" ? "en" : own(named, first) ?? first
}

const noBook: Phrasebook = {
  continuers: [],
  agreement: [],
  cutIns: [],
  holds: [],
  lengths: [],
  howLong: [],
  courtesies: [],
  hesitations: [],
  unfinished: []
}

const bookOf = (language: string, more: MorePhrases | undefined): Phrasebook => {
  const book: Phrasebook = own<Phrasebook>(phrasebooks, language) ?? noBook
  const known = language === "en" || book === noBook ? book : withBorrowed(book)
  const further = own(more, language)
  const both = (name: keyof Phrasebook) => [...known[name], ...(further?.[name] ?? [])]
  return further === undefined ? known : {
    continuers: both("continuers"),
    agreement: both("agreement"),
    cutIns: both("cutIns"),
    holds: both("holds"),
    lengths: both("lengths"),
    howLong: both("howLong"),
    courtesies: both("courtesies"),
    hesitations: both("hesitations"),
    unfinished: both("unfinished")
  }
}

const known = new Map<string, Indexes>()
const extended = new WeakMap<MorePhrases, Map<string, Indexes>>()

/** Made on first use. */
const indexesIn = (language: string, more: MorePhrases | undefined): Indexes => {
  const further = own(more, language) === undefined ? undefined : more
  const made = further === undefined ? known : extended.get(further) ?? new Map<string, Indexes>()
  if (further !== undefined) extended.set(further, made)
  const existing = made.get(language)
  if (existing !== undefined) return existing
  const fresh = indexesOf(bookOf(language, further))
  // A tag that nobody has phrases for is not kept: there is no end of them.
  if (further !== undefined || Object.hasOwn(phrasebooks, language)) made.set(language, fresh)
  return fresh
}

export interface Reading {
  /** @default English */
  readonly language?: string | undefined
  readonly more?: MorePhrases | undefined
}

/** Whether there are phrases of a language. */
export const knows = ({ language, more }: Reading): boolean => indexesIn(languageOf(language), more).signs.longest > 0

/** Whether a text that is still being said may become no more than a sign of listening: its last word may be a part of one. */
export const mayBecomeSign = (text: string, { language, more }: Reading = {}): boolean => {
  if (text.length > longestSign) return false
  const { signs } = indexesIn(languageOf(language), more)
  const all = words(text)
  const reached = reach(signs, all)
  return reached.has(all.length) ||
    [...reached].some((at) => all.length - at <= signs.longest && mayBegin(signs, all.slice(at).join(" ")))
}

/** "Huh?" asks to hear it again: Dingemanse et al., “Is ‘Huh?’ a universal word?” (PLoS ONE 8, 2013). */
const asksBack = (text: string): boolean => /[?？]\s*$/u.test(text) && words(text).length === 1

/** What the text is, if it is no more than phrases of one kind. */
export const phraseKind = (text: string, { language, more }: Reading = {}): PhraseKind | undefined => {
  const book = indexesIn(languageOf(language), more)
  if (holdsOne(book.holds, text) && isMadeOf(book.requestsToWait, text)) return "hold"
  if ((holdsOne(book.cutIns, text) || holdsOne(book.holds, text)) && isMadeOf(book.requests, text)) return "cut-in"
  if (isMadeOf(book.continuers, text)) return asksBack(text) ? undefined : "continuer"
  return isMadeOf(book.signs, text) ? "agreement" : undefined
}

/** Whether a request to wait says no more than how long. */
export const isLength = (text: string, { language, more }: Reading = {}): boolean =>
  isMadeOf(indexesIn(languageOf(language), more).lengths, text)

/** Whether a question asks how long somebody needs, or is to be waited for. */
export const asksHowLong = (question: string, { language, more }: Reading = {}): boolean => {
  const all = words(question)
  return indexesIn(languageOf(language), more).howLong.some((pattern) => fits(pattern, all))
}

export const isHesitation = (text: string, { language, more }: Reading = {}): boolean =>
  isMadeOf(indexesIn(languageOf(language), more).hesitations, text)

/**
 * Whether the text ends where no sentence does; a question mark says otherwise ("Where are you from?"), and so does a phrase
 * that is whole (Spanish "para" alone is "stop", and no "for").
 */
export const isUnfinished = (text: string, { language, more }: Reading = {}): boolean => {
  if (/[?？؟]\s*$/.test(text)) return false
  const kind = phraseKind(text, { language, more })
  if (kind === "cut-in" || kind === "agreement") return false
  const { unfinished } = indexesIn(languageOf(language), more)
  const last = words(text).slice(-unfinished.longest)
  return last.some((_, at) => has(unfinished, last.slice(at).join(" ")))
}

/** What may close a sentence behind its mark. */
const closers = new Set("\"'”’»）)]】」』*_")

/** Whether a sentence asks; one of Japanese, Chinese or Korean may do so without a mark. */
export const isQuestion = (sentence: string): boolean => {
  const trimmed = sentence.trim()
  let end = trimmed.length
  while (end > 0 && closers.has(trimmed[end - 1]!)) end--
  const text = trimmed.slice(0, end)
  return /[?？؟⸮՞\u{37e}]$/u.test(text) ||
    /(?:[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}](?:か(?:な|ね)?|[吗嗎])|\p{Script=Hangul}(?:까요?|나요))[。．.]?$/u
      .test(text)
}
