/** What a program says of a recogniser of single utterances. */
import type { RecognizerOptions } from "../../Stt.ts"
import { format } from "../audio/options.ts"
import * as Check from "../options.ts"
import { detector } from "../vad/settings.ts"

/** What layers of such recognisers have among their own options. */
export const fields = {
  vad: Check.service("the service of a detector, such as Vad.Vad of its layer", "detector"),
  vadOptions: Check.section(detector),
  interimEvery: Check.duration({ least: 10 }),
  maxSpeech: Check.duration({ least: 100, default: "60 seconds" })
}

export const recognizer = Check.struct<RecognizerOptions>()({
  ...fields,
  name: Check.required(Check.text()),
  model: Check.text(),
  prewarm: Check.effect,
  language: Check.text(),
  withLanguage: Check.callback,
  recognize: Check.required(Check.callback),
  format: Check.maybe(format)
})
