/** What the participant types, in a chat or on a telephone. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Options } from "../../Pipeline.ts"
import type * as Room from "../../Room.ts"
import type { Session } from "../../Session.ts"
import { hooked } from "../plain.ts"
import { takeEarlyKeys } from "../room/earlyKeys.ts"
import { makeTextLimit } from "../room/textLimit.ts"
import type { Core } from "./core.ts"
import { guarded } from "./failures.ts"

export const watchTexts = (
  core: Core,
  session: Session["Service"],
  room: Room.Room["Service"],
  topic: string,
  onText: Options["onText"]
): Effect.Effect<void> => {
  const refuse = makeTextLimit(core.conductor.now)
  let why: string | undefined
  const take = (message: Room.TextMessage): Effect.Effect<void> => {
    if (message.identity !== core.participant.identity()) return Effect.void
    const before = why
    why = refuse(message.text)
    if (why !== undefined) {
      // Whoever floods the chat need not flood the events.
      if (why === before) return Effect.void
      const warning = `a typed text was refused: ${why}`
      return Effect.sync(() => core.publish({ _tag: "Warning", component: "room", message: warning }))
    }
    if (onText === undefined) return Effect.ignore(session.send(message.text))
    return Effect.sync(() => {
      core.fork(guarded(core, "onText", hooked("onText", () => onText(message, session))))
    })
  }
  return Stream.runForEach(
    room.texts(topic),
    (message) => Effect.andThen(core.participant.known, Effect.suspend(() => take(message)))
  )
}

export interface Key {
  readonly identity: string
  readonly key: string
}

// Keys that wait for the one who has pressed them to be met.
const keysKept = 64
// Whoever dials for somebody sends all keys at once; nobody has more of them.
const keysOfOne = 32

/** Every key, also of before, one by one: the one who presses it may be met only later. */
export const collectKeys = (
  room: Room.Room["Service"]
): Effect.Effect<Queue.Dequeue<Key, Cause.Done>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const keys = yield* Queue.sliding<Key, Cause.Done>(keysKept)
    const take = (event: Room.Event): void => {
      if (event._tag !== "Dtmf") return
      const { digit, identity } = event
      for (const key of digit.slice(0, keysOfOne)) Queue.offerUnsafe(keys, { identity, key })
    }
    yield* Effect.forkScoped(
      Effect.ensuring(
        Stream.runForEach(room.events, (event) => Effect.sync(() => take(event))),
        Effect.sync(() => Queue.endUnsafe(keys))
      ),
      { startImmediately: true }
    )
    // In the same breath: none comes twice, and none in between.
    for (const early of takeEarlyKeys(room)) take(early)
    return keys
  })

export const watchKeys = (
  core: Core,
  session: Session["Service"],
  keys: Queue.Dequeue<Key, Cause.Done>,
  onKey: Options["onKey"]
): Effect.Effect<void> => {
  const take = ({ identity, key }: Key): void => {
    if (identity !== core.participant.identity()) return
    const collected = core.keys.press(key, core.conductor.now())
    const tell = (): void => {
      if (collected?.secret !== true) core.publish({ _tag: "UserPressedKey", key })
    }
    core.conductor.tell(tell, { _tag: "Present" })
    if (collected !== undefined) return
    const own = core.agent.bound().onKey
    const asked = own === undefined ? onKey && hooked("onKey", () => onKey(key, session)) : own(key)
    if (asked !== undefined) core.fork(guarded(core, "onKey", asked))
  }
  return Stream.runForEach(
    Stream.fromQueue(keys),
    (key) => Effect.andThen(core.participant.known, Effect.sync(() => take(key)))
  )
}
