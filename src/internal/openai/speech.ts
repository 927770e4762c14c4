/**
 * Speech of OpenAI and of servers like it: one request for each piece of text,
 * the audio as it comes, the next piece asked for while this one is consumed.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import * as pcm from "../provider/pcm.ts"
import { bytes } from "./client.ts"
import { present } from "./wire.ts"

/** How a piece of text is spoken. */
export interface Manner {
  readonly model: string
  readonly voice: string
  readonly speed: number | undefined
  readonly format: "pcm" | "wav"
  readonly instructions: string | undefined
  /** Rate of the PCM that comes, and of the audio that is given. */
  readonly sampleRate: number
}

/** Longest text of one request, in UTF-16 units: OpenAI's limit. */
const maxInput = 4096

const audioTypes = ["audio/", "application/octet-stream", "binary/octet-stream", "application/x-wav"]

/** Joins white space to the text after it, and cuts what is too long, at a space where there is one. */
const pieces = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  text.pipe(
    Stream.map((piece) => piece.trim()),
    Stream.filter((piece) => piece !== ""),
    Stream.flatMap((piece) => Stream.fromIterable(cut(piece)))
  )

const cut = (piece: string): ReadonlyArray<string> => {
  const out: Array<string> = []
  let rest = piece
  while (rest.length > maxInput) {
    const space = rest.lastIndexOf(" ", maxInput)
    const at = space > 0 ? space : maxInput
    out.push(rest.slice(0, at))
    rest = rest.slice(at).trimStart()
  }
  return [...out, rest]
}

const invalidWav = new Failure.InvalidResponse({ detail: "the audio is not a WAV file that can be read" })

const whole = (body: Stream.Stream<Uint8Array, Failure.Reason>) =>
  Effect.map(Stream.runCollect(body), (all) => {
    const bytes = new Uint8Array(all.reduce((length, { length: more }) => length + more, 0))
    let at = 0
    for (const piece of all) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  })

// The length in the header of a streamed file is a guess, so it is read when it is whole.
const wav = (body: Stream.Stream<Uint8Array, Failure.Reason>, format: Audio.Format) =>
  Stream.fromEffect(Effect.gen(function*() {
    const bytes = yield* whole(body)
    if (bytes.length === 0) return []
    const file = Audio.decodeWav(bytes)
    if (Result.isFailure(file)) return yield* invalidWav
    const converter = Audio.converter({ to: format })
    return [...converter.push([file.success]), ...converter.flush()]
  })).pipe(Stream.flattenIterable)

const hasWords = (text: string): boolean => /[\p{L}\p{N}]/u.test(text)

/** The audio of one piece of text. */
const request = (client: OpenAI, input: string, manner: Manner): Stream.Stream<Audio.Frame, Failure.Reason> => {
  const format = { sampleRate: manner.sampleRate, channels: 1 }
  const body = bytes((signal) =>
    client.audio.speech.create(
      present({
        model: manner.model,
        voice: manner.voice,
        input,
        response_format: manner.format,
        speed: manner.speed,
        instructions: manner.instructions
      }) as Parameters<typeof client.audio.speech.create>[0],
      { signal }
    ), audioTypes)
  const frames = manner.format === "pcm" ? pcm.frames(format)(body) : wav(body, format)
  let heard = false
  return frames.pipe(
    Stream.map((frame) => {
      heard ||= frame.samples.length > 0
      return frame
    }),
    Stream.concat(
      Stream.suspend(() => heard || !hasWords(input) ? Stream.empty : Stream.fail(new Failure.EndedEarly({})))
    )
  )
}

/** Reads ahead all of one piece: a sentence, which the server sends faster than it is played. */
const ahead = <A, E>(stream: Stream.Stream<A, E>, scope: Scope.Scope): Effect.Effect<Stream.Stream<A, E>> =>
  Effect.gen(function*() {
    const queue = yield* Queue.unbounded<A, E | Cause.Done>()
    yield* Effect.forkIn(Stream.runIntoQueue(stream, queue), scope)
    return Stream.fromQueue(queue)
  })

/** Speaks: the first piece at once, each next one a piece ahead. */
export const speak = <E, R, X>(
  client: OpenAI,
  text: Stream.Stream<string, E, R>,
  manner: Manner,
  fail: (reason: Failure.Reason) => X
): Stream.Stream<Audio.Frame, E | X, R> =>
  Stream.unwrap(Effect.gen(function*() {
    const scope = yield* Effect.scope
    // One that is consumed, one that is asked for.
    const places = yield* Semaphore.make(2)
    return pieces(text).pipe(
      Stream.mapEffect((piece) =>
        Effect.andThen(places.take(1), ahead(Stream.mapError(request(client, piece, manner), fail), scope))
      ),
      Stream.buffer({ capacity: 1 }),
      Stream.flatMap((piece): Stream.Stream<Audio.Frame, E | X> => Stream.ensuring(piece, places.release(1)))
    )
  }))
