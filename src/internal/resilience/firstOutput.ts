/**
 * Attempts at one provider until its first useful output, within one deadline. Interruption closes
 * the attempts in progress; a failure closes the attempt that failed. An attempt that is silent for
 * too long goes on beside the next one (`elders`).
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { monotonic, monotonicMs } from "../steady.ts"
import { backoff } from "./backoff.ts"
import { type Own, own, unless } from "./bounded.ts"
import type { Ticket } from "./breaker.ts"
import { Elders } from "./elders.ts"
import { failureOf } from "./errors.ts"
import type { Settings } from "./policy.ts"
import { type Asked, retrying } from "./retrying.ts"
import { Sign } from "./signs.ts"

export interface Request<A, E, R> {
  readonly open: Stream.Stream<A, E, R>
  /** Absent: the stream is resilient itself. */
  readonly settings: Settings | undefined
  readonly isUseful: (element: A) => boolean
  readonly isRetryable: (error: E) => boolean
  readonly error: (reason: Failure.Reason) => E
  /** Who is told to be asked again. @default nobody */
  readonly asked?: Asked | undefined
  /** Why it failed, where it tells. @default it broke */
  readonly reasonOf?: ((error: E) => Failure.Reason) | undefined
  /** Whether a failure is not the provider's. @default it is */
  readonly isForeign?: ((error: E) => boolean) | undefined
  /** Completes when the deadline begins to run. @default at once */
  readonly begun?: Effect.Effect<unknown, never, R> | undefined
  /** When the provider has last shown that it is at work, though it has given nothing (monotonic ms). @default never */
  readonly lastSign?: (() => number | undefined) | undefined
  /** Completes when silence after some output is a failure. @default never */
  readonly owing?: Effect.Effect<void, never, R> | undefined
  /** Whether a stream that has ended without useful output, after all this, should have given any. @default always */
  readonly expected?: ((held: ReadonlyArray<A>) => Effect.Effect<boolean, E, R>) | undefined
  /** For how long what came makes good (ms): who gives a little now and then is as silent as who gives nothing. @default for ever, where it is useful */
  readonly worthMs?: ((element: A) => number) | undefined
}

/** A stream that has given its first useful output, which is among the last of `first`, or has rightly ended. */
export interface Started<A, E, R> {
  readonly first: ReadonlyArray<A>
  readonly rest: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R>
}

/** What has started, and by which attempt. */
interface Answered<A, E, R> {
  readonly started: Started<A, E, R>
  readonly by: Own
}

/**
 * Waits until nothing has come for `ms`, or for `signMs` since the last sign of
 * life, whichever is later, but no longer than `mostMs` in all; gives which it was.
 */
const silence = (
  ms: number,
  signMs: number,
  mostMs: number,
  lastSign: Request<never, never, never>["lastSign"]
): Effect.Effect<number> =>
  Effect.flatMap(monotonic, (began) => {
    const last = began + Math.max(ms, mostMs)
    const wait = (left: number, which: number): Effect.Effect<number> =>
      Effect.flatMap(Effect.andThen(Effect.sleep(left), monotonic), (now) => {
        if (now >= last) return Effect.succeed(Math.max(ms, mostMs))
        const sign = lastSign?.()
        const more = sign === undefined ? 0 : Math.min(sign + signMs, last) - now
        return more > 0 ? wait(more, signMs) : Effect.succeed(which)
      })
    return wait(ms, ms)
  })

/** What comes before the first useful output, and is kept for who reads on: with more of it, it has begun. */
const mostHeld = 1024

const once = <A, E, R>(
  request: Request<A, E, R>,
  scope: Scope.Scope,
  sign: () => void
): Effect.Effect<Started<A, E, R>, E, R> =>
  Effect.gen(function*() {
    const open = Stream.provideService(request.open, Sign, sign)
    const pull = yield* Scope.provide(Stream.toPull(open), scope)
    const held: Array<A> = []
    while (true) {
      const next = yield* Pull.matchEffect(pull, {
        onSuccess: Effect.succeedSome,
        onFailure: (cause) => Effect.failCause(cause),
        onDone: () => Effect.succeedNone
      })
      if (Option.isNone(next)) {
        if (request.expected === undefined || (yield* request.expected(held))) {
          return yield* Effect.fail(request.error(new Failure.EndedEarly()))
        }
        return { first: held, rest: Cause.done() }
      }
      sign()
      held.push(...next.value)
      if (held.length >= mostHeld || next.value.some(request.isUseful)) return { first: held, rest: pull }
    }
  })

