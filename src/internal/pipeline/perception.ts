/** What is heard of the user, on its way to the turn-taking. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type * as Stt from "../../Stt.ts"
import * as Turn from "../../Turn.ts"
import type { Core } from "./core.ts"
import type { StreamClock } from "./streamClock.ts"

/** A signal, and what the listeners are told in the same breath. */
export interface Perception {
  readonly signal: Turn.Signal
  readonly event?: Event.Draft
}

// More of them are a flood, between which everybody else has their turn.
const mostAtOnce = 16

/** The recogniser says again what it has said for good: that is no news for anybody. */
const isTold = ({ conductor }: Core, signal: Turn.Signal): boolean =>
  signal._tag === "Heard" && Turn.isRepeated(conductor.state(), conductor.now(), signal)

const take = (core: Core) => ({ event, signal }: Perception): void => {
  if (event === undefined) core.conductor.dispatch(signal)
  // Who closes the session at these words does so when they are in it.
  else core.conductor.tell(() => isTold(core, signal) ? undefined : core.publish(event), signal)
}

/** Runs perceptions into the turn-taking, each to its end, actions included, before the next. */
export const perceive =
  (core: Core) => <E, R>(perceptions: Stream.Stream<Perception, E, R>): Effect.Effect<void, E, R> =>
    Stream.runForEachArray(perceptions, (all) => {
      if (all.length <= mostAtOnce) return Effect.sync(() => all.forEach(take(core)))
      return Effect.forEach(all, (one) => Effect.andThen(Effect.yieldNow, Effect.sync(() => take(core)(one))), {
        discard: true
      })
    })

const toldOf = (
  { confidence, end, final, language, start, text, words }: Stt.Transcript,
  from: number
): Event.Draft => ({
  _tag: "UserTranscript",
  text,
  final,
  ...(start === undefined ? {} : { start: from + start }),
  ...(end === undefined ? {} : { end: from + end }),
  ...(words === undefined
    ? {}
    : { words: words.map((word) => ({ ...word, start: from + word.start, end: from + word.end })) }),
  ...(confidence === undefined ? {} : { confidence }),
  ...(language === undefined ? {} : { language })
})

/** A transcript of audio that began at a stream time (ms). */
export const understood = (transcript: Stt.Transcript, from: number, clock: StreamClock): Perception => {
  const { final, start, text, turn } = transcript
  const last = clock.lastWord(transcript, from)
  const first = transcript.words?.[0]?.start ?? start
  return {
    signal: {
      _tag: "Heard",
      text,
      final,
      startedAt: first === undefined ? undefined : clock.toClock(from + first),
      endedAt: last === undefined ? undefined : clock.toClock(last),
      language: transcript.language,
      turn
    },
    // That nothing more was said is news for the turn-taking alone.
    ...(text.trim() === "" ? {} : { event: toldOf(transcript, from) })
  }
}
