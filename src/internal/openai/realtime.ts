/** Live transcription over a WebSocket: audio up as it comes, words down as they are recognised. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import type * as Stt from "../../Stt.ts"
import { decodeJson } from "../provider/http.ts"
import * as pcm from "../provider/pcm.ts"
import { connect, type Target } from "../provider/socket.ts"
import { toldReason } from "./client.ts"
import * as languages from "./languages.ts"
import { confidenceOf, takesLanguages } from "./transcription.ts"
import { maybe, present } from "./wire.ts"

/** How speech is recognised. */
export interface Manner {
  readonly model: string
  readonly language: string | undefined
  readonly prompt: string | undefined
  readonly delay: string | undefined
  readonly noiseReduction: string | undefined
}

/** The only format that the interface takes. */
const format: Audio.Format = { sampleRate: 24_000, channels: 1 }

/** Less than this cannot be transcribed (ms). */
const shortest = 100

/** Audio in one message (ms). */
const longest = 1000

const Event = Schema.Struct({
  type: Schema.String,
  item_id: maybe(Schema.String),
  delta: maybe(Schema.String),
  transcript: maybe(Schema.String),
  logprobs: maybe(Schema.Array(Schema.Struct({ logprob: maybe(Schema.Finite) }))),
  languages: maybe(Schema.Array(Schema.Struct({ code: Schema.String }))),
  error: maybe(Schema.Struct({
    code: maybe(Schema.String),
    type: maybe(Schema.String),
    param: maybe(Schema.String)
  }))
})

type Event = typeof Event.Type

const decode = decodeJson(Event)

const settings = ({ delay, language, model, noiseReduction, prompt }: Manner): string => {
  const transcription = present({
    model,
    prompt,
    delay,
    ...(language === undefined ? undefined : takesLanguages(model) ? { languages: [language] } : { language })
  })
  const input = present({
    format: { type: "audio/pcm", rate: format.sampleRate },
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

/** The conversation with the server: what was sent, and what is owed for it. */
class Session {
  private readonly language: string | undefined
  private readonly converter = Audio.converter({ to: format })
  // In the order in which the server has begun them, which is that of the speech.
  private readonly items = new Map<string, Item>()
  private readonly commits: Array<Span> = []
  // What is still said of these comes late.
  private finished: ReadonlyArray<string> = []
  private committed = 0
  private sent = 0
  private ended = false

  constructor(language: string | undefined) {
    this.language = language
  }

  /** Whether all audio was sent, and everything in it transcribed. */
  get over(): boolean {
    return this.ended && this.commits.length === 0 && [...this.items.values()].every(({ span }) => span === undefined)
  }

  /** The messages for more audio. */
  send(inputs: ReadonlyArray<Stt.Input>): ReadonlyArray<string> {
    return inputs.flatMap((input) => "_tag" in input ? this.commit() : this.append(this.converter.push([input])))
  }

  /** The messages after the last audio. */
  end(): ReadonlyArray<string> {
    const rest = this.commit()
    this.ended = true
    return rest
  }

  private append(frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<string> {
    return frames.flatMap((frame) => {
      const length = Audio.durationMs(frame)
      this.sent += length
      return Array.from({ length: Math.ceil(length / longest) }, (_, i) => {
        const piece = length <= longest ? frame : Audio.slice(frame, i * longest, (i + 1) * longest)
        return JSON.stringify({ type: "input_audio_buffer.append", audio: Base64.encode(pcm.bytesOf(piece)) })
      })
    })
  }

  private commit(): ReadonlyArray<string> {
    const rest = this.append(this.converter.flush())
    if (this.sent - this.committed < shortest) return rest
    this.commits.push({ start: this.committed, end: this.sent })
    this.committed = this.sent
    return [...rest, JSON.stringify({ type: "input_audio_buffer.commit" })]
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
    const item = typeof event.item_id === "string" ? this.item(event.item_id) : undefined
    switch (event.type) {
      case "input_audio_buffer.committed":
        if (item !== undefined) item.span ??= this.commits.shift()
        return []
      case "conversation.item.input_audio_transcription.delta":
        return item === undefined ? [] : this.interim(item, event.delta ?? "")
      case "conversation.item.input_audio_transcription.completed":
        if (item === undefined) return []
        item.span ??= this.commits.shift()
        item.final = this.transcript(item, event)
        return this.finals()
      case "conversation.item.input_audio_transcription.failed":
        return toldReason(event.error ?? {})
      case "error":
        if (event.error?.code !== "input_audio_buffer_commit_empty") return toldReason(event.error ?? {})
        this.commits.shift()
        return []
      default:
        return []
    }
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
    const heard = event.languages?.[0]?.code
    const language = this.language ?? (heard === undefined ? undefined : languages.told(heard))
    return {
      text: (event.transcript ?? "").trim(),
      final: true,
      ...span,
      ...(confidence === undefined ? undefined : { confidence }),
      ...(language === undefined ? undefined : { language })
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

/** Transcribes over one connection, which lives as long as the stream. */
export const transcribe = <E, R, X>(
  audio: Stream.Stream<Stt.Input, E, R>,
  target: Target,
  manner: Manner,
  fail: (reason: Failure.Reason) => X
): Stream.Stream<Stt.Transcript, E | X, R> =>
  Stream.unwrap(Effect.gen(function*() {
    const socket = yield* Effect.mapError(connect(target), fail)
    const send = (message: string) => Effect.mapError(socket.send(message), fail)
    yield* send(settings(manner))
    const session = new Session(manner.language)
    const heard = yield* Queue.unbounded<Stt.Transcript, E | X | Cause.Done>()
    const endIfOver = Effect.suspend(() => session.over ? Queue.end(heard) : Effect.void)

    const sending = audio.pipe(
      Stream.runForEachArray((inputs) => Effect.forEach(session.send(inputs), send, { discard: true })),
      Effect.andThen(Effect.suspend(() => Effect.forEach(session.end(), send, { discard: true }))),
      Effect.andThen(endIfOver)
    )
    const receiving = socket.messages.pipe(
      Stream.mapEffect((message) => typeof message === "string" ? decode(message) : Effect.succeed({ type: "binary" })),
      Stream.mapError(fail),
      Stream.runForEach((event) => {
        const told = session.receive(event)
        return "_tag" in told ? Effect.fail(fail(told)) : Effect.andThen(Queue.offerAll(heard, told), endIfOver)
      }),
      Effect.andThen(Effect.suspend(() => Effect.fail(fail(new Failure.Disconnected({ code: "1000" })))))
    )
    const telling = Effect.catchCause((cause: Cause.Cause<E | X>) => Queue.failCause(heard, cause))
    yield* Effect.forkScoped(telling(receiving))
    yield* Effect.forkScoped(telling(sending))
    return Stream.fromQueue(heard)
  }))
