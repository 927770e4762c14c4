/** Options of synthesisers, and of what is kept of their speech. */
import type { InvalidOptions } from "../../Failure.ts"
import * as Check from "../options.ts"
import { refused } from "../provider/options.ts"
import { type CacheOptions, type Options, type StoreOptions, TtsError } from "./model.ts"

export const memory = Check.struct<CacheOptions>()({
  maxBytes: Check.number({ least: 0, endless: true, default: 33_554_432 }),
  accepts: Check.callback,
  store: Check.service("a CacheStore, such as Tts.fileStore gives", "get", "set")
})

export const directory = Check.struct<StoreOptions>()({
  path: Check.required(Check.text()),
  variant: Check.required(Check.words),
  maxBytes: Check.number({ least: 0, endless: true, default: 268_435_456 })
})

/** How one text is spoken, by a voice whose speed has these bounds. */
export const spokenAt = (speed: Parameters<typeof Check.number>[0]) =>
  Check.struct<Options>()({ speed: Check.number(speed), voice: Check.text() })

/** All that is wrong, in the name of a provider. */
export const refusing = (provider: string) => (wrong: InvalidOptions): TtsError =>
  new TtsError({ provider, reason: refused(wrong) })
