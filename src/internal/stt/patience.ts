/**
 * How long one attempt at a recogniser may take for the speech that has ended:
 * it knows what the recogniser has taken lately. It owns nothing; whoever waits
 * for `hung` is interrupted when the attempt is over.
 */
import * as Effect from "effect/Effect"
import type { Settings } from "../resilience/policy.ts"
import { monotonic } from "../steady.ts"
import type { Memory } from "./memory.ts"
import type { Service } from "./model.ts"

/** Answers of which the slowest says how slow the next may be. */
const remembered = 5

/** What a recogniser of whole pieces may take for them beside the rest, as a part of their length. */
const partOfLength = 1 / 4

export class Patience {
  readonly #settings: Settings | undefined
  readonly #part: number
  #lately: ReadonlyArray<number> = []

  /** Without settings, the service is resilient itself. */
  constructor(settings: Settings | undefined, { wants }: Service) {
    this.#settings = settings
    this.#part = wants === "speech" ? partOfLength : 0
  }

  /** A transcript came so long (ms) after the end of its speech. */
  took(ms: number): void {
    if (ms > 0) this.#lately = [...this.#lately.slice(1 - remembered), ms]
  }

  #allowed(audioMs: number, { attemptMs }: Settings): number {
    return Math.max(attemptMs + audioMs * this.#part, 2 * Math.max(0, ...this.#lately))
  }

  /**
   * Completes when an attempt has shown no sign of life for longer than it may,
   * while there is time for another one; gives for how long (ms). The last
   * attempt has all that is left.
   */
  hung<E, R>(memory: Memory<E, R>, lastSign: () => number, tried: () => number): Effect.Effect<number> {
    const settings = this.#settings
    if (settings === undefined) return Effect.never
    const look: Effect.Effect<number> = Effect.flatMap(monotonic, (now) => {
      const { since = now } = memory.pending
      const allowed = this.#allowed(memory.unansweredMs, settings)
      const left = Math.max(since, lastSign()) + allowed - now
      if (left > 0) return Effect.andThen(Effect.sleep(left), wait)
      const isLast = tried() >= settings.retries || now + settings.attemptMs > since + settings.firstOutputMs
      return isLast ? Effect.never : Effect.succeed(allowed)
    })
    const wait: Effect.Effect<number> = Effect.suspend(() => Effect.andThen(memory.pending.awaited, look))
    return wait
  }
}
