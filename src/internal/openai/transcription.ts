/** One piece of speech to text: a WAV file is sent up, the answer is judged by its own figures. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import type { TranscriptionCreateParamsNonStreaming } from "openai/resources/audio/transcriptions"
import * as Audio from "../../Audio.ts"
import type * as Failure from "../../Failure.ts"
import type * as Stt from "../../Stt.ts"
import { hint, maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import * as languages from "../provider/languages.ts"
import { errorIn } from "../provider/told.ts"
import * as utf8 from "../provider/utf8.ts"
import { plain } from "../stt/answer.ts"
import { bytes } from "./client.ts"
import { present } from "./wire.ts"

/** What a segment must keep to be believed. */
export interface Gates {
  readonly noSpeech: number
  readonly compressionRatio: number
  readonly averageLogProbability: number
}

/** How speech is recognised. */
export interface Manner {
  readonly model: string
  /** Code of the language; absent: detected. */
  readonly language: string | undefined
  /** Codes of several languages that may be spoken, instead of one. */
  readonly languages: ReadonlyArray<string> | undefined
  readonly keywords: ReadonlyArray<string> | undefined
  readonly prompt: string | undefined
  readonly temperature: number | undefined
  readonly words: boolean
  readonly verbose: boolean
  readonly gates: Gates | undefined
}

/** A word may have no times: some servers find none for numbers. */
const Word = Schema.Struct({ word: Schema.String, start: hint(Schema.Finite), end: hint(Schema.Finite) })

const Segment = Schema.Struct({
  start: hint(Schema.Finite),
  end: hint(Schema.Finite),
  text: maybe(Schema.String),
  // Where servers of one's own tell them.
  words: hint(Schema.Array(Word)),
  avg_logprob: hint(Schema.Finite),
  compression_ratio: hint(Schema.Finite),
  no_speech_prob: hint(Schema.Finite)
})

type Segment = typeof Segment.Type

const Answer = Schema.Struct({
  text: maybe(Schema.String),
  language: hint(Schema.String),
  languages: hint(Schema.Array(Schema.Struct({ code: Schema.String }))),
  segments: hint(Schema.Array(Segment)),
  words: hint(Schema.Array(Word)),
  logprobs: hint(Schema.Array(Schema.Struct({ logprob: maybe(Schema.Finite) })))
})

type Answer = typeof Answer.Type

const decodeAnswer = decodeJson(
  Answer.check(Schema.makeFilter(({ segments, text }) => typeof text === "string" || segments != null))
)

/** Types of text and subtitles. */
const isText = (type: string): boolean => /^(?:text\/(?:plain|vtt|srt)|application\/x-subrip)\b/i.test(type)

