/** Speech of OpenAI and of servers like it: one request for each piece of text, the audio as it comes. */
import type * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import type * as Audio from "../../Audio.ts"
import type * as Failure from "../../Failure.ts"
import type * as Tts from "../../Tts.ts"
import * as pcm from "../provider/pcm.ts"
import { wav } from "../provider/wav.ts"
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
  return manner.format === "pcm" ? pcm.answered(format)(body) : wav(body, format)
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
