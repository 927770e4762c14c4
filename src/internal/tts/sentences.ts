/** Text that is spoken partly sentence by sentence, partly in one go, as one speech. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import { saysYes } from "../given.ts"
import type * as Tts from "./model.ts"

/** Who speaks what. */
export interface Speakers<E, R> {
  /** Whether a sentence is spoken alone; it has no white space around it. */
  readonly accepts: (text: string) => boolean
  readonly alone: (text: string) => Stream.Stream<Tts.Chunk, Tts.TtsError>
  readonly together: (text: Stream.Stream<string, E, R>) => Stream.Stream<Tts.Chunk, E | Tts.TtsError, R>
}

/** Puts the chunks of a part behind the parts before it, and white space before its text. */
const placed = (before: () => number, advance: (ms: number) => void) => {
  let base: number | undefined
  return (chunk: Tts.Chunk, lead: string): Tts.Chunk => {
    const start = base ??= before()
    advance(Audio.durationMs(chunk.frame))
    if (chunk.alignment === undefined) return chunk
    return {
      frame: chunk.frame,
      alignment: chunk.alignment.map((timed, i) => ({
        text: i === 0 ? lead + timed.text : timed.text,
        start: start + timed.start,
        end: start + timed.end
      }))
    }
  }
}

/** Speaks the pieces of a text in their order, each part beginning when the one before it has ended. */
export const inSentences = <E, R>(
  text: Stream.Stream<string, E, R>,
  { accepts, alone, together }: Speakers<E, R>
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> =>
  Stream.unwrap(Effect.map(Stream.toPull(text), (pull) => {
    const waiting: Array<string> = []
    let blank = ""
    let heardMs = 0
    const next: Pull.Pull<string, E, void, R> = Effect.suspend(() => {
      const piece = waiting.shift()
      if (piece !== undefined) return Effect.succeed(piece)
      return Effect.flatMap(pull, (pieces) => {
        waiting.push(...pieces)
        return next
      })
    })

    const place = () => placed(() => heardMs, (ms) => void (heardMs += ms))

    const sentence = (piece: string): Stream.Stream<Tts.Chunk, Tts.TtsError> => {
      const body = piece.trim()
      const at = piece.indexOf(body)
      let lead = blank + piece.slice(0, at)
      blank = piece.slice(at + body.length)
      const put = place()
      return Stream.map(alone(body), (chunk) => {
        const out = put(chunk, lead)
        if (chunk.alignment !== undefined && chunk.alignment.length > 0) lead = ""
        return out
      })
    }

    /** All up to the next sentence that is spoken alone. */
    const run = (first: string): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> => {
      waiting.unshift(blank + first)
      blank = ""
      let begun = false
      const more: Pull.Pull<Arr.NonEmptyReadonlyArray<string>, E, void, R> = Effect.flatMap(next, (piece) => {
        if (begun && saysYes("accepts", accepts(piece.trim()))) {
          waiting.unshift(piece)
          return Cause.done()
        }
        begun = true
        return Effect.succeed(Arr.of(piece))
      })
      const put = place()
      return Stream.map(together(Stream.fromPull(Effect.succeed(more))), (chunk) => put(chunk, ""))
    }

    type Part = Stream.Stream<Tts.Chunk, E | Tts.TtsError, R>
    const part: Pull.Pull<Arr.NonEmptyReadonlyArray<Part>, E, void, R> = Effect.flatMap(next, (piece) => {
      const body = piece.trim()
      if (body !== "") {
        return Effect.succeed(Arr.of<Part>(saysYes("accepts", accepts(body)) ? sentence(piece) : run(piece)))
      }
      blank += piece
      return part
    })
    return Stream.flatMap(Stream.fromPull(Effect.succeed(part)), (part) => part)
  }))
