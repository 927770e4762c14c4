/**
 * Which formats there can be, and frames that are of one. Wrong formats fail here, before anything
 * is computed.
 */
import type * as Duration from "effect/Duration"
import type { Format, Frame } from "../../Audio.ts"
import { lengthOf } from "../options/duration.ts"
import { AudioError } from "./error.ts"

/**
 * What speech models want: 16 kHz mono.
 *
 * @category models
 * @since 0.1.0
 */
export const speech: Format = { sampleRate: 16_000, channels: 1 }

const maxSampleRate = 768_000
/** What claims fewer samples a second would become hours of audio. */
export const leastRate = 4000
export const maxChannels = 64

const isCount = (n: number, max: number): boolean => Number.isInteger(n) && n >= 1 && n <= max

export const problemOf = (format: Format): AudioError | undefined => {
  if (!isCount(format.sampleRate, maxSampleRate)) {
    return new AudioError({
      reason: "InvalidFormat",
      field: "sampleRate",
      detail: `${format.sampleRate} is not a whole number of Hz from 1 to ${maxSampleRate}`
    })
  }
  if (!isCount(format.channels, maxChannels)) {
    return new AudioError({
      reason: "InvalidFormat",
      field: "channels",
      detail: `${format.channels} is not a whole number from 1 to ${maxChannels}`
    })
  }
  return undefined
}

export const checkFormat = (format: Format): void => {
  const problem = problemOf(format)
  if (problem !== undefined) {
    throw problem
  }
}

/** Throws where a rate is too low to be converted from or to. */
export const checkRate = ({ sampleRate }: Format): void => {
  if (sampleRate >= leastRate) return
  throw new AudioError({
    reason: "InvalidFormat",
    field: "sampleRate",
    detail: `${sampleRate} Hz are not converted, only ${leastRate} Hz and more`
  })
}

export const sameFormat = (a: Format, b: Format): boolean => a.sampleRate === b.sampleRate && a.channels === b.channels

export const makeFrame = (samples: Int16Array, format: Format, at: number | undefined): Frame =>
  at === undefined
    ? { samples, sampleRate: format.sampleRate, channels: format.channels }
    : { samples, sampleRate: format.sampleRate, channels: format.channels, at }

export const saturate = (value: number): number => value > 32767 ? 32767 : value < -32768 ? -32768 : Math.round(value)

export const checkSameFormat = (frames: ReadonlyArray<Frame>): Format | undefined => {
  const first = frames[0]
  if (first === undefined) {
    return undefined
  }
  const other = frames.find((frame) => !sameFormat(frame, first))
  if (other !== undefined) {
    throw new AudioError({
      reason: "InvalidArgument",
      field: "frames",
      detail:
        `${other.sampleRate} Hz × ${other.channels} does not go with ${first.sampleRate} Hz × ${first.channels}; ` +
        "convert the frames to one format first"
    })
  }
  return { sampleRate: first.sampleRate, channels: first.channels }
}

/** A time that is an argument; throws where it is none. */
export const millisOf = (field: string, input: Duration.Input): number => {
  const ms = lengthOf(input)
  if (!Number.isNaN(ms)) return ms
  throw new AudioError({ reason: "InvalidArgument", field, detail: "must be a duration, such as \"200 millis\"" })
}
