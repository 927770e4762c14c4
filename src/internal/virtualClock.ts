/**
 * Virtual time: a Clock that jumps to the next sleeper as soon as the process
 * has nothing left to do, and the Scheduler that knows when that is.
 *
 * A foreign wait that the Scheduler cannot see (native code, files, sockets)
 * must be counted, by `pending` or by `hold`, or time runs past it.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"

export interface Options {
  /** Native calls that are running now. @default () => 0 */
  readonly pending?: (() => number) | undefined
  /** Turns of the event loop without work after which the process counts as idle. @default 2 */
  readonly quietTurns?: number | undefined
  /** Whether time is virtual from the beginning; else sleeps take real time until `start`. @default true */
  readonly started?: boolean | undefined
}

export interface VirtualClock {
  readonly clock: Clock.Clock
  readonly scheduler: Scheduler.Scheduler
  /** Makes time virtual. Sleeps that are under way go on in virtual time. */
  readonly start: () => void
  /** Time stands still while this effect runs. */
  readonly hold: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

interface Sleeper {
  readonly due: number
  readonly order: number
  readonly resume: (effect: Effect.Effect<void>) => void
  live: Fiber.Fiber<void> | undefined
}

// One turn of the event loop runs at most this many generations of tasks, so
// that a fiber which yields in a loop cannot lock out the outside world.
const generationsPerTurn = 128

// Native calls are usually short: look at every turn first, then once a millisecond.
const eagerPolls = 64

/** Runs the tasks of all fibers in one queue, in generations by priority, first come first served. */
class VirtualScheduler implements Scheduler.Scheduler {
  readonly executionMode = "async"
  readonly turn: (f: () => void) => () => void
  private readonly parent: Scheduler.Scheduler
  private generation: Array<() => void> = []
  private cursor = 0
  private next: Array<{ readonly priority: number; readonly task: () => void }> = []
  private mixed = false
  private armed = false
  private readonly dispatcher: Scheduler.SchedulerDispatcher
  /** Tasks scheduled so far. */
  activity = 0

  constructor(parent: Scheduler.Scheduler) {
    this.parent = parent
    this.turn = new Scheduler.MixedScheduler().setImmediate
    this.dispatcher = {
      scheduleTask: (task, priority) => {
        this.activity++
        if (priority !== 0) this.mixed = true
        this.next.push({ priority, task })
        this.arm()
      },
      flush: () => this.run(Number.POSITIVE_INFINITY)
    }
  }

  get isIdle(): boolean {
    return this.next.length === 0 && this.cursor === this.generation.length
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    return this.parent.shouldYield(fiber)
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.dispatcher
  }

  private arm(): void {
    if (this.armed) return
    this.armed = true
    this.turn(() => {
      this.armed = false
      this.run(generationsPerTurn)
      if (!this.isIdle) this.arm()
    })
  }

  run(generations: number): void {
    for (let left = generations; left > 0 && !this.isIdle; left--) {
      if (this.cursor === this.generation.length) {
        const next = this.next
        this.next = []
        if (this.mixed) {
          this.mixed = false
          next.sort((a, b) => a.priority - b.priority)
        }
        this.generation = next.map((entry) => entry.task)
        this.cursor = 0
      }
      while (this.cursor < this.generation.length) this.generation[this.cursor++]!()
    }
  }
}

/** Sleepers by time, then by registration: a binary heap. */
class Sleepers {
  private readonly heap: Array<Sleeper> = []

  get isEmpty(): boolean {
    return this.heap.length === 0
  }

  all(): ReadonlyArray<Sleeper> {
    return this.heap
  }

  add(sleeper: Sleeper): void {
    this.heap.push(sleeper)
    this.rise(this.heap.length - 1)
  }

  pop(): Sleeper | undefined {
    const first = this.heap[0]
    if (first !== undefined) this.removeAt(0)
    return first
  }

  remove(sleeper: Sleeper): void {
    const index = this.heap.indexOf(sleeper)
    if (index >= 0) this.removeAt(index)
  }

  private removeAt(index: number): void {
    const last = this.heap.pop()!
    if (index === this.heap.length) return
    this.heap[index] = last
    this.rise(index)
    this.sink(index)
  }

  private before(a: Sleeper, b: Sleeper): boolean {
    return a.due < b.due || (a.due === b.due && a.order < b.order)
  }

