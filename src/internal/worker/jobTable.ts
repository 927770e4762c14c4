/**
 * The jobs of a worker: those that run, and those that were promised to a server
 * and are not assigned yet. It says how many there are, and when there is none.
 */
import type * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { Accepted } from "./protocol.ts"

/** A place for a job that was offered. */
export interface Reservation {
  readonly as: Accepted
  readonly assigned: Deferred.Deferred<void>
  /** Answers the offer, and waits for the assignment. */
  fiber: Fiber.Fiber<void> | undefined
}

export class JobTable {
  readonly #reservations = new Map<string, Reservation>()
  readonly #running = new Set<string>()
  readonly #idle = Latch.makeUnsafe(true)

  /** Waits until no job runs and none is promised. */
  get idle(): Effect.Effect<void> {
    return this.#idle.await
  }

  get running(): ReadonlySet<string> {
    return this.#running
  }

  get reservations(): ReadonlyMap<string, Reservation> {
    return this.#reservations
  }

  /** Jobs that run, and those that are promised. */
  get taken(): number {
    return this.#running.size + this.#reservations.size
  }

  /** Holds a place, or holds it as somebody else. */
  reserve(id: string, reservation: Reservation): void {
    this.#reservations.set(id, reservation)
    this.#settle()
  }

  /** Gives a place back; tells whether there was one. */
  release(id: string): boolean {
    const had = this.#reservations.delete(id)
    this.#settle()
    return had
  }

  begin(id: string): void {
    this.#running.add(id)
    this.#settle()
  }

  end(id: string): void {
    this.#running.delete(id)
    this.#settle()
  }

  #settle(): void {
    if (this.taken === 0) this.#idle.openUnsafe()
    else this.#idle.closeUnsafe()
  }
}
