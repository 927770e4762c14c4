/** Audio that a frontend has recorded before the agent came, decoded. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Audio from "../../Audio.ts"
import type { ByteMessage } from "../../Room.ts"
import { oggPackets } from "./ogg.ts"
import { webmPackets } from "./webm.ts"

/** Why a recording was not heard. */
export class RecordingError extends Schema.TaggedError<RecordingError>("effect-voice/Frontend/RecordingError")(
  "RecordingError",
  { reason: Schema.Literals(["Malformed", "DecoderMissing", "Unsupported"]), detail: Schema.String }
) {
  override get message(): string {
    return this.detail
  }
}

const refuse = (reason: RecordingError["reason"], detail: string) => new RecordingError({ reason, detail })

const between = (text: string | undefined, fallback: number, least: number, most: number): number | undefined => {
  const value = text === undefined ? fallback : Number(text)
  return Number.isInteger(value) && value >= least && value <= most ? value : undefined
}

/** One frame with everything in it. */
export const decode = (message: ByteMessage): Effect.Effect<Audio.Frame, RecordingError> =>
  Effect.suspend(() => {
    const mime = message.mimeType?.toLowerCase() ?? ""
    if (mime.includes("webm")) return opus(webmPackets(message.bytes))
    if (mime.includes("ogg")) return opus(oggPackets(message.bytes))
    // Safari records into MP4, whose sound is AAC.
    if (mime.startsWith("video/") || /mp4|aac|mpeg/.test(mime)) {
      return Effect.fail(refuse("Unsupported", `a recording in ${mime.split(";")[0]} cannot be decoded`))
    }
    if (mime.includes("opus")) return opus(webmPackets(message.bytes) ?? oggPackets(message.bytes))
    return pcm(message)
  })

const pcm = ({ attributes, bytes }: ByteMessage): Effect.Effect<Audio.Frame, RecordingError> => {
  const sampleRate = between(attributes["sampleRate"], 48_000, 8000, 192_000)
  const channels = between(attributes["channels"], 1, 1, 2)
  if (sampleRate === undefined || channels === undefined) {
    return Effect.fail(refuse("Malformed", "a recording tells no sampleRate of 8000 to 192000 and channels of 1 or 2"))
  }
  const length = bytes.length - bytes.length % (2 * channels)
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const samples = new Int16Array(length / 2)
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(i * 2, true)
  return Effect.succeed({ samples, sampleRate, channels })
}

/** The few members of `opus-decoder` that are used. */
interface OpusDecoder {
  readonly ready: Promise<void>
  readonly decodeFrames: (frames: Array<Uint8Array>) => {
    readonly channelData: ReadonlyArray<Float32Array>
    readonly samplesDecoded: number
    readonly sampleRate: number
  }
  readonly free: () => void
}
interface OpusModule {
  readonly OpusDecoder: new(options: { readonly channels: number; readonly preSkip?: number }) => OpusDecoder
}

/** Opus as it lies in its container: packets, and how the decoder is to begin. */
export interface Packets {
  readonly packets: ReadonlyArray<Uint8Array>
  readonly channels: number
  /** Samples at 48 kHz that come before the sound. */
  readonly preSkip: number
}

// Nobody speaks for longer before the agent comes: what lies before the last of it is not decoded.
const longestMs = 15_000

/** How long a packet sounds (ms), from its first bytes: RFC 6716, 3.1. */
const lengthOf = (packet: Uint8Array): number => {
  const head = packet[0]
  // One that is lost is made up for.
  if (head === undefined) return 120
  const config = head >> 3
  const frame = config < 12
    ? [10, 20, 40, 60][config % 4]
    : config < 16
    ? [10, 20][config % 2]
    : 2.5 * 2 ** (config % 4)
  const code = head & 3
  return (frame ?? 60) * (code === 0 ? 1 : code === 3 ? Math.max(1, (packet[1] ?? 0) & 63) : 2)
}

/** The packets at the end that are heard. A few bytes can hold an hour of silence. */
const lastOf = (packets: ReadonlyArray<Uint8Array>): Array<Uint8Array> => {
  let first = packets.length
  for (let ms = 0; first > 0; first--) {
    ms += lengthOf(packets[first - 1] ?? new Uint8Array(0))
    if (ms > longestMs) break
  }
  return packets.slice(first)
}

// Not known to the compiler: it need not be installed.
const decoderName = "opus-decoder"

const opus = (stream: Packets | undefined): Effect.Effect<Audio.Frame, RecordingError> =>
  Effect.gen(function*() {
    if (stream === undefined || stream.channels > 2) {
      return yield* refuse("Malformed", "a recording is no Opus in WebM or Ogg, of one or two channels")
    }
    const { OpusDecoder } = yield* Effect.tryPromise({
      try: (): Promise<OpusModule> => import(decoderName),
      catch: () =>
        refuse("DecoderMissing", "a recording is in Opus: install opus-decoder beside effect-voice to hear it")
    })
    return yield* Effect.acquireUseRelease(
      Effect.sync(() => new OpusDecoder({ channels: stream.channels, preSkip: stream.preSkip })),
      (decoder) =>
        Effect.tryPromise({
          try: async (): Promise<Audio.Frame> => {
            await decoder.ready
            const { channelData, sampleRate, samplesDecoded } = decoder.decodeFrames(lastOf(stream.packets))
            return interleaved(channelData, samplesDecoded, sampleRate)
          },
          catch: () => refuse("Malformed", "a recording in Opus could not be decoded")
        }),
      // After some packets it cannot even be freed.
      (decoder) => Effect.ignoreCause(Effect.sync(() => decoder.free()))
    )
  })

const interleaved = (planes: ReadonlyArray<Float32Array>, length: number, sampleRate: number): Audio.Frame => {
  const channels = planes.length
  const samples = new Int16Array(length * channels)
  for (const [channel, plane] of planes.entries()) {
    for (let i = 0; i < length; i++) {
      samples[i * channels + channel] = Math.round(Math.max(-1, Math.min(1, plane[i] ?? 0)) * 32_767)
    }
  }
  return { samples, sampleRate, channels }
}
