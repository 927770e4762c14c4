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

/** Most bytes of a frame of MP3 or AAC, and the beginning of the next. */
const mostFrame = 8192 + 4

const kbps1 = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const kbps2 = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const rates = [44_100, 48_000, 32_000]

/** Length of a frame of MP3 (layer III) or AAC (ADTS) by its header; samples alone may look like one. */
const frameLength = (bytes: Uint8Array, at: number): number | undefined => {
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0] = bytes.subarray(at, at + 6)
  if (first !== 0xff) return undefined
  if ((second & 0xf6) === 0xf0) return ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5)
  if ((second & 0xe6) !== 0xe2) return undefined
  const version = (second >> 3) & 3
  const rate = rates[(third >> 2) & 3]
  const kbps = (version === 3 ? kbps1 : kbps2)[(third >> 4) - 1]
  if (version === 1 || rate === undefined || kbps === undefined) return undefined
  const hertz = version === 3 ? rate : version === 2 ? rate / 2 : rate / 4
  return Math.floor((version === 3 ? 144_000 : 72_000) * kbps / hertz) + ((third >> 1) & 1)
}

/** Whether it begins with a frame behind which the next begins alike; `undefined` until that has come. */
const isFrames = (bytes: Uint8Array): boolean | undefined => {
  const length = frameLength(bytes, 0)
  if (length === undefined || length < 7) return false
  if (bytes.length < length + 2) return undefined
  return bytes[length] === bytes[0] && bytes[length + 1] === bytes[1]
}

/** The kind of what is no samples alone, by what it begins with. */
export const fileKind = (bytes: Uint8Array): string | undefined => {
  if (/^\s*(?:\{\s*"|<!doctype|<html|<\?xml)/i.test(String.fromCharCode(...bytes.subarray(0, 16)))) return "text"
  if (isFrames(bytes) === true) return (bytes[1]! & 6) === 0 ? "AAC" : "MP3"
  if (["RIFF", "RIFX", "RF64", "BW64"].some((id) => startsWith(bytes, id))) return "WAV"
  if (startsWith(bytes, "FORM")) return "AIFF"
  if (startsWith(bytes, ".snd")) return "AU"
  if (startsWith(bytes, "OggS")) return "Ogg"
  if (startsWith(bytes, "fLaC")) return "FLAC"
  if (startsWith(bytes, "ID3")) return "MP3"
  if (startsWith(bytes, "ftyp", 4)) return "MP4"
  return startsWith(bytes, "\u001aE\u00df\u00a3") ? "WebM" : undefined
}

/** Why it is not what was asked for. */
export const notBare = (kind: string): Failure.InvalidResponse =>
  new Failure.InvalidResponse({
    detail: `the audio is ${kind === "text" ? kind : `a file of ${kind}`}, and not the bare samples that were asked for`
  })

/** What was asked for as samples alone: a file among them would be heard as noise. */
const bare = (bytes: Stream.Stream<Uint8Array, Failure.Reason>): Stream.Stream<Uint8Array, Failure.Reason> =>
  Stream.mapAccumEffect(
    bytes,
    (): Uint8Array | undefined => new Uint8Array(0),
    (head: Uint8Array | undefined, piece) => {
      if (head === undefined) return Effect.succeed([head, [piece]] as const)
      const begun = join(head, piece)
      const kind = fileKind(begun)
      if (kind !== undefined) return Effect.fail(notBare(kind))
      const waits = begun.length < enough || (isFrames(begun) === undefined && begun.length < mostFrame)
      return Effect.succeed(waits ? [begun, []] as const : [undefined, [begun]] as const)
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
