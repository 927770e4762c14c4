/**
 * Virtual time: a Clock that jumps to the next sleeper as soon as the process
 * has nothing left to do, and the Scheduler that knows when that is.
 *
 * A foreign wait that the Scheduler cannot see (native code, files, sockets)
 * must be counted, by `pending`, `hold` or `waits`, or time runs past it.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import type { RealWaits } from "./realWaits.ts"
import { type Sleeper, Sleepers } from "./sleepers.ts"
import { generationsPerTurn, VirtualScheduler } from "./virtualScheduler.ts"

export interface Options {
  /** Native calls that are running now. @default () => 0 */
  readonly pending?: (() => number) | undefined
  /** Turns of the event loop without work after which the process counts as idle. @default 2 */
  readonly quietTurns?: number | undefined
  /** Whether time is virtual from the beginning; else sleeps take real time until `start`. @default true */
  readonly started?: boolean | undefined
  /** Longest that `waits` holds time up for one function, in real time (ms). @default 2000 */
  readonly realWait?: number | undefined
  /** What to do for a function that takes longer. @default nothing is said */
  readonly hint?: string | undefined
}

export interface VirtualClock {
  readonly clock: Clock.Clock
  readonly scheduler: Scheduler.Scheduler
  /** Makes time virtual. Sleeps that are under way go on in virtual time. */
  readonly start: () => void
  /** Time stands still while this effect runs. */
  readonly hold: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Time stands still for plain functions that await something real, no longer than `realWait` for each. */
  readonly waits: RealWaits
}

// So that a process which is busy itself does not use up what it waits for.
const realSteps = 20

// Native calls are usually short: look at every turn first, then once a millisecond.
const eagerPolls = 64

/** Drives time: whoever sleeps is woken in order, each when nothing else is left to do. */
class VirtualTime {
  readonly #scheduler: VirtualScheduler
  readonly #liveClock: Clock.Clock
  // That of a test may stand still itself.
  readonly #realClock = Clock.Clock.defaultValue()
  readonly #realWait: number
  readonly #hint: string | undefined
  readonly #fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>
  readonly #pending: () => number
  readonly #quietTurns: number
  readonly #sleepers = new Sleepers()
  readonly #look = (): void => this.#lookAround()
  #now = 0
  #order = 0
  #holds = 0
  #isVirtual: boolean
  /** The next look is on its way. */
  #isArmed = false
  /** Turns in a row without work. */
  #quiet = 0
  /** Looks in a row at native calls. */
  #polls = 0
  /** Tasks that the last look knew of. */
  #seen = 0

  constructor(options: {
    readonly scheduler: VirtualScheduler
    readonly liveClock: Clock.Clock
    /** In real time. */
    readonly fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>
    readonly pending: () => number
    readonly quietTurns: number
    readonly started: boolean
    readonly realWait: number
    readonly hint: string | undefined
  }) {
    this.#scheduler = options.scheduler
    this.#liveClock = options.liveClock
    this.#fork = options.fork
    this.#pending = options.pending
    this.#quietTurns = options.quietTurns
    this.#isVirtual = options.started
    this.#realWait = options.realWait
    this.#hint = options.hint === undefined ? undefined : `: ${options.hint}`
  }

  /** Milliseconds since this was made. */
  get now(): number {
    return this.#now
  }

