/**
 * A tool that waits for the user, and not the user for the tool: its time stands still, the reply
 * that has called it says nothing more, and what comes of it is told as soon as it is there.
 */
import * as Effect from "effect/Effect"
import { CurrentSpeech } from "../session.ts"
import { CurrentCall, CurrentSpared } from "../tools/execute.ts"
import type { Core } from "./core.ts"

export interface Asking {
  /** The call that waits, in a tool. */
  readonly call: string | undefined
  /** The user has it from now on. */
  readonly begins: () => void
  /** They have answered: they wait for what the call makes of it. */
  readonly answered: () => void
  /** They have nobody to answer any more: nothing is to be said of what comes of it. */
  readonly dropped: () => void
  /** In time that is not the tool's. An end of the call ends it, also where nothing can interrupt a plain function. */
  readonly during: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const asking = (core: Core): Effect.Effect<Asking> =>
  Effect.gen(function*() {
    const call = yield* CurrentCall
    const speech = yield* CurrentSpeech
    const spare = yield* CurrentSpared
    const over = call === undefined ? undefined : core.calls.over(call)
    const about = (what: (call: string) => void) => () => {
      if (call !== undefined) what(call)
    }
    return {
      call,
      begins: about((call) => {
        core.calls.asking(call, true)
        const waiting = core.speeches.get(speech ?? "")
        if (waiting?.calls.includes(call) === true) waiting.parted.openUnsafe()
      }),
      answered: about(core.outstanding.hurry),
      dropped: about(core.outstanding.excuse),
      during: (effect) =>
        Effect.ensuring(
          spare(over === undefined ? effect : Effect.raceFirst(effect, Effect.andThen(over.await, Effect.interrupt))),
          Effect.sync(about((call) => core.calls.asking(call, false)))
        )
    }
  })
