/**
 * The pieces of the caller's voice in their order, each with the time at which it begins. A gap in
 * their numbers, or in their times, is a gap in what was heard, but none is longer than the time that
 * has passed: numbers that cannot be believed leave nobody unheard.
 */
import { type Message, rate } from "./protocol.ts"

type Media = Extract<Message, { readonly _tag: "Media" }>

export interface Placed {
  readonly samples: Int16Array
  /** Ms of the stream. */
  readonly at: number
}

// Numbers that are so far from the last begin again (ms of audio).
const longestGap = 60_000
// So many pieces in a row that came before, and the carrier has begun to count again.
const again = 3
// How much later than the quickest piece the first ones may have come (ms).
const jitter = 1000

const lengthOf = ({ samples }: Media): number => samples.length * 1000 / rate

export class Timeline {
  #chunk = 0
  #end = 0
  /** Audio that has come, and the Clock time at which it would have begun, had its quickest piece been the first (ms). */
  #heard = 0
  #began = Number.POSITIVE_INFINITY
  /** A piece before which one is missing: that may be just behind it. */
  #early: Media | undefined
  /** Pieces in a row that seem to have come before, and the number of the last. */
  #late = { count: 0, chunk: 0 }

  /** A piece has come at a time of the monotonic Clock; gives what can be heard now. */
  push(media: Media, now: number): ReadonlyArray<Placed> {
    const { chunk } = media
    if (chunk === undefined || chunk === 0) {
      const before = this.flush(now)
      this.#chunk = 0
      return [...before, this.#place(media, media.at ?? this.#end, now)]
    }
    if (this.#chunk > 0 && chunk <= this.#chunk && !this.#isAgain(chunk, lengthOf(media))) return []
    this.#late = { count: 0, chunk: 0 }
    if (this.#early === undefined) {
      if (this.#chunk > 0 && chunk === this.#chunk + 2) {
        this.#early = media
        return []
      }
      return [this.#follow(media, chunk, now)]
    }
    // The missing one, or none is missing any more.
    if (chunk === this.#chunk + 1) {
      const missing = this.#follow(media, chunk, now)
      return [missing, ...this.flush(now)]
    }
    const before = this.flush(now)
    return [...before, ...this.push(media, now)]
  }

  /** What waits for a piece that is missing, which does not come any more. */
  flush(now: number): ReadonlyArray<Placed> {
    const early = this.#early
    this.#early = undefined
    return early === undefined ? [] : [this.#follow(early, early.chunk ?? 0, now)]
  }

  /** Whether the carrier counts from another number on: the piece is far off, or one of some in a row. */
  #isAgain(chunk: number, length: number): boolean {
    const { chunk: last, count } = this.#late
    this.#late = { count: chunk === last + 1 ? count + 1 : 1, chunk }
    if ((this.#chunk - chunk) * length <= longestGap && this.#late.count < again) return false
    this.#early = undefined
    this.#chunk = 0
    return true
  }

  #follow(media: Media, chunk: number, now: number): Placed {
    const missing = this.#chunk === 0 ? 0 : (chunk - this.#chunk - 1) * lengthOf(media)
    this.#chunk = chunk
    return this.#place(media, media.at ?? this.#end + missing, now)
  }

  #place(media: Media, begin: number, now: number): Placed {
    const length = lengthOf(media)
    this.#began = Math.min(this.#began, now - this.#heard - length)
    this.#heard += length
    const gap = begin - this.#end
    // A part of a piece is no piece that was lost: clocks are never alike, and carriers round.
    const isBelieved = gap >= length && gap <= longestGap && begin + length <= now - this.#began + jitter
    const at = isBelieved ? begin : this.#end
    this.#end = at + length
    return { samples: media.samples, at }
  }
}
