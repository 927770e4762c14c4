/** The sleeping fibers of virtual time, each with its time. */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export interface Sleeper {
  /** Virtual time (ms). */
  readonly due: number
  readonly order: number
  readonly resume: (effect: Effect.Effect<void>) => void
  /** Where time is real: what wakes them. */
  live: Fiber.Fiber<void> | undefined
}

/** Sleepers by time, then by registration: a binary heap. */
export class Sleepers {
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