  private rise(from: number): void {
    const heap = this.heap
    const entry = heap[from]!
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.before(entry, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  private sink(from: number): void {
    const heap = this.heap
    const entry = heap[from]!
    let index = from
    while (true) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.before(heap[child + 1]!, heap[child]!)) child++
      if (!this.before(heap[child]!, entry)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = entry
  }
}

export const makeVirtualClock = (options?: Options): Effect.Effect<VirtualClock, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pending = options?.pending ?? (() => 0)
    const quietTurns = Math.max(1, options?.quietTurns ?? 2)
    const liveClock = yield* Clock.Clock
    const scheduler = new VirtualScheduler(yield* Scheduler.Scheduler)
    const runLive = Effect.runForkWith(yield* Effect.context())
    const sleepers = new Sleepers()

    let now = 0
    let order = 0
    let holds = 0
    let virtual = options?.started ?? true
    let armed = false
    let quiet = 0
    let polls = 0
    let seen = 0

    const advanceTo = (due: number): void => {
      if (due > now) now = due
    }

    const wake = (sleeper: Sleeper): void => {
      advanceTo(sleeper.due)
      sleeper.resume(Effect.void)
    }

    const arm = (): void => {
      if (armed || !virtual || holds > 0 || sleepers.isEmpty) return
      armed = true
      quiet = 0
      scheduler.turn(look)
    }

    const again = (): void => {
      armed = true
      scheduler.turn(look)
    }

    const look = (): void => {
      armed = false
      if (!virtual || holds > 0 || sleepers.isEmpty) return
      if (pending() > 0) {
        quiet = 0
        polls++
        if (polls <= eagerPolls) return again()
        armed = true
        runLive(liveClock.sleep(Duration.millis(1))).addObserver(look)
        return
      }
      polls = 0
      if (!scheduler.isIdle || scheduler.activity !== seen) {
        seen = scheduler.activity
        quiet = 0
        return again()
      }
      quiet++
      if (quiet < quietTurns) return again()
      quiet = 0
      wake(sleepers.pop()!)
      scheduler.run(generationsPerTurn)
      seen = scheduler.activity
      arm()
    }

    const goLive = (sleeper: Sleeper): void => {
      const fiber = runLive(liveClock.sleep(Duration.millis(Math.max(0, sleeper.due - now))))
      sleeper.live = fiber
      fiber.addObserver((exit) => {
        if (sleeper.live !== fiber || !Exit.isSuccess(exit)) return
        sleeper.live = undefined
        sleepers.remove(sleeper)
        wake(sleeper)
      })
    }

    const goVirtual = (sleeper: Sleeper): void => {
      const fiber = sleeper.live
      sleeper.live = undefined
      fiber?.interruptUnsafe()
    }

    const sleep = (duration: Duration.Duration): Effect.Effect<void> => {
      const millis = Duration.toMillis(duration)
      if (millis <= 0) return Effect.yieldNow
      if (millis === Number.POSITIVE_INFINITY) return Effect.never
      return Effect.callback<void>((resume) => {
        const sleeper: Sleeper = { due: now + millis, order: order++, resume, live: undefined }
        sleepers.add(sleeper)
        if (virtual) arm()
        else goLive(sleeper)
        return Effect.sync(() => {
          sleepers.remove(sleeper)
          goVirtual(sleeper)
        })
      })
    }

    // Whoever still sleeps when the driver stops goes on in real time, so nothing hangs.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (!virtual) return
        virtual = false
        for (const sleeper of sleepers.all()) goLive(sleeper)
      })
    )

    const currentTimeMillisUnsafe = () => now
    const currentTimeNanosUnsafe = () => BigInt(Math.round(now * 1_000_000))

    return {
      clock: {
        currentTimeMillisUnsafe,
        currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
        currentTimeNanosUnsafe,
        currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
        monotonicTimeNanosUnsafe: currentTimeNanosUnsafe,
        monotonicTimeNanos: Effect.sync(currentTimeNanosUnsafe),
        sleep
      },
      scheduler,
      start: () => {
        if (virtual) return
        virtual = true
        for (const sleeper of sleepers.all()) goVirtual(sleeper)
        arm()
      },
      hold: (self) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            holds++
          }),
          () => self,
          () =>
            Effect.sync(() => {
              holds--
              arm()
            })
        )
    }
  })
