/** Text as it is asked for, piece by piece. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type * as Tts from "../../Tts.ts"
import { frames } from "../provider/pcm.ts"

/** Joins pieces of white space to the next piece; what is blank at the end is dropped. */
export const spoken = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  Stream.mapAccum(
    text,
    () => "",
    (blank: string, piece): readonly [string, ReadonlyArray<string>] =>
      piece.trim() === "" ? [blank + piece, []] : ["", [blank + piece]]
  )

/**
 * Speaks one request a piece, whose audio is given as it comes. The time of a
 * piece is known with the end of its audio.
 */
export const byPieces = <E, R>(
  text: Stream.Stream<string, E, R>,
  format: Audio.Format,
  request: (piece: string) => Stream.Stream<Uint8Array, Tts.TtsError>
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> =>
  Stream.suspend(() => {
    let samples = 0
    const now = () => samples / format.channels / format.sampleRate * 1000
    return Stream.flatMap(spoken(text), (piece): Stream.Stream<Tts.Chunk, Tts.TtsError> => {
      const start = now()
      const audio = request(piece.trim()).pipe(
        frames(format),
        Stream.map((frame): Tts.Chunk => {
          samples += frame.samples.length
          return { frame }
        })
      )
      const end = Stream.fromEffect(Effect.sync((): Tts.Chunk => ({
        frame: { ...format, samples: new Int16Array(0) },
        alignment: [{ text: piece, start, end: now() }]
      })))
      return Stream.concat(audio, end)
    })
  })
