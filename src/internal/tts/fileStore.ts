/** Speech kept in a directory: one file for each sentence, written at once or not at all, checked when it is read. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { makeFolderIn } from "../folders.ts"
import { bytesOf, samplesOf } from "../provider/pcm.ts"
import type * as Tts from "./model.ts"

type Speech = ReadonlyArray<Tts.Chunk>

const Header = Schema.Struct({
  key: Schema.String,
  sampleRate: Schema.Int,
  channels: Schema.Int,
  chunks: Schema.Array(Schema.Struct({
    samples: Schema.Natural,
    alignment: Schema.optionalKey(
      Schema.Array(Schema.Struct({ text: Schema.String, start: Schema.Finite, end: Schema.Finite }))
    )
  }))
})

const decodeHeader = Schema.decodeUnknownOption(Schema.fromJsonString(Header))

/** Begins every file, and says how it is written. */
const magic = new TextEncoder().encode("EVSP0001")

const digestBytes = 32
const fixedBytes = magic.length + 4
const suffix = ".speech"
const temporary = ".tmp"

/** After this time (ms) a file that was never finished is nobody's any more. */
const abandonedMs = 60 * 60 * 1000

const digest = (bytes: Uint8Array<ArrayBuffer>): Effect.Effect<Uint8Array> =>
  Effect.map(Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", bytes)), (hash) => new Uint8Array(hash))

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])

const encode = Effect.fnUntraced(function*(key: string, speech: Speech) {
  const [first] = speech
  if (first === undefined) return undefined
  const { channels, sampleRate } = first.frame
  const header = new TextEncoder().encode(JSON.stringify({
    key,
    sampleRate,
    channels,
    chunks: speech.map(({ alignment, frame }) => ({ samples: frame.samples.length, alignment }))
  }))
  const audioBytes = speech.reduce((sum, { frame }) => sum + frame.samples.byteLength, 0)
  const bytes = new Uint8Array(fixedBytes + header.length + audioBytes + digestBytes)
  bytes.set(magic)
  new DataView(bytes.buffer).setUint32(magic.length, header.length, true)
  bytes.set(header, fixedBytes)
  let at = fixedBytes + header.length
  for (const { frame } of speech) {
    bytes.set(bytesOf(frame), at)
    at += frame.samples.byteLength
  }
  bytes.set(yield* digest(bytes.slice(0, at)), at)
  return bytes
})

/** The speech of a file, or nothing where it is not what was written. */
const decode = Effect.fnUntraced(function*(key: string, bytes: Uint8Array) {
  const end = bytes.length - digestBytes
  if (end < fixedBytes || !same(bytes.subarray(0, magic.length), magic)) return undefined
  if (!same(yield* digest(bytes.slice(0, end)), bytes.subarray(end))) return undefined
  const headerEnd = fixedBytes + new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true)
  const header = Option.getOrUndefined(decodeHeader(new TextDecoder().decode(bytes.subarray(fixedBytes, headerEnd))))
  if (header === undefined || header.key !== key) return undefined
  const { channels, chunks, sampleRate } = header
  let at = headerEnd
  return chunks.map(({ alignment, samples }): Tts.Chunk => {
    const frame = { sampleRate, channels, samples: samplesOf(bytes.subarray(at, at + 2 * samples), samples) }
    at += 2 * samples
    return alignment === undefined ? { frame } : { frame, alignment }
  })
})

export interface Settings {
  readonly path: string
  readonly variant: string
  readonly maxBytes: number
}

/** What cannot be read or written is asked of the provider instead: it costs time, not the speech. */
const harmless = <A, E>(what: string, effect: Effect.Effect<A, E>): Effect.Effect<A | undefined> =>
  Effect.catchCause(effect, () => Effect.as(Effect.logDebug(`cached speech could not be ${what}`), undefined))

export const fileStore = Effect.fnUntraced(function*({ maxBytes, path, variant }: Settings) {
  const files = yield* FileSystem.FileSystem
  const writing = yield* Semaphore.make(1)
  yield* makeFolderIn(files, path, 0o700)

  /** Sizes in bytes, in the order of use. */
  const sizes = new Map<string, number>()
  let total = 0

  const forget = (name: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      total -= sizes.get(name) ?? 0
      sizes.delete(name)
      return Effect.asVoid(harmless("removed", files.remove(`${path}/${name}`, { force: true })))
    })
  const count = (name: string, size: number): void => {
    total += size - (sizes.get(name) ?? 0)
    sizes.delete(name)
    sizes.set(name, size)
  }
  const prune: Effect.Effect<void> = Effect.suspend(() => {
    const [oldest] = sizes.keys()
    return oldest === undefined || total <= maxBytes ? Effect.void : Effect.andThen(forget(oldest), prune)
  })

  const now = yield* Clock.currentTimeMillis
  const found = yield* Effect.forEach(
    yield* files.readDirectory(path),
    (name) =>
      name.endsWith(suffix) || name.endsWith(temporary)
        ? Effect.map(
          Effect.option(files.stat(`${path}/${name}`)),
          Option.match({
            onNone: () => [],
            onSome: ({ mtime, size }) => [{
              name,
              size: Number(size),
              at: Option.match(mtime, { onNone: () => 0, onSome: (at) => at.getTime() })
            }]
          })
        )
        : Effect.succeed([])
  )
  for (const { at, name, size } of found.flat().sort((a, b) => a.at - b.at)) {
    if (name.endsWith(suffix)) count(name, size)
    else if (now - at > abandonedMs) yield* forget(name)
  }
  yield* prune

  const nameOf = (key: string) =>
    Effect.map(digest(new TextEncoder().encode(JSON.stringify([variant, key]))), (hash) => hex(hash) + suffix)

  const get = Effect.fnUntraced(function*(key: string) {
    const name = yield* nameOf(key)
    const file = `${path}/${name}`
    if (!(yield* files.exists(file))) return undefined
    const bytes = yield* files.readFile(file)
    const speech = yield* decode(key, bytes)
    if (speech === undefined) {
      yield* forget(name)
      return undefined
    }
    count(name, bytes.length)
    const at = yield* Clock.currentTimeMillis
    yield* harmless("marked as used", files.utimes(file, at / 1000, at / 1000))
    return speech
  })

  const set = Effect.fnUntraced(function*(key: string, speech: Speech) {
    const name = yield* nameOf(key)
    const bytes = yield* encode(key, speech)
    if (bytes === undefined || bytes.length > maxBytes) return
    const draft = `${path}/${name}.${(yield* Random.nextInt) >>> 0}${temporary}`
    yield* Effect.andThen(
      files.writeFile(draft, bytes, { mode: 0o600, flag: "wx" }),
      files.rename(draft, `${path}/${name}`)
    ).pipe(Effect.onError(() => Effect.ignore(files.remove(draft, { force: true }))))
    count(name, bytes.length)
    yield* prune
  })

  return {
    get: (key: string) => harmless("read", get(key)),
    set: (key: string, speech: Speech) =>
      Effect.asVoid(harmless("written", Semaphore.withPermits(writing, 1)(set(key, speech))))
  }
})
