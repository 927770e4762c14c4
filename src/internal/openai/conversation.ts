/**
 * A conversation that OpenAI's server keeps: which items it has, and what it says. It is made the
 * same as the next prompt before that is answered, so the server remembers what was heard, and
 * nothing else.
 */
import * as Result from "effect/Result"
import type { RealtimeClientEvent } from "openai/resources/realtime/realtime"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import { usageOf } from "../llm/metering.ts"
import type * as Llm from "../llm/model.ts"
import { own } from "../own.ts"
import { decodeAudio } from "../provider/base64.ts"
import { cutter, fileKind, notBare } from "../provider/pcm.ts"
import { toldReason } from "../provider/told.ts"
import { type Event, kindOf, type Output } from "./conversationEvents.ts"
import { callKey, format, type Item, plain, saidKey } from "./conversationItems.ts"
import { type Described, paramsOf } from "./tools.ts"

/** An item that the server has. */
interface Kept {
  readonly id: string
  key: string
  /** What of it was written. */
  written?: string | undefined
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
  /** No audio has come. */
  silent: boolean
  /** Parameters of calls that are written, by the ids of their items. */
  readonly written: Map<string, string>
  /** Ids of the calls that were made. */
  readonly calls: Set<string>
  /** What the last words belong to, and whether there is a space behind them. */
  said: { readonly item: string | undefined; readonly spaced: boolean } | undefined
  id: string | undefined
  /** Nobody wants it any more, and whether the server was told. */
  unwanted: "no" | "yes" | "told"
}

/** Codes of errors that say so. */
const unlike = /^(?:item_\w+|conversation_already_has_active_response)$/

const nothing: ReadonlyArray<Llm.Delta> = []

const saidOf = ({ spoken, written }: Kept): string | undefined => spoken?.text ?? written

const keyOf = (kept: Kept): string => {
  const said = saidOf(kept)
  return said === undefined ? kept.key : saidKey(said)
}

const finishReasons: Readonly<Record<string, Llm.FinishReason>> = {
  max_output_tokens: "length",
  content_filter: "content-filter"
}

export class Conversation {
  readonly #model: string
  #kept: ReadonlyArray<Kept> = []
  #answer: Answer | undefined = undefined
  #begun = false
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

  /** The server has begun to give the last answer that it was asked for. */
  get hasBegun(): boolean {
    return this.#begun
  }

