/** A recogniser of single pieces of speech, used on a stream of audio. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type * as Stt from "./model.ts"
import type { Nothing, Segment, Segmenter } from "./segments.ts"

/** Recognitions that may run at a time; more audio is not pulled meanwhile. */
const concurrency = 4

type Recognize = (speech: Audio.Frame) => Effect.Effect<Stt.Recognition, Stt.SttError>

const transcript = ({ end, final, from, start }: Segment, heard: Stt.Recognition): Stt.Transcript => ({
  text: heard.text,
  final,
  start,
  end,
  ...(heard.words === undefined ? undefined : {
    words: heard.words.map((word) => ({ ...word, start: from + word.start, end: from + word.end }))
  }),
  ...(heard.confidence === undefined ? undefined : { confidence: heard.confidence }),
  ...(heard.language === undefined ? undefined : { language: heard.language })
})

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
