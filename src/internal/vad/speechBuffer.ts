/**
 * Keeps the audio of the speech that is open, with what came before it, for the
 * events that carry it. It is bounded by the settings: what is longer is cut, and
 * the padding is a ring. It ends with its detector.
 */
import { Ring } from "../audio/ring.ts"
import type { Settings } from "./settings.ts"

/** The audio of one speech, up to `limit` samples. */
class Take {
  readonly from: number
  readonly #limit: number
  #data: Int16Array<ArrayBuffer>
  #length = 0

  constructor(from: number, limit: number) {
    this.from = from
    this.#limit = limit
    this.#data = new Int16Array(Math.min(limit, 32_768))
  }

  get to(): number {
    return this.from + this.#length
  }

  append(samples: Int16Array): void {
    const count = this.#reserve(samples.length)
    this.#data.set(count === samples.length ? samples : samples.subarray(0, count), this.#length)
    this.#length += count
  }

  appendSilence(count: number): void {
    this.#length += this.#reserve(count)
  }

  /** All of it, in memory of its own; nothing more can be appended. */
  samples(): Int16Array {
    this.#resize(this.#length)
    return this.#data
  }

  #reserve(count: number): number {
    const taken = Math.min(count, this.#limit - this.#length)
    const needed = this.#length + taken
    if (needed > this.#data.length) {
      this.#resize(Math.min(this.#limit, Math.max(needed, this.#data.length * 2)))
    }
    return taken
  }

  /** The memory before is free at once: a speech is old when it ends, and a collection of all that is old holds the thread. */
  #resize(samples: number): void {
    this.#data = new Int16Array(this.#data.buffer.transfer(samples * Int16Array.BYTES_PER_ELEMENT))
  }
}

export interface SpeechAudio {
  readonly samples: Int16Array
  /** Position of the first sample. */
  readonly from: number
  /** The voice went on after the last sample kept. */
  readonly truncated: boolean
}

/** Keeps the audio that a boundary will carry, and no more. */
export class SpeechBuffer {
  readonly #settings: Settings
  readonly #recent: Ring
  #take: Take | undefined = undefined
  /** No padding reaches back into the voice of the speech before. */
  #voicedTo = 0

  constructor(settings: Settings, windowSize: number) {
    this.#settings = settings
    this.#recent = new Ring(settings.prefixPadding + Math.ceil(settings.minSpeech) + windowSize)
  }

  append(samples: Int16Array): void {
    this.#recent.append(samples)
    this.#take?.append(samples)
  }

  appendSilence(count: number): void {
    this.#recent.appendSilence(count)
    this.#take?.appendSilence(count)
  }

  /** Begins a take that holds the padding and the voice up to `now`. */
  start(startedAt: number, now: number): SpeechAudio {
    const { maxBufferedSpeech, prefixPadding } = this.#settings
    const from = Math.max(startedAt - prefixPadding, this.#voicedTo, this.#recent.start)
    const samples = this.#recent.slice(from, Math.min(now, from + maxBufferedSpeech))
    this.#take = new Take(from, maxBufferedSpeech)
    this.#take.append(samples)
    return { samples, from, truncated: false }
  }

  /** Ends the take of a speech whose voice ended at `voicedTo`. */
  finish(voicedTo: number): SpeechAudio {
    const take = this.#take!
    this.#take = undefined
    this.#voicedTo = voicedTo
    return { samples: take.samples(), from: take.from, truncated: take.to < voicedTo }
  }
}