  #event(kind: "edit" | "item" | "answer" | "cancel"): string {
    return `${kind}_${++this.#events}`
  }

  /** Asks for an answer to these items. */
  ask({ instructions, items, maxTokens, toolChoice, tools }: Asked): ReadonlyArray<RealtimeClientEvent> {
    this.#begun = false
    this.#answer = {
      first: this.#events,
      tools,
      cut: cutter(format),
      silent: true,
      written: new Map(),
      calls: new Set(),
      said: undefined,
      id: undefined,
      unwanted: "no"
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
    const end = Math.floor(ms * said.length / plain(text).length)
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
    const kind = kindOf(event)
    if (answer === undefined || kind?.startsWith("response.") !== true) return nothing
    const id = event.response_id ?? event.response?.id ?? undefined
    if (kind === "response.created") this.#begun = true
    // One that begins without an id has that of what follows.
    if (this.#begun) answer.id ??= id
    if (id !== undefined && id !== answer.id) return nothing
    switch (kind) {
      case "response.output_item.added":
        if (event.item != null) this.#keep(event.item)
        return nothing
      case "response.output_audio_transcript.delta":
        return this.#spoken(answer, event, event.delta ?? "", undefined)
      case "response.output_audio_transcript.done":
        return this.#spoken(answer, event, this.#rest(event, event.transcript), undefined)
      case "response.output_audio.delta":
        return this.#audio(answer, event)
      case "response.output_text.delta":
        return this.#written(answer, event, event.delta ?? "")
      case "response.output_text.done":
        return this.#written(answer, event, this.#rest(event, event.text))
      case "response.function_call_arguments.delta":
        if (event.item_id != null) {
          answer.written.set(event.item_id, (answer.written.get(event.item_id) ?? "") + (event.delta ?? ""))
        }
        return nothing
      case "response.function_call_arguments.done":
        if (event.item_id != null && typeof event.arguments === "string") {
          answer.written.set(event.item_id, event.arguments)
        }
        return nothing
      case "response.output_item.done":
        return event.item == null ? nothing : this.#called(answer, event.item)
      case "response.done":
        return this.#done(answer, event)
      default:
        return nothing
    }
  }

  #failed({ code, error, message }: Event): ReadonlyArray<Llm.Delta> | Failure.Reason {
    const told = error ?? { code, message }
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

  #keep({ call_id: call, id }: Output): Kept | undefined {
    if (id == null) return undefined
    const key = call == null ? `item ${id}` : callKey(call)
    const known = this.#kept.find((kept) => kept.id === id)
    if (known !== undefined) {
      if (call != null) known.key = key
      return known
    }
    const kept: Kept = { id, key }
    this.#kept = [...this.#kept, kept]
    return kept
  }

  #of({ item_id: id }: Event): Kept | undefined {
    return id == null ? undefined : this.#keep({ id })
  }

  /** All words of an item, where its pieces did not come. */
  #rest(event: Event, words: string | null | undefined): string {
    const kept = this.#of(event)
    return kept === undefined || (saidOf(kept) ?? "") !== "" ? "" : words ?? ""
  }

  /** A remark and the answer are two items, and neither has a space for the other. */
  #spaced(answer: Answer, { item_id }: Event, words: string): string {
    if (words === "") return words
    const { said } = answer
    const item = item_id ?? undefined
    answer.said = { item, spaced: /\s$/.test(words) }
    return said !== undefined && !said.spaced && said.item !== item && /^\S/.test(words) ? ` ${words}` : words
  }

  #spoken(
    answer: Answer,
    event: Event,
    words: string,
    frame: Audio.Frame | undefined
  ): ReadonlyArray<Llm.Delta> {
    const kept = this.#of(event)
    if (kept !== undefined) {
      const { ms, text } = kept.spoken ?? { ms: 0, text: "" }
      kept.spoken = { text: text + words, ms: ms + (frame === undefined ? 0 : Audio.durationMs(frame)) }
    }
    const text = this.#spaced(answer, event, words)
    return [{ _tag: "Speech", text, ...(frame === undefined ? undefined : { frame }) }]
  }

  #audio(answer: Answer, event: Event): ReadonlyArray<Llm.Delta> | Failure.Reason {
    const bytes = decodeAudio(event.delta ?? "")
    if (Result.isFailure(bytes)) return bytes.failure
    const kind = answer.silent ? fileKind(bytes.success) : undefined
    if (kind !== undefined) return notBare(kind)
    answer.silent &&= bytes.success.length === 0
    return this.#spoken(answer, event, "", answer.cut(bytes.success))
  }

  #written(answer: Answer, event: Event, words: string): ReadonlyArray<Llm.Delta> {
    const kept = this.#of(event)
    if (kept !== undefined && words !== "") {
      kept.written = (kept.written ?? "") + words
    }
    return [{ _tag: "Text", text: this.#spaced(answer, event, words) }]
  }

  #called(answer: Answer, item: Output): ReadonlyArray<Llm.Delta> {
    this.#keep(item)
    if (item.type !== "function_call" || item.status === "incomplete") return nothing
    const { name } = item
    const id = item.call_id ?? item.id
    if (name == null || id == null || answer.calls.has(id)) return nothing
    answer.calls.add(id)
    const written = item.arguments == null || item.arguments === ""
      ? answer.written.get(item.id ?? "") ?? ""
      : item.arguments
    return [{ _tag: "ToolCall", id, name, params: paramsOf(answer.tools, name, written) }]
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
    // Some servers tell calls here alone.
    const calls = (response?.output ?? []).flatMap((item) => this.#called(answer, item))
    return [...calls, {
      _tag: "Finish",
      reason: status === "incomplete"
        ? own(finishReasons, reason ?? "") ?? "other"
        : answer.calls.size > 0
        ? "tool-calls"
        : "stop",
      model: this.#model,
      ...(usage === undefined ? undefined : { usage })
    }]
  }
}

/** It was spoken, and heard up to here. */
const isBeginning = ({ said }: Item, { spoken }: Kept): boolean =>
  spoken !== undefined && spoken.ms > 0 && said !== undefined && said !== "" && plain(spoken.text).startsWith(said)
