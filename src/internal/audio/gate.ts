/**
 * Lets through what is louder than a threshold, and the time behind it; the rest
 * becomes silence, without a click. Each processor opens a gate of its own, which
 * remembers no more than how loud it was.
 */
import * as Duration from "effect/Duration"
import type { Frame } from "../../Audio.ts"
import { makeFrame } from "./format.ts"

const attackSeconds = 0.001
const releaseSeconds = 0.01

/** Decides sample by sample, so that the cut into frames cannot matter. */
export const openGate = (thresholdDbfs: number, hold: Duration.Input) => {
  const threshold = 32768 * 10 ** (thresholdDbfs / 20)
  const holdSeconds = Duration.toSeconds(hold)
  let sampleRate = 0
  let holdSamples = 0
  let left = 0
  let level = 0
  const one = (frame: Frame): Frame => {
    if (frame.sampleRate !== sampleRate) {
      left = sampleRate === 0 ? 0 : Math.round(left / sampleRate * frame.sampleRate)
      sampleRate = frame.sampleRate
      holdSamples = Math.max(1, Math.round(holdSeconds * sampleRate))
    }
    const attack = 1 / (attackSeconds * sampleRate)
    const release = 1 / (releaseSeconds * sampleRate)
    const { channels, samples } = frame
    let out: Int16Array | undefined = undefined
    for (let base = 0; base < samples.length; base += channels) {
      let loud = false
      for (let i = base; i < base + channels; i++) {
        const sample = samples[i]!
        loud ||= sample >= threshold || -sample >= threshold
      }
      if (loud) {
        left = holdSamples
      } else if (left > 0) {
        left--
      }
      level = left > 0 ? Math.min(1, level + attack) : Math.max(0, level - release)
      if (level < 1) {
        out ??= samples.slice()
        for (let i = base; i < base + channels; i++) {
          out[i] = Math.round(samples[i]! * level)
        }
      }
    }
    return out === undefined ? frame : makeFrame(out, frame, frame.at)
  }
  return (frames: ReadonlyArray<Frame>): ReadonlyArray<Frame> => frames.map(one)
}
