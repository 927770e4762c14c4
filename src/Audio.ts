/**
 * Audio as plain records of 16-bit samples.
 *
 * A `Frame` owns its samples: do not write to a frame after you have given it away; you may keep
 * one that you get. Frames of 10 to 100 ms are usual; every function here accepts any length and
 * any chunking of a stream of them.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { remixSamples } from "./internal/audio/channels.ts"
import { FrameConverter } from "./internal/audio/converter.ts"
import { AudioError } from "./internal/audio/error.ts"
import { checkFormat, makeFrame, millisOf, problemOf, saturate, speech } from "./internal/audio/format.ts"
import { join, overlay } from "./internal/audio/join.ts"
import * as Check from "./internal/options.ts"
import { bytesOf, cutter } from "./internal/provider/pcm.ts"

export { speech } from "./internal/audio/format.ts"
export { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from "./internal/audio/g711.ts"
export { type ChunkSize, pace, rechunk, resample } from "./internal/audio/streams.ts"
export { decodeWav, encodeWav, readWav, type WavOptions, writeWav } from "./internal/audio/wavFile.ts"
export { windows } from "./internal/audio/windows.ts"

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
 * - Resampling is flat within 0.02 dB up to 0.9 of the lower of both Nyquist
 *   frequencies and stops 75 dB from that Nyquist frequency on. It holds back
 *   48 samples at the lower rate (3 ms at 16 kHz) until more audio follows.
 * - `at` of the output is counted on from the first frame that has one. A frame that lies off the
 *   count by more than its own length (100 ms at most) starts again: the filter runs out, and the
 *   gap stays a gap.
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
 * Whether a value is a frame, its format is possible and its samples fill
 * whole sample frames from offset 0 of their buffer.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFrame = (u: unknown): u is Frame =>
  typeof u === "object" && u !== null &&
  "samples" in u && u.samples instanceof Int16Array && u.samples.byteOffset === 0 &&
  "sampleRate" in u && typeof u.sampleRate === "number" &&
  "channels" in u && typeof u.channels === "number" &&
  problemOf({ sampleRate: u.sampleRate, channels: u.channels }) === undefined &&
  u.samples.length % u.channels === 0 &&
  (!("at" in u) || u.at === undefined || (typeof u.at === "number" && Number.isFinite(u.at)))

/**
 * Checks a format that comes from outside: 1 to 768000 Hz, 1 to 64 channels,
 * both whole numbers.
 *
 * @category guards
 * @since 0.1.0
 */
export const validateFormat = (format: Format): Result.Result<Format, AudioError> => {
  const problem = problemOf(format)
  return problem === undefined ? Result.succeed(format) : Result.fail(problem)
}

/**
 * Makes a converter to one format.
 *
 * **Details**
 *
 * `from` computes the filter of that rate now instead of with the first frame;
 * other formats are still welcome. Throws an `AudioError` where a format is
 * impossible, or a rate below 4000 Hz would have to be converted: check formats
 * from outside first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const converter = (options: { readonly from?: Format | undefined; readonly to: Format }): Converter => {
  const { from, to } = Check.readOrThrow(
    converting,
    options,
    ({ problems: [{ detail, option }] }) => new AudioError({ reason: "InvalidArgument", field: option, detail })
  )
  checkFormat(to)
  if (from !== undefined) checkFormat(from)
  return new FrameConverter(to, from)
}

const converting = Check.struct<Parameters<typeof converter>[0]>()({ from: Check.asIs, to: Check.asIs })

/**
 * Makes a frame of silence.
 *
 * **Details**
 *
 * Throws an `AudioError` where the format is impossible or the length is not
 * finite.
 *
 * @category constructors
 * @since 0.1.0
 */
export const silence = (length: Duration.Input, format: Format): Frame => {
  checkFormat(format)
  const ms = millisOf("length", length)
  if (!Number.isFinite(ms) || ms < 0) {
    throw new AudioError({ reason: "InvalidArgument", field: "length", detail: `${ms} ms is not a length of audio` })
  }
  return makeFrame(
    new Int16Array(Math.round(ms * format.sampleRate / 1000) * format.channels),
    format,
    undefined
  )
}

/**
 * Makes a frame of interleaved samples between -1 and 1; what lies outside is
 * cut to the range.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFloat32 = (samples: Float32Array, format: Format, at?: number): Frame => {
  checkFormat(format)
  const out = new Int16Array(samples.length - samples.length % format.channels)
  for (let i = 0; i < out.length; i++) {
    out[i] = saturate(samples[i]! * 32768)
  }
  return makeFrame(out, format, at)
}

/**
 * The interleaved samples of a frame between -1 and 1.
 *
 * @category getters
 * @since 0.1.0
 */
export const toFloat32 = (frame: Frame): Float32Array => {
  const { samples } = frame
  const out = new Float32Array(samples.length)
  for (let i = 0; i < out.length; i++) {
    out[i] = samples[i]! / 32768
  }
  return out
}

