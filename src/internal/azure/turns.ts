/**
 * Azure's protocol of recognition: messages with headers, in turns.
 *
 * A turn is audio from a WAV header up to an empty message; Azure then tells
 * what it has heard and closes the turn. A mark ends the turn, since there is no
 * other way to ask for what was heard; the audio after it waits for the end of
 * the turn, and begins the next one.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Failure from "../../Failure.ts"
import type * as Stt from "../../Stt.ts"
import { Closes, type Table } from "../provider/closes.ts"
import { hint, maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import * as languages from "../provider/languages.ts"
import { type Dialect, type Heard, type Message, nothing } from "../stt/conversation.ts"

/** What every turn is told. */
export interface Options {
  readonly sampleRate: number
  readonly context: Readonly<Record<string, unknown>>
  /** What kind of speech to expect. */
  readonly mode: string
  /** The language that Azure was told, where it was. */
  readonly language: string | undefined
}

const config = (mode: string) => ({
  context: { system: { name: "effect-voice", version: "0.1.0", build: "JavaScript", lang: "JavaScript" } },
  recognition: mode.toLowerCase()
})

/** Parts of a second in which times are told. */
const ticksPerMs = 10_000

/** 32 hexadecimal digits, as ids are. */
export const id: Effect.Effect<string> = Effect.map(
  Effect.forEach(Array.from({ length: 8 }), () => Random.nextIntBetween(0, 0xffff)),
  (parts) => parts.map((part) => part.toString(16).padStart(4, "0")).join("")
)

const encoder = new TextEncoder()

/** A binary message: the length of the headers in two bytes, the headers, the body. */
const binary = (headers: string, body: Uint8Array): Uint8Array => {
  const head = encoder.encode(headers)
  const message = new Uint8Array(2 + head.length + body.length)
  new DataView(message.buffer).setUint16(0, head.length)
  message.set(head, 2)
  message.set(body, 2 + head.length)
  return message
}

/** The header of a WAV file that has no end: 16-bit samples, mono. */
const wavHeader = (sampleRate: number): Uint8Array => {
  const header = new Uint8Array(44)
  const view = new DataView(header.buffer)
  header.set(encoder.encode("RIFF"), 0)
  header.set(encoder.encode("WAVEfmt "), 8)
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, sampleRate * 2, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  header.set(encoder.encode("data"), 36)
  return header
}

const Best = Schema.Struct({
  Display: maybe(Schema.String),
  Lexical: hint(Schema.String),
  Confidence: hint(Schema.Finite),
  Words: hint(Schema.Array(Schema.Struct({
    Word: maybe(Schema.String),
    Offset: hint(Schema.Finite),
    Duration: hint(Schema.Finite)
  })))
})

const Result = Schema.Struct({
  RecognitionStatus: maybe(Schema.Union([Schema.String, Schema.Finite])),
  Text: maybe(Schema.String),
  DisplayText: maybe(Schema.String),
  Offset: hint(Schema.Finite),
  Duration: hint(Schema.Finite),
  NBest: hint(Schema.Array(Best)),
  PrimaryLanguage: hint(Schema.Struct({ Language: maybe(Schema.String) }))
})

const decode = decodeJson(Result)

const transcript = (
  result: typeof Result.Type,
  final: boolean,
  fromMs: number,
  asked: string | undefined
): Stt.Transcript => {
  const ms = (ticks: number) => Math.round(fromMs + ticks / ticksPerMs)
  const { DisplayText, Duration, NBest, Offset, PrimaryLanguage, Text } = result
  const best = NBest?.[0]
  const words = best?.Words?.flatMap(({ Duration: length, Offset: start, Word: text }) =>
    typeof text === "string" && typeof start === "number"
      ? [{ text, start: ms(start), end: ms(start + (length ?? 0)) }]
      : []
  )
  return {
    text: best?.Display ?? DisplayText ?? Text ?? best?.Lexical ?? "",
    final,
    ...(typeof Offset === "number" ? { start: ms(Offset), end: ms(Offset + (Duration ?? 0)) } : undefined),
    ...(words === undefined || words.length === 0 ? undefined : { words }),
    ...(typeof best?.Confidence === "number"
      ? { confidence: Math.min(1, Math.max(0, best.Confidence)) }
      : undefined),
    ...languages.heard(PrimaryLanguage?.Language, asked)
  }
}

const closing: Table = [
  // Of requests at a time: it is there again when another call has ended.
  [/quota/i, () => new Failure.Rejected({ status: 429 })],
  [
    /unsupported|invalid (?:locale|language|parameter|format)|bad ?request/i,
    ({ code }) => new Failure.InvalidRequest({ detail: `request: Azure cannot use it (${code})` })
  ]
]

/** How Azure closes a connection, for one layer. */
export const closes = (): Closes => new Closes(closing)

/** The statuses of a phrase by their numbers. */
const statuses = (
  "Success NoMatch InitialSilenceTimeout BabbleTimeout Error EndOfDictation TooManyRequests BadRequest Forbidden"
).split(" ")

const nameOf = (status: string | number | null | undefined): string | null | undefined =>
  typeof status === "number"
    ? statuses[status] ?? "Error"
    : statuses.find((name) => name.toLowerCase() === status?.toLowerCase()) ?? status

