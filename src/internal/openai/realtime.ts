/** Live transcription over a WebSocket: audio up as it comes, words down as they are recognised. */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Schema from "effect/Schema"
import * as Failure from "../../Failure.ts"
import type * as Stt from "../../Stt.ts"
import { Closes, type Table } from "../provider/closes.ts"
import { hint, maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import * as languages from "../provider/languages.ts"
import { toldReason } from "../provider/told.ts"
import { type Dialect, nothing } from "../stt/conversation.ts"
import { confidenceOf, spokenIn } from "./transcription.ts"
import { present } from "./wire.ts"

/** How speech is recognised. */
export interface Manner {
  readonly model: string
  readonly language: string | undefined
  readonly languages: ReadonlyArray<string> | undefined
  readonly keywords: ReadonlyArray<string> | undefined
  readonly prompt: string | undefined
  readonly delay: string | undefined
  readonly noiseReduction: string | undefined
}

/** The only rate that the interface takes (Hz). */
export const sampleRate = 24_000

/** Less than this cannot be transcribed (ms). */
const shortest = 100

const Event = Schema.Struct({
  type: Schema.String,
  item_id: hint(Schema.Union([Schema.String, Schema.Finite])),
  delta: maybe(Schema.String),
  transcript: maybe(Schema.String),
  logprobs: hint(Schema.Array(Schema.Struct({ logprob: maybe(Schema.Finite) }))),
  languages: hint(Schema.Array(Schema.Union([Schema.String, Schema.Struct({ code: Schema.String })]))),
  language: hint(Schema.String),
  error: hint(
    Schema.Struct({ code: maybe(Schema.Unknown), type: maybe(Schema.Unknown), param: maybe(Schema.Unknown) })
  ),
  // Beside the type, where an error is told by itself.
  code: maybe(Schema.Unknown)
})

type Event = typeof Event.Type

const decode = decodeJson(Event)

const settings = (manner: Manner): string => {
  const { delay, keywords, model, noiseReduction, prompt } = manner
  const transcription = present({
    model,
    prompt,
    delay,
    keywords,
    ...spokenIn(manner)
  })
  const input = present({
    format: { type: "audio/pcm", rate: sampleRate },
    transcription,
    turn_detection: null,
    noise_reduction: noiseReduction === undefined ? undefined : { type: noiseReduction }
  })
  const include = model.startsWith("gpt-4o") ? ["item.input_audio_transcription.logprobs"] : undefined
  return JSON.stringify({
    type: "session.update",
    session: present({ type: "transcription", audio: { input }, include })
  })
}

/** The id of an error, in parts that dots join. */
const closing: Table = [[/^[\w.]{1,64}$/, ({ code, words }) => {
  const reason = toldReason({ code: words })
  return reason._tag === "Broken" ? new Failure.Disconnected({ code: String(code) }) : reason
}]]

/** How OpenAI closes a connection, for one layer. */
export const closes = (): Closes => new Closes(closing)

/** Speech in a row without a transcript, after which the connection has failed. */
const mostFailures = 3

interface Span {
  readonly start: number
  readonly end: number
}

/** Speech that the server works on. */
interface Item {
  text: string
  span: Span | undefined
  final: Stt.Transcript | undefined
}

const languageIn = ({ language, languages }: Event): string | null | undefined => {
  const first = languages?.[0]
  return (typeof first === "string" ? first : first?.code) ?? language
}

/** The conversation with the server: what was sent, and what is owed for it. */
class Session {
  private readonly language: string | undefined
  // In the order in which the server has begun them, which is that of the speech.
  private readonly items = new Map<string, Item>()
  private readonly commits: Array<Span> = []
  // What is still said of these comes late.
  private finished: ReadonlyArray<string> = []
  private committed = 0
  private sent = 0
  private ended = false
  /** Speech in a row that could not be transcribed. */
  private failures = 0
  /** Transcripts that have named no item. */
  private unnamed = 0

  constructor(language: string | undefined) {
    this.language = language
  }

  /** Whether all audio was sent, and everything in it transcribed. */
  get over(): boolean {
    return this.ended && this.commits.length === 0 && [...this.items.values()].every(({ span }) => span === undefined)
  }

  audio(bytes: Uint8Array): ReadonlyArray<string> {
    this.sent += bytes.length / 2 / sampleRate * 1000
    return [JSON.stringify({ type: "input_audio_buffer.append", audio: Base64.encode(bytes) })]
  }

  commit(): ReadonlyArray<string> {
    if (this.sent - this.committed < shortest) return []
    this.commits.push({ start: this.committed, end: this.sent })
    this.committed = this.sent
    return [JSON.stringify({ type: "input_audio_buffer.commit" })]
  }

  /** The messages after the last audio. */
  end(): ReadonlyArray<string> {
    const rest = this.commit()
    this.ended = true
    return rest
  }

  // What names no item is of the speech that is transcribed now.
  private idOf({ item_id: id }: Event): string {
    return id == null ? `unnamed ${this.unnamed}` : String(id)
  }

  private item(id: string): Item | undefined {
    const existing = this.items.get(id)
    if (existing !== undefined || this.finished.includes(id)) return existing
    const fresh: Item = { text: "", span: undefined, final: undefined }
    this.items.set(id, fresh)
    return fresh
  }

  /** What an event tells of the speech. */
  receive(event: Event): ReadonlyArray<Stt.Transcript> | Failure.Reason {
    const item = this.item(this.idOf(event))
    switch (event.type) {
      case "input_audio_buffer.committed":
        if (item !== undefined) item.span ??= this.commits.shift()
        return []
      case "conversation.item.input_audio_transcription.delta":
        return item === undefined ? [] : this.interim(item, event.delta ?? "")
      case "conversation.item.input_audio_transcription.completed":
        if (item === undefined) return []
        if (event.item_id == null) this.unnamed += 1
        item.span ??= this.commits.shift()
        item.final = this.transcript(item, event)
        this.failures = 0
        return this.finals()
      case "conversation.item.input_audio_transcription.failed":
        return item === undefined ? [] : this.failed(item, toldReason(event.error ?? {}))
      case "error":
        if (event.error?.code !== "input_audio_buffer_commit_empty") {
          return toldReason(event.error ?? { code: event.code })
        }
        return [{ text: "", final: true, ...this.commits.shift() }]
      default:
        return []
    }
  }

  // Speech that cannot be transcribed is settled as empty: what follows can be. What holds for all speech is not its own.
  private failed(item: Item, reason: Failure.Reason): ReadonlyArray<Stt.Transcript> | Failure.Reason {
    const ofAll = reason._tag === "Rejected" && reason.status < 500 && reason.status !== 400
    if (ofAll || ++this.failures >= mostFailures) return reason
    item.span ??= this.commits.shift()
    item.final = { text: "", final: true, ...item.span }
    return this.finals()
  }

  // The interim of a later speech would be taken for one of the speech before it.
  private interim(item: Item, delta: string): ReadonlyArray<Stt.Transcript> {
    item.text += delta
    const first = [...this.items.values()].find(({ span }) => span !== undefined) ?? item
    if (item !== first || item.text.trim() === "") return []
    return [{ text: item.text.trim(), final: false, ...(item.span ?? { start: this.committed, end: this.sent }) }]
  }

  private transcript({ span }: Item, event: Event): Stt.Transcript {
    const confidence = confidenceOf(event.logprobs)
    return {
      text: (event.transcript ?? "").trim(),
      final: true,
      ...span,
      ...(confidence === undefined ? undefined : { confidence }),
      ...languages.heard(this.language === undefined ? languageIn(event) : undefined, this.language)
    }
  }

  // The server may finish a later speech first.
  private finals(): ReadonlyArray<Stt.Transcript> {
    const out: Array<Stt.Transcript> = []
    for (const [id, { final, span }] of this.items) {
      if (final === undefined && span === undefined) continue
      if (final === undefined) break
      out.push(final)
      this.items.delete(id)
      this.finished = [...this.finished.slice(-15), id]
    }
    return out
  }
}

/** One connection's dialect. */
export const dialect = (manner: Manner): Effect.Effect<Dialect> =>
  Effect.sync(() => {
    const session = new Session(manner.language)
    return {
      greeting: [settings(manner)],
      audio: (bytes) => session.audio(bytes),
      finalize: () => session.commit(),
      end: () => ({ messages: session.end(), done: session.over }),
      hear: (message) =>
        typeof message === "string"
          ? Effect.flatMap(decode(message), (event) => {
            const told = session.receive(event)
            if ("_tag" in told) return Effect.fail(told)
            const heard = { transcripts: told, done: session.over }
            return event.type.endsWith("transcription.failed")
              ? Effect.as(Effect.logWarning("Speech could not be transcribed: it counts as silence"), heard)
              : Effect.succeed(heard)
          })
          : Effect.succeed(nothing)
    }
  })