/**
 * Runs attempts until one has given useful output. All that they open is closed
 * with the scope, that of a failed attempt before the next one begins, and that of
 * one that was only silent when another has answered.
 */
export const firstOutput = <A, E, R>(
  request: Request<A, E, R>,
  scope: Scope.Scope
): Effect.Effect<Started<A, E, R>, E, R> => {
  const { settings } = request
  const breaker = settings?.breaker
  let ticket: Ticket | undefined
  let begun: number | undefined
  let overdue: E | undefined
  let signedAt: number | undefined
  let tried = 0
  let triedAt = 0
  const until = (): number | undefined => {
    if (settings === undefined || begun === undefined) return undefined
    const [due, sign] = [begun + settings.firstOutputMs, request.lastSign?.()]
    return sign === undefined
      ? due
      : Math.max(due, Math.min(sign + settings.nextOutputMs, begun + settings.thinkingMs))
  }
  const claim = Effect.suspend(() => {
    const claimed = breaker?.claim()
    if (claimed instanceof Failure.Unavailable) return Effect.fail(request.error(claimed))
    ticket = claimed
    return Effect.void
  })
  const blame = (failure: E): void => {
    if (ticket === undefined) return
    if (request.isForeign?.(failure) === true) breaker?.released(ticket)
    else breaker?.failed(ticket, failure)
  }
  const succeed = ({ started }: Answered<A, E, R>): Started<A, E, R> => {
    if (ticket !== undefined) breaker?.succeeded(ticket)
    return started
  }
  /** When an attempt has shown no sign of life for too long; one that thinks may pause for longer. */
  const hungAt = ({ attemptMs, nextOutputMs }: Settings, from: number): number => {
    const thought = request.lastSign?.()
    const silent = Math.max(from, signedAt ?? from) + attemptMs
    return thought === undefined || thought < triedAt ? silent : Math.max(silent, thought + nextOutputMs)
  }
  /**
   * The time of an attempt, and the time for all: gives the failure of one that
   * shows no sign of life while there is time for another one, and fails where no
   * time is left.
   */
  const timer = (settings: Settings, mayHang: boolean): Effect.Effect<E, E, R> => {
    const { attemptMs, firstOutputMs, nextOutputMs, retries, thinkingMs } = settings
    const late = (afterMs: number): E => request.error(new Failure.TimedOut({ afterMs }))
    const look = (from: number, now: number, waits: boolean): Effect.Effect<E, E> => {
      const due = until() ?? now
      if (now >= due) {
        const allowed = due - (begun ?? due)
        overdue = late(allowed <= firstOutputMs ? firstOutputMs : allowed < thinkingMs ? nextOutputMs : thinkingMs)
        blame(overdue)
        return Effect.fail(overdue)
      }
      const hung = waits ? hungAt(settings, from) : Number.POSITIVE_INFINITY
      if (now >= hung) return now + attemptMs <= due ? Effect.succeed(late(attemptMs)) : look(from, now, false)
      const next = Math.min(due, hung)
      // Clocks round: what was to wake at this time has done so.
      return Effect.flatMap(
        Effect.andThen(Effect.sleep(next - now), monotonic),
        (woken) => look(from, Math.max(next, woken), waits)
      )
    }
    return Effect.flatMap(Effect.andThen(request.begun ?? Effect.void, monotonic), (now) => {
      begun ??= now
      return look(now, now, mayHang && tried < retries)
    })
  }
  const ask = (attempt: Own, elders: Elders<Answered<A, E, R>, E>): Effect.Effect<Answered<A, E, R>, E, R> =>
    Effect.flatMap(Clock.Clock, (clock) => {
      signedAt = undefined
      triedAt = monotonicMs(clock)
      const asked = once(request, attempt.scope, () => {
        if (attempt.isOpen()) signedAt = monotonicMs(clock)
      })
      const started = Effect.map(asked, (started) => ({ started, by: attempt }))
      const claimed = breaker === undefined ? started : Effect.andThen(claim, started)
      return settings === undefined ? claimed : elders.hear(attempt, timer(settings, true), claimed)
    })
  /** What is waited for between two attempts has no more time than these. */
  const inTime = <B>(work: Effect.Effect<B, E>): Effect.Effect<B, E, R> =>
    settings === undefined ? work : unless(Effect.andThen(timer(settings, false), Effect.never), work)
  const attempts = Effect.flatMap(Effect.context<never>(), (context) => {
    const elders = new Elders<Answered<A, E, R>, E>(context)
    return Effect.ensuring(
      Effect.gen(function*() {
        const wait = yield* backoff(settings)
        while (true) {
          const attempt = yield* own(scope)
          const exit = yield* Effect.exit(ask(attempt, elders))
          if (Exit.isSuccess(exit)) {
            if (exit.value.by !== attempt) yield* Effect.forkDetach(attempt.close(exit))
            return succeed(exit.value)
          }
          if (overdue !== undefined) return yield* Effect.fail(overdue)
          const failure = failureOf(exit.cause, request.error)
          blame(failure)
          if (!elders.has(attempt)) yield* attempt.close(exit)
          if (!request.isRetryable(failure)) return yield* Effect.fail(failure)
          const next = yield* inTime(elders.beside(wait(failure, until())))
          if (typeof next !== "boolean") return succeed(next)
          // Who was given up for another attempt that there is not may answer still.
          if (!next) return succeed(yield* inTime(elders.or(Effect.fail(failure))))
          yield* retrying(request.asked, ++tried, request.reasonOf?.(failure) ?? new Failure.Broken({}))
        }
      }),
      elders.end
    )
  })
  if (breaker === undefined) return attempts
  return Effect.onInterrupt(attempts, () =>
    Effect.sync(() => {
      if (ticket !== undefined) breaker.released(ticket)
    }))
}

