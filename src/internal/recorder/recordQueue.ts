/**
 * What waits to be written into a recording: items in order, audio in pieces of a second. It is
 * bounded. Items that do not fit are counted, and the recording says so. The writer takes
 * everything that waits at once, as bytes.
 */
import type * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Audio from "../../Audio.ts"
import type { Source } from "../../Recorder.ts"
import { problemOf } from "../audio/format.ts"
import type { Item, Sealer, Sound } from "./format.ts"

/** Records that wait for the disk. Half an hour of talk has as many. */
const mostEntries = 4096
/** Audio that waits for the disk, both sides together. */
const mostAudioMs = 20_000
/** Audio is sealed in pieces of this length. */
const pieceMs = 1000
/** Audio that comes this much beside its time goes on; what is further off begins anew at its own. */
const jitterMs = 100

interface Piece {
  readonly at: number
  readonly frames: Array<Audio.Frame>
  ms: number
}

export class RecordQueue {
  readonly #sealer: Sealer
  readonly #now: () => number
  readonly #items: Array<Item> = []
  readonly #pieces = new Map<Source, Piece>()
  readonly #wake = Latch.makeUnsafe(false)
  #isClosed = false
  #audioMs = 0
  #lost = { entries: 0, audioMs: 0 }

  constructor(sealer: Sealer, now: () => number) {
    this.#sealer = sealer
    this.#now = now
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
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

  put(item: Exclude<Item, Sound>): void {
    // The last word always fits.
    if (this.#items.length >= mostEntries && item._tag !== "Closed") {
      this.#lost.entries++
      return
    }
    // What was heard before it stands before it: nothing comes after the last word.
    if (item._tag === "Closed") this.#cutAll()
    this.#items.push(item)
    this.#wake.openUnsafe()
  }

  hear(source: Source, at: number, frames: ReadonlyArray<Audio.Frame>): void {
    let next = at
    for (const frame of frames) {
      // It could be written, and made nothing of by who reads it.
      if (!Number.isFinite(next) || !Audio.isFrame(frame) || problemOf(frame) !== undefined) {
        this.#lost.entries++
        continue
      }
      const before = this.#pieces.get(source)
      const [first] = before?.frames ?? []
      const goesOn = before !== undefined && first !== undefined &&
        Math.abs(before.at + before.ms - next) <= jitterMs &&
        first.sampleRate === frame.sampleRate && first.channels === frame.channels
      if (!goesOn) this.#cut(source)
      const piece = goesOn ? before : { at: next, frames: [], ms: 0 }
      const ms = Audio.durationMs(frame)
      piece.frames.push(frame)
      piece.ms += ms
      next += ms
      this.#pieces.set(source, piece)
      if (piece.ms >= pieceMs) this.#cut(source)
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
    const items = this.#items.splice(0)
    this.#audioMs = 0
    const last = items.at(-1)?._tag === "Closed" ? items.splice(-1) : []
    const records = items.flatMap((item) => this.#seal(item))
    if (this.#lost.entries > 0 || this.#lost.audioMs > 0) {
      records.push(this.#sealer.record({ _tag: "Lost", at: this.#now(), ...this.#lost }))
      this.#lost = { entries: 0, audioMs: 0 }
    }
    return Buffer.concat([...records, ...last.flatMap((item) => this.#seal(item))])
  }

  #cutAll(): void {
    for (const source of this.#pieces.keys()) this.#cut(source)
  }

  #cut(source: Source): void {
    const piece = this.#pieces.get(source)
    if (piece === undefined) return
    this.#pieces.delete(source)
    if (this.#audioMs + piece.ms > mostAudioMs) {
      this.#lost.audioMs += piece.ms
      return
    }
    this.#audioMs += piece.ms
    this.#items.push({ _tag: "Audio", at: piece.at, source, frame: Audio.concat(piece.frames) })
    this.#wake.openUnsafe()
  }

  #seal(item: Item): ReadonlyArray<Uint8Array> {
    try {
      return [this.#sealer.record(item)]
    } catch {
      // One that is not what it should be must not cost those after it.
      this.#lost.entries++
      return []
    }
  }
}
