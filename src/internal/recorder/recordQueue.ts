/**
 * What waits to be written into a recording, as bytes: entries in order, audio in pieces of a second.
 * It is bounded in number, in bytes and in seconds; what comes beyond is lost, counted, and the
 * recording says so. The writer takes everything that waits at once.
 */
import type * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Audio from "../../Audio.ts"
import type { Source } from "../../Recorder.ts"
import { problemOf } from "../audio/format.ts"
import { encode, type Encoded, type Item, type Sealer, type Sound } from "./format.ts"

/** Entries that wait for the disk. Half an hour of talk has as many. */
const mostEntries = 4096
/** All of them together. */
const mostEntryBytes = 16 * 1024 * 1024
/** Audio that waits for the disk, both sides together. */
const mostAudioMs = 20_000
const mostAudioBytes = 8 * 1024 * 1024
/** Audio is sealed in pieces of this length, or shorter ones of so many bytes: a record has a limit. */
const pieceMs = 1000
const pieceBytes = 1024 * 1024
/** Audio that comes this much beside its time goes on; what is further off begins anew at its own. */
const jitterMs = 100

interface Piece {
  readonly at: number
  readonly frames: Array<Audio.Frame>
  ms: number
  bytes: number
}

/** Frames that are no longer than a piece. */
const parts = (frame: Audio.Frame): ReadonlyArray<Audio.Frame> => {
  const ms = Audio.durationMs(frame)
  const count = Math.ceil(Math.max(ms / pieceMs, frame.samples.byteLength / pieceBytes))
  return count <= 1
    ? [frame]
    : Array.from({ length: count }, (_, i) => Audio.slice(frame, ms * i / count, ms * (i + 1) / count))
}

export class RecordQueue {
  readonly #sealer: Sealer
  readonly #now: () => number
  readonly #pieces = new Map<Source, Piece>()
  readonly #wake = Latch.makeUnsafe(false)
  readonly #losing = Latch.makeUnsafe(false)
  #waiting: Array<Encoded> = []
  /** The last word always fits, behind what tells of losses. */
  #last: Encoded | undefined
  #isClosed = false
  #held = { entries: 0, entryBytes: 0, audioMs: 0, audioBytes: 0 }
  #lost = { entries: 0, audioMs: 0 }

  constructor(sealer: Sealer, now: () => number) {
    this.#sealer = sealer
    this.#now = now
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#last === undefined && !this.#hasLost
  }

  get #hasLost(): boolean {
    return this.#lost.entries > 0 || this.#lost.audioMs > 0
  }

  /** Nothing more will come. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Waits until something comes, or nothing will any more. */
  get arrived(): Effect.Effect<void> {
    this.#wake.closeUnsafe()
    return this.#wake.await
  }

  /** Waits until something is lost. */
  get losing(): Effect.Effect<void> {
    return this.#losing.await
  }

  put(item: Exclude<Item, Sound>): void {
    const isLast = item._tag === "Closed"
    // What was heard before it stands before it: nothing comes after the last word.
    if (isLast) this.#cutAll()
    const held = this.#held
    const encoded = held.entries < mostEntries || isLast ? this.#encode(item) : undefined
    if (encoded === undefined) return this.#lose(1, 0)
    if (isLast) this.#last = encoded
    else if (held.entryBytes + encoded.plain.length > mostEntryBytes) return this.#lose(1, 0)
    else {
      held.entries++
      held.entryBytes += encoded.plain.length
      this.#waiting.push(encoded)
    }
    this.#wake.openUnsafe()
  }

  hear(source: Source, at: number, frames: ReadonlyArray<Audio.Frame>): void {
    let next = at
    for (const frame of frames) {
      // It could be written, and made nothing of by who reads it.
      if (!Number.isFinite(next) || !Audio.isFrame(frame) || problemOf(frame) !== undefined) {
        this.#lose(1, 0)
        continue
      }
      for (const part of parts(frame)) {
        this.#add(source, next, part)
        next += Audio.durationMs(part)
      }
    }
  }

  /** What is left of the audio is the end of it. */
  close(): void {
    this.#cutAll()
    this.#isClosed = true
    this.#wake.openUnsafe()
  }

  /** Seals all that waits: once, as each seal bears a number of its own. */
  take(): Uint8Array {
    const records = this.#waiting.map((encoded) => this.#sealer.record(encoded))
    this.#waiting = []
    this.#held = { entries: 0, entryBytes: 0, audioMs: 0, audioBytes: 0 }
    if (this.#hasLost) {
      records.push(this.#sealer.record(encode({ _tag: "Lost", at: this.#now(), ...this.#lost })))
      this.#lost = { entries: 0, audioMs: 0 }
    }
    if (this.#last !== undefined) records.push(this.#sealer.record(this.#last))
    this.#last = undefined
    return Buffer.concat(records)
  }

  /** One that is not what it should be must not cost those after it. */
  #encode(item: Item): Encoded | undefined {
    try {
      return encode(item)
    } catch {
      return undefined
    }
  }

  #lose(entries: number, audioMs: number): void {
    this.#lost.entries += entries
    this.#lost.audioMs += audioMs
    this.#losing.openUnsafe()
    this.#wake.openUnsafe()
  }

  #add(source: Source, at: number, frame: Audio.Frame): void {
    const before = this.#pieces.get(source)
    const [first] = before?.frames ?? []
    const goesOn = before !== undefined && first !== undefined &&
      Math.abs(before.at + before.ms - at) <= jitterMs &&
      first.sampleRate === frame.sampleRate && first.channels === frame.channels
    if (!goesOn) this.#cut(source)
    const piece = goesOn ? before : { at, frames: [], ms: 0, bytes: 0 }
    piece.frames.push(frame)
    piece.ms += Audio.durationMs(frame)
    piece.bytes += frame.samples.byteLength
    this.#pieces.set(source, piece)
    if (piece.ms >= pieceMs || piece.bytes >= pieceBytes) this.#cut(source)
  }

  #cutAll(): void {
    for (const source of this.#pieces.keys()) this.#cut(source)
  }

  #cut(source: Source): void {
    const piece = this.#pieces.get(source)
    if (piece === undefined) return
    this.#pieces.delete(source)
    const { at, bytes, frames, ms } = piece
    const held = this.#held
    if (held.audioMs + ms > mostAudioMs || held.audioBytes + bytes > mostAudioBytes) return this.#lose(0, ms)
    held.audioMs += ms
    held.audioBytes += bytes
    this.#waiting.push(encode({ _tag: "Audio", at, source, frame: Audio.concat(frames) }))
    this.#wake.openUnsafe()
  }
}
