/** Formats of audio as options. */
import * as Audio from "../../Audio.ts"
import * as Check from "../options.ts"
import { maxChannels } from "./format.ts"

export const fields = {
  sampleRate: Check.required(Check.hertz()),
  channels: Check.required(Check.whole({ least: 1, most: maxChannels }))
}

/** A frame of audio has its format, and may stand for it. */
export const format = Check.wider(Check.struct<Audio.Format>()(fields))

/** Audio that is there already. */
export const clip = Check.such<Audio.Frame | ReadonlyArray<Audio.Frame>>(
  (given) => Array.isArray(given) ? given.every(Audio.isFrame) : Audio.isFrame(given),
  "be a Frame of audio, or a list of them"
)

/** What has fewer samples holds no speech, and blocks the process while it is converted. */
export const spokenRate = Check.hertz({ least: 4000 })

/** Of audio that holds speech. */
export const spoken = Check.wider(Check.struct<Audio.Format>()({ ...fields, sampleRate: Check.required(spokenRate) }))
