/** What the participant types, in a chat or on a telephone. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Options } from "../../Pipeline.ts"
import type * as Room from "../../Room.ts"
import type { Session } from "../../Session.ts"
import type { Core } from "./core.ts"
import { guarded } from "./failures.ts"

export const watchTexts = (
  core: Core,
  session: Session["Service"],
  room: Room.Room["Service"],
  topic: string,
  onText: Options["onText"]
): Effect.Effect<void> =>
  Stream.runForEach(room.texts(topic), (message) => {
    if (message.identity !== core.participant.identity()) return Effect.void
    if (onText === undefined) return Effect.ignore(session.send(message.text))
    return Effect.sync(() => {
      core.fork(guarded(core, "onText", Effect.suspend(() => onText(message, session))))
    })
  })

export const watchKeys = (
  core: Core,
  session: Session["Service"],
  room: Room.Room["Service"],
  onKey: Options["onKey"]
): Effect.Effect<void> =>
  Stream.runForEach(room.events, (event) =>
    Effect.sync(() => {
      if (event._tag !== "Dtmf" || event.identity !== core.participant.identity()) return
      core.publish({ _tag: "UserPressedKey", key: event.digit })
      if (onKey !== undefined) core.fork(guarded(core, "onKey", Effect.suspend(() => onKey(event.digit, session))))
    }))
