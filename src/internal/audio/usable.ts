/** Wrong frames that a room, a voice or a processor of your own may give by mistake, and what is wrong with them. */
import type { Frame } from "../../Audio.ts"
import { leastRate, problemOf } from "./format.ts"

/** Nobody waits for so much audio (ms): all of it would be looked at in one go. */
const longestFrame = 10_000

/** What is wrong with what should be a frame; `undefined` if nothing is. */
export const noAudio = (frame: Frame | null | undefined): string | undefined => {
  if (frame === null || frame === undefined) return "no frame"
  try {
    const { channels, sampleRate, samples } = frame
    if (!(samples instanceof Int16Array)) return "samples that are no Int16Array"
    const wrong = problemOf({ channels, sampleRate })
    if (wrong !== undefined) {
      return wrong.field === "channels"
        ? "channels that cannot be"
        : "a sample rate that is no rate"
    }
    if (sampleRate < leastRate) return "a sample rate that is too low"
    if (samples.length % channels !== 0) return "samples that are not the same for each channel"
    return undefined
  } catch {
    return "what throws when it is read"
  }
}

/** The same of what a microphone gives: whoever reads it counts it, and goes on without it. */
export const unusable = (frame: Frame | null | undefined): string | undefined =>
  noAudio(frame) ?? (isLong(frame!) ? "more audio than a frame has" : undefined)

const isLong = ({ channels, sampleRate, samples }: Frame): boolean =>
  samples.length / channels / sampleRate * 1000 > longestFrame

/** The frames that can be read: the same array, where all can. */
export const usable = (frames: ReadonlyArray<Frame>): ReadonlyArray<Frame> =>
  frames.every((frame) => unusable(frame) === undefined)
    ? frames
    : frames.filter((frame) => unusable(frame) === undefined)
