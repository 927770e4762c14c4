/** Whether a recogniser owes a transcript, and for how long: a quiet user is no failure. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { monotonic } from "../steady.ts"

/** How far beyond an end of speech a provider may count the words before it. */
const overrunMs = 100

/** The ends of speech that wait for their transcript, and since when. */
export class Pending {
  #marks: Array<{ readonly position: number; readonly since: number }> = []
  #since: number | undefined = undefined
  #awaken = Deferred.makeUnsafe<void>()
  /** A final transcript came when none was waited for: before the end of its speech was marked. */
  #early = false

  add(position: number, now: number): void {
    if (this.#early) {
      // It has found the end by itself, and may have nothing to add.
      this.#early = false
      return
    }
    this.#marks.push({ position, since: now })
    if (this.#since === undefined) {
      this.#since = now
      Deferred.doneUnsafe(this.#awaken, Exit.void)
    }
  }

  /**
   * A final transcript has come, up to `end` where the provider tells. Gives the
   * position up to which the audio is answered, where a mark says so.
   */
  answer(end: number | undefined): number | undefined {
    this.#early = this.#marks.length === 0
    const found = end === undefined ? -1 : this.#marks.findIndex(({ position }) => position + overrunMs >= end)
    const last = found === -1 ? this.#marks.length - 1 : found
    const answered = end !== undefined && found === -1 ? end : this.#marks[last]?.position
    this.#marks = this.#marks.slice(last + 1)
    this.#waitSince(this.#marks[0]?.since)
    return answered
  }

  /** An interim transcript has come: the provider is at work. */
  sign(now: number): void {
    if (this.#since !== undefined) this.#since = now
  }

  /** The marks are given again to the same provider: the clock goes on. */
  again(): void {
    this.#marks = []
    this.#early = false
  }

  /** Another provider begins: so does the clock. */
  reset(): void {
    this.#marks = []
    this.#early = false
    this.#waitSince(undefined)
  }

  #waitSince(since: number | undefined): void {
    this.#since = since
    if (since === undefined) this.#awaken = Deferred.makeUnsafe()
  }

  /** Since when an end of speech waits, or when the provider was last at work on it (monotonic ms). */
  get since(): number | undefined {
    return this.#since
  }

  /** Completes when an end of speech waits. */
  get awaited(): Effect.Effect<void> {
    return Effect.suspend(() => this.#since === undefined ? Deferred.await(this.#awaken) : Effect.void)
  }

  /** Completes when an end of speech has waited for `ms`. */
  overdue(ms: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const since = this.#since
      if (since === undefined) return Effect.andThen(this.awaited, this.overdue(ms))
      return Effect.flatMap(
        monotonic,
        (now) => now - since >= ms ? Effect.void : Effect.andThen(Effect.sleep(since + ms - now), this.overdue(ms))
      )
    })
  }
}
