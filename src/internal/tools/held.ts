/**
 * A tool that holds the event loop holds every call of the process: it is named.
 *
 * An Effect of a tool, and of what it forks, is timed from one operation to the
 * next, as its fiber runs: nothing else runs in between. A promise goes on where
 * no fiber sees it: while it is awaited, a sleep that ends late tells, of every
 * tool that runs by then. In virtual time nothing is timed.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { monotonic } from "../steady.ts"

/** From which on others hear of it (ms). */
const tooLong = 100

// How often a sleep is looked at (ms).
const sleepMs = 50

/** What is told, once a call: how long it was held (ms), and whether it was surely this tool. */
export type Report = (ms: number, sure: boolean) => Effect.Effect<void>

/** The clock of the process: a loop is held in no other time. */
const now = (): number => performance.now()

/** When the loop was last held by one that is known: nobody else is suspected of that. */
let knownUntil = Number.NEGATIVE_INFINITY

class Timed implements Scheduler.Scheduler {
  readonly #base: Scheduler.Scheduler
  readonly #held: (ms: number) => void
  readonly executionMode: Scheduler.Scheduler["executionMode"]
  #at = Number.POSITIVE_INFINITY

  constructor(base: Scheduler.Scheduler, held: (ms: number) => void) {
    this.#base = base
    this.#held = held
    this.executionMode = base.executionMode
  }

  begin(): void {
    this.#at = now()
  }

  end(): void {
    const at = now()
    if (at - this.#at >= tooLong) this.#held(at - this.#at)
    this.#at = at
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    // Its first operation comes after a wait, of which nothing is known.
    if (fiber.currentOpCount <= 1) this.begin()
    else this.end()
    return this.#base.shouldYield(fiber)
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.#base.makeDispatcher()
  }
}

/** Runs the work of a call, and tells where that holds the loop. */
export const watched = <A, E, R>(work: Effect.Effect<A, E, R>, report: Report): Effect.Effect<A, E, R> =>
  Effect.contextWith((context: Context.Context<never>) => {
    // In another time than the process's own the same is to happen each time, also on a machine that others hold up.
    if (Context.getOrUndefined(context, Clock.Clock) !== undefined) return work
    let told = false
    const tell = (ms: number, sure: boolean): void => {
      if (told) return
      told = true
      Effect.runForkWith(context)(report(Math.round(ms), sure))
    }
    const timed = new Timed(Context.get(context, Scheduler.Scheduler), (ms) => {
      knownUntil = now()
      tell(ms, true)
    })
    const suspect: Effect.Effect<never> = Effect.forever(
      Effect.flatMap(monotonic, (from) =>
        Effect.andThen(
          Effect.sleep(sleepMs),
          Effect.map(monotonic, (to) => {
            const late = to - from - sleepMs
            if (late >= tooLong && now() - knownUntil > late) tell(late, false)
          })
        ))
    )
    const measured = Effect.suspend(() => {
      timed.begin()
      return Effect.onExit(work, () => Effect.sync(() => timed.end()))
    }).pipe(Effect.provideService(Scheduler.Scheduler, timed))
    return Effect.acquireUseRelease(
      Effect.sync(() => Effect.runFork(suspect)),
      () => measured,
      (fiber) => Effect.sync(() => fiber.interruptUnsafe())
    )
  })