/**
 * Makes a function that reads bytes as frames, as providers send them: 16-bit samples,
 * little-endian, interleaved.
 *
 * **Details**
 *
 * The bytes may be cut anywhere: what does not fill a sample of all channels waits for the next ones.
 * It gives `undefined` where no sample is whole. The bytes are copied. Throws an `AudioError` where
 * the format is impossible.
 *
 * **Example** (Audio that comes as base64)
 *
 * ```ts
 * import { Audio } from "effect-voice"
 *
 * const decode = Audio.decoder({ sampleRate: 24_000, channels: 1 })
 * const read = (message: string) => decode(Buffer.from(message, "base64"))
 * ```
 *
 * @see `toBytes` for the way back
 * @category conversions
 * @since 0.1.0
 */
export const decoder = (format: Format): (bytes: Uint8Array) => Frame | undefined => {
  checkFormat(format)
  return cutter(format)
}

/**
 * The samples of a frame as bytes of their own: 16 bits, little-endian, interleaved.
 *
 * @see `decoder` for the way back
 * @category conversions
 * @since 0.1.0
 */
export const toBytes = (frame: Frame): Uint8Array<ArrayBuffer> => new Uint8Array(bytesOf(frame))

/**
 * Length of a frame in milliseconds.
 *
 * @category getters
 * @since 0.1.0
 */
export const durationMs = (frame: Frame): number => frame.samples.length / frame.channels / frame.sampleRate * 1000

/**
 * Length of a frame.
 *
 * @category getters
 * @since 0.1.0
 */
export const duration = (frame: Frame): Duration.Duration => Duration.millis(durationMs(frame))

/**
 * Level of a frame over all channels as root mean square: 0 is silence, 1 a
 * full-scale square wave.
 *
 * @category getters
 * @since 0.1.0
 */
export const rms = (frame: Frame): number => {
  const { samples } = frame
  if (samples.length === 0) {
    return 0
  }
  let sum = 0
  for (let i = 0; i < samples.length; i++) {
    sum += samples[i]! * samples[i]!
  }
  return Math.sqrt(sum / samples.length) / 32768
}

/**
 * `rms` in decibels below full scale: 0 at most, `-Infinity` for silence.
 *
 * @category getters
 * @since 0.1.0
 */
export const dbfs = (frame: Frame): number => 20 * Math.log10(rms(frame))

/**
 * Makes a frame louder or quieter; what exceeds 16 bits is cut to full scale.
 *
 * **Details**
 *
 * 0 dB gives the same object, `-Infinity` dB silence.
 *
 * @category combinators
 * @since 0.1.0
 */
export const gain = (frame: Frame, dB: number): Frame => {
  if (dB === 0) {
    return frame
  }
  if (Number.isNaN(dB)) {
    throw new AudioError({ reason: "InvalidArgument", field: "dB", detail: "must be a number of decibels" })
  }
  const factor = 10 ** (dB / 20)
  const { samples } = frame
  const out = new Int16Array(samples.length)
  for (let i = 0; i < out.length; i++) {
    out[i] = saturate(samples[i]! * factor)
  }
  return makeFrame(out, frame, frame.at)
}

/**
 * Mixes all channels of a frame into one, by their average.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toMono = (frame: Frame): Frame =>
  frame.channels === 1 ? frame : makeFrame(
    remixSamples(frame.samples, frame.channels, 1),
    { sampleRate: frame.sampleRate, channels: 1 },
    frame.at
  )

/**
 * Part of a frame by time from its own start, cut to the frame. The end is left
 * out.
 *
 * @category combinators
 * @since 0.1.0
 */
export const slice = (frame: Frame, from: Duration.Input, to: Duration.Input = Duration.infinity): Frame => {
  const count = Math.floor(frame.samples.length / frame.channels)
  const sampleAt = (field: string, time: Duration.Input) =>
    Math.min(count, Math.max(0, Math.round(millisOf(field, time) * frame.sampleRate / 1000)))
  const start = sampleAt("from", from)
  const end = Math.max(start, sampleAt("to", to))
  return makeFrame(
    frame.samples.slice(start * frame.channels, end * frame.channels),
    frame,
    frame.at === undefined ? undefined : frame.at + start / frame.sampleRate * 1000
  )
}

/**
 * Joins frames of one format end to end; gaps are closed.
 *
 * **Details**
 *
 * `at` is that of the first frame; no frames make an empty frame of `speech`
 * format. Throws an `AudioError` where the formats differ.
 *
 * @category combinators
 * @since 0.1.0
 */
export const concat = (frames: ReadonlyArray<Frame>): Frame => join(frames, speech)

/**
 * Lays frames of one format over each other from their starts on; what exceeds
 * 16 bits is cut to full scale.
 *
 * **Details**
 *
 * The result is as long as the longest frame, its `at` the first one known; no
 * frames make an empty frame of `speech` format. Throws an `AudioError` where
 * the formats differ.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mix = (frames: ReadonlyArray<Frame>): Frame => overlay(frames, speech)
