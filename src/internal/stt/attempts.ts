/**
 * Attempts at one recogniser over one stream of audio, until it is given up.
 *
 * An attempt that has failed is closed before the next one begins. One that hangs
 * may be slow: it stays open, and hears on, until any of them has given a final
 * transcript. Whose comes first counts, and goes on alone. Each attempt is pulled
 * in a fiber of its own, so that nothing of it is lost while another is waited
 * for. Closing the scope closes all attempts; each may take a moment to hang up.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { backoff } from "../resilience/backoff.ts"
import { own, settled } from "../resilience/bounded.ts"
import type { Ticket } from "../resilience/breaker.ts"
import { failureOf } from "../resilience/errors.ts"
import type { Settings } from "../resilience/policy.ts"
import { type InputFailure, isInputFailure } from "../resilience/replayBuffer.ts"
import { retrying } from "../resilience/retrying.ts"
import { Sign } from "../resilience/signs.ts"
import { monotonic, monotonicMs } from "../steady.ts"
import type { StreamDelays } from "./delays.ts"
import type { Memory, Take } from "./memory.ts"
import { meteredTranscription } from "./metering.ts"
import * as Stt from "./model.ts"
import { isNews } from "./transcripts.ts"

export type Failing<E> = Stt.SttError | InputFailure<E>

type Transcripts = Arr.NonEmptyReadonlyArray<Stt.Transcript>

export type Live<E, R> = Pull.Pull<Transcripts, Failing<E>, void, R>

type Heard<E> = Exit.Exit<Transcripts, Failing<E> | Cause.Done>

interface Attempt<E, R> {
  readonly take: Take<E, R>
  readonly since: number
  readonly pull: Live<E, R>
  readonly ticket: Ticket | undefined
  readonly close: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
  /** When the provider has last shown that it is at work (monotonic ms). */
  readonly signs: { last: number }
  /** It has given an interim transcript of what another owes: it is no longer said to hang. */
  replying: boolean
  /** Present while it is asked for more. */
  pulling: Fiber.Fiber<unknown, unknown> | undefined
}

/** What has happened while one waited. */
type News<E, R> =
  | { readonly _tag: "Pulled"; readonly attempt: Attempt<E, R>; readonly exit: Heard<E> }
  /** The wait after an error is over, and there is another attempt or not. */
  | { readonly _tag: "Waited"; readonly wait: unknown; readonly again: boolean; readonly error: Stt.SttError }

export const failing = (provider: string) => (reason: Failure.Reason) => new Stt.SttError({ provider, reason })

export interface Persisting<E, R> {
  readonly service: Stt.Service
  /** What it is called in events and errors. */
  readonly name: string
  /** Absent: the service is resilient itself. */
  readonly settings: Settings | undefined
  readonly memory: Memory<E, R>
  readonly delays: StreamDelays
  /** Nobody else can be asked. */
  readonly alone: boolean
  readonly scope: Scope.Scope
  /** The provider is at work. */
  readonly onAlive: (answered: boolean) => Effect.Effect<void>
}

/** Opens another connection, for all that waits. */
const open = <E, R>(
  { memory, name, scope, service, settings }: Persisting<E, R>
): Effect.Effect<Attempt<E, R>, Stt.SttError, R> =>
  Effect.gen(function*() {
    const breaker = settings?.breaker
    const ticket = breaker?.claim()
    if (ticket instanceof Failure.Unavailable) return yield* failing(name)(ticket)
    const clock = yield* Clock.Clock
    const handle = yield* Scope.fork(scope)
    const mine = yield* own(handle)
    if (ticket !== undefined) yield* Scope.addFinalizer(mine.scope, Effect.sync(() => breaker?.released(ticket)))
    const take = memory.take(service.wants)
    const signs = { last: 0 }
    const heard = Stream.map(
      meteredTranscription(service, take.audio, service.transcribe),
      (transcript) => take.mapping.transcript(transcript)
    ).pipe(Stream.provideService(Sign, () => {
      signs.last = monotonicMs(clock)
    }))
    const pull = yield* Scope.provide(Stream.toPull(heard), mine.scope)
    const attempt: Attempt<E, R> = {
      take,
      pull,
      ticket,
      signs,
      since: monotonicMs(clock),
      close: (exit) => Scope.close(handle, exit),
      replying: false,
      pulling: undefined
    }
    yield* Scope.addFinalizer(
      handle,
      Effect.suspend(() => {
        const { pulling } = attempt
        if (pulling === undefined) return Effect.void
        pulling.interruptUnsafe()
        return settled(pulling)
      })
    )
    return attempt
  })

/** Asks an attempt for more, unless it is asked already. */
const ask = <E, R>(attempt: Attempt<E, R>, tell: (news: News<E, R>) => void): Effect.Effect<void, never, R> =>
  attempt.pulling === undefined
    ? Effect.map(Effect.forkDetach(attempt.pull, { startImmediately: true }), (fiber) => {
      attempt.pulling = fiber
      fiber.addObserver((exit) => {
        attempt.pulling = undefined
        tell({ _tag: "Pulled", attempt, exit })
      })
    })
    : Effect.void

