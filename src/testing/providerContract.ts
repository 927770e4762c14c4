/**
 * What the contracts of recognisers, models and voices share: how a check waits, and what it says when it has waited in vain.
 * Nothing of it outlives the scope that a check is given.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as assert from "node:assert/strict"
import * as Check from "../internal/options.ts"
import { isTestClock } from "./timedStream.ts"

/**
 * One thing that a provider keeps.
 *
 * @category providers
 * @since 0.1.0
 */
export interface ProviderCheck<in Service> {
  /** A sentence about behaviour. */
  readonly sentence: string
  /** Breaks with an `AssertionError` where the provider does not keep it. */
  readonly holds: (service: Service) => Effect.Effect<void, unknown, Scope.Scope>
}

/**
 * How time passes for a provider that is held to its contract.
 *
 * @category providers
 * @since 0.1.0
 */
export interface ContractOptions {
  /**
   * The provider works in real time, as over a socket: then write `it.live`. Otherwise a minute of
   * the TestClock passes for each wait.
   *
   * @default false
   */
  readonly live?: boolean | undefined
  /** Longest real time for each wait; below that of the test. @default "4 seconds" */
  readonly timeout?: Duration.Input | undefined
  /**
   * Ends as soon as nobody is connected to the provider's server, as a server of the test can tell. Each
   * check then also wants this after its stream, however that has ended.
   *
   * @default connections are not looked at
   */
  readonly closed?: Effect.Effect<unknown> | undefined
}

export const fields = {
  live: Check.flag({ default: false }),
  timeout: Check.duration({ default: "4 seconds" }),
  closed: Check.effect
}

const contract = Check.struct<ContractOptions>()(fields)

const wrongClock = (live: boolean) =>
  new assert.AssertionError({
    message: live
      ? "live: true wants the real Clock: write it.live instead of it.effect"
      : "the contract wants the TestClock: write it.effect, or live: true for a provider that works in real time"
  })

/** Waits for something, and breaks with what should have come when it does not come. */
export type Waiting = <A, E, R>(effect: Effect.Effect<A, E, R>, late: string) => Effect.Effect<A, E, R | Scope.Scope>

export const waiting = (options: ContractOptions): Waiting => {
  const { live, timeout } = Check.readOrThrow(contract, options)
  return (effect, late) => {
    const orElse = () => Effect.die(new assert.AssertionError({ message: late }))
    const waited = live
      ? Effect.timeoutOrElse(effect, { duration: timeout, orElse })
      : Effect.gen(function*() {
        const fiber = yield* Effect.forkScoped(effect)
        yield* TestClock.adjust("1 minute")
        return yield* TestClock.withLive(Effect.timeoutOrElse(Fiber.join(fiber), { duration: timeout, orElse }))
      })
    return Clock.clockWith((clock) => isTestClock(clock) === live ? Effect.die(wrongClock(live)) : waited)
  }
}

const connected =
  "the connection of a stream must be closed when the stream ends, fails or is interrupted, and one is open after this " +
  "check, or one before it: open it with Effect.acquireRelease"

/** Each check holds only if nobody is connected after it. */
export const disconnecting = <Service>(
  checks: ReadonlyArray<ProviderCheck<Service>>,
  { closed }: ContractOptions,
  wait: Waiting
): ReadonlyArray<ProviderCheck<Service>> =>
  closed === undefined
    ? checks
    : checks.map(({ holds, sentence }) => ({
      sentence,
      holds: (service) => Effect.andThen(holds(service), wait(Effect.asVoid(closed), connected))
    }))
