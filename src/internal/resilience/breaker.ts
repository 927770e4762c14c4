/** Whether a provider may be asked, from how it has answered. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import * as series from "../metrics/series.ts"
import * as Check from "../options.ts"
import { steadyClock } from "../steady.ts"
import { blamesRequest, retryAfterMs } from "./errors.ts"
import type { Breaker, BreakerChange, BreakerOptions, BreakerState } from "./model.ts"
import * as options from "./options.ts"

/** One request that was let through; what became of it is told once. */
export interface Ticket {
  readonly generation: number
  told: boolean
}

type Settings = Omit<typeof options.breaker.Type, "name" | "component">

/** A provider that has just gone down is soon tried; one that stays down is left alone for longer and longer. */
const recovery = Schedule.min([Schedule.exponential("5 seconds"), Schedule.spaced("1 minute")])

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, unknown, never, never>>>

/** Most outcomes that are remembered: of a busier provider the newest decide. */
const remembered = 1000

/** A provider that asks for more than that is tried all the same (ms). */
const longestAskedMs = 10 * 60_000

const level = { closed: 0, half_open: 1, open: 2 } as const

/** What no other request can help: a bad request says nothing about the provider. */
const blames = (error: unknown): boolean => {
  if (typeof error !== "object" || error === null || !("reason" in error)) return true
  const { reason } = error
  if (reason instanceof Failure.Unavailable) return false
  return !(reason instanceof Failure.InvalidRequest || reason instanceof Failure.Rejected) || !blamesRequest(reason)
}

export class Circuit implements Breaker {
  readonly name: string
  readonly component: BreakerChange["component"]
  readonly changes: Stream.Stream<BreakerChange>
  readonly state: Effect.Effect<BreakerState>
  readonly #settings: Settings
  readonly #news: PubSub.PubSub<BreakerChange>
  readonly #context: Context.Context<never>
  #state: BreakerState = "closed"
  /** Counts the changes: an answer to a question of an earlier state says nothing about this one. */
  #generation = 0
  /** When a request may try; never, where the schedule has ended. */
  #openUntil = 0
  /** The schedule at its present step; absent while it is closed. */
  #step: Step | undefined = undefined
  #probing = false
  #consecutive = 0
  #failures = 0
  #outcomes: Array<{ readonly at: number; readonly failed: boolean }> = []

  readonly #now: () => number