/**
 * For how long the newest attempt has shown no sign of life, once that is longer
 * than it may while there is time for another one (ms). The last attempt has all
 * that is left.
 */
const hangs = <E, R>(
  { delays, memory, settings }: Persisting<E, R>,
  { signs, since, take }: Attempt<E, R>,
  tried: number
): Effect.Effect<number> => {
  const { waiting } = memory
  if (settings === undefined || tried >= settings.retries) return Effect.never
  const look: Effect.Effect<number> = Effect.flatMap(monotonic, (now) => {
    const { since: waited = now } = waiting
    const patience = delays.patience(memory.unansweredMs(take), settings.attemptMs)
    const left = Math.max(waited, since, signs.last) + patience - now
    if (left > 0) return Effect.andThen(Effect.sleep(left), wait)
    return now + settings.attemptMs > waited + settings.firstOutputMs ? Effect.never : Effect.succeed(patience)
  })
  const wait: Effect.Effect<number> = Effect.suspend(() => Effect.andThen(waiting.awaited, look))
  return wait
}

const close = <E, R>(attempts: ReadonlyArray<Attempt<E, R>>, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.forEach(attempts, (each) => each.close(exit), { concurrency: "unbounded", discard: true })

/** What has happened, in order, and whoever waits for it. */
const makeNews = <E, R>() => {
  const all: Array<News<E, R>> = []
  let arrival = Deferred.makeUnsafe<void>()
  return {
    tell: (what: News<E, R>): void => {
      all.push(what)
      Deferred.doneUnsafe(arrival, Exit.void)
    },
    next: (): News<E, R> | undefined => all.shift(),
    isEmpty: (): boolean => all.length === 0,
    /** Completes when something has happened since `asked` began. */
    after: (asked: Effect.Effect<void, never, R>): Effect.Effect<Effect.Effect<void>, never, R> =>
      Effect.suspend(() => {
        const arriving = arrival = Deferred.makeUnsafe()
        return Effect.as(Effect.andThen(asked, Deferred.await(arriving)), Effect.void)
      })
  }
}

/** What becomes of a connection, told to the breaker and counted in retries. */
const makeHealth = <E, R>(
  { onAlive, settings }: Persisting<E, R>,
  budget: Effect.Success<ReturnType<typeof backoff>>
) => {
  const deadline = settings?.firstOutputMs ?? Number.POSITIVE_INFINITY
  const breaker = settings?.breaker
  const health = {
    deadline,
    wait: budget,
    tried: 0,
    alive: (answered: boolean): Effect.Effect<void> =>
      Effect.flatMap(backoff(settings), (budget) => {
        health.wait = budget
        health.tried = 0
        return onAlive(answered)
      }),
    answered: ({ ticket }: Attempt<E, R>): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (ticket !== undefined) breaker?.succeeded(ticket)
        return health.alive(true)
      }),
    failed: ({ since, ticket }: Attempt<E, R>, error: Stt.SttError): Effect.Effect<void> =>
      Effect.flatMap(monotonic, (now) => {
        // Whatever it has died of now: it had been well.
        const healthy = now - since >= deadline
        if (ticket !== undefined) {
          if (healthy) breaker?.succeeded(ticket)
          if (ticket.told) breaker?.lost(error)
          else breaker?.failed(ticket, error)
        }
        return healthy ? health.alive(false) : Effect.void
      })
  }
  return health
}

const errorOf = <E>(
  exit: Exit.Failure<unknown, Failing<E> | Cause.Done>,
  fail: (reason: Failure.Reason) => Stt.SttError
): Failing<E> =>
  Pull.isDoneCause(exit.cause)
    ? fail(new Failure.EndedEarly())
    : failureOf(exit.cause as Cause.Cause<Failing<E>>, fail)

/** Takes down what an attempt has heard; gives whether there is a final transcript. */
const note = <E, R>(
  { delays, memory }: Persisting<E, R>,
  { take }: Attempt<E, R>,
  chunk: Transcripts,
  now: number
): boolean => {
  for (const heard of chunk) {
    const since = heard.final ? memory.answer(take, heard) : undefined
    if (since !== undefined) delays.record(now - since)
    // What says the same again, or nothing, may go on for ever.
    if (!heard.final && isNews(heard) && heard.text !== take.interim) memory.waiting.sign(now)
    take.interim = heard.final ? "" : heard.text
  }
  return chunk.some(({ final }) => final)
}

