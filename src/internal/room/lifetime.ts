/**
 * The life of a room in memory: it begins with its first use and ends once,
 * whoever ends it. In between, parts of it may be made to fail.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { EndReason, RoomError } from "../../Room.ts"
import { monotonicMs } from "../steady.ts"
import type { Part } from "./control.ts"
import { gone } from "./errors.ts"

export interface Lifetime {
  /** Begins the room, if it has not begun. */
  readonly start: () => void
  /** Begins the room, and then does something with it. */
  readonly using: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Monotonic time at which the room began; before, at which it was made (ms). */
  readonly origin: () => number
  /** Milliseconds since the room began. */
  readonly now: () => number
  readonly isOver: () => boolean
  readonly ended: Effect.Effect<EndReason>
  /** Ends the room, unless it has ended: `finish` runs before anyone hears of it. */
  readonly end: (reason: EndReason, finish: () => void) => void
  readonly fail: (part: Part, error: RoomError) => void
  readonly mend: (part: Part) => void
  readonly failureOf: (part: Part) => RoomError | undefined
  /** Why `what` cannot be done: the room has ended, or the part of it that it needs fails. */
  readonly problem: (what: string, part?: Part) => RoomError | undefined
}

export const makeLifetime = (clock: Clock.Clock, onStart: (() => void) | undefined): Lifetime => {
  const failures = new Map<Part, RoomError>()
  const ended = Deferred.makeUnsafe<EndReason>()
  let origin = monotonicMs(clock)
  let started = false
  let over = false

  const start = (): void => {
    if (started) return
    started = true
    origin = monotonicMs(clock)
    onStart?.()
  }

  return {
    start,
    using: (effect) =>
      Effect.suspend(() => {
        start()
        return effect
      }),
    origin: () => origin,
    now: () => monotonicMs(clock) - origin,
    isOver: () => over,
    ended: Deferred.await(ended),
    end: (reason, finish) => {
      if (over) return
      over = true
      finish()
      Deferred.doneUnsafe(ended, Effect.succeed(reason))
    },
    fail: (part, error) => void failures.set(part, error),
    mend: (part) => void failures.delete(part),
    failureOf: (part) => failures.get(part),
    problem: (what, part) => over ? gone(what) : part === undefined ? undefined : failures.get(part)
  }
}
