/**
 * The bytes of a recording: a header, then records, each sealed by its number.
 * `Layers/FileRecorder` describes them for those who read them elsewhere.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Audio from "../../Audio.ts"
import { Entry, type Source } from "../../Recorder.ts"
import { checkBytes, type FileKey, fileKey, isSame, saltBytes, seal, tagBytes, unseal } from "./seal.ts"

/** Audio of one source, from `at` on. */
export interface Sound {
  readonly _tag: "Audio"
  readonly at: number
  readonly source: Source
  readonly frame: Audio.Frame
}

export type Item = Entry | Sound

const magic = new TextEncoder().encode("EFVOREC1")
export const headerBytes = magic.length + saltBytes + checkBytes
const headBytes = 5
/** What is longer was not written by us. */
const mostBytes = 16 * 1024 * 1024

const kinds = { entry: 1, audio: 2 } as const
const soundHead = 14

const codec = Schema.fromJsonString(Schema.toCodecJson(Entry))
const encodeEntry = Schema.encodeSync(codec)
const decodeEntry = Schema.decodeOption(codec)

const encodeSound = ({ at, frame, source }: Sound): Uint8Array => {
  const { channels, sampleRate, samples } = frame
  const bytes = new Uint8Array(soundHead + samples.length * 2)
  const view = new DataView(bytes.buffer)
  view.setFloat64(0, at)
  view.setUint8(8, source === "user" ? 0 : 1)
  view.setUint8(9, channels)
  view.setUint32(10, sampleRate)
  for (let i = 0; i < samples.length; i++) view.setInt16(soundHead + 2 * i, samples[i]!, true)
  return bytes
}

const decodeSound = (bytes: Uint8Array): Sound | undefined => {
  if (bytes.length < soundHead) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const samples = new Int16Array((bytes.length - soundHead) >> 1)
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(soundHead + 2 * i, true)
  return {
    _tag: "Audio",
    at: view.getFloat64(0),
    source: view.getUint8(8) === 0 ? "user" : "agent",
    frame: { samples, channels: view.getUint8(9), sampleRate: view.getUint32(10) }
  }
}

/** Longest text that is kept whole: in JSON a character may take six bytes. */
const mostText = 1_000_000

/** What remains of an entry that cannot be written, or is too long to be read again. */
const shortened = (entry: Entry): Entry => {
  if (entry._tag === "ToolFinished") {
    const { params: _params, result: _result, ...rest } = entry
    return rest
  }
  return "text" in entry && entry.text !== undefined ? { ...entry, text: entry.text.slice(0, mostText) } : entry
}

const encodeText = (entry: Entry): Uint8Array => {
  const encoded = (entry: Entry): Uint8Array => new TextEncoder().encode(encodeEntry(entry))
  try {
    const whole = encoded(entry)
    return whole.length + tagBytes > mostBytes ? encoded(shortened(entry)) : whole
  } catch {
    // What a tool was given may not be JSON.
    return encoded(shortened(entry))
  }
}

/** An item as bytes: what becomes of it afterwards changes nothing. */
export interface Encoded {
  readonly kind: number
  readonly plain: Uint8Array
}

/** Throws where an entry is not what it should be. */
export const encode = (item: Item): Encoded =>
  item._tag === "Audio"
    ? { kind: kinds.audio, plain: encodeSound(item) }
    : { kind: kinds.entry, plain: encodeText(item) }

export interface Sealer {
  readonly header: Uint8Array
  /** A record, with a number of its own. */
  readonly record: (encoded: Encoded) => Uint8Array
}

export const makeSealer = (key: Uint8Array, salt: Uint8Array): Sealer => {
  const own = fileKey(key, salt)
  let number = 0
  return {
    header: Buffer.concat([magic, salt, own.check]),
    record: ({ kind, plain }) => {
      const head = new Uint8Array(headBytes)
      const view = new DataView(head.buffer)
      view.setUint32(0, plain.length + tagBytes)
      view.setUint8(4, kind)
      return Buffer.concat([head, ...seal(own, number++, head, plain)])
    }
  }
}

/** The key of a file among those that it may have, from its header. */
export const openHeader = (
  header: Uint8Array,
  keys: ReadonlyArray<Uint8Array>
): { readonly key: FileKey } | "unknown" | "wrong key" => {
  if (header.length < headerBytes || !isSame(header.subarray(0, magic.length), magic)) return "unknown"
  const salt = header.subarray(magic.length, magic.length + saltBytes)
  const check = header.subarray(magic.length + saltBytes, headerBytes)
  const found = keys.map((key) => fileKey(key, salt)).find((key) => isSame(key.check, check))
  return found === undefined ? "wrong key" : { key: found }
}

export interface Unsealer {
  /** The items that are whole in what has come up to now. */
  readonly push: (bytes: Uint8Array) => { readonly items: ReadonlyArray<Item>; readonly damagedAt?: number }
}

/** Reads records as they come; a last one that is not whole is none. */
export const makeUnsealer = (key: FileKey): Unsealer => {
  let waiting: Uint8Array = new Uint8Array(0)
  /** What has come since, of a record that is not whole: joined once, or its length would count twice over. */
  let more: Array<Uint8Array> = []
  let held = 0
  let wanted = headBytes
  let number = 0
  let position = headerBytes
  return {
    push: (bytes) => {
      more.push(bytes)
      held += bytes.length
      if (held < wanted) return { items: [] }
      waiting = Buffer.concat([waiting, ...more])
      more = []
      wanted = headBytes
      const items: Array<Item> = []
      while (waiting.length >= headBytes) {
        const head = waiting.subarray(0, headBytes)
        const view = new DataView(head.buffer, head.byteOffset, headBytes)
        const length = view.getUint32(0)
        if (length < tagBytes || length > mostBytes) return { items, damagedAt: position }
        wanted = headBytes + length
        if (waiting.length < wanted) break
        const plain = unseal(key, number, head, waiting.subarray(headBytes, headBytes + length))
        if (plain === undefined) return { items, damagedAt: position }
        const kind = view.getUint8(4)
        const item = kind === kinds.audio
          ? decodeSound(plain)
          : kind === kinds.entry
          ? Option.getOrUndefined(decodeEntry(new TextDecoder().decode(plain)))
          : undefined
        // Authentic, and not known: a later version wrote it.
        if (item !== undefined) items.push(item)
        number++
        position += headBytes + length
        waiting = waiting.subarray(wanted)
        wanted = headBytes
      }
      held = waiting.length
      return { items }
    }
  }
}
