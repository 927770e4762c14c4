/**
 * Which providers of a fallback may be asked. A lost one is found out to be back
 * by a probe or by the next request; the scope of the fallback ends the probes.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as PubSub from "effect/PubSub"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { unless } from "./bounded.ts"
import type { Circuit } from "./breaker.ts"
import type { Availability } from "./model.ts"
import type * as asked from "./options.ts"
import { recovery } from "./policy.ts"

interface Entry {
  readonly name: string
  available: boolean
  /** A lost provider that the next request may try; `claimed` while one does. */
  due: boolean
  claimed: boolean
  /** Completes when the request that tried a due provider has failed. */
  tried: Deferred.Deferred<void>
  /** It broke off what was heard already: that is not to happen with every reply. */
  brokeOff: boolean
}

/** How much longer a provider is left alone that has broken off (ms). */
const brokenOffMs = 30_000

export interface Options {
  readonly component: Availability["component"]
  readonly names: ReadonlyArray<string>
  readonly recovery: Schedule.Schedule<unknown>
  /** How to find out whether a provider is back; absent: the next request does. */
  readonly probe: ((provider: number) => Effect.Effect<unknown, unknown>) | undefined
  readonly probeMs: number
  /** Those that have one: an open one keeps a request from its provider. */
  readonly breakers: ReadonlyArray<Circuit | undefined>
}

/** What a request needs to know of the providers, and tells about them. */
export type Claims = Pick<Providers, "claim" | "release" | "began" | "succeeded" | "failed">

/** Claims of a provider that stands alone. */
export const alone: Claims = {
  claim: () => true,
  release: () => {},
  began: () => false,
  succeeded: () => Effect.void,
  failed: () => Effect.void
}

/** Remembers which providers are available and finds out when a lost one is back. */
class Providers {
  readonly #options: Options
  readonly #entries: ReadonlyArray<Entry>
  readonly #probes: FiberMap.FiberMap<number>
  readonly #changes: PubSub.PubSub<Availability>

  private constructor(
    options: Options,
    probes: FiberMap.FiberMap<number>,
    changes: PubSub.PubSub<Availability>
  ) {
    this.#options = options
    this.#probes = probes
    this.#changes = changes
    this.#entries = options.names.map((name) => ({
      name,
      available: true,
      due: false,
      claimed: false,
      tried: Deferred.makeUnsafe(),
      brokeOff: false
    }))
  }

  static make(options: Options): Effect.Effect<Providers, never, Scope.Scope> {
    return Effect.gen(function*() {
      const changes = yield* Effect.acquireRelease(PubSub.sliding<Availability>(64), PubSub.shutdown)
      return new Providers(options, yield* FiberMap.make<number>(), changes)
    })
  }

  get available(): Effect.Effect<ReadonlyArray<string>> {
    return Effect.sync(() => this.#entries.filter((entry) => entry.available).map((entry) => entry.name))
  }

  get changes(): Stream.Stream<Availability> {
    return Stream.fromPubSub(this.#changes)
  }

  /** Whether a request may ask this provider now: one at a time where it is lost. */
  claim(provider: number): boolean {
    const entry = this.#entries[provider]
    if (entry === undefined || this.#options.breakers[provider]?.admits === false) return false
    if (entry.available) return true
    if (!entry.due || entry.claimed) return false
    entry.claimed = true
    return true
  }

  /** Gives a claim back, whatever came of it. */
  release(provider: number): void {
    const entry = this.#entries[provider]
    if (entry !== undefined) entry.claimed = false
  }

  /** It has given output: whether that is a trial, whose end is to be told. */
  began(provider: number): boolean {
    const entry = this.#entries[provider]
    if (entry === undefined || entry.available) return false
    entry.due = false
    return true
  }

  succeeded(provider: number): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#entries[provider]?.available === true
        ? Effect.void
        : Effect.andThen(FiberMap.remove(this.#probes, provider), this.#set(provider, true))
    )
  }

  failed(provider: number, brokeOff = false): Effect.Effect<void> {
    return Effect.suspend(() => {
      const entry = this.#entries[provider]
      if (entry === undefined) return Effect.void
      entry.brokeOff = brokeOff
      if (entry.available) {
        return Effect.andThen(
          this.#set(provider, false),
          FiberMap.run(this.#probes, provider, this.#recover(provider, entry))
        )
      }
      entry.due = false
      Deferred.doneUnsafe(entry.tried, Exit.void)
      return Effect.void
    })
  }

  #set(provider: number, available: boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      const entry = this.#entries[provider]
      if (entry === undefined || entry.available === available) return Effect.void
      entry.available = available
      entry.due = false
      return PubSub.publish(this.#changes, { component: this.#options.component, provider: entry.name, available })
    })
  }

  #recover(provider: number, entry: Entry): Effect.Effect<void> {
    const { probe, probeMs, recovery } = this.#options
    return Effect.flatMap(Schedule.toStepWithSleep(recovery), (sleep) => {
      const attempt: Effect.Effect<boolean> = probe === undefined
        ? Effect.suspend(() => {
          entry.due = true
          entry.tried = Deferred.makeUnsafe()
          return Effect.as(Deferred.await(entry.tried), false)
        })
        : Effect.map(
          Effect.exit(unless(
            Effect.andThen(Effect.sleep(probeMs), Effect.fail("late")),
            Effect.suspend(() => probe(provider))
          )),
          Exit.isSuccess
        )
      const leave = Effect.suspend(() => entry.brokeOff ? Effect.sleep(brokenOffMs) : Effect.void)
      const loop: Effect.Effect<void> = Pull.matchEffect(Effect.andThen(leave, sleep(undefined)), {
        onSuccess: () => Effect.flatMap(attempt, (back) => back ? this.#set(provider, true) : loop),
        onFailure: () => Effect.sync(() => void (entry.due = true)),
        onDone: () => Effect.sync(() => void (entry.due = true))
      })
      return loop
    })
  }
}

export const providersOf = <Service>(
  component: Availability["component"],
  services: ReadonlyArray<Service>,
  names: ReadonlyArray<string>,
  options: typeof asked.fallback.Type,
  breakers: ReadonlyArray<Circuit | undefined>
): Effect.Effect<Providers, never, Scope.Scope> =>
  Providers.make({
    component,
    names,
    recovery: options.recovery ?? recovery,
    probe: options.probe === undefined ? undefined : (provider) => {
      const service = services[provider]
      return service === undefined || options.probe === undefined ? Effect.void : options.probe(service)
    },
    probeMs: options.policy.firstOutput,
    breakers
  })
