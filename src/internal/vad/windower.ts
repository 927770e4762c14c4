/**
 * Brings audio onto the grid of a model's windows, gaps included, so that a time
 * in the audio is a position on the grid. It belongs to one detector, and holds
 * less than a window. The memory of windows is used again: a piece is what it is
 * until the next push.
 */
import * as Audio from "../../Audio.ts"
import { FrameWindows } from "../audio/windows.ts"

/** A window of audio, or the number of whole windows that nobody heard. */
export type Piece = Int16Array | number

// Timestamps rounded to milliseconds jitter by less; no packet is shorter.
const jitterMs = 2

// One that is being filled and one that is out: a frame completes no more, as a rule.
const mostSpare = 2

/**
 * Cuts frames of any format into windows of the model's, on a grid that starts
 * with the first frame. A gap in the frames' times becomes silence on that
 * grid: windows partly in it are filled up, windows wholly in it are counted.
 */
export class Windower {
  readonly #size: number
  readonly #sampleRate: number
  readonly #converter: Audio.Converter
  readonly #windows: FrameWindows
  /** Memory of windows that nobody reads any more, and of those that were given out last. */
  #spare: Array<Int16Array> = []
  #out: Array<Int16Array> = []
  /** Stream time of position 0, and where the next frame should begin (ms). */
  #origin: number | undefined
  #expected: number
  /** Samples put on the grid so far. */
  #position = 0

  /** `resumeAt` is the time of the first frame, unless that says otherwise. */
  constructor(sampleRate: number, size: number, resumeAt: number) {
    this.#size = size
    this.#sampleRate = sampleRate
    this.#converter = Audio.converter({ to: { sampleRate, channels: 1 } })
    this.#windows = new FrameWindows(() => size, () => this.#spare.pop()?.fill(0) ?? new Int16Array(size))
    this.#origin = undefined
    this.#expected = resumeAt
  }

  get origin(): number {
    return this.#origin ?? this.#expected
  }

  /** Throws an `AudioError` where a frame has an impossible format. */
  push(frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Piece> {
    const out: Array<Piece> = []
    this.#spare = [...this.#spare, ...this.#out].slice(0, mostSpare)
    this.#out = []
    for (const frame of frames) {
      const at = frame.at !== undefined && Number.isFinite(frame.at) ? frame.at : undefined
      if (this.#origin === undefined) {
        this.#origin = at ?? this.#expected
        this.#expected = this.#origin
      } else if (at !== undefined && at - this.#expected > jitterMs) {
        this.#put(this.#converter.flush(), out)
        this.#silence(Math.round((at - this.#origin) * this.#sampleRate / 1000) - this.#position, out)
        this.#expected = at
      }
      this.#put(this.#converter.push([frame]), out)
      this.#expected += Audio.durationMs(frame)
    }
    return out
  }

  /** The last pieces, of which the last may be shorter than a window. */
  finish(): ReadonlyArray<Piece> {
    const out: Array<Piece> = []
    this.#put(this.#converter.flush(), out)
    const rest = this.#windows.rest()
    if (rest !== undefined && rest.samples.length > 0) {
      out.push(rest.samples)
    }
    return out
  }

  #put(frames: ReadonlyArray<Audio.Frame>, out: Array<Piece>): void {
    if (frames.length === 0) {
      return
    }
    for (const frame of frames) {
      this.#position += frame.samples.length
    }
    for (const window of this.#windows.push(frames)) {
      out.push(window.samples)
      if (!frames.includes(window)) this.#out.push(window.samples)
    }
  }

  #silence(count: number, out: Array<Piece>): void {
    if (count <= 0) {
      return
    }
    const filling = Math.min(count, (this.#size - this.#position % this.#size) % this.#size)
    this.#pad(filling, out)
    const whole = Math.floor((count - filling) / this.#size)
    if (whole > 0) {
      out.push(whole)
      this.#position += whole * this.#size
    }
    this.#pad(count - filling - whole * this.#size, out)
  }

  #pad(count: number, out: Array<Piece>): void {
    if (count > 0) {
      this.#put([{ samples: new Int16Array(count), sampleRate: this.#sampleRate, channels: 1 }], out)
    }
  }
}
