/** Formats of audio as options. */
import type * as Audio from "../../Audio.ts"
import * as Check from "../options.ts"
import { maxChannels } from "./format.ts"

const fields = {
  sampleRate: Check.required(Check.hertz()),
  channels: Check.required(Check.whole({ least: 1, most: maxChannels }))
}

export const format = Check.struct<Audio.Format>()(fields)

/** What has fewer samples holds no speech, and blocks the process while it is converted. */
export const spokenRate = Check.hertz({ least: 4000 })

/** Of audio that holds speech. */
export const spoken = Check.struct<Audio.Format>()({ ...fields, sampleRate: Check.required(spokenRate) })
