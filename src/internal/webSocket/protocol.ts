/** What goes over the socket of a caller, as `docs/browser.md` has it. */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Audio from "../../Audio.ts"
import type { EndReason, Sent } from "../../Room.ts"

/** Both directions begin a binary message with a time in ms, a float64, and go on with samples: 16 bits, little-endian. */
const headerBytes = 8

const short = Schema.String.check(Schema.isMaxLength(256))
const long = Schema.String.check(Schema.isMaxLength(16_384))

const Join = Schema.Struct({
  type: Schema.Literal("join"),
  token: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(8192))),
  name: Schema.optionalKey(short),
  /** Of its microphone, in Hz. */
  sampleRate: Schema.Int.check(Schema.isBetween({ minimum: 8000, maximum: 48_000 })),
  /** What `joined` gave: the call goes on. */
  resume: Schema.optionalKey(short)
})

const Message = Schema.Union([
  Join,
  Schema.Struct({ type: Schema.Literal("played"), position: Schema.Finite }),
  Schema.Struct({ type: Schema.Literal("muted"), muted: Schema.Boolean }),
  Schema.Struct({ type: Schema.Literal("text"), topic: short, text: long }),
  Schema.Struct({ type: Schema.Literal("keys"), digits: Schema.String.check(Schema.isMaxLength(64)) }),
  Schema.Struct({ type: Schema.Literal("call"), id: short, method: short, payload: long }),
  // One that is too long, or without what it needs, is owed an answer all the same.
  Schema.Struct({ type: Schema.Literal("call"), id: short }),
  Schema.Struct({ type: Schema.Literal("answer"), id: short, payload: Schema.optionalKey(long) }),
  Schema.Struct({ type: Schema.Literal("pong"), id: Schema.Finite }),
  Schema.Struct({ type: Schema.Literal("leave") })
])

export type Join = typeof Join.Type
export type Message = typeof Message.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Message))

/** One of a caller's texts, if it is any. */
export const read = (text: string): Message | undefined => Option.getOrUndefined(decode(text))

export type Told =
  | {
    readonly type: "joined"
    readonly room: string
    readonly resume: string
    /** How long the call waits for who was lost (ms). */
    readonly returnTimeout: number
    /** Of the agent's voice, in Hz. */
    readonly sampleRate: number
  }
  | { readonly type: "clear" }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "call"; readonly id: string; readonly method: string; readonly payload: string }
  | { readonly type: "answer"; readonly id: string; readonly payload?: string; readonly error?: string }
  | { readonly type: "ended"; readonly reason: EndReason }
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: string; readonly [field: string]: unknown }

/** As bytes these would be a time of 10⁻²⁷ ms. */
const textBegins = Buffer.from("{\"type\":")

/** JSON that comes as bytes: not every client has two kinds of messages. */
export const textIn = (bytes: Uint8Array): string | undefined =>
  textBegins.equals(bytes.subarray(0, textBegins.length)) ? new TextDecoder().decode(bytes) : undefined

export const write = (told: Told): string => JSON.stringify(told)

/** What the agent sends besides audio; bytes as base64. */
export const sent = (message: Sent): Told => {
  switch (message._tag) {
    case "Text":
    case "TextOpened":
      return {
        type: message._tag === "Text" ? "text" : "text-opened",
        topic: message.topic,
        attributes: message.attributes,
        ...(message._tag === "Text" ? { text: message.text } : {}),
        ...(message.as === undefined ? {} : { from: message.as }),
        ...(message.streamId === undefined ? {} : { id: message.streamId })
      }
    case "TextWritten":
      return { type: "text-written", id: message.streamId, text: message.text }
    case "TextClosed":
      return { type: "text-closed", id: message.streamId }
    case "Bytes":
      return {
        type: "bytes",
        topic: message.topic,
        attributes: message.attributes,
        bytes: Buffer.from(message.bytes).toString("base64")
      }
    case "Data":
      return { type: "data", topic: message.topic, bytes: Buffer.from(message.payload).toString("base64") }
    case "Transcription":
      return { type: "transcription", from: message.identity, segments: message.segments }
    case "Dtmf":
      return { type: "keys", digits: message.digits }
    case "Attributes":
      return { type: "attributes", attributes: message.attributes }
  }
}

export const encodeAudio = ({ samples }: Audio.Frame, position: number): Uint8Array => {
  const bytes = new Uint8Array(headerBytes + samples.byteLength)
  new DataView(bytes.buffer).setFloat64(0, position, true)
  // Every machine that Node runs on is little-endian.
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), headerBytes)
  return bytes
}

/** A caller's audio: a time, and at least one whole sample; never more than a second. */
export const decodeAudio = (bytes: Uint8Array, sampleRate: number): Result.Result<Audio.Frame, void> => {
  const length = bytes.byteLength - headerBytes
  if (length <= 0 || length % 2 !== 0 || length / 2 > sampleRate) return Result.fail(undefined)
  const at = new DataView(bytes.buffer, bytes.byteOffset, headerBytes).getFloat64(0, true)
  const samples = new Int16Array(length / 2)
  new Uint8Array(samples.buffer).set(bytes.subarray(headerBytes))
  return Number.isFinite(at) && at >= 0
    ? Result.succeed({ sampleRate, channels: 1, samples, at })
    : Result.fail(undefined)
}
