/**
 * The recogniser's part in a conversation: audio in, transcripts out.
 *
 * The stream of it lasts as long as the session: a recogniser that has ended early, or was lost, is
 * opened again by a schedule, and is given the audio that has waited. It never fails; an error that
 * cannot be repaired ends it. `end` waits for the last transcripts, then the stream is over.
 * Interrupting it closes the connection.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import * as Stt from "../../Stt.ts"
import * as Turn from "../../Turn.ts"
import { retryAfterMs } from "../resilience/errors.ts"
import { beside, reopened, through } from "../streams.ts"
import { delaysOf } from "../stt/delays.ts"
import { inLanguage, isEmpty, isNews, sane } from "../stt/transcripts.ts"
import type { Core } from "./core.ts"
import { failed, mended, worked } from "./failures.ts"
import { transcripts } from "./longTexts.ts"
import { often } from "./microphone.ts"
import { type Perception, understood } from "./perception.ts"
import type { StreamClock } from "./streamClock.ts"

// Ten seconds of 20 ms frames: what may wait while a recogniser is opened again.
const backlog = 500

// A provider may ask for more time than the schedule gives it, but not for a call that is deaf (ms).
const waitAtMost = 30_000

// When a recogniser that was lost is opened again.
const reopening = often.pipe(
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(Duration.max(duration, Duration.millis(Math.min(retryAfterMs(input), waitAtMost))))
  )
)

const endedEarly = (cause: Cause.Cause<Stt.SttError>): boolean => {
  const error = Cause.findErrorOption(cause)
  return error._tag === "Some" && error.value.reason._tag === "EndedEarly"
}

/** What is lost now is not opened again. */
const isOver = (core: Core): boolean => {
  const state = core.conductor.state()
  return Turn.status(state) === "closed" || Turn.closeReason(state) === "provider_failures"
}

export interface Recognition {
  /** Hands audio over; what waits too long is dropped, the oldest first. */
  readonly hand: (inputs: ReadonlyArray<Stt.Input>) => void
  /** No more audio comes. */
  readonly end: () => void
  /** The audio that was handed over. */
  readonly audio: Stream.Stream<Stt.Input>
  /** What the transcripts mean. */
  readonly understand: <E>(transcripts: Stream.Stream<Stt.Transcript, E>) => Stream.Stream<Perception, E>
  /** Opens the recogniser again whenever that is of use. */
  readonly reopen: (attempt: Stream.Stream<Perception, Stt.SttError>) => Stream.Stream<Perception>
}

export const makeRecognition = (
  core: Core,
  stt: Stt.Stt["Service"],
  clock: StreamClock,
  /** A recogniser that has worked for so long had been well (ms). */
  healthyAfter: number
): Effect.Effect<Recognition> =>
  Effect.gen(function*() {
    const audio = yield* Queue.sliding<Stt.Input, Cause.Done>(backlog)
    const bounded = transcripts(core)
    const over = Deferred.makeUnsafe<void>()
    const provider = stt.name
    const delays = delaysOf(stt)
    let told = delays.usual
    const schedule = Schedule.toStep(reopening)
    let step = yield* schedule
    let openedAt = 0
    let heard = false
    /** Stream time at which the audio of this attempt began. */
    let start: number | undefined

    const begin = (): void => {
      openedAt = core.conductor.now()
      heard = false
      start = undefined
    }
    /** Whether the recogniser is to be opened again, once it is time to. */
    const again = (exit: Exit.Exit<unknown, Stt.SttError>): Effect.Effect<boolean> =>
      Effect.gen(function*() {
        const ended = Exit.isSuccess(exit)
        if (ended && Deferred.isDoneUnsafe(over)) return false
        const healthy = heard || core.conductor.now() - openedAt >= healthyAfter
        if (healthy) {
          step = yield* schedule
          worked(core, "stt")
        }
        // A connection that was idle for long may be closed: that is no failure.
        if (healthy && (ended || endedEarly(exit.cause))) return true
        // One that has given itself up has ended early, too.
        const cause = ended || Cause.hasInterruptsOnly(exit.cause)
          ? Cause.fail(new Stt.SttError({ provider, reason: new Failure.EndedEarly() }))
          : exit.cause
        // It was told that no more audio comes: another one would hear nothing.
        if (isOver(core) || Deferred.isDoneUnsafe(over)) {
          mended(core, "stt", provider, cause)
          return false
        }
        const error = Option.getOrUndefined(Cause.findErrorOption(cause))
        const mends = error?.isRetryable !== false
        if (!mends) core.publish({ _tag: "Warning", component: "stt", message: `${provider} cannot be opened again` })
        failed(core, "stt", provider, cause, !mends)
        if (!mends || isOver(core)) return false
        const [, wait] = yield* Effect.orDie(step(core.conductor.now(), error))
        yield* Effect.timeoutOption(Deferred.await(over), wait)
        return !isOver(core)
      })

    return {
      hand: (inputs) => {
        for (const input of inputs) Queue.offerUnsafe(audio, input)
      },
      end: () => {
        // Who sees the end of the audio knows that it was meant to end.
        Deferred.doneUnsafe(over, Exit.void)
        Queue.endUnsafe(audio)
      },
      audio: Stream.fromQueue(audio).pipe(beside((inputs) => {
        const first = start === undefined ? inputs.find((input) => "samples" in input) : undefined
        if (first !== undefined) start = clock.startOf(first)
      })),
      understand: through((transcripts) => {
        const news = transcripts.filter(isNews)
        if (news.length === 0) return []
        if (news.some((transcript) => !isEmpty(transcript))) {
          heard = true
          worked(core, "stt")
        }
        const perceptions = news.map((transcript) =>
          understood(inLanguage(bounded(sane(transcript)), stt.language), start ?? 0, clock)
        )
        // One that was replaced says nothing of the one that hears now.
        if (delays.usual === told || Deferred.isDoneUnsafe(over)) return perceptions
        told = delays.usual
        return [{ signal: { _tag: "Measured", delay: told } }, ...perceptions]
      }),
      reopen: (attempt) =>
        reopened(
          Stream.suspend(() => {
            begin()
            return Stream.withSpan(attempt, "stt", { attributes: { provider }, captureStackTrace: false })
          }),
          again
        )
    }
  })
