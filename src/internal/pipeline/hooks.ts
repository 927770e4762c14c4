/**
 * A hook that the turn-taking has called: what it says goes where the hook
 * stands, and while that is heard the hook's own time stands still.
 */
import * as Effect from "effect/Effect"
import { CurrentHook, type RunningHook } from "../session.ts"
import type { Core } from "./core.ts"
import { ask } from "./roomTimeout.ts"

export interface Hook {
  /** Audio (ms) that was played while the hook waited for it. */
  readonly heard: Effect.Effect<number>
  /** Runs what the hook does. */
  readonly within: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

export const makeHook = (core: Core, name: RunningHook["name"]): Hook => {
  let over = false
  let waiting = 0
  let from = 0
  let heard = 0
  const played = Effect.suspend(() => ask(core, core.output.played, from))
  const running: RunningHook = {
    name,
    over: () => over,
    awaiting: (effect) =>
      Effect.gen(function*() {
        if (waiting++ === 0) from = yield* played
        return yield* effect
      }).pipe(
        Effect.ensuring(
          Effect.suspend(() =>
            --waiting > 0 ? Effect.void : Effect.map(played, (to) => {
              heard += to - from
            })
          )
        )
      )
  }
  return {
    heard: Effect.suspend(() => waiting === 0 ? Effect.succeed(heard) : Effect.map(played, (to) => heard + to - from)),
    within: (effect) =>
      Effect.provideService(effect, CurrentHook, running).pipe(
        Effect.ensuring(Effect.sync(() => {
          over = true
        }))
      )
  }
}
