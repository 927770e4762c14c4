/** Ends a session that has lasted for too long, or in which the user has been away for too long. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Event from "../../Event.ts"
import type { Session } from "../../Session.ts"
import type { Core } from "./core.ts"
import { farewell } from "./farewell.ts"
import type { Checked } from "./options.ts"

/** What it does with an event; the time of the session begins when the agent enters. */
export const makeTimeLimits = (
  core: Core,
  session: Session["Service"],
  { away, goodbye = "Goodbye!", session: longest }: Checked["timeLimits"]
): (event: Event.Event) => void => {
  let absent: Fiber.Fiber<void> | undefined
  const after = (ms: number, reason: "time_limit" | "user_away"): Fiber.Fiber<void> | undefined =>
    ms === Infinity ? undefined : core.fork(
      Effect.andThen(Effect.sleep(ms), Effect.sync(() => farewell(core, session, goodbye, reason)))
    )
  return (event) => {
    if (event._tag === "AgentStateChanged" && event.from === "initializing") after(longest, "time_limit")
    if (event._tag !== "UserStateChanged") return
    absent?.interruptUnsafe()
    absent = event.to === "away" ? after(away, "user_away") : undefined
  }
}