/** An answer as it should be, or the words as text or subtitles, which some servers give whatever they are asked for. */
const decode = (body: string, type: string): Effect.Effect<Answer, Failure.Reason> =>
  /^\s*(?:\{|$)/.test(body) || !isText(type)
    ? Effect.flatMap(
      Effect.sync(() => errorOf(body)),
      (reason) => reason === undefined ? decodeAnswer(body) : Effect.fail(reason)
    )
    : Effect.map(plain.decode(body), ({ text }) => ({ text }))

/** An error that has come with a status that is fine. */
const errorOf = (body: string): Failure.Reason | undefined => {
  try {
    const json: unknown = JSON.parse(body)
    return Predicate.hasProperty(json, "text") ? undefined : errorIn(json)
  } catch {
    return undefined
  }
}

/** OpenAI refuses shorter audio (ms). */
const shortest = 100

/** Models of the family that tells the probability of each token. */
const tellsTokens = (model: string): boolean => /^gpt-4o(-mini)?-transcribe(-\d|$)/.test(model)

/** Models that take several languages instead of one. */
export const takesLanguages = (model: string): boolean => /^gpt-(live-)?transcribe/.test(model)

/** The languages of a request, in the one field or the other. */
export const spokenIn = (
  { language, languages, model }: Pick<Manner, "language" | "languages" | "model">
): { readonly language?: string; readonly languages?: Array<string> } =>
  languages !== undefined
    ? { languages: [...languages] }
    : language === undefined
    ? {}
    : takesLanguages(model)
    ? { languages: [language] }
    : { language }

const bodyOf = (speech: Audio.Frame, manner: Manner): TranscriptionCreateParamsNonStreaming => {
  const { keywords, model } = manner
  const file = new File([Audio.encodeWav(speech)], "speech.wav", { type: "audio/wav" })
  return present({
    file,
    model,
    response_format: manner.verbose ? "verbose_json" as const : "json" as const,
    temperature: manner.temperature,
    prompt: manner.prompt,
    keywords: keywords === undefined ? undefined : [...keywords],
    ...spokenIn(manner),
    ...(manner.words ? { timestamp_granularities: ["word" as const, "segment" as const] } : undefined),
    ...(tellsTokens(model) ? { include: ["logprobs" as const] } : undefined)
  }) as TranscriptionCreateParamsNonStreaming
}

const passes = ({ avg_logprob: logprob, compression_ratio: ratio, no_speech_prob: noSpeech }: Segment, gates: Gates) =>
  (noSpeech ?? 0) <= gates.noSpeech && (ratio ?? 0) <= gates.compressionRatio &&
  (logprob ?? 0) >= gates.averageLogProbability

const mean = (values: ReadonlyArray<readonly [value: number, weight: number]>): number | undefined => {
  const weight = values.reduce((sum, [, weight]) => sum + weight, 0)
  return weight > 0 ? values.reduce((sum, [value, weight]) => sum + value * weight, 0) / weight : undefined
}

/** The mean log-probability of tokens, as a probability. */
export const confidenceOf = (logprobs: Answer["logprobs"]): number | undefined => {
  const average = mean((logprobs ?? []).flatMap(({ logprob }) => typeof logprob === "number" ? [[logprob, 1]] : []))
  return average === undefined ? undefined : Math.min(1, Math.exp(average))
}

const ofSegments = (segments: ReadonlyArray<Segment>): number | undefined => {
  const average = mean(
    segments.flatMap(({ avg_logprob: logprob, end, start }) =>
      typeof logprob === "number" ? [[logprob, Math.max(0.01, (end ?? 0) - (start ?? 0))]] : []
    )
  )
  return average === undefined ? undefined : Math.min(1, Math.exp(average))
}

const nothing: Stt.Recognition = { text: "" }

const judged = (answer: Answer, manner: Manner): Stt.Recognition => {
  const { gates } = manner
  const confidence = confidenceOf(answer.logprobs)
  if (gates !== undefined && confidence !== undefined && Math.log(confidence) < gates.averageLogProbability) {
    return nothing
  }
  const segments = answer.segments ?? []
  const kept = gates === undefined ? segments : segments.filter((segment) => passes(segment, gates))
  if (segments.length > 0 && kept.length === 0) return nothing
  const inKept = (at: number) =>
    kept.length === segments.length || kept.some(({ end, start }) => at >= (start ?? 0) && at <= (end ?? Infinity))
  const told = answer.words ?? segments.flatMap(({ words }) => words ?? [])
  const words = told.flatMap(({ end, start, word }) =>
    typeof start === "number" && typeof end === "number" && inKept((start + end) / 2)
      ? [{ text: word.trim(), start: start * 1000, end: Math.max(start, end) * 1000 }]
      : []
  )
  const joined = () => kept.map(({ text }) => text?.trim() ?? "").filter((text) => text !== "").join(" ")
  const text = kept.length === segments.length ? answer.text ?? joined() : joined()
  const heard = answer.language ?? answer.languages?.[0]?.code
  return {
    text: text.trim(),
    confidence: confidence ?? ofSegments(kept),
    words: manner.words && words.length > 0 ? words : undefined,
    language: languages.heard(manner.language === undefined ? heard : undefined, manner.language).language
  }
}

/** Recognises one piece of speech. */
export const recognize =
  (client: OpenAI, manner: Manner) => (speech: Audio.Frame): Effect.Effect<Stt.Recognition, Failure.Reason> => {
    if (Audio.durationMs(speech) < shortest) return Effect.succeed(nothing)
    return Effect.gen(function*() {
      const body = bodyOf(speech, manner)
      let type = ""
      const request = async (signal: AbortSignal) => {
        const response = await client.audio.transcriptions.create(body, { signal }).asResponse()
        type = response.headers.get("content-type") ?? ""
        return response
      }
      const answer = yield* Stream.mkString(utf8.decode(bytes(request, [""])))
      return judged(yield* decode(answer, type), manner)
    })
  }