  private constructor(
    { component, name, ...settings }: typeof options.breaker.Type,
    now: () => number,
    news: PubSub.PubSub<BreakerChange>,
    context: Context.Context<never>
  ) {
    this.#now = now
    this.name = name
    this.component = component
    this.#settings = settings
    this.#news = news
    this.#context = context
    this.changes = Stream.fromPubSub(news)
    this.state = Effect.sync(() => this.#state)
    this.#measure()
  }

  static make(asked: BreakerOptions): Effect.Effect<Circuit, Failure.InvalidOptions> {
    return Effect.flatMap(Check.readOrFail(options.breaker, asked, (wrong) => wrong), Circuit.open)
  }

  /** Of options that are checked already. */
  static open(settings: typeof options.breaker.Type): Effect.Effect<Circuit> {
    return Effect.gen(function*() {
      const news = yield* PubSub.sliding<BreakerChange>(64)
      return new Circuit(settings, yield* steadyClock, news, yield* Effect.context<never>())
    })
  }

  /** Whether a request would be let through now. */
  get admits(): boolean {
    return this.#state === "closed" || (this.#state === "open" ? this.#now() >= this.#openUntil : !this.#probing)
  }

  /** Lets a request through, or tells why not. */
  claim(): Ticket | Failure.Unavailable {
    if (!this.admits) {
      const left = Math.max(0, this.#openUntil - this.#now())
      return new Failure.Unavailable(Number.isFinite(left) ? { retryAfterMs: left } : {})
    }
    if (this.#state === "open") this.#become("half_open")
    this.#probing = this.#state === "half_open"
    return { generation: this.#generation, told: false }
  }

  /** The provider has answered. */
  succeeded(ticket: Ticket): void {
    if (!this.#tell(ticket)) return
    if (this.#state === "half_open") return this.#become("closed")
    this.#consecutive = 0
    this.#remember(false)
  }

  /** The provider has failed to answer. */
  failed(ticket: Ticket, error: unknown): void {
    if (!blames(error)) return this.released(ticket)
    if (this.#tell(ticket)) this.#fail(error, retryAfterMs(error))
  }

  /** It broke off after it had answered: that is an outcome of its own. */
  lost(error: unknown): void {
    if (blames(error) && this.#state === "closed") this.#fail(error, 0)
  }

  /** Nobody knows what would have become of it: another request may try. */
  released(ticket: Ticket): void {
    if (this.#tell(ticket)) this.#probing = false
  }

  readonly reset: Effect.Effect<void> = Effect.sync(() => {
    if (this.#state === "closed") this.#forget()
    else this.#become("closed")
  })

  readonly protect = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    isFailure: (error: E) => boolean = () => true
  ): Effect.Effect<A, E | Failure.Unavailable, R> =>
    Effect.uninterruptibleMask((restore): Effect.Effect<A, E | Failure.Unavailable, R> => {
      const ticket = this.claim()
      if (ticket instanceof Failure.Unavailable) return Effect.fail(ticket)
      return Effect.onExit(restore(effect), (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) return this.succeeded(ticket)
          const error = Cause.findErrorOption(exit.cause)
          if (Option.isSome(error)) {
            return isFailure(error.value) ? this.failed(ticket, error.value) : this.succeeded(ticket)
          }
          return Cause.hasDies(exit.cause) ? this.failed(ticket, undefined) : this.released(ticket)
        }))
    })

  /** Whether this is the first word about a request of the present state. */
  #tell(ticket: Ticket): boolean {
    if (ticket.told || ticket.generation !== this.#generation) return false
    ticket.told = true
    return true
  }

  #fail(error: unknown, asked: number): void {
    this.#consecutive += 1
    this.#remember(true)
    const { consecutiveFailures: consecutive, failureRate: rate, minimumRequests: minimum } = this.#settings
    const count = this.#outcomes.length
    const due = this.#state === "half_open" || this.#consecutive >= consecutive ||
      (count >= minimum && this.#failures / count >= rate)
    if (due) this.#open(error, Math.min(asked, longestAskedMs))
  }

  /** Opens, or opens again after a probe that failed: the schedule takes its next step. */
  #open(error: unknown, asked: number): void {
    const since = this.#now()
    const taken = this.#step === undefined
      ? Schedule.toStep(this.#settings.recovery ?? recovery)
      : Effect.succeed(this.#step)
    const stepped = Effect.flatMap(taken, (step) =>
      Pull.matchEffect(step(since, error), {
        onSuccess: ([, delay]) => Effect.succeed({ step, ms: Duration.toMillis(delay) }),
        onFailure: () => Effect.succeed({ step, ms: Number.POSITIVE_INFINITY }),
        onDone: () => Effect.succeed({ step, ms: Number.POSITIVE_INFINITY })
      }))
    this.#openUntil = Number.POSITIVE_INFINITY
    this.#become("open")
    const generation = this.#generation
    // A schedule as a rule takes its step at once; until it has, nobody tries.
    Effect.runForkWith(this.#context)(stepped).addObserver((exit) => {
      if (Exit.isFailure(exit) || generation !== this.#generation) return
      this.#step = exit.value.step
      this.#openUntil = since + Math.max(exit.value.ms, asked)
    })
  }

  #remember(failed: boolean): void {
    const now = this.#now()
    this.#outcomes.push({ at: now, failed })
    if (failed) this.#failures += 1
    const oldest = now - this.#settings.window
    let gone = 0
    while (gone < this.#outcomes.length - 1) {
      const { at } = this.#outcomes[gone]!
      if (at > oldest && this.#outcomes.length - gone <= remembered) break
      if (this.#outcomes[gone]!.failed) this.#failures -= 1
      gone += 1
    }
    if (gone > 0) this.#outcomes.splice(0, gone)
  }

  #become(to: BreakerState): void {
    const from = this.#state
    this.#state = to
    this.#generation += 1
    this.#probing = false
    if (to === "closed") this.#step = undefined
    this.#forget()
    this.#measure()
    PubSub.publishUnsafe(this.#news, { component: this.component, provider: this.name, from, to })
  }

  #forget(): void {
    this.#consecutive = 0
    this.#failures = 0
    this.#outcomes = []
  }

  #measure(): void {
    series.breakerState(this.component, this.name).updateUnsafe(level[this.#state], this.#context)
  }
}

/** On services that are made of others, and on what is made of these: their breakers. */
const guards = Symbol.for("effect-voice/guards")

/** Remembers the breakers of a service that is made of others. */
export const keepBreakers = <Service extends object>(
  service: Service,
  breakers: ReadonlyArray<Breaker | undefined>
): Service => Object.assign(service, { [guards]: breakers.filter((breaker) => breaker !== undefined) })

/** Whether a service is made of others. */
export const isGuarded = (service: object): boolean => guards in service

export const breakersOf = (service: object): ReadonlyArray<Breaker> => {
  const found = guards in service ? service[guards] : undefined
  return Array.isArray(found) ? found.filter((breaker): breaker is Breaker => breaker instanceof Circuit) : []
}

/** A breaker for each service that is to have one: not for those that take care of themselves. */
export const circuitsOf = (
  component: BreakerChange["component"],
  services: ReadonlyArray<{ readonly resilient: boolean }>,
  names: ReadonlyArray<string>,
  settings: Settings | undefined
): Effect.Effect<ReadonlyArray<Circuit | undefined>> =>
  Effect.forEach(services, ({ resilient }, index) =>
    settings === undefined || resilient
      ? Effect.succeed(undefined)
      : Circuit.open({ ...settings, name: names[index]!, component }))

/** The part of a breaker that a guard talks to. */
export const circuitOf = (breaker: Breaker | undefined): Circuit | undefined =>
  breaker instanceof Circuit ? breaker : undefined
