/**
 * How long a recogniser takes to answer an end of speech, as it was measured.
 *
 * The one owner of these delays: each recogniser has one memory for the life of the process,
 * whatever number of sessions asks it. The part that asks the recogniser reports the delay of each
 * answer. The part that waits for an answer asks here for how long.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { monotonic } from "../steady.ts"
import type * as Stt from "./model.ts"
import { Pending } from "./pending.ts"
import { StreamTime } from "./streamTime.ts"
import { isEmpty } from "./transcripts.ts"

/** What is expected (ms) before enough was measured: of one that hears while one speaks, and of one that is asked after it. */
const streamingMs = 500
const oneShotMs = 1800

/** Answers from which on what was measured is all that counts. */
const enough = 20

/** Answers of one stream of which the slowest says how slow the next may be. */
const lately = 5

/** What a recogniser of whole pieces may take for them beside the rest, as a part of their length. */
const partOfLength = 1 / 4

/** Answers that are remembered. */
const most = 200

export class Delays {
  readonly #oneShot: boolean
  readonly #measured: Array<number> = []
  #next = 0
  #usual: number

  constructor(oneShot: boolean) {
    this.#oneShot = oneShot
    this.#usual = oneShot ? oneShotMs : streamingMs
  }

  /** An answer has taken so long (ms). */
  record(ms: number): void {
    this.#measured[this.#next] = ms
    this.#next = (this.#next + 1) % most
    const sorted = this.#measured.toSorted((a, b) => a - b)
    const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? ms
    this.#usual = sorted.length >= enough ? p99 : Math.max(p99, this.#oneShot ? oneShotMs : streamingMs)
  }

  /** From an end of speech to its answer (ms): of a hundred, one takes longer. */
  get usual(): number {
    return this.#usual
  }
}

/** What one recogniser has taken in one stream lately, and what another answer of it may take. */
export class StreamDelays {
  readonly #of: ReadonlyArray<Delays>
  readonly #own: Delays
  readonly #part: number
  #lately: ReadonlyArray<number> = []

  /** What it takes is told to `others`, too. */
  constructor({ oneShot, wants }: Stt.Service, own: Delays, others: ReadonlyArray<Delays>) {
    this.#own = own
    this.#of = [own, ...others]
    this.#part = oneShot === true || wants === "speech" ? partOfLength : 0
  }

  /** An answer has taken so long (ms). */
  record(ms: number): void {
    this.#lately = [...this.#lately.slice(1 - lately), ms]
    for (const each of this.#of) each.record(ms)
  }

  /** Without an answer to that much audio for so long, an attempt that may take `attemptMs` hangs (ms). */
  patience(audioMs: number, attemptMs: number): number {
    return Math.max(attemptMs, this.#own.usual + 1000, 2 * Math.max(0, ...this.#lately)) + audioMs * this.#part
  }
}

const known = new WeakMap<Stt.Service, Delays>()

/** Those that measure themselves. */
const measuring = new WeakSet<Stt.Service>()

export const delaysOf = (service: Stt.Service): Delays => {
  const delays = known.get(service) ?? new Delays(service.oneShot === true)
  known.set(service, delays)
  return delays
}

/** A shape of one or several recognisers that measures them. */
export const keepDelays = <S extends Stt.Service>(service: S, delays: Delays): S => {
  known.set(service, delays)
  measuring.add(service)
  return service
}

/** Another shape of a recogniser takes as long. */
export const shareDelays = (of: Stt.Service, shape: Stt.Service): Stt.Service => keepDelays(shape, delaysOf(of))

/** Measures one that nobody has made resilient, and that is measured by nobody else. */
export const measured = (service: Stt.Service): Stt.Service => {
  if (measuring.has(service)) return service
  const delays = delaysOf(service)
  const transcribe: Stt.Service["transcribe"] = (audio) =>
    Stream.suspend(() => {
      const pending = new Pending()
      const streamTime = new StreamTime()
      const fed = Stream.mapArrayEffect(audio, (inputs) =>
        Effect.map(monotonic, (now) => {
          for (const input of inputs) {
            if ("_tag" in input) pending.add(streamTime.end, now)
            else streamTime.push(input)
          }
          return inputs
        }))
      return Stream.mapArrayEffect(service.transcribe(fed), (transcripts) =>
        Effect.map(monotonic, (now) => {
          for (const heard of transcripts) {
            if (!heard.final) continue
            const empty = isEmpty(heard)
            const since = pending.answer(heard.end, empty)?.since
            // That there was nothing to hear is known at once.
            if (since !== undefined && !empty) delays.record(now - since)
          }
          return transcripts
        }))
    })
  return shareDelays(service, { ...service, transcribe })
}