/** Attempts at one provider, until it is given up. */
export const persist = <E, R>(options: Persisting<E, R>): Effect.Effect<Live<E, R>> =>
  Effect.map(backoff(options.settings), (budget) => {
    const { alone, memory, name, settings } = options
    const fail = failing(name)
    const health = makeHealth(options, budget)
    let newest: Attempt<E, R> | undefined
    /** Those that hang, and may be slow. */
    let older: ReadonlyArray<Attempt<E, R>> = []
    /** The wait before another attempt. */
    let between: Fiber.Fiber<unknown> | undefined
    /** Why there is no other attempt, though one that hangs may answer yet. */
    let over: Stt.SttError | undefined
    const news = makeNews<E, R>()
    const live = (): ReadonlyArray<Attempt<E, R>> => newest === undefined ? older : [...older, newest]

    // Another provider is given what this one owes.
    const giveUp = (error: Stt.SttError): Effect.Effect<void, Stt.SttError> =>
      older.length === 0 || !alone ? Effect.fail(error) : Effect.sync(() => void (over = error))

    /** Waits before another attempt, while those that hang may answer. */
    const again = (error: Stt.SttError): Effect.Effect<void> =>
      Effect.map(Effect.forkIn(health.wait(error), options.scope, { startImmediately: true }), (wait) => {
        between = wait
        wait.addObserver((exit) =>
          news.tell({ _tag: "Waited", wait, again: Exit.isSuccess(exit) && exit.value, error })
        )
      })

    const reopen = ({ again, error, wait }: News<E, R> & { readonly _tag: "Waited" }) => {
      if (between !== wait) return Effect.void
      between = undefined
      return again
        ? retrying({ component: "stt", provider: name }, ++health.tried, error.reason)
        : giveUp(error)
    }

    /** Its transcript is the one that counts: nobody else is asked any more. */
    const prefer = (attempt: Attempt<E, R>): Effect.Effect<void> => {
      if (older.length === 0) return Effect.void
      const others = live().filter((each) => each !== attempt)
      newest = attempt
      older = []
      over = undefined
      between?.interruptUnsafe()
      between = undefined
      return close(others, Exit.void)
    }

    const hear = (attempt: Attempt<E, R>, chunk: Transcripts): Live<E, R> =>
      Effect.flatMap(monotonic, (now) => {
        const decided = note(options, attempt, chunk, now) || older.length === 0
        attempt.replying = !decided
        const answered = decided ? Effect.andThen(prefer(attempt), health.answered(attempt)) : Effect.void
        const heard = chunk.filter(isNews)
        return Effect.andThen(answered, Arr.isReadonlyArrayNonEmpty(heard) ? Effect.succeed(heard) : next)
      })

    const lost = (attempt: Attempt<E, R>, exit: Exit.Failure<unknown, Failing<E> | Cause.Done>): Live<E, R> => {
      const error = errorOf(exit, fail)
      const isEnd = Pull.isDoneCause(exit.cause) && memory.isExhausted(attempt.take)
      if (isEnd && live().length === 1) return Cause.done()
      const closed = attempt.close(exit)
      if (isInputFailure(error)) return Effect.andThen(closed, Effect.fail(error))
      older = older.filter((each) => each !== attempt)
      if (attempt === newest) {
        newest = undefined
        if (isEnd) over = error
        const told = isEnd ? Effect.void : health.failed(attempt, error)
        return Effect.andThen(told, closed).pipe(
          Effect.andThen(Effect.suspend(() => isEnd ? Effect.void : error.isRetryable ? again(error) : giveUp(error))),
          Effect.andThen(next)
        )
      }
      return Effect.andThen(closed, over !== undefined && older.length === 0 ? Effect.fail(over) : next)
    }

    const overdue = Effect.suspend(() => {
      const late = fail(new Failure.TimedOut({ afterMs: health.deadline }))
      const told = newest === undefined ? Effect.void : health.failed(newest, late)
      return told.pipe(Effect.andThen(close(live(), Exit.fail(late))), Effect.andThen(Effect.fail(late)))
    })

    const hung = (attempt: Attempt<E, R>, afterMs: number) =>
      Effect.suspend(() => {
        if (!news.isEmpty()) return Effect.void
        const error = fail(new Failure.TimedOut({ afterMs }))
        older = [...older, attempt]
        newest = undefined
        return Effect.andThen(health.failed(attempt, error), again(error))
      })

    const happens: Effect.Effect<void, Failing<E>, R> = Effect.suspend(() => {
      const current = newest
      return Effect.flatten(Effect.raceAllFirst([
        settings === undefined ? Effect.never : Effect.as(memory.waiting.overdue(health.deadline), overdue),
        current === undefined || current.replying
          ? Effect.never
          : Effect.map(hangs(options, current, health.tried), (ms) => hung(current, ms)),
        news.after(Effect.suspend(() => Effect.forEach(live(), (each) => ask(each, news.tell), { discard: true })))
      ]))
    })

    const next: Live<E, R> = Effect.suspend(() => {
      const heard = news.next()
      if (heard?._tag === "Waited") return Effect.andThen(reopen(heard), next)
      if (heard !== undefined) {
        const { attempt, exit } = heard
        if (!live().includes(attempt)) return next
        return Exit.isSuccess(exit) ? hear(attempt, exit.value) : lost(attempt, exit)
      }
      if (newest !== undefined || between !== undefined || over !== undefined) return Effect.andThen(happens, next)
      return Effect.matchEffect(open(options), {
        onFailure: giveUp,
        onSuccess: (attempt) => Effect.sync(() => void (newest = attempt))
      }).pipe(Effect.andThen(next))
    })

    return next
  })
