/**
 * Audio as plain records of 16-bit samples.
 *
 * A `Frame` owns its samples: whoever makes one never writes to it again, and
 * whoever receives one may keep it. Frames of 10 to 100 ms are usual; every
 * function here accepts any length and any chunking of a stream of them.
 *
 * @since 0.1.0
 */

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
