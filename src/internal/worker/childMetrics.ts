/** Asks one process of a pool what it has measured. The answer, and figures that come unasked, go to the owner. */
import * as Effect from "effect/Effect"

const patience = "1 second"

export class ChildMetrics {
  readonly #ask: (question: number) => boolean
  readonly #questions = new Map<number, () => void>()
  #asked = 0

  /** `ask` tells whether there is anybody to answer. */
  constructor(ask: (question: number) => boolean) {
    this.#ask = ask
  }

  /** Has it say what it has measured by now. At once where nobody answers, and soon where nobody answers in time. */
  get fresh(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const question = ++this.#asked
      this.#questions.set(question, () => {
        this.#questions.delete(question)
        resume(Effect.void)
      })
      if (!this.#ask(question)) this.#questions.get(question)?.()
      return Effect.sync(() => void this.#questions.delete(question))
    }).pipe(Effect.timeoutOption(patience), Effect.asVoid)
  }

  answered(question: number): void {
    this.#questions.get(question)?.()
  }

  /** Nobody will answer any more. */
  end(): void {
    for (const answer of this.#questions.values()) answer()
  }
}
