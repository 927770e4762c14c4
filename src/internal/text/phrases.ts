import { canonical } from "./words.ts"

export const acknowledgements: ReadonlyArray<string> = [
  "yeah",
  "yea",
  "yep",
  "yup",
  "yes",
  "ya",
  "aye",
  "uh huh",
  "uhuh",
  "mm hm",
  "mm hmm",
  "mhm",
  "mmhm",
  "mm",
  "hm",
  "hmm",
  "m hm",
  "ok",
  "okay",
  "k",
  "kay",
  "okey dokey",
  "alright",
  "all right",
  "right",
  "sure",
  "sure thing",
  "of course",
  "i see",
  "i understand",
  "understood",
  "got it",
  "i got it",
  "gotcha",
  "makes sense",
  "that makes sense",
  "fair enough",
  "sounds good",
  "exactly",
  "absolutely",
  "definitely",
  "totally",
  "indeed",
  "true",
  "that's right",
  "that's true",
  "oh",
  "ooh",
  "ah",
  "aha",
  "ah ha",
  "wow",
  "cool",
  "great",
  "good",
  "nice",
  "perfect",
  "fine",
  "lovely",
  "interesting",
  "go on",
  "carry on",
  "keep going",
  "i know"
]

export const cutIns: ReadonlyArray<string> = [
  "stop",
  "wait",
  "hold on",
  "hang on",
  "hold it",
  "excuse me",
  "pardon me",
  "no no",
  "shut up",
  "be quiet",
  "quiet",
  "silence",
  "pause",
  "cancel",
  "never mind",
  "nevermind",
  "that's enough",
  "enough already",
  "one moment",
  "one second",
  "one sec",
  "just a moment",
  "just a second",
  "just a minute",
  "just a sec",
  "give me a moment",
  "give me a second",
  "let me speak",
  "let me talk",
  "let me finish",
  "listen to me",
  "can i say something",
  "not so fast"
]

/** These ask for the floor where they are all that is said: "no problem" and "help yourself" do not. */
const outcries: ReadonlyArray<string> = ["no", "nope", "help", "enough", "hey", "hush", "shush", "shh"]

/** What may stand beside a request to stop without making it another one. */
const courtesies: ReadonlyArray<string> = [
  "please",
  "sorry",
  "just",
  "now",
  "right now",
  "okay",
  "ok",
  "oh",
  "uh",
  "um",
  "it",
  "that",
  "this",
  "there",
  "talking",
  "speaking",
  "a moment",
  "a minute",
  "a second",
  "a sec",
  "for a moment",
  "for a minute",
  "for a second"
]

/** Whoever says no more than these goes on in a moment. */
const hesitations: ReadonlyArray<string> = [
  "uh",
  "uhm",
  "um",
  "umm",
  "er",
  "erm",
  "ehm",
  "äh",
  "ähm",
  "euh",
  "hm",
  "hmm",
  "well",
  "so",
  "let me see",
  "let's see",
  "let me think",
  "let me check",
  "let me look",
  "i mean",
  "you know"
]

const negations: ReadonlySet<string> = new Set(
  ["don't", "dont", "not", "never", "can't", "cant", "cannot", "couldn't", "won't", "wouldn't", "didn't", "doesn't"]
)

/** Phrases by the number of their words, so that a text is matched in one pass. */
export interface Index {
  readonly phrases: ReadonlySet<string>
  readonly longest: number
}

const words = (text: string): Array<string> => canonical(text).flatMap((word) => word.split(/[-–]+/))

export const index = (phrases: ReadonlyArray<string>): Index => {
  const split = phrases.map(words).filter((phrase) => phrase.length > 0)
  return {
    phrases: new Set(split.map((phrase) => phrase.join(" "))),
    longest: split.reduce((longest, phrase) => Math.max(longest, phrase.length), 0)
  }
}

/** The same, made on first use. */
export const lazyIndex = (phrases: ReadonlyArray<string>): () => Index => {
  let made: Index | undefined
  return () => made ??= index(phrases)
}

/** Recognisers write drawn-out sounds with any number of letters. */
const shorten = (text: string, letters: "$1" | "$1$1"): string => text.replace(/(\p{L})\1{2,}/gu, letters)

const has = (index: Index, phrase: string): boolean =>
  index.phrases.has(phrase) || index.phrases.has(shorten(phrase, "$1")) || index.phrases.has(shorten(phrase, "$1$1"))

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

/** Whether the text is made of the phrases alone. */
export const isMadeOf = (index: Index, text: string): boolean => {
  const all = words(text)
  const reached = new Set([0])
  for (const at of all.keys()) {
    if (reached.has(at)) {
      for (const end of endsAt(index, all, at)) {
        reached.add(end)
      }
    }
  }
  return all.length > 0 && reached.has(all.length)
}

export const contains = (index: Index, text: string): boolean => {
  const all = words(text)
  return all.some((_, at) => !negations.has(all[at - 1] ?? "") && endsAt(index, all, at).length > 0)
}

// A refusal is no command.
const commandIndex = lazyIndex(cutIns.filter((phrase) => phrase !== "no no"))
const requestIndex = lazyIndex([...cutIns, ...outcries, ...courtesies])
const outcryIndex = lazyIndex(outcries)
const hesitationIndex = lazyIndex(hesitations)

/** Whether the text is nothing but a request to stop speaking. */
export const isCommand = (text: string): boolean => contains(commandIndex(), text) && isMadeOf(requestIndex(), text)

export const isOutcry = (text: string): boolean => isMadeOf(outcryIndex(), text)

export const isHesitation = (text: string): boolean => isMadeOf(hesitationIndex(), text)
