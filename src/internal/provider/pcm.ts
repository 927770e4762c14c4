/**
 * Raw audio as providers send it: 16-bit samples, little-endian, interleaved,
 * cut anywhere.
 */
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"

/** Whole samples of `bytes` as a buffer of their own. */
export const samplesOf = (bytes: Uint8Array, count: number): Int16Array => {
  const samples = new Int16Array(count)
  new Uint8Array(samples.buffer).set(bytes.subarray(0, count * 2))
  return samples
}

const join = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  if (a.length === 0) return b
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}

/** Frames of a stream of bytes; half a sample at its end is dropped. */
export const frames = (format: Audio.Format) => {
  const blockBytes = 2 * format.channels
  return <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Audio.Frame, E, R> =>
    Stream.mapAccum(
      bytes,
      (): Uint8Array => new Uint8Array(0),
      (rest: Uint8Array, piece): readonly [Uint8Array, ReadonlyArray<Audio.Frame>] => {
        const all = join(rest, piece)
        const blocks = Math.floor(all.length / blockBytes)
        if (blocks === 0) return [all.slice(), []]
        const { channels, sampleRate } = format
        return [all.slice(blocks * blockBytes), [{ samples: samplesOf(all, blocks * channels), sampleRate, channels }]]
      }
    )
}

/** The samples of frames as bytes to send. */
export const bytesOf = (frame: Audio.Frame): Uint8Array =>
  new Uint8Array(frame.samples.buffer, frame.samples.byteOffset, frame.samples.byteLength)
