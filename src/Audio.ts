/**
 * Audio as plain records of 16-bit samples.
 *
 * A `Frame` owns its samples: whoever makes one never writes to it again, and
 * whoever receives one may keep it. Frames of 10 to 100 ms are usual; every
 * function here accepts any length and any chunking of a stream of them.
 *
 * @since 0.1.0
 */

import { FrameConverter } from "./internal/audio/converter.ts"
import { AudioError } from "./internal/audio/error.ts"
import { checkFormat } from "./internal/audio/format.ts"
import { FrameWindows } from "./internal/audio/windows.ts"

/**
 * Layout of raw audio: samples per second (Hz) and interleaved channels.
 *
 * @category models
 * @since 0.1.0
 */
export interface Format {
  readonly sampleRate: number
  readonly channels: number
}

/**
 * A piece of audio: interleaved signed 16-bit samples in an array that starts
 * at offset 0 of its own buffer.
 *
 * **Details**
 *
 * `at` is the stream time of the first sample in milliseconds, where the source
 * knows it. A frame whose `at` lies behind the end of the frame before it says
 * that audio was lost in between; the time passes all the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface Frame extends Format {
  readonly samples: Int16Array
  readonly at?: number | undefined
}

export { AudioError }

/**
 * Turns frames of any format into frames of one format, step by step.
 *
 * **Details**
 *
 * - `push` takes frames in order and gives what they complete; `flush` ends the
 *   audio and gives the rest, after which new audio may follow.
 * - A frame that has the format already passes as the same object. Others are
 *   mixed to the channel count (fewer: averages; more: repeats) and resampled.
 * - Rate and channel count may change from one frame to the next.
 * - `push` and `flush` together give exactly `round(n * to / from)` samples a
 *   channel, without delay against the input, whatever the chunking.
 * - Resampling is flat within 0.01 dB up to 0.9 of the lower of both Nyquist
 *   frequencies and stops 76 dB from that Nyquist frequency on. It holds back
 *   48 samples at the lower rate (3 ms at 16 kHz) until more audio follows.
 * - `at` of the output is counted on from the first frame that has one. A frame
 *   that lies off the count by more than its own length (100 ms at most) starts
 *   anew: the filter runs out, and the gap stays a gap.
 *
 * @category models
 * @since 0.1.0
 */
export interface Converter {
  readonly to: Format
  /** Throws an `AudioError` where a frame has an impossible format. */
  push(frames: ReadonlyArray<Frame>): ReadonlyArray<Frame>
  flush(): ReadonlyArray<Frame>
}

/**
 * Cuts frames of any length into windows of one length, copying each sample at
 * most once.
 *
 * **Details**
 *
 * - A frame that is a window already passes as the same object.
 * - `at` of a window is the time of its first sample.
 * - A change of format fills the unfinished window up with silence.
 * - `rest` gives what does not fill a window, if anything, and forgets it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Windows {
  push(frames: ReadonlyArray<Frame>): ReadonlyArray<Frame>
  rest(): Frame | undefined
}

/**
 * What speech models want: 16 kHz mono.
 *
 * @category models
 * @since 0.1.0
 */
export const speech: Format = { sampleRate: 16_000, channels: 1 }

/**
 * Length of a frame in milliseconds.
 *
 * @category getters
 * @since 0.1.0
 */
export const durationMs = (frame: Frame): number => frame.samples.length / frame.channels / frame.sampleRate * 1000

/**
 * Makes a converter to one format.
 *
 * **Details**
 *
 * `from` computes the filter of that rate now instead of with the first frame;
 * other formats are still welcome. Throws an `AudioError` where a format is
 * impossible: check formats from outside first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const converter = (options: { readonly from?: Format | undefined; readonly to: Format }): Converter => {
  checkFormat(options.to)
  if (options.from !== undefined) {
    checkFormat(options.from)
  }
  return new FrameConverter(options.to, options.from)
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
