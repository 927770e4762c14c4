/** An end that the session brings about by itself: what is being said comes first, a goodbye is the last that is heard. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Event from "../../Event.ts"
import type { Session } from "../../Session.ts"
import { type Core, signal } from "./core.ts"

/** How long a reply that is under way may hold the goodbye up. */
const underWay = "30 seconds"

/** Without words where `goodbye` is empty. */
export const farewell = (
  core: Core,
  session: Session["Service"],
  goodbye: string,
  reason: Event.CloseReason
): void => {
  const replies = core.speeches.all().filter(({ authorized }) => authorized.isOpen())
  const said = Effect.forEach(replies, ({ result }) => Deferred.await(result), { discard: true })
  const close = Effect.sync(() => signal(core, { _tag: "Close", drain: true, reason }))
  const last = goodbye === "" ? Effect.void : Effect.ignore(session.say(goodbye, { protected: true }))
  core.fork(Effect.andThen(Effect.timeoutOption(said, underWay), Effect.andThen(last, close)))
}
