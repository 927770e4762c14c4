/**
 * Whether a conversation has answered what it was asked: what a program types, line by line, waits for that. Nobody
 * types over an answer by accident there, as somebody at a keyboard may want to.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Event from "../Event.ts"

export interface Answered {
  readonly follow: (event: Event.Event) => void
  /** Waits until nobody speaks, thinks or works, for a moment; at once where the conversation is over. */
  readonly wait: Effect.Effect<void>
  /** How many answers have failed so far. */
  readonly failed: () => number
}

/** A greeting, and what follows an answer, is asked for within this time (ms). */
const moment = 500

export const makeAnswered = (): Answered => {
  const speeches = new Set<string>()
  const calls = new Set<string>()
  const changed = Latch.makeUnsafe(false)
  let agent: Event.AgentState = "initializing"
  let count = 0
  let failed = 0
  let over = false
  const busy = () => agent !== "listening" || speeches.size > 0 || calls.size > 0
  const isAnswered = (seen: number) => over || (!busy() && seen === count)
  const wait: Effect.Effect<void> = Effect.gen(function*() {
    let seen = -1
    while (!isAnswered(seen)) {
      changed.closeUnsafe()
      seen = count
      yield* busy() ? changed.await : Effect.sleep(moment)
    }
  })
  return {
    failed: () => failed,
    wait,
    follow: (event) => {
      // A meter runs by itself.
      if (event._tag === "UsageMeasured") return
      count += 1
      if (event._tag === "AgentStateChanged") agent = event.to
      if (event._tag === "SpeechCreated") speeches.add(event.speech)
      if (event._tag === "SpeechFinished") {
        speeches.delete(event.speech)
        if (event.outcome === "failed") failed += 1
      }
      if (event._tag === "FunctionCallStarted") calls.add(event.id)
      if (event._tag === "FunctionCallsFinished") { for (const { id } of event.calls) calls.delete(id) }
      if (event._tag === "SessionClosed") over = true
      changed.openUnsafe()
    }
  }
}
