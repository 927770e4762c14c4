/** What the agent's output in the room is told to do: one thing after the other, in the order in which it was said. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Core } from "./core.ts"
import { ask } from "./roomTimeout.ts"

export type Command = "pause" | "resume" | "clear"

export interface Commands {
  /** The last that was said is that it shall pause. */
  readonly isPaused: () => boolean
  /** Says the next thing, once all before it was done. */
  readonly say: (command: Command | undefined, told: Effect.Effect<void>) => Effect.Effect<void>
}

export const makeCommands = (): Commands => {
  const inOrder = Semaphore.makeUnsafe(1).withPermits(1)
  let paused = false
  return {
    isPaused: () => paused,
    say: (command, told) =>
      Effect.suspend(() => {
        if (command !== undefined) paused = command === "pause"
        return inOrder(told)
      })
  }
}

/** Tells the output what to do next. */
export const command = (core: Core, what: Command): Effect.Effect<void> =>
  core.commands.say(what, ask(core, core.output[what], undefined))

/** Sets the level (dB) of what is heard from now on. */
export const setLevel = (core: Core, dB: number): Effect.Effect<void> =>
  core.output.gain === undefined
    ? Effect.void
    : core.commands.say(undefined, ask(core, Effect.suspend(() => core.output.gain?.(dB) ?? Effect.void), undefined))
