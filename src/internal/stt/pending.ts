/** Whether a recogniser still has to give a transcript, and since when. A quiet user is not a failure. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { monotonic } from "../steady.ts"

/** How far beyond an end of speech a provider may count the words before it. */
const overrunMs = 100

/** For how long a transcript is waited for, whoever is asked for it. */
export class Waiting {
  #since: number | undefined = undefined
  #awaken = Deferred.makeUnsafe<void>()

  /** Since when an end of speech waits, or when the provider was last at work on it (monotonic ms). */
  get since(): number | undefined {
    return this.#since
  }

  /** An end of speech waits, beside those that may wait already. */
  begin(now: number): void {
    if (this.#since !== undefined) return
    this.#since = now
    Deferred.doneUnsafe(this.#awaken, Exit.void)
  }

  /** An interim transcript has come: the provider is at work. */
  sign(now: number): void {
    if (this.#since !== undefined) this.#since = now
  }

  /** There is an answer, or another provider begins. `since` is that of the next end of speech, where one waits. */
  settle(since?: number): void {
    this.#since = since
    if (since === undefined) this.#awaken = Deferred.makeUnsafe()
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

/** The ends of speech that wait for their transcript in one attempt, and since when. */
export class Pending {
  readonly #waiting: Waiting
  #marks: Array<{ readonly position: number; readonly since: number }> = []
  /** A final transcript came when none was waited for: before the end of its speech was marked. */
  #early = false

  constructor(waiting: Waiting = new Waiting()) {
    this.#waiting = waiting
  }

  add(position: number, now: number): void {
    if (this.#early) {
      // It has found the end by itself, and may have nothing to add.
      this.#early = false
      return
    }
    this.#marks.push({ position, since: now })
    this.#waiting.begin(now)
  }

  /**
   * A final transcript has come, up to `end` where the provider tells; an empty one
   * has found no end of speech by itself. Gives the
   * position up to which the audio is answered, where a mark says so, and since
   * when the mark that it answers has waited.
   */
  answer(
    end: number | undefined,
    empty = false
  ): { readonly position: number; readonly since: number | undefined } | undefined {
    this.#early = this.#marks.length === 0 && !empty
    const found = end === undefined ? -1 : this.#marks.findIndex(({ position }) => position + overrunMs >= end)
    const last = found === -1 ? this.#marks.length - 1 : found
    const position = end !== undefined && found === -1 ? end : this.#marks[last]?.position
    const since = this.#marks[Math.max(0, found)]?.since
    this.#marks = this.#marks.slice(last + 1)
    this.#waiting.settle(this.#marks[0]?.since)
    return position === undefined ? undefined : { position, since }
  }
}