  readonly sleep = (duration: Duration.Duration): Effect.Effect<void> => {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow
    if (millis === Number.POSITIVE_INFINITY) return Effect.never
    return Effect.callback<void>((resume) => {
      const sleeper: Sleeper = { due: this.#now + millis, order: this.#order++, resume, live: undefined }
      this.#sleepers.add(sleeper)
      if (this.#isVirtual) this.#arm()
      else this.#goLive(sleeper)
      return Effect.sync(() => {
        this.#sleepers.remove(sleeper)
        this.#goVirtual(sleeper)
      })
    })
  }

  start(): void {
    if (this.#isVirtual) return
    this.#isVirtual = true
    for (const sleeper of this.#sleepers.all()) this.#goVirtual(sleeper)
    this.#arm()
  }

  /** Whoever still sleeps goes on in real time, so nothing hangs. */
  stop(): void {
    if (!this.#isVirtual) return
    this.#isVirtual = false
    for (const sleeper of this.#sleepers.all()) this.#goLive(sleeper)
  }

  hold(): void {
    this.#holds++
  }

  release(): void {
    this.#holds--
    this.#arm()
  }

  readonly waits: RealWaits = (name, onPassed) => {
    let left = realSteps
    let timer: Fiber.Fiber<void> | undefined
    let pauses = 0
    const step: Effect.Effect<void> = Effect.suspend(() =>
      left <= 0
        ? Effect.sync(() => {
          halt()
          if (this.#isVirtual) onPassed(`time ran past \`${name}\`, which waits for something real${this.#hint ?? ""}`)
        })
        : Effect.andThen(
          this.#realClock.sleep(Duration.millis(this.#realWait / realSteps)),
          Effect.suspend(() => {
            left--
            return step
          })
        )
    )
    const go = (): void => {
      if (pauses > 0 || left <= 0 || timer !== undefined) return
      this.hold()
      timer = this.#fork(step)
    }
    const halt = (): void => {
      if (timer === undefined) return
      timer.interruptUnsafe()
      timer = undefined
      this.release()
    }
    if (this.#realWait > 0) go()
    else left = 0
    return {
      pause: () => {
        pauses++
        halt()
      },
      resume: () => {
        pauses--
        go()
      },
      end: () => {
        left = 0
        halt()
      }
    }
  }

  get #stands(): boolean {
    return !this.#isVirtual || this.#holds > 0 || this.#sleepers.isEmpty
  }

  #arm(): void {
    if (this.#isArmed || this.#stands) return
    this.#quiet = 0
    this.#again()
  }

  #again(): void {
    this.#isArmed = true
    this.#scheduler.turn(this.#look)
  }

  #lookAround(): void {
    this.#isArmed = false
    if (this.#stands) return
    if (this.#pending() > 0) {
      this.#quiet = 0
      this.#polls++
      if (this.#polls <= eagerPolls) return this.#again()
      this.#isArmed = true
      this.#fork(this.#realClock.sleep(Duration.millis(1))).addObserver(this.#look)
      return
    }
    this.#polls = 0
    if (!this.#scheduler.isIdle || this.#scheduler.activity !== this.#seen) {
      this.#seen = this.#scheduler.activity
      this.#quiet = 0
      return this.#again()
    }
    this.#quiet++
    if (this.#quiet < this.#quietTurns) return this.#again()
    this.#quiet = 0
    this.#wake(this.#sleepers.pop()!)
    this.#scheduler.run(generationsPerTurn)
    this.#seen = this.#scheduler.activity
    this.#arm()
  }

  #wake(sleeper: Sleeper): void {
    if (sleeper.due > this.#now) this.#now = sleeper.due
    sleeper.resume(Effect.void)
  }

  #goLive(sleeper: Sleeper): void {
    const left = Duration.millis(Math.max(0, sleeper.due - this.#now))
    const fiber = this.#fork(this.#liveClock.sleep(left))
    sleeper.live = fiber
    fiber.addObserver((exit) => {
      if (sleeper.live !== fiber || !Exit.isSuccess(exit)) return
      sleeper.live = undefined
      this.#sleepers.remove(sleeper)
      this.#wake(sleeper)
    })
  }

  #goVirtual(sleeper: Sleeper): void {
    const fiber = sleeper.live
    sleeper.live = undefined
    fiber?.interruptUnsafe()
  }
}

export const makeVirtualClock = (options?: Options): Effect.Effect<VirtualClock, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scheduler = new VirtualScheduler(yield* Scheduler.Scheduler)
    const time = new VirtualTime({
      scheduler,
      liveClock: yield* Clock.Clock,
      fork: Effect.runForkWith(yield* Effect.context()),
      pending: options?.pending ?? (() => 0),
      quietTurns: Math.max(1, options?.quietTurns ?? 2),
      started: options?.started ?? true,
      realWait: options?.realWait ?? 2000,
      hint: options?.hint
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => time.stop()))

    const currentTimeMillisUnsafe = () => time.now
    const currentTimeNanosUnsafe = () => BigInt(Math.round(time.now * 1_000_000))
    return {
      clock: {
        currentTimeMillisUnsafe,
        currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
        currentTimeNanosUnsafe,
        currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
        monotonicTimeNanosUnsafe: currentTimeNanosUnsafe,
        monotonicTimeNanos: Effect.sync(currentTimeNanosUnsafe),
        sleep: time.sleep
      },
      scheduler,
      start: () => time.start(),
      waits: time.waits,
      hold: (self) =>
        Effect.acquireUseRelease(
          Effect.sync(() => time.hold()),
          () => self,
          () => Effect.sync(() => time.release())
        )
    }
  })
