/**
 * A conversation that OpenAI's server keeps: which items it has, and what it says. It is made the
 * same as the next prompt before that is answered, so the server remembers what was heard, and
 * nothing else.
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { RealtimeClientEvent } from "openai/resources/realtime/realtime"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import { usageOf } from "../llm/metering.ts"
import type * as Llm from "../llm/model.ts"
import { own } from "../own.ts"
import { hint, maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import { cutter } from "../provider/pcm.ts"
import { toldReason } from "../provider/told.ts"
import { callKey, format, type Item, saidKey } from "./conversationItems.ts"
import { type Described, paramsOf } from "./tools.ts"

const text = maybe(Schema.String)
const count = hint(Schema.Finite)

const Tokens = Schema.Struct({ audio_tokens: count, cached_tokens: count })

const Wrong = Schema.Struct({ code: maybe(Schema.Unknown), type: maybe(Schema.Unknown), param: maybe(Schema.Unknown) })

const Event = Schema.Struct({
  type: Schema.String,
  response_id: hint(Schema.String),
  item_id: hint(Schema.String),
  delta: text,
  arguments: text,
  item: hint(Schema.Struct({
    id: text,
    type: text,
    status: hint(Schema.String),
    call_id: text,
    name: text,
    arguments: text
  })),
  response: hint(Schema.Struct({
    id: text,
    status: hint(Schema.String),
    status_details: hint(Schema.Struct({ reason: hint(Schema.String), error: hint(Wrong) })),
    usage: hint(Schema.Struct({
      input_tokens: count,
      output_tokens: count,
      input_token_details: hint(Schema.Struct({ ...Tokens.fields, cached_tokens_details: hint(Tokens) })),
      output_token_details: hint(Tokens)
    }))
  })),
  error: hint(Schema.Struct({ ...Wrong.fields, event_id: hint(Schema.String) }))
})

type Event = typeof Event.Type

export const decode = decodeJson(Event)

/** An item that the server has. */
interface Kept {
  readonly id: string
  key: string
  /** What of it was spoken: words, and how long (ms). */
  spoken?: { text: string; ms: number } | undefined
}

/** What the server is asked for. */
export interface Asked {
  readonly instructions: string
  readonly items: ReadonlyArray<Item>
  readonly tools: ReadonlyArray<Described>
  readonly toolChoice: "auto" | "none" | "required"
  readonly maxTokens: number | undefined
}

/** The answer that is being given. */
interface Answer {
  readonly first: number
  readonly tools: ReadonlyArray<Described>
  readonly cut: (bytes: Uint8Array) => Audio.Frame | undefined
  /** Parameters of calls that are written, by the ids of their items. */
  readonly written: Map<string, string>
  id: string | undefined
  /** Nobody wants it any more, and whether the server was told. */
  unwanted: "no" | "yes" | "told"
  calls: number
}

/** Codes of errors that say so. */
const unlike = /^(?:item_\w+|conversation_already_has_active_response)$/

const nothing: ReadonlyArray<Llm.Delta> = []

const keyOf = ({ key, spoken }: Kept): string => spoken === undefined ? key : saidKey(spoken.text)

const finishReasons: Readonly<Record<string, Llm.FinishReason>> = {
  max_output_tokens: "length",
  content_filter: "content-filter"
}

export class Conversation {
  readonly #model: string
  #kept: ReadonlyArray<Kept> = []
  #answer: Answer | undefined = undefined
  #events = 0
  #items = 0
  #sound = true

  constructor(model: string) {
    this.#model = model
  }

  /** The server has what we think it has. */
  get isSound(): boolean {
    return this.#sound
  }

  /** It answers still. */
  get isAnswering(): boolean {
    return this.#answer !== undefined
  }

  /** The server has begun to answer. */
  get hasBegun(): boolean {
    return this.#answer === undefined || this.#answer.id !== undefined
  }

