/** Speech of OpenAI and of servers like it: one request for each piece of text, the audio as it comes. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import type * as Tts from "../../Tts.ts"
import * as pcm from "../provider/pcm.ts"
import { byPieces } from "../tts/pieces.ts"
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

/** The audio of one piece of text. */
const request = (client: OpenAI, manner: Manner) => (input: string): Stream.Stream<Audio.Frame, Failure.Reason> => {
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
  return manner.format === "pcm" ? pcm.frames(format)(body) : wav(body, format)
}

/** Speaks text as it comes. */
export const speak = <E, R>(
  client: OpenAI,
  text: Stream.Stream<string, E, R>,
  manner: Manner,
  fail: (reason: Failure.Reason) => Tts.TtsError
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> =>
  byPieces(text, {
    format: { sampleRate: manner.sampleRate, channels: 1 },
    longest: maxInput,
    request: request(client, manner),
    fail
  })
