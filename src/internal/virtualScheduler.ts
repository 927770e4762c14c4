/**
 * The scheduler of virtual time: the tasks of all fibers in one queue, so that it
 * is known when there is nothing left to do.
 */
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"

// One turn of the event loop runs at most this many generations of tasks, so
// that a fiber which yields in a loop cannot lock out the outside world.
export const generationsPerTurn = 128

/** Runs the tasks of all fibers in one queue, in generations by priority, first come first served. */
export class VirtualScheduler implements Scheduler.Scheduler {
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
