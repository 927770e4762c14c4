/** What is done to a stream of frames. */
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import type { Format, Frame, Windows } from "../../Audio.ts"
import { FrameConverter } from "./converter.ts"
import { AudioError } from "./error.ts"
import { checkFormat, millisOf } from "./format.ts"
import { paceFrames } from "./pace.ts"
import { FrameWindows, windows } from "./windows.ts"

/**
 * Converts a stream of frames to one format, as a `Converter` does.
 *
 * **Details**
 *
 * What the filter holds back comes with the end of the stream. Throws an
 * `AudioError` where the format is impossible.
 *
 * @category streams
 * @since 0.1.0
 */
export const resample: {
  (format: Format): <E, R>(self: Stream.Stream<Frame, E, R>) => Stream.Stream<Frame, E, R>
  <E, R>(self: Stream.Stream<Frame, E, R>, format: Format): Stream.Stream<Frame, E, R>
} = dual(2, <E, R>(self: Stream.Stream<Frame, E, R>, format: Format): Stream.Stream<Frame, E, R> => {
  checkFormat(format)
  return Stream.mapAccumArray(
    self,
    () => new FrameConverter(format, undefined),
    (state, frames) => [state, state.push(frames)],
    { onHalt: (state) => state.flush() }
  )
})

/**
 * Length of the pieces that `rechunk` makes: samples a channel, or a time that
 * is rounded to samples of the rate at hand.
 *
 * @category options
 * @since 0.1.0
 */
export type ChunkSize = { readonly samples: number } | { readonly duration: Duration.Input }

/**
 * Cuts a stream of frames into frames of one length; the last one may be
 * shorter.
 *
 * **Details**
 *
 * Copies, times and changes of format are as for `Windows`. Throws an
 * `AudioError` where the size is not positive.
 *
 * @category streams
 * @since 0.1.0
 */
export const rechunk: {
  (size: ChunkSize): <E, R>(self: Stream.Stream<Frame, E, R>) => Stream.Stream<Frame, E, R>
  <E, R>(self: Stream.Stream<Frame, E, R>, size: ChunkSize): Stream.Stream<Frame, E, R>
} = dual(2, <E, R>(self: Stream.Stream<Frame, E, R>, size: ChunkSize): Stream.Stream<Frame, E, R> => {
  const make = "samples" in size ? () => windows(size.samples) : timedWindows(size.duration)
  make()
  return Stream.mapAccumArray(
    self,
    make,
    (state, frames) => [state, state.push(frames)],
    { onHalt: (state) => [state.rest()].filter((rest) => rest !== undefined) }
  )
})

const timedWindows = (length: Duration.Input) => {
  const ms = millisOf("duration", length)
  if (!Number.isFinite(ms) || ms <= 0) {
    throw new AudioError({ reason: "InvalidArgument", field: "duration", detail: `${ms} ms is not a length of audio` })
  }
  return (): Windows => new FrameWindows((format) => Math.max(1, Math.round(ms * format.sampleRate / 1000)))
}

/**
 * Holds each frame back until its time has come: the first comes at once, every
 * other one as long after it as its audio begins after the first.
 *
 * **Details**
 *
 * Time is the Clock's, errors do not add up, and after a stall all frames that
 * are due come at once. A gap in `at` is waited out.
 *
 * @category streams
 * @since 0.1.0
 */
export const pace = <E, R>(self: Stream.Stream<Frame, E, R>): Stream.Stream<Frame, E, R> => paceFrames(self)
