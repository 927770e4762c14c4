/** What one process of a pool has to say in `/metrics`: asked for, or what it said last. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const patience = "1 second"

export class ChildMetrics {
  readonly #ask: (question: number) => boolean
  readonly #questions = new Map<number, (text: string) => void>()
  #asked = 0
  #last = ""

  /** `ask` tells whether there is anybody to answer. */
  constructor(ask: (question: number) => boolean) {
    this.#ask = ask
  }

  /** What it said last; nothing before it was first asked. */
  get last(): string {
    return this.#last
  }

  /** Nothing where nobody answers, and the last text where nobody answers in time. */
  get text(): Effect.Effect<string> {
    return Effect.callback<string>((resume) => {
      const question = ++this.#asked
      this.#questions.set(question, (text) => {
        this.#questions.delete(question)
        resume(Effect.succeed(text))
      })
      if (!this.#ask(question)) this.#questions.get(question)?.("")
      return Effect.sync(() => void this.#questions.delete(question))
    }).pipe(
      Effect.timeoutOption(patience),
      Effect.map(Option.getOrElse(() => this.#last))
    )
  }

  answer(question: number, text: string): void {
    this.#last = text
    this.#questions.get(question)?.(text)
  }

  /** Nobody will answer any more. */
  end(): void {
    for (const answer of this.#questions.values()) answer("")
  }
}
