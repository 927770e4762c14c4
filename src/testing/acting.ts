/** The users of a scenario do what the script says. */
import * as Effect from "effect/Effect"
import type { UserAction } from "./actions.ts"
import { type Person, settle } from "./caller.ts"

const perform = (caller: Person, action: UserAction): Effect.Effect<void, unknown> => {
  switch (action._tag) {
    case "Say":
      // Whoever speaks as soon as the conversation begins is heard: the microphone has a listener by then.
      return Effect.andThen(
        action.at <= 0 ? settle : Effect.void,
        caller.speaks(action.at, action.to, action.text, action.hearing)
      )
    case "Type":
      return caller.types(action.text)
    case "Press":
      return caller.presses(action.digits)
    case "Mute":
      return caller.mutes
    case "Unmute":
      return caller.unmutes
    case "Join":
      return caller.joins
    case "CallStatus":
      return caller.callStatus(action.status)
    case "Leave":
      return caller.room.leave(caller.identity, action.reason)
  }
}

/** Lets whoever it is do it. */
export const act = (caller: Person, action: UserAction): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    const who = action.by === undefined ? caller : yield* caller.other(action.by)
    if (who !== caller && action._tag !== "Join" && !(yield* who.isThere)) yield* who.joins
    yield* perform(who, action)
  })

/** When the last of it is over (ms). */
export const lastAt = (actions: ReadonlyArray<UserAction>): number =>
  Math.max(0, ...actions.map((action) => action._tag === "Say" ? action.to : action.at))
