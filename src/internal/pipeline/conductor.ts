/**
 * Runs the turn-taking: signals in, actions out, one timer.
 *
 * `dispatch` is synchronous and takes a signal to its end, actions included,
 * before the next one, so nothing can happen between a decision and what
 * follows from it. Signals that arise meanwhile wait in line.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Turn from "../../Turn.ts"
import { logOwn } from "../foreign.ts"
import { isLanguage } from "../text/phrases.ts"

export interface Conductor {
  readonly dispatch: (signal: Turn.Signal) => void
  /** Tells the listeners something that a signal follows from at once: what they do about it comes after the signal. */
  readonly tell: (tell: () => void, signal: Turn.Signal) => void
  readonly state: () => Turn.State
  readonly now: () => number
  /** The language of the conversation: that of the words heard last, else that of the settings. */
  readonly language: () => string | undefined
  /** Who carries the actions out; set before anything is dispatched. */
  readonly performedBy: (perform: (action: Turn.Action) => void) => void
}

export const makeConductor = (options: {
  /** Milliseconds of the Clock that never run backwards. */
  readonly now: () => number
  readonly initial: Turn.State
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}): Conductor => {
  const { fork } = options
  let perform = (_action: Turn.Action): void => {}
  let state = options.initial
  let heard: string | undefined
  let busy = false
  const waiting: Array<Turn.Signal> = []
  let timer: { readonly due: number; readonly fiber: Fiber.Fiber<void> } | undefined

  let reached = 0
  const now = () => Math.max(reached, options.now())

  const arm = (onDue: () => void): void => {
    const due = Turn.deadline(state)
    if (due === undefined) {
      timer?.fiber.interruptUnsafe()
      timer = undefined
      return
    }
    // A timer that is early does no harm: its tick finds nothing due and arms the next.
    if (timer !== undefined && timer.due <= due) return
    timer?.fiber.interruptUnsafe()
    const fiber = fork(Effect.andThen(
      Effect.sleep(Math.max(0, due - now())),
      Effect.sync(() => {
        timer = undefined
        // Clocks round: what was to wake at this time has done so.
        reached = due
        onDue()
      })
    ))
    timer = { due, fiber }
  }

  // A listener or a port that throws must not take the rest of the conversation with it.
  const attempt = (action: Turn.Action): void => {
    try {
      perform(action)
    } catch (defect) {
      fork(logOwn(`the conversation could not carry out ${action._tag}`, Cause.die(defect)))
    }
  }

  const tell = (first: () => void, signal: Turn.Signal): void => {
    waiting.push(signal)
    if (busy) return first()
    busy = true
    try {
      first()
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (next._tag === "Heard" && isLanguage(next.language)) heard = next.language
        const [following, actions] = Turn.step(state, now(), next)
        state = following
        for (const action of actions) attempt(action)
      }
    } finally {
      busy = false
      arm(() => tell(() => {}, { _tag: "Tick" }))
    }
  }

  return {
    dispatch: (signal) => tell(() => {}, signal),
    tell,
    now,
    state: () => state,
    language: () => heard ?? Turn.settings(state).language,
    performedBy: (by) => {
      perform = by
    }
  }
}