  #event(kind: "edit" | "item" | "answer" | "cancel"): string {
    return `${kind}_${++this.#events}`
  }

  /** Asks for an answer to these items. */
  ask({ instructions, items, maxTokens, toolChoice, tools }: Asked): ReadonlyArray<RealtimeClientEvent> {
    this.#answer = {
      first: this.#events,
      tools,
      cut: cutter(format),
      written: new Map(),
      id: undefined,
      unwanted: "no",
      calls: 0
    }
    return [...this.#become(items), {
      type: "response.create",
      event_id: this.#event("answer"),
      response: {
        output_modalities: ["audio"],
        instructions,
        tool_choice: tools.length === 0 ? "none" : toolChoice,
        tools: tools.map(({ description, name, parameters }) => ({
          type: "function" as const,
          name,
          parameters,
          ...(description === undefined ? undefined : { description })
        })),
        ...(maxTokens === undefined ? undefined : { max_output_tokens: maxTokens })
      }
    }]
  }

  /** Takes back what was asked for; to be said again with each event until the answer has ended. */
  cancel(): ReadonlyArray<RealtimeClientEvent> {
    const answer = this.#answer
    if (answer === undefined || answer.unwanted === "told") return []
    answer.unwanted = "yes"
    // Nothing is being answered before the server says so: it would refuse that, and answer afterwards.
    if (answer.id === undefined) return []
    answer.unwanted = "told"
    return [{ type: "response.cancel", event_id: this.#event("cancel"), response_id: answer.id }]
  }

  /** Makes the server's items these: what it has already stays as it was heard and said. */
  #become(items: ReadonlyArray<Item>): ReadonlyArray<RealtimeClientEvent> {
    const events: Array<RealtimeClientEvent> = []
    const next: Array<Kept> = []
    let at = 0
    const drop = (to: number): void => {
      for (const { id } of this.#kept.slice(at, to)) {
        events.push({ type: "conversation.item.delete", event_id: this.#event("edit"), item_id: id })
      }
    }
    for (const item of items) {
      const found = this.#kept.findIndex((kept, i) => i >= at && (keyOf(kept) === item.key || isBeginning(item, kept)))
      const kept = this.#kept[found]
      if (kept === undefined) {
        const id = `item_${++this.#items}`
        events.push({
          type: "conversation.item.create",
          event_id: this.#event("item"),
          previous_item_id: next.at(-1)?.id ?? "root",
          item: item.make(id)
        })
        next.push({ id, key: item.key })
        continue
      }
      drop(found)
      at = found + 1
      if (keyOf(kept) !== item.key) events.push(this.#truncate(kept, item.said ?? ""))
      next.push(kept)
    }
    drop(this.#kept.length)
    this.#kept = next
    return events
  }

  /** What nobody has heard is to be remembered by nobody. */
  #truncate(kept: Kept, said: string): RealtimeClientEvent {
    const { ms, text } = kept.spoken!
    const end = Math.floor(ms * said.length / text.trim().length)
    kept.spoken = { text: said, ms: end }
    return {
      type: "conversation.item.truncate",
      event_id: this.#event("edit"),
      item_id: kept.id,
      content_index: 0,
      audio_end_ms: end
    }
  }

  /** What an event means: what the model says, or why it has failed. */
  receive(event: Event): ReadonlyArray<Llm.Delta> | Failure.Reason {
    if (event.type === "error") return this.#failed(event)
    const answer = this.#answer
    if (answer === undefined || !event.type.startsWith("response.")) return nothing
    if (event.type === "response.created") {
      answer.id ??= event.response?.id ?? undefined
      return nothing
    }
    const id = event.response_id ?? event.response?.id
    if (id != null && id !== answer.id) return nothing
    switch (event.type) {
      case "response.output_item.added":
        this.#keep(event)
        return nothing
      case "response.output_audio_transcript.delta":
        return this.#spoken(event, event.delta ?? "", undefined)
      case "response.output_audio.delta":
        return this.#audio(answer, event)
      case "response.output_text.delta":
        return this.#written(event)
      case "response.function_call_arguments.delta":
        if (event.item_id != null) {
          answer.written.set(event.item_id, (answer.written.get(event.item_id) ?? "") + (event.delta ?? ""))
        }
        return nothing
      case "response.output_item.done":
        return this.#called(answer, event)
      case "response.done":
        return this.#done(answer, event)
      default:
        return nothing
    }
  }

  #failed({ error }: Event): ReadonlyArray<Llm.Delta> | Failure.Reason {
    const told = error ?? {}
    const [, kind, number] = /^(edit|item|answer|cancel)_(\d+)$/.exec(error?.event_id ?? "") ?? []
    // There was nothing to cancel any more.
    if (kind === "cancel" || told.code === "response_cancel_not_active") return nothing
    this.#sound = false
    const isOld = number !== undefined && Number(number) <= (this.#answer?.first ?? Infinity)
    // The answer is as good without; the next one is given where the server has all that it should.
    if (kind === "edit" || isOld) return nothing
    this.#answer = undefined
    // It would be the same again with what we have got wrong, and is not on another connection.
    return typeof told.code === "string" && unlike.test(told.code)
      ? new Failure.Broken({ detail: "the server has the conversation otherwise" })
      : toldReason(told)
  }

  #keep({ item }: Event): Kept | undefined {
    if (item?.id == null) return undefined
    const known = this.#kept.find(({ id }) => id === item.id)
    if (known !== undefined) return known
    const kept: Kept = { id: item.id, key: item.call_id == null ? `item ${item.id}` : callKey(item.call_id) }
    this.#kept = [...this.#kept, kept]
    return kept
  }

  #of({ item_id: id }: Event): Kept | undefined {
    return id == null ? undefined : this.#keep({ type: "", item: { id } })
  }

  #spoken(event: Event, words: string, frame: Audio.Frame | undefined): ReadonlyArray<Llm.Delta> {
    const kept = this.#of(event)
    if (kept !== undefined) {
      const { ms, text } = kept.spoken ?? { ms: 0, text: "" }
      kept.spoken = { text: text + words, ms: ms + (frame === undefined ? 0 : Audio.durationMs(frame)) }
    }
    return [{ _tag: "Speech", text: words, ...(frame === undefined ? undefined : { frame }) }]
  }

  #audio(answer: Answer, event: Event): ReadonlyArray<Llm.Delta> | Failure.Reason {
    const bytes = Base64.decode(event.delta ?? "")
    if (Result.isFailure(bytes)) return new Failure.InvalidResponse({ detail: "the audio is not base64" })
    return this.#spoken(event, "", answer.cut(bytes.success))
  }

  #written(event: Event): ReadonlyArray<Llm.Delta> {
    const kept = this.#of(event)
    const words = event.delta ?? ""
    if (kept !== undefined) kept.key = kept.key.startsWith("item ") ? saidKey(words) : kept.key + words
    return [{ _tag: "Text", text: words }]
  }

  #called(answer: Answer, event: Event): ReadonlyArray<Llm.Delta> {
    const { item } = event
    this.#keep(event)
    if (item?.type !== "function_call" || item.status === "incomplete") return nothing
    const { name } = item
    if (name == null || item.call_id == null) return nothing
    answer.calls += 1
    const written = item.arguments ?? answer.written.get(item.id ?? "") ?? ""
    return [{ _tag: "ToolCall", id: item.call_id, name, params: paramsOf(answer.tools, name, written) }]
  }

  #done(answer: Answer, { response }: Event): ReadonlyArray<Llm.Delta> | Failure.Reason {
    this.#answer = undefined
    const { error, reason } = response?.status_details ?? {}
    const status = response?.status
    if (status === "failed") return toldReason(error ?? {})
    if (status === "cancelled") return answer.unwanted !== "no" ? nothing : new Failure.EndedEarly()
    const { input_token_details: heard, output_token_details: spoken, ...told } = response?.usage ?? {}
    const usage = usageOf({
      inputTokens: told.input_tokens,
      outputTokens: told.output_tokens,
      cachedInputTokens: heard?.cached_tokens,
      audioInputTokens: heard?.audio_tokens,
      cachedAudioInputTokens: heard?.cached_tokens_details?.audio_tokens,
      audioOutputTokens: spoken?.audio_tokens
    })
    return [{
      _tag: "Finish",
      reason: status === "incomplete"
        ? own(finishReasons, reason ?? "") ?? "other"
        : answer.calls > 0
        ? "tool-calls"
        : "stop",
      model: this.#model,
      ...(usage === undefined ? undefined : { usage })
    }]
  }
}

/** It was spoken, and heard up to here. */
const isBeginning = ({ said }: Item, { spoken }: Kept): boolean =>
  spoken !== undefined && spoken.ms > 0 && said !== undefined && said !== "" && spoken.text.trim().startsWith(said)
