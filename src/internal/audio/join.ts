/**
 * Frames of one format as one frame: behind each other, or over each other.
 * Nothing is kept; one frame alone is given as it is.
 */
import type { Format, Frame } from "../../Audio.ts"
import { checkSameFormat, makeFrame, saturate } from "./format.ts"

export const join = (frames: ReadonlyArray<Frame>, empty: Format): Frame => {
  if (frames.length === 1) {
    return frames[0]!
  }
  const format = checkSameFormat(frames) ?? empty
  const samples = new Int16Array(frames.reduce((sum, frame) => sum + frame.samples.length, 0))
  let offset = 0
  for (const frame of frames) {
    samples.set(frame.samples, offset)
    offset += frame.samples.length
  }
  return makeFrame(samples, format, frames[0]?.at)
}

export const overlay = (frames: ReadonlyArray<Frame>, empty: Format): Frame => {
  if (frames.length === 1) {
    return frames[0]!
  }
  const format = checkSameFormat(frames) ?? empty
  const sums = new Float64Array(frames.reduce((most, frame) => Math.max(most, frame.samples.length), 0))
  for (const { samples } of frames) {
    for (let i = 0; i < samples.length; i++) {
      sums[i]! += samples[i]!
    }
  }
  return makeFrame(Int16Array.from(sums, saturate), format, frames.find((frame) => frame.at !== undefined)?.at)
}
