/** A recogniser of single pieces of speech, used on a stream of audio. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type * as Stt from "./model.ts"
import type { Nothing, Segment, Segmenter } from "./segments.ts"

/** Recognitions that may run at a time; more audio is not pulled meanwhile. */
const concurrency = 4

type Recognize = (speech: Audio.Frame) => Effect.Effect<Stt.Recognition, Stt.SttError>

/** Words may end a little behind the speech that they are in (ms). */
const slackMs = 1000

/** Where they lie far behind the speech, they are told in another unit, or are not its own. */
const within = (words: Stt.Recognition["words"], lengthMs: number): Stt.Recognition["words"] => {
  const last = Math.max(0, ...(words ?? []).map(({ end }) => end))
  if (words === undefined || last <= lengthMs + slackMs) return words
  if (last / 1000 > lengthMs + slackMs) return undefined
  return words.map((word) => ({ ...word, start: word.start / 1000, end: word.end / 1000 }))
}

const transcript = ({ end, final, from, speech, start }: Segment, heard: Stt.Recognition): Stt.Transcript => ({
  text: heard.text,
  final,
  start,
  end,
  ...timed(within(heard.words, speech === undefined ? Infinity : Audio.durationMs(speech)), from),
  ...(heard.confidence === undefined ? undefined : { confidence: heard.confidence }),
  ...(heard.language === undefined ? undefined : { language: heard.language })
})

const timed = (words: Stt.Recognition["words"], from: number): Pick<Stt.Transcript, "words"> =>
  words === undefined
    ? {}
    : { words: words.map((word) => ({ ...word, start: from + word.start, end: from + word.end })) }

/** What was sent had no words. */
const settled: Stt.Transcript = { text: "", final: true }

/**
 * Recognises the segments of a stream of audio, side by side, and gives the
 * transcripts in their order. A look at growing speech is given up when the
 * speech has ended, and left out while another one is in progress.
 */
export const recognise = <E, R>(
  audio: Stream.Stream<Stt.Input, E, R>,
  segmenter: Effect.Effect<Segmenter<Stt.SttError>, Stt.SttError, Scope.Scope>,
  recognize: Recognize
): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> =>
  Stream.unwrap(Effect.map(segmenter, (segmenter) => {
    let looking: Deferred.Deferred<void> | undefined

    const admitted = (segments: ReadonlyArray<Segment | Nothing>) =>
      segments.flatMap((segment) => {
        if (!segment.final && looking !== undefined) return []
        const ended = segment.final ? undefined : Deferred.makeUnsafe<void>()
        if (looking !== undefined) Deferred.doneUnsafe(looking, Exit.void)
        looking = ended
        return [{ segment, ended }]
      })

    const hear = ({ ended, segment }: ReturnType<typeof admitted>[number]) => {
      if (segment.speech === undefined) return Effect.succeed(Exit.succeed([settled]))
      const heard = Effect.map(recognize(segment.speech), (heard): ReadonlyArray<Stt.Transcript> => [
        transcript(segment, heard)
      ])
      if (ended === undefined) return Effect.exit(heard)
      return Effect.raceFirst(heard, Effect.as(Deferred.await(ended), [])).pipe(
        Effect.orElseSucceed((): ReadonlyArray<Stt.Transcript> => []),
        Effect.ensuring(Effect.sync(() => {
          if (looking === ended) looking = undefined
        })),
        Effect.exit
      )
    }

    return audio.pipe(
      Stream.mapArrayEffect((inputs) => Effect.map(segmenter.push(inputs), (segments) => [segments] as const)),
      Stream.concat(Stream.fromEffect(segmenter.end)),
      Stream.flatMap((segments) => Stream.fromIterable(admitted(segments))),
      Stream.mapEffect(hear, { concurrency }),
      Stream.mapEffect((exit) => exit),
      Stream.flattenIterable
    )
  }))
