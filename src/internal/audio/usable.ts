/** Wrong frames that a program's own room may give by mistake. The reader counts such a frame and ignores it. */
import type { Frame } from "../../Audio.ts"

/** What is wrong with what should be a frame; `undefined` if nothing is. */
export const unusable = (frame: Frame | null | undefined): string | undefined => {
  if (frame === null || frame === undefined) return "no frame"
  if (!(frame.samples instanceof Int16Array)) return "samples that are no Int16Array"
  if (!(frame.sampleRate > 0 && frame.sampleRate < Infinity)) return "a sample rate that is no rate"
  return frame.channels >= 1 && frame.channels < Infinity ? undefined : "no channels"
}

/** The frames that can be read: the same array, where all can. */
export const usable = (frames: ReadonlyArray<Frame>): ReadonlyArray<Frame> =>
  frames.every((frame) => unusable(frame) === undefined)
    ? frames
    : frames.filter((frame) => unusable(frame) === undefined)
