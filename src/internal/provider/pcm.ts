/**
 * Raw audio as providers send it: 16-bit samples, little-endian, interleaved,
 * cut anywhere.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"

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

/** Makes frames of bytes as they come; what does not fill a sample waits for the next ones. */
export const cutter = (format: Audio.Format): (bytes: Uint8Array) => Audio.Frame | undefined => {
  const { channels, sampleRate } = format
  const blockBytes = 2 * channels
  let rest = new Uint8Array(0)
  return (bytes) => {
    const all = join(rest, bytes)
    const blocks = Math.floor(all.length / blockBytes)
    rest = all.slice(blocks * blockBytes)
    return blocks === 0 ? undefined : { samples: samplesOf(all, blocks * channels), sampleRate, channels }
  }
}

/** Frames of a stream of bytes; half a sample at its end is dropped. */
export const frames =
  (format: Audio.Format) => <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Audio.Frame, E, R> =>
    Stream.mapAccum(
      bytes,
      () => cutter(format),
      (cut: ReturnType<typeof cutter>, piece): readonly [typeof cut, ReadonlyArray<Audio.Frame>] => {
        const frame = cut(piece)
        return [cut, frame === undefined ? [] : [frame]]
      }
    )

const startsWith = (bytes: Uint8Array, text: string, from = 0): boolean =>
  bytes.length >= from + text.length && Array.from(text).every((letter, i) => bytes[from + i] === letter.charCodeAt(0))

/** How many bytes tell what a file holds. */
const enough = 8

/** The kind of an audio file, by what it begins with. */
const fileKind = (bytes: Uint8Array): string | undefined => {
  if (startsWith(bytes, "RIFF")) return "WAV"
  if (startsWith(bytes, "OggS")) return "Ogg"
  if (startsWith(bytes, "fLaC")) return "FLAC"
  if (startsWith(bytes, "ID3")) return "MP3"
  if (startsWith(bytes, "ftyp", 4)) return "MP4"
  return startsWith(bytes, "\u001aE\u00df\u00a3") ? "WebM" : undefined
}

/** What was asked for as samples alone: a file among them would be heard as noise. */
const bare = (bytes: Stream.Stream<Uint8Array, Failure.Reason>): Stream.Stream<Uint8Array, Failure.Reason> =>
  Stream.mapAccumEffect(
    bytes,
    (): Uint8Array | undefined => new Uint8Array(0),
    (head: Uint8Array | undefined, piece) => {
      if (head === undefined) return Effect.succeed([head, [piece]] as const)
      const begun = join(head, piece)
      const kind = fileKind(begun)
      if (kind !== undefined) {
        const detail = `the audio is a file of ${kind}, and not the bare samples that were asked for`
        return Effect.fail(new Failure.InvalidResponse({ detail }))
      }
      return Effect.succeed(begun.length < enough ? [begun, []] as const : [undefined, [begun]] as const)
    },
    { onHalt: (head) => head === undefined || head.length === 0 ? [] : [head] }
  )

/** Frames of an answer that should be samples alone. */
export const answered =
  (format: Audio.Format) =>
  (bytes: Stream.Stream<Uint8Array, Failure.Reason>): Stream.Stream<Audio.Frame, Failure.Reason> =>
    frames(format)(bare(bytes))

/** The samples of frames as bytes to send. */
export const bytesOf = (frame: Audio.Frame): Uint8Array =>
  new Uint8Array(frame.samples.buffer, frame.samples.byteOffset, frame.samples.byteLength)
