/** What a program says of a recogniser of single utterances. */
import type { RecognizerOptions } from "../../Stt.ts"
import { format } from "../audio/options.ts"
import * as Check from "../options.ts"
import { detector } from "../vad/settings.ts"

/** What layers of such recognisers have among their own options. */
export const fields = {
  vad: Check.asIs,
  vadOptions: Check.section(detector),
  interimEvery: Check.duration({ least: 10 }),
  maxSpeech: Check.duration({ least: 100, default: "60 seconds" })
}

export const recognizer = Check.struct<RecognizerOptions>()({
  ...fields,
  name: Check.asIs,
  model: Check.asIs,
  prewarm: Check.asIs,
  language: Check.text(),
  withLanguage: Check.asIs,
  recognize: Check.asIs,
  format: Check.maybe(format)
})
