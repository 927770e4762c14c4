/**
 * Which failure each error of AssemblyAI is. It says why in a message, and closes the connection with the same code; the
 * words are read and never quoted, for they may hold what it was sent.
 */
import * as Failure from "../../Failure.ts"
import { own } from "../own.ts"
import type { Table } from "../provider/closes.ts"
import { invalid } from "../provider/options.ts"

/** Its parameters by the names of our options. */
const options: Readonly<Record<string, string>> = {
  speech_model: "model",
  sample_rate: "sampleRate",
  language_codes: "languages",
  language_detection: "detectLanguage",
  end_of_turn_confidence_threshold: "endThreshold",
  min_turn_silence: "endSilence",
  max_turn_silence: "endTimeout",
  vad_threshold: "voiceThreshold",
  format_turns: "formatTurns",
  keyterms_prompt: "keyterms",
  prompt: "prompt",
  mode: "mode",
  filter_profanity: "profanityFilter"
}

const lost = (code: number): Failure.Reason => new Failure.Disconnected({ code: String(code) })
const rejected = (status: number): Failure.Reason => new Failure.Rejected({ status })

/** It found something wrong with a parameter or with a message (3006). */
const misunderstood = (code: number, words: string): Failure.Reason => {
  if (/inactiv/i.test(words)) return lost(code)
  const parameter = /Invalid '([a-z_]{1,60})/.exec(words)?.[1] ?? ""
  const option = own(options, parameter)
  return option === undefined
    ? invalid("request", `AssemblyAI cannot use a parameter or a message of it (${code})`)
    : invalid(option, `AssemblyAI cannot use it (${code})`)
}

/** Who asks may not: because of the key, the account, or how many ask (1008). */
const unauthorised = (words: string): Failure.Reason => {
  if (/concurren|too many|limit/i.test(words)) return rejected(429)
  if (/balance|fund|credit|billing|payment|upgrade/i.test(words)) return rejected(402)
  return /key|authori[sz]ation header|token|signature|expired/i.test(words) ? rejected(401) : rejected(403)
}

/**
 * What an error is. The codes from 4000 on are those of the older service, which its package still knows.
 */
export const refusal = (code: number, words: string): Failure.Reason => {
  switch (code) {
    case 1008:
      return unauthorised(words)
    case 3005:
    case 1011:
      return rejected(503)
    case 3006:
    case 4101:
      return misunderstood(code, words)
    case 3007:
      return /rate|faster/i.test(words)
        ? rejected(429)
        : invalid("audio", `AssemblyAI wants pieces of 50 to 1000 ms (${code})`)
    case 3009:
    case 4029:
    case 4102:
      return rejected(429)
    case 4000:
      return invalid("sampleRate", `AssemblyAI cannot use it (${code})`)
    case 4001:
      return rejected(401)
    case 4002:
    case 4003:
      return rejected(402)
    default:
      return lost(code)
  }
}

/** How it closes a connection, where no error message came before: its own codes, and 1008 with its words. */
export const closing: Table = [
  [/^Unauthorized Connection/i, ({ words }) => unauthorised(words)],
  [
    /^(?:Session|Input|Invalid|User Input|Audio Transmission|See Error)/i,
    ({ code, words }) => refusal(code, words)
  ]
]
