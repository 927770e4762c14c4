/** Keys of a telephone that belong together, such as a number: whoever collects them gets them, and nobody else. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import type * as Event from "../../Event.ts"
import * as Turn from "../../Turn.ts"
import { asking } from "./asking.ts"
import { type Core, signal } from "./core.ts"
import type { CheckedKeys } from "./requests.ts"

/** So long after the last of some keys more of them may come: the end key, or those of a number that is longer (ms). */
const tailMs = 2000

interface Collector extends Pick<CheckedKeys, "endKey" | "most" | "secret"> {
  pressed: string
  /** With the end key, or the last that may be. */
  complete: boolean
  /** Told of each key. */
  readonly changed: Queue.Queue<void>
}

/** Keys that were collected, for as long as more may belong to them. */
interface Tail extends Pick<CheckedKeys, "endKey" | "secret"> {
  readonly until: number
}

export interface Keys {
  /** A key was pressed at a time of the Clock; gives who has it, if somebody collects keys. */
  readonly press: (key: string, now: number) => Pick<Collector, "secret"> | undefined
  /** Notices when the agent speaks. */
  readonly listen: (event: Event.Event) => void
  readonly collect: (core: Core, options: CheckedKeys) => Effect.Effect<string>
}

export const makeKeys = (): Keys => {
  // Who has begun last has them.
  let collectors: ReadonlyArray<Collector> = []
  let tail: Tail | undefined
  const speaking = Latch.makeUnsafe(false)
  const silent = Latch.makeUnsafe(true)

  /** So long a silence of the agent: who hears what to press is not late. */
  const silence = (ms: number): Effect.Effect<void> =>
    Effect.gen(function*() {
      for (let late = false; !late;) {
        yield* silent.await
        late = yield* Effect.raceFirst(Effect.as(Effect.sleep(ms), true), Effect.as(speaking.await, false))
      }
    })
  const release = (collector: Collector): void => {
    collectors = collectors.filter((other) => other !== collector)
  }
  const collecting = ({ endKey, most, secret }: CheckedKeys) =>
    Effect.acquireRelease(
      Effect.map(Queue.sliding<void>(1), (changed): Collector => {
        const collector = { endKey, most, secret, pressed: "", complete: false, changed }
        collectors = [...collectors, collector]
        return collector
      }),
      (collector) => Effect.sync(() => release(collector))
    )
  /** Whether a key is one more of those that were collected just now. */
  const isOfTail = (key: string, now: number): boolean => {
    if (tail === undefined || now > tail.until) return false
    if (key === tail.endKey) {
      tail = undefined
      return true
    }
    // Whoever collects has what is no end of others.
    if (!tail.secret || collectors.length > 0) return false
    tail = { ...tail, until: now + tailMs }
    return true
  }
  const ended = ({ endKey, pressed, secret }: Collector, now: number): void => {
    if (pressed !== "") tail = { endKey, secret, until: now + tailMs }
  }
  return {
    press: (key, now) => {
      const last = collectors.at(-1)
      const fresh = last === undefined || last.pressed === ""
      const before = tail
      if (fresh && before !== undefined && isOfTail(key, now)) return before
      if (last === undefined) return undefined
      if (key === last.endKey) last.complete = true
      else {
        last.pressed += key
        last.complete = last.pressed.length >= last.most
        if (last.complete) ended(last, now)
      }
      // What comes in the same breath is no longer theirs.
      if (last.complete) release(last)
      Queue.offerUnsafe(last.changed, undefined)
      return last
    },
    listen: (event) => {
      if (event._tag !== "AgentStateChanged") return
      const speaks = event.to === "speaking"
      if (speaks) speaking.openUnsafe()
      else speaking.closeUnsafe()
      if (speaks) silent.closeUnsafe()
      else silent.openUnsafe()
    },
    collect: (core, options) =>
      Effect.gen(function*() {
        const { first, next } = options
        const { answered, begins, during } = yield* asking(core)
        const { now } = core.conductor
        const collector = yield* collecting(options)
        const all = Effect.gen(function*() {
          let begun = false
          while (!collector.complete) {
            const late = collector.pressed === "" ? silence(first) : Effect.sleep(next)
            const came = yield* Effect.raceFirst(
              Effect.as(Queue.take(collector.changed), true),
              Effect.as(late, false)
            )
            if (!came) return ended(collector, now())
            // Who knows what to press need not hear it to the end.
            if (!begun && collector.pressed !== "" && !Turn.isProtected(core.conductor.state())) {
              signal(core, { _tag: "Interrupt", force: false })
            }
            begun = true
          }
        })
        begins()
        yield* during(Effect.raceFirst(all, core.leaving.await))
        answered()
        return collector.pressed
      }).pipe(Effect.scoped)
  }
}
