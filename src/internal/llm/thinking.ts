/**
 * Signs of life of a model that has nothing to say yet. The part that drops a model's thoughts
 * gives a sign for each, so the part that waits for its words does not take the thinking for
 * silence.
 */
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { monotonicMs } from "../steady.ts"

/** Told whenever the model has thought a little more. */
export const Thought: Context.Reference<() => void> = Context.Reference<() => void>("effect-voice/internal/Thought", {
  defaultValue: () => () => {}
})

/** Keeps when the model of one request was last heard to think (monotonic ms), whichever attempt it is. */
export class Thinking {
  #attempt = 0
  #last: number | undefined = undefined

  get last(): number | undefined {
    return this.#last
  }

  /** One attempt, listened to; who was given up before gives no sign any more. */
  listen<A, E, R>(attempt: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> {
    return Stream.fromChannel(Channel.fromTransform((upstream, scope) =>
      Clock.clockWith((clock) => {
        const number = ++this.#attempt
        const thought = Effect.provideService(Thought, () => {
          if (number === this.#attempt) this.#last = monotonicMs(clock)
        })
        return Effect.map(thought(Channel.toTransform(Stream.toChannel(attempt))(upstream, scope)), thought)
      })
    ))
  }
}
