/** How much text is taken at once, from any source. A longer text is cut, with a warning. */
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type * as Llm from "../../Llm.ts"
import type * as Stt from "../../Stt.ts"
import { mostAsked } from "../llm/calls.ts"
import { head } from "../text/head.ts"
import type { Core } from "./core.ts"

// In characters. Nobody says so much in one breath: a recogniser gives a minute of speech in a thousand.
const longestTranscript = 16_384
/** Words with their times. */
const mostWords = 4096
// What the program sends for the user, rewords or has looked up: it stands in every prompt from then on.
const longestGiven = 65_536

// What a model answers at once: an hour of talk. One that gives more has lost its way, and would go on for ever.
const longestAnswer = 65_536

// What a program has said at once: a day of talk.
const longestSaid = 1_048_576

const warn = (core: Core, component: Event.Component, message: string): void =>
  core.publish({ _tag: "Warning", component, message })

/** What a program gives, by its name. */
export const given = (core: Core, name: string, text: string): string => {
  if (text.length <= longestGiven) return text
  warn(core, "text", `${name}: longer than ${longestGiven} characters, and is cut there`)
  return head(text, longestGiven)
}

/** The transcripts of a recogniser; that one was cut is told once. */
export const transcripts = (core: Core): (transcript: Stt.Transcript) => Stt.Transcript => {
  let told = false
  return (transcript) => {
    const { text, words } = transcript
    if (text.length <= longestTranscript && (words === undefined || words.length <= mostWords)) return transcript
    if (!told) warn(core, "stt", `a transcript is longer than ${longestTranscript} characters, and is cut there`)
    told = true
    return {
      ...transcript,
      text: head(text, longestTranscript),
      ...(words === undefined ? {} : { words: words.slice(0, mostWords) })
    }
  }
}

/** Takes an answer of the model in, delta by delta; it ends where it is too long. */
export const makeIntake = (
  core: Core
): (delta: Llm.Delta) => { readonly delta: Llm.Delta; readonly last: boolean } => {
  let characters = 0
  let calls = 0
  return (given) => {
    const delta = given._tag === "Text" && given.text.length > longestAnswer
      ? { ...given, text: head(given.text, longestAnswer) }
      : given
    // A delta without a word counts, too.
    if (delta._tag === "Text") characters += Math.max(4, delta.text.length)
    // Much of what is spoken is audio without a word.
    if (delta._tag === "Speech") characters += delta.text?.length ?? 0
    if (delta._tag.endsWith("Call") || delta._tag === "ProviderResult") calls += 1
    const last = characters >= longestAnswer || calls >= mostAsked
    if (last) warn(core, "llm", "an answer is longer than any is, and ends there")
    return { delta, last }
  }
}

/** What a program has said, piece by piece: it ends where it is too long. */
export const said = (core: Core) => <E, R>(pieces: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  Stream.suspend(() => {
    let characters = 0
    const isLast = (piece: string): boolean => {
      characters += Math.max(4, piece.length)
      if (characters < longestSaid) return false
      warn(core, "text", "say: longer than anyone talks, and ends there")
      return true
    }
    return Stream.takeUntil(Stream.map(pieces, (piece) => head(piece, longestSaid)), isLast)
  })
