/**
 * How loud a participant's voice is, against how loud they usually are: a much fainter voice is
 * somebody else in the room, or a television. Their own level is a mean over the last half minute
 * of voice. A fainter voice moves it by a quarter of its length, so that a user who has stepped
 * back from the microphone counts as the user again after a while. It costs one pass over the
 * samples of speech.
 */
import * as Audio from "../../Audio.ts"

/** Voice (ms) after which somebody's own level is known, and over how much it is a mean. */
const known = 5000
const meanOver = 30_000

/** How often (ms) the level of a voice is told, from its beginning on. */
const every = 80

/** A voice so much (dB) below the usual counts less. */
const faint = 12

export interface Loudness {
  /** Frames of an open speech. */
  readonly push: (frames: ReadonlyArray<Audio.Frame>) => void
  /** A speech begins, or is over. */
  readonly begin: () => void
  readonly end: () => void
}

const toDecibels = (power: number): number => 10 * Math.log10(power)

/** `tell` is called with how far (dB) the voice is below the level of its owner, while that is known. */
export const makeLoudness = (tell: (below: number) => void): Loudness => {
  let usual = 0
  let usualMs = 0
  let energy = 0
  let ms = 0
  let toldAt = 0
  return {
    push: (frames) => {
      for (const frame of frames) {
        const length = Audio.durationMs(frame)
        energy += Audio.rms(frame) ** 2 * length
        ms += length
      }
      if (usualMs < known || usual === 0 || ms - toldAt < every) return
      toldAt = ms
      tell(toDecibels(usual) - toDecibels(energy / ms))
    },
    begin: () => {
      energy = 0
      ms = 0
      toldAt = 0
    },
    end: () => {
      if (ms === 0) return
      const power = energy / ms
      const isFaint = usualMs >= known && toDecibels(usual) - toDecibels(power) > faint
      const weight = isFaint ? ms / 4 : ms
      usual += (power - usual) * Math.min(1, weight / Math.min(usualMs + weight, meanOver))
      usualMs += weight
      ms = 0
    }
  }
}
