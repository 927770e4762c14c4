/** How much text is taken in at once, whoever gives it: what is longer is cut, which is told. */
import type * as Event from "../../Event.ts"
import type * as Stt from "../../Stt.ts"
import { head } from "../text/head.ts"
import type { Core } from "./core.ts"

// In characters. Nobody says so much in one breath: a recogniser gives a minute of speech in a thousand.
const longestTranscript = 16_384
/** Words with their times. */
const mostWords = 4096
// What the program sends for the user, rewords or has looked up: it stands in every prompt from then on.
const longestGiven = 65_536

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
