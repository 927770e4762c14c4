/** Keys of a telephone that belong together, such as a number: whoever collects them gets them, and nobody else. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import type * as Event from "../../Event.ts"
import * as Turn from "../../Turn.ts"
import { asking } from "./asking.ts"
import { type Core, signal } from "./core.ts"
import type { CheckedKeys } from "./options.ts"

/** Keys that wait to be taken: nobody presses more in a moment. */
const mostWaiting = 64

interface Collector {
  readonly keys: Queue.Queue<string>
  readonly secret: boolean
}

export interface Keys {
  /** A key was pressed; gives who has it, if somebody collects keys. */
  readonly press: (key: string) => Pick<Collector, "secret"> | undefined
  /** Notices when the agent speaks. */
  readonly listen: (event: Event.Event) => void
  readonly collect: (core: Core, options: CheckedKeys) => Effect.Effect<string>
}

export const makeKeys = (): Keys => {
  // Who has begun last has them.
  let collectors: ReadonlyArray<Collector> = []
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
  const collecting = (secret: boolean) =>
    Effect.acquireRelease(
      Effect.map(Queue.dropping<string>(mostWaiting), (keys): Collector => {
        const collector = { keys, secret }
        collectors = [...collectors, collector]
        return collector
      }),
      (collector) =>
        Effect.sync(() => {
          collectors = collectors.filter((other) => other !== collector)
        })
    )
  return {
    press: (key) => {
      const last = collectors.at(-1)
      if (last !== undefined) Queue.offerUnsafe(last.keys, key)
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
    collect: (core, { endKey, first, most, next, secret }) =>
      Effect.gen(function*() {
        const { answered, begins, during } = yield* asking(core)
        const { keys } = yield* collecting(secret)
        let pressed = ""
        const all = Effect.gen(function*() {
          while (pressed.length < most) {
            const late = pressed === "" ? silence(first) : Effect.sleep(next)
            const key = yield* Effect.raceFirst(Queue.take(keys), Effect.as(late, undefined))
            if (key === undefined || key === endKey) return
            // Who knows what to press need not hear it to the end.
            if (pressed === "" && !Turn.isProtected(core.conductor.state())) {
              signal(core, { _tag: "Interrupt", force: false })
            }
            pressed += key
          }
        })
        begins()
        yield* during(Effect.raceFirst(all, core.leaving.await))
        answered()
        return pressed
      }).pipe(Effect.scoped)
  }
}
