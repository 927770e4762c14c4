/** What the participant types, in a chat or on a telephone. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
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

// Of those that run at once for one participant.
const mostHooks = 32

/**
 * Runs a hook for each of what comes without end. If so many run that one more is too many, the one that began first is
 * ended: what was pressed or typed last counts. That is told once.
 */
const makeCrowd = (core: Core, name: "onKey" | "onText"): (asked: Effect.Effect<unknown, unknown>) => void => {
  const running = new Set<Fiber.Fiber<unknown>>()
  let told = false
  return (asked) => {
    const [first] = running
    if (running.size >= mostHooks && first !== undefined) {
      running.delete(first)
      first.interruptUnsafe()
      const message =
        `${name} does not end: ${mostHooks} of it ran, and the one that had begun first was ended for a newer one`
      if (!told) core.publish({ _tag: "Warning", component: "hook", message })
      told = true
    }
    const fiber = core.fork(guarded(core, name, asked))
    running.add(fiber)
    fiber.addObserver(() => running.delete(fiber))
  }
}

export const watchTexts = (
  core: Core,
  session: Session["Service"],
  room: Room.Room["Service"],
  topic: string,
  onText: Options["onText"]
): Effect.Effect<void> => {
  const refuse = makeTextLimit(core.conductor.now)
  const run = makeCrowd(core, "onText")
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
    return Effect.sync(() => run(hooked("onText", () => onText(message, session))))
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
    let dropped = false
    const take = (event: Room.Event): void => {
      if (event._tag !== "Dtmf") return
      const { digit, identity } = event
      const pressed = digit.slice(0, keysOfOne)
      dropped ||= Queue.sizeUnsafe(keys) + pressed.length > keysKept
      for (const key of pressed) Queue.offerUnsafe(keys, { identity, key })
    }
    let told = false
    const tell = Effect.suspend(() => {
      if (told || !dropped) return Effect.void
      told = true
      return Effect.logWarning("more keys were pressed than are taken in time: the oldest are dropped")
    })
    yield* Effect.forkScoped(
      Effect.ensuring(
        Stream.runForEach(room.events, (event) => Effect.andThen(Effect.sync(() => take(event)), tell)),
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
  const run = makeCrowd(core, "onKey")
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
    if (asked !== undefined) run(asked)
  }
  return Stream.runForEach(
    Stream.fromQueue(keys),
    (key) => Effect.andThen(core.participant.known, Effect.sync(() => take(key)))
  )
}