/** Asks for more as long as it is of use: what comes and is none makes good for no silence. */
const patiently = <A, E, R>(
  { error, isUseful, lastSign, worthMs = () => Number.POSITIVE_INFINITY }: Request<A, E, R>,
  { nextOutputMs, thinkingMs }: Settings,
  owing: Effect.Effect<void, never, R>,
  pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R>
): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R> => {
  /** For how long there was nothing of use while it was asked for (ms). */
  let idle = 0
  return Effect.suspend(() => {
    let since: number | undefined
    const late = owing.pipe(
      Effect.andThen(monotonic),
      Effect.andThen((now) => {
        since = now
        return silence(Math.max(0, nextOutputMs - idle), nextOutputMs, thinkingMs - idle, lastSign)
      }),
      Effect.andThen((ms) => Effect.fail(error(new Failure.TimedOut({ afterMs: idle + ms }))))
    )
    return Effect.zipWith(unless(late, pull), monotonic, (given, now) => {
      const worth = given.reduce((sum, element) => isUseful(element) ? sum + worthMs(element) : sum, 0)
      idle = Math.max(0, idle + (since === undefined ? 0 : now - since) - worth)
      return given
    })
  })
}

/** Gives what has started as a pull, which fails when a stream that owes output falls silent. */
export const resume = <A, E, R>(
  started: Started<A, E, R>,
  request: Request<A, E, R>
): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R> => {
  const { error, isForeign, owing, settings } = request
  let rest = started.first
  const next = settings === undefined || owing === undefined ? started.rest : Effect.catchCause(
    patiently(request, settings, owing, started.rest),
    (cause) => Cause.hasInterruptsOnly(cause) ? Effect.fail(failureOf(cause, error)) : Effect.failCause(cause)
  )
  const breaker = settings?.breaker
  const told = breaker === undefined
    ? next
    : Effect.tapError(next, (failure) =>
      Effect.sync(() => {
        if (!Cause.isDone(failure) && isForeign?.(failure) !== true) breaker.lost(failure)
      }))
  return Effect.suspend(() => {
    const [head, ...tail] = rest
    rest = []
    return head === undefined ? told : Effect.succeed<Arr.NonEmptyReadonlyArray<A>>([head, ...tail])
  })
}

export const guarded = <A, E, R>(request: Request<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.map(Effect.scope, (scope) => {
    let live: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R> | undefined
    return Stream.fromPull(
      Effect.succeed(
        Effect.suspend(() =>
          live ?? Effect.flatMap(firstOutput(request, scope), (started) => live = resume(started, request))
        )
      )
    )
  }))
