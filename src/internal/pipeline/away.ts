/** Runs the agent's `onAway` when the user is away, and counts how often in a row. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Event from "../../Event.ts"
import * as Turn from "../../Turn.ts"
import type { Core } from "./core.ts"
import { guarded } from "./failures.ts"

export interface Away {
  /** Notices what the user does. */
  readonly listen: (event: Event.Event) => void
  /** Nobody has said anything for too long. */
  readonly tell: () => void
}

/** A voice alone may be a television, and an echo is the agent's own. */
const isSign = (event: Event.Event): boolean =>
  event._tag === "UserSpeechCommitted" || event._tag === "UserPressedKey" ||
  (event._tag === "UserSpeechSetAside" && event.reason !== "echo")

export const makeAway = (core: Core): Away => {
  let times = 0
  let hook: Fiber.Fiber<unknown> | undefined
  return {
    listen: (event) => {
      if (isSign(event)) times = 0
    },
    tell: () => {
      const { onAway } = core.agent.bound()
      const running = hook !== undefined && hook.pollUnsafe() === undefined
      // Who waits for what runs, or is about to be told, is there.
      const waits = Turn.isUntold(core.conductor.state()) ||
        core.calls.running().some(([, { asks, voice }]) => !asks && voice.result === "reply")
      if (onAway === undefined || running || waits) return
      times += 1
      core.measuring.drop()
      hook = core.fork(guarded(core, "onAway", Effect.suspend(() => onAway({ times }))))
    }
  }
}
