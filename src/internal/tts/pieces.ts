/**
 * Text as it is asked for, piece by piece: one request each, whose audio is
 * given as it comes, while the next piece is asked for.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import type * as Tts from "./model.ts"

/** Joins pieces of white space to the next piece; what is blank at the end is dropped. */
export const spoken = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  Stream.mapAccum(
    text,
    () => "",
    (blank: string, piece): readonly [string, ReadonlyArray<string>] =>
      piece.trim() === "" ? [blank + piece, []] : ["", [blank + piece]]
  )

/** How pieces are asked for. */
export interface Options {
  readonly format: Audio.Format
  /** The audio of a piece without white space around it. */
  readonly request: (piece: string) => Stream.Stream<Audio.Frame, Failure.Reason>
  readonly fail: (reason: Failure.Reason) => Tts.TtsError
  /** Longest text of a request, in UTF-16 units; what is longer is cut at a space where there is one. */
  readonly longest?: number | undefined
}

/** The parts join to the whole. */
const cut = (piece: string, longest: number): ReadonlyArray<string> => {
  const out: Array<string> = []
  let rest = piece
  while (rest.length > longest) {
    const space = rest.trimEnd().lastIndexOf(" ", longest)
    const at = rest.slice(0, space).trim() === "" ? longest : space
    out.push(rest.slice(0, at))
    rest = rest.slice(at)
  }
  return [...out, rest]
}

/** Marks and signs alone may have no sound. */
export const hasWords = (text: string): boolean => /[\p{L}\p{N}]/u.test(text)

/** Reads ahead all of one piece: a sentence, which a server sends faster than it is played. */
const ahead = <A, E>(stream: Stream.Stream<A, E>, scope: Scope.Scope): Effect.Effect<Stream.Stream<A, E>> =>
  Effect.gen(function*() {
    const queue = yield* Queue.unbounded<A, E | Cause.Done>()
    yield* Effect.forkIn(Stream.runIntoQueue(stream, queue), scope)
    return Stream.fromQueue(queue)
  })

/** Follows the audio of one speech. */
class Course {
  readonly #format: Audio.Format
  #samples = 0

  constructor(format: Audio.Format) {
    this.#format = format
  }

  get #now(): number {
    return this.#samples / this.#format.channels / this.#format.sampleRate * 1000
  }

  /** The chunks of a piece; its time is known with the end of its audio. */
  chunks(piece: string, audio: Stream.Stream<Audio.Frame, Failure.Reason>): Stream.Stream<Tts.Chunk, Failure.Reason> {
    return Stream.suspend(() => {
      const start = this.#now
      const from = this.#samples
      const chunks = Stream.map(audio, (frame): Tts.Chunk => {
        this.#samples += frame.samples.length
        return { frame }
      })
      const end = Effect.suspend((): Effect.Effect<Tts.Chunk, Failure.EndedEarly> =>
        this.#samples === from && hasWords(piece)
          ? Effect.fail(new Failure.EndedEarly({}))
          : Effect.succeed({
            frame: { ...this.#format, samples: new Int16Array(0) },
            alignment: [{ text: piece, start, end: this.#now }]
          })
      )
      return Stream.concat(chunks, Stream.fromEffect(end))
    })
  }
}

/**
 * Speaks: the first piece at once, each next one a piece ahead. A piece with
 * words that gives no audio fails with `EndedEarly`.
 */
export const byPieces = <E, R>(
  text: Stream.Stream<string, E, R>,
  { fail, format, longest = Infinity, request }: Options
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> =>
  Stream.unwrap(Effect.gen(function*() {
    const scope = yield* Effect.scope
    const course = new Course(format)
    // One that is consumed, one that is asked for.
    const places = yield* Semaphore.make(2)
    return spoken(text).pipe(
      Stream.flatMap((piece) => Stream.fromIterable(cut(piece, longest))),
      Stream.mapEffect((piece) =>
        Effect.andThen(
          places.take(1),
          Effect.map(ahead(request(piece.trim()), scope), (audio) => ({ piece, audio }))
        )
      ),
      Stream.buffer({ capacity: 1 }),
      Stream.flatMap(({ audio, piece }): Stream.Stream<Tts.Chunk, E | Tts.TtsError> =>
        course.chunks(piece, audio).pipe(Stream.mapError(fail), Stream.ensuring(places.release(1)))
      )
    )
  }))