/** What the status of a phrase says; without a reason, it is an answer. */
const refusal = ({ DisplayText, RecognitionStatus }: typeof Result.Type): Failure.Reason | undefined => {
  switch (nameOf(RecognitionStatus)) {
    case undefined:
    case null:
    case "None":
    case "Success":
    case "NoMatch":
    case "InitialSilenceTimeout":
    case "BabbleTimeout":
    case "EndOfDictation":
      return undefined
    case "TooManyRequests":
      return new Failure.Rejected({ status: 429 })
    case "Forbidden":
      return new Failure.Rejected({ status: 403 })
    case "BadRequest":
      return new Failure.InvalidRequest({ detail: "request: Azure cannot use it (BadRequest)" })
    case "ServiceTimeout":
      return new Failure.Rejected({ status: 504 })
    case "ServiceUnavailable":
      return new Failure.Rejected({ status: 503 })
    default:
      // Of a name of tomorrow, the words say that it is an answer.
      return DisplayText ? undefined : new Failure.Broken({ detail: "it could not recognise the audio" })
  }
}

/** A message: its path, the request that it answers, and its body. */
interface Told {
  readonly path: string
  readonly request: string | undefined
  readonly body: string
}

const parse = (message: string): Told | undefined => {
  const end = /\r?\n\r?\n/.exec(message)
  const head = message.slice(0, end?.index ?? 0)
  const header = (name: string) => new RegExp(`^${name}:\\s*(\\S+)\\s*$`, "im").exec(head)?.[1]
  const path = header("path")
  const body = message.slice((end?.index ?? 0) + (end?.[0].length ?? 0)).trim()
  return path === undefined ? undefined : {
    path: path.toLowerCase(),
    request: header("x-requestid")?.toLowerCase(),
    body: body === "" ? "{}" : body
  }
}

/** Turns of which the beginning is known, for what is told of one after its end. */
const mostTurns = 8

/** What waits for the end of a turn. */
type Waiting = Uint8Array | "mark" | "end"

/** One connection's dialect. */
export const dialect = (options: Options): Effect.Effect<Dialect> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const seed = (yield* id).slice(0, 24)
    /** `open` while audio is sent, `closing` until Azure has told all. */
    let turn: "none" | "open" | "closing" = "none"
    let turns = 0
    let sentMs = 0
    let fromMs = 0
    let answered = false
    let ended = false
    let waiting: Array<Waiting> = []
    /** Where in the audio each turn began, by its request. */
    const begins = new Map<string, number>()
    const requestOf = (turn: number) => `${seed}${turn.toString(16).padStart(8, "0")}`

    const headers = (path: string, type?: string) => {
      const request = requestOf(turns)
      const time = DateTime.formatIso(DateTime.makeUnsafe(clock.currentTimeMillisUnsafe()))
      const kind = type === undefined ? "" : `Content-Type: ${type}\r\n`
      return `Path: ${path}\r\nX-RequestId: ${request}\r\nX-Timestamp: ${time}\r\n${kind}`
    }
    const text = (path: string, body: unknown) => `${headers(path, "application/json")}\r\n${JSON.stringify(body)}`

    const begin = (): ReadonlyArray<Message> => {
      turn = "open"
      turns++
      fromMs = sentMs
      begins.set(requestOf(turns), fromMs)
      begins.delete(requestOf(turns - mostTurns))
      answered = false
      return [
        ...turns === 1 ? [text("speech.config", config(options.mode))] : [],
        text("speech.context", options.context),
        binary(headers("audio", "audio/x-wav"), wavHeader(options.sampleRate))
      ]
    }

    const take = (piece: Waiting): ReadonlyArray<Message> => {
      if (piece === "end") ended = true
      if (turn === "closing") {
        waiting.push(piece)
        return []
      }
      if (typeof piece === "string") {
        if (turn === "none") return []
        turn = "closing"
        return [binary(headers("audio"), new Uint8Array(0))]
      }
      const first = turn === "none" ? begin() : []
      sentMs += piece.length / 2 / options.sampleRate * 1000
      return [...first, binary(headers("audio"), piece)]
    }

    const resume = (): ReadonlyArray<Message> => {
      const pieces = waiting
      waiting = []
      turn = "none"
      return pieces.flatMap(take)
    }

    const told = (result: typeof Result.Type, final: boolean, request = ""): Heard => {
      const heard = transcript(result, final, begins.get(request) ?? fromMs, options.language)
      const isNow = !begins.has(request) || request === requestOf(turns)
      if (final && isNow) answered = true
      // A guess at what has been told for good.
      return !final && !isNow ? nothing : { transcripts: [heard] }
    }

    const hear = (message: Message): Effect.Effect<Heard, Failure.Reason> => {
      if (typeof message !== "string") return Effect.succeed(nothing)
      const parsed = parse(message)
      if (parsed === undefined) {
        return Effect.fail(new Failure.InvalidResponse({ detail: "a message without its headers" }))
      }
      switch (parsed.path) {
        case "speech.hypothesis":
        case "speech.fragment":
          return Effect.map(decode(parsed.body), (result) => told(result, false, parsed.request))
        case "speech.phrase":
          return Effect.flatMap(decode(parsed.body), (result) => {
            const reason = refusal(result)
            return reason === undefined ? Effect.succeed(told(result, true, parsed.request)) : Effect.fail(reason)
          })
        case "turn.end": {
          const { request = "" } = parsed
          // Of one that has ended before.
          if (begins.has(request) && request !== requestOf(turns)) return Effect.succeed(nothing)
          // Who asked by a mark gets an answer, if only that nothing was said.
          const silent = turn === "closing" && !answered
          return Effect.succeed({
            transcripts: silent ? [{ text: "", final: true }] : [],
            done: ended && !waiting.some((piece) => typeof piece !== "string"),
            reply: resume
          })
        }
        default:
          return Effect.succeed(nothing)
      }
    }

    return {
      audio: take,
      finalize: () => take("mark"),
      end: () => {
        const messages = take("end")
        return { messages, done: turn === "none" }
      },
      hear
    }
  })
