/** The recogniser's stream: opened again when it is lost, and told as it comes. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import * as Stt from "../../Stt.ts"
import { retryAfterMs } from "../resilience/blame.ts"
import { type Core, spanned } from "./core.ts"
import { failed, mended, worked } from "./failures.ts"
import type { StreamClock } from "./streamClock.ts"

// A recogniser that was lost is opened again after this long (ms), doubled each time up to the longest.
const reopenAfter = 100
const reopenAtMost = 5000

// A provider may ask for more than that, but not for a call that is deaf (ms).
const waitAtMost = 30_000

/** Transcribes for as long as the session lasts: a recogniser that is lost is opened again. */
export const recognise = (
  core: Core,
  stt: Stt.Stt["Service"],
  audio: Queue.Queue<Stt.Input, Cause.Done>,
  clock: StreamClock,
  healthyAfter: number,
  over: Deferred.Deferred<void>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    let lost = 0
    while (true) {
      const since = core.conductor.now()
      let start: number | undefined
      let heard = false
      const given = Stream.mapArray(Stream.fromQueue(audio), (inputs) => {
        const first = start === undefined ? inputs.find((input) => "samples" in input) : undefined
        if (first !== undefined) start = clock.startOf(first)
        return inputs
      })
      const listening = yield* stt.transcribe(given).pipe(
        Stream.runForEachArray((transcripts) =>
          Effect.sync(() => {
            for (const transcript of transcripts) {
              if (take(core, transcript, start ?? 0, clock)) heard = true
            }
          })
        ),
        spanned("stt", { provider: stt.name }),
        Effect.forkChild({ startImmediately: true })
      )
      const ended = yield* Fiber.await(listening)
      if (Deferred.isDoneUnsafe(over) && Exit.isSuccess(ended)) return
      const healthy = heard || core.conductor.now() - since >= healthyAfter
      if (healthy) {
        lost = 0
        worked(core, "stt")
      }
      // A connection that was idle for long may be closed: that is no failure.
      if (healthy && (Exit.isSuccess(ended) || hasEnded(ended.cause))) continue
      // One that has given itself up has ended early, too.
      const cause = Exit.isSuccess(ended) || Cause.hasInterruptsOnly(ended.cause)
        ? Cause.fail(endedEarly(stt))
        : ended.cause
      if (isEnding(core)) return mended(core, "stt", stt.name, cause)
      lost += 1
      const error = Cause.findErrorOption(cause)
      const mends = error._tag === "None" || error.value.isRetryable
      if (!mends) core.publish({ _tag: "Warning", component: "stt", message: `${stt.name} cannot be opened again` })
      failed(core, "stt", stt.name, cause, !mends)
      if (!mends) return
      const asked = error._tag === "Some" ? retryAfterMs(error.value) : 0
      if (isEnding(core)) return
      const wait = Math.max(Math.min(asked, waitAtMost), Math.min(reopenAtMost, reopenAfter * 2 ** (lost - 1)))
      yield* Effect.timeoutOption(Deferred.await(over), wait)
      if (isEnding(core)) return
    }
  })

const hasEnded = (cause: Cause.Cause<Stt.SttError>): boolean => {
  const error = Cause.findErrorOption(cause)
  return error._tag === "Some" && error.value.reason._tag === "EndedEarly"
}

/** What is lost now is not opened again. */
const isEnding = (core: Core): boolean => {
  const { status } = core.conductor.state()
  return status === "draining" || status === "closed"
}

const endedEarly = (stt: Stt.Stt["Service"]) =>
  new Stt.SttError({ provider: stt.name, reason: new Failure.EndedEarly() })

const take = (
  core: Core,
  transcript: Stt.Transcript,
  start: number,
  clock: StreamClock
): boolean => {
  const { confidence, end, final, language, start: begin, text } = transcript
  if (text.trim() === "") return false
  worked(core, "stt")
  const last = clock.lastWord(transcript, start)
  // Who closes the session at these words does so when they are in it.
  core.conductor.tell(() =>
    core.publish({
      _tag: "UserTranscript",
      text,
      final,
      ...(begin === undefined ? {} : { start: start + begin }),
      ...(end === undefined ? {} : { end: start + end }),
      ...(confidence === undefined ? {} : { confidence }),
      ...(language === undefined ? {} : { language })
    }), { _tag: "Heard", text, final, endedAt: last === undefined ? undefined : clock.toClock(last) })
  return true
}
