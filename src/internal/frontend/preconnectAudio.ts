/** Audio that a frontend has recorded before the agent came, decoded. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Audio from "../../Audio.ts"
import type { ByteMessage } from "../../Room.ts"
import { oggPackets } from "./ogg.ts"
import { longestMs } from "./opusTail.ts"
import { webmPackets } from "./webm.ts"

/** Why a recording was not heard. */
class RecordingError extends Schema.TaggedError<RecordingError>("effect-voice/Frontend/RecordingError")(
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

/** Does what is long in steps, between which everything else has its turn. */
export const inSteps = <A>(steps: Generator<void, A>): Effect.Effect<A> =>
  Effect.suspend(() => {
    const step = steps.next()
    return step.done === true ? Effect.succeed(step.value) : Effect.andThen(Effect.yieldNow, inSteps(steps))
  })

/** One frame with everything in it that is heard: the last 15 seconds. */
export const decode = (message: ByteMessage): Effect.Effect<Audio.Frame, RecordingError> =>
  Effect.suspend(() => {
    const mime = message.mimeType?.toLowerCase() ?? ""
    if (mime.includes("webm")) return opus(inSteps(webmPackets(message.bytes)))
    if (mime.includes("ogg")) return opus(inSteps(oggPackets(message.bytes)))
    // Safari records into MP4, whose sound is AAC.
    if (mime.startsWith("video/") || /mp4|aac|mpeg/.test(mime)) {
      return Effect.fail(refuse("Unsupported", `a recording in ${mime.split(";")[0]} cannot be decoded`))
    }
    if (mime.includes("opus")) {
      return opus(Effect.flatMap(
        inSteps(webmPackets(message.bytes)),
        (packets) => packets === undefined ? inSteps(oggPackets(message.bytes)) : Effect.succeed(packets)
      ))
    }
    return pcm(message)
  })

const pcm = ({ attributes, bytes }: ByteMessage): Effect.Effect<Audio.Frame, RecordingError> => {
  const sampleRate = between(attributes["sampleRate"], 48_000, 8000, 192_000)
  const channels = between(attributes["channels"], 1, 1, 2)
  if (sampleRate === undefined || channels === undefined) {
    return Effect.fail(refuse("Malformed", "a recording tells no sampleRate of 8000 to 192000 and channels of 1 or 2"))
  }
  const whole = bytes.length - bytes.length % (2 * channels)
  const length = Math.min(whole, 2 * channels * Math.floor(sampleRate * longestMs / 1000))
  const view = new DataView(bytes.buffer, bytes.byteOffset + whole - length, length)
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
    readonly errors?: ReadonlyArray<unknown>
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

// Packets that are decoded in one go.
const packetsAtOnce = 50
// Of a recording that is one, hardly any is broken; the decoder writes a line for each.
const mostBroken = 10

// Not known to the compiler: it need not be installed.
const decoderName = "opus-decoder"

const opus = (packets: Effect.Effect<Packets | undefined>): Effect.Effect<Audio.Frame, RecordingError> =>
  Effect.gen(function*() {
    const stream = yield* packets
    if (stream === undefined || stream.channels > 2) {
      return yield* refuse("Malformed", "a recording is no Opus in WebM or Ogg, of one or two channels")
    }
    const { OpusDecoder } = yield* Effect.tryPromise({
      try: (): Promise<OpusModule> => import(decoderName),
      catch: () =>
        refuse("DecoderMissing", "a recording is in Opus: install opus-decoder beside effect-voice to hear it")
    })
    const undecodable = () => refuse("Malformed", "a recording in Opus could not be decoded")
    return yield* Effect.acquireUseRelease(
      Effect.sync(() => new OpusDecoder({ channels: stream.channels, preSkip: stream.preSkip })),
      (decoder) =>
        Effect.gen(function*() {
          yield* Effect.tryPromise({ try: () => decoder.ready, catch: undecodable })
          const frames: Array<Audio.Frame> = []
          let broken = 0
          for (let at = 0; at < stream.packets.length; at += packetsAtOnce) {
            if (at > 0) yield* Effect.yieldNow
            frames.push(
              yield* Effect.try({
                try: () => {
                  const decoded = decoder.decodeFrames(stream.packets.slice(at, at + packetsAtOnce))
                  broken += decoded.errors?.length ?? 0
                  return interleaved(decoded.channelData, decoded.samplesDecoded, decoded.sampleRate)
                },
                catch: undecodable
              })
            )
            if (broken > mostBroken) return yield* undecodable()
          }
          return frames.length === 0 ? yield* undecodable() : Audio.concat(frames)
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
