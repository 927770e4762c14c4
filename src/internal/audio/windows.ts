/**
 * Cuts frames into windows of one length, for models that want them so. Samples that do not fill a
 * window wait for more. A gap or another format drops them, and `rest` gives them at the end.
 */
import type { Format, Frame, Windows } from "../../Audio.ts"
import { AudioError } from "./error.ts"
import { checkFormat, makeFrame, sameFormat } from "./format.ts"

const silence = (length: number): Int16Array => new Int16Array(length)

export class FrameWindows {
  readonly #sizeOf: (format: Format) => number
  readonly #blank: (length: number) => Int16Array
  #format: Format | undefined = undefined
  #length = 0
  #window: Int16Array | undefined = undefined
  #filled = 0
  #windowAt: number | undefined = undefined
  /** Where the next frame should begin, where known. */
  #expected: number | undefined = undefined

  /** `blank` gives the memory of a window: so much silence. A frame that is a window by itself keeps its own. */
  constructor(sizeOf: (format: Format) => number, blank: (length: number) => Int16Array = silence) {
    this.#sizeOf = sizeOf
    this.#blank = blank
  }

  push(frames: ReadonlyArray<Frame>): ReadonlyArray<Frame> {
    const out: Array<Frame> = []
    for (const frame of frames) {
      this.#one(frame, out)
    }
    return out
  }

  rest(): Frame | undefined {
    const unfinished = this.#window !== undefined && this.#format !== undefined
      ? makeFrame(this.#window.slice(0, this.#filled), this.#format, this.#windowAt)
      : undefined
    this.#window = undefined
    this.#expected = undefined
    return unfinished
  }

  #one(frame: Frame, out: Array<Frame>): void {
    if (this.#format === undefined || !sameFormat(this.#format, frame)) {
      checkFormat(frame)
      // The rest of the array is silence already.
      this.#emit(out)
      this.#format = { sampleRate: frame.sampleRate, channels: frame.channels }
      this.#length = this.#sizeOf(frame) * frame.channels
    }
    const { samples } = frame
    const length = this.#length
    const end = samples.length - samples.length % frame.channels
    const msPerSample = 1000 / frame.sampleRate / frame.channels
    const begin = frame.at ?? this.#expected
    this.#expected = begin === undefined ? undefined : begin + end * msPerSample
    if (this.#window === undefined && end === length && end === samples.length) {
      out.push(frame)
      return
    }
    for (let start = 0; start < end;) {
      if (this.#window === undefined) {
        this.#filled = 0
        this.#windowAt = begin === undefined ? undefined : begin + start * msPerSample
        this.#window = this.#blank(length)
      }
      const take = Math.min(length - this.#filled, end - start)
      this.#window.set(samples.subarray(start, start + take), this.#filled)
      this.#filled += take
      start += take
      if (this.#filled === length) {
        this.#emit(out)
      }
    }
  }

  #emit(out: Array<Frame>): void {
    if (this.#window !== undefined && this.#format !== undefined) {
      out.push(makeFrame(this.#window, this.#format, this.#windowAt))
      this.#window = undefined
    }
  }
}

/**
 * Makes a cutter of windows of `size` samples a channel.
 *
 * **Details**
 *
 * Throws an `AudioError` where `size` is not a whole number from 1 on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const windows = (size: number): Windows => {
  if (!Number.isInteger(size) || size < 1) {
    throw new AudioError({
      reason: "InvalidArgument",
      field: "size",
      detail: `${size} is not a whole number of samples from 1 on`
    })
  }
  return new FrameWindows(() => size)
}
