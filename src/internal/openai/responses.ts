/**
 * Responses, streamed: OpenAI's own newer interface. Nothing is stored there,
 * the whole prompt is sent every time.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import type { ResponseCreateParamsStreaming } from "openai/resources/responses/responses"
import * as Failure from "../../Failure.ts"
import { assembled, type Piece } from "../llm/assembly.ts"
import { Usage, usageOf } from "../llm/chunks.ts"
import * as content from "../llm/content.ts"
import * as metadata from "../llm/metadata.ts"
import type * as Llm from "../llm/model.ts"
import { hint } from "../provider/hints.ts"
import { doneMark } from "../provider/lines.ts"
import { toldReason } from "../provider/told.ts"
import { events } from "./client.ts"
import { callOf, kindOf } from "./hostedCalls.ts"
import { adapted, learnt, type Lessons, orderOf } from "./learning.ts"
import { items } from "./responsesPrompt.ts"
import * as tools from "./tools.ts"
import { type Ask, keyOf, maybe, present, type Sampling, type Wire } from "./wire.ts"

/** An id, which some servers write as a number. */
const Id = Schema.Union([Schema.String, Schema.Finite])

const Item = Schema.Struct({
  type: maybe(Schema.String),
  id: hint(Id),
  call_id: hint(Id),
  name: maybe(Schema.String),
  arguments: maybe(Schema.Unknown),
  phase: hint(Schema.String),
  summary: maybe(Schema.Unknown),
  content: maybe(Schema.Unknown),
  encrypted_content: maybe(Schema.Unknown)
})

type Item = typeof Item.Type

const Outcome = Schema.Struct({
  id: hint(Id),
  status: hint(Schema.String),
  model: hint(Schema.String),
  error: maybe(Schema.Unknown),
  incomplete_details: hint(Schema.Union([Schema.String, Schema.Struct({ reason: hint(Schema.String) })])),
  usage: hint(Usage),
  output: hint(Schema.Array(Item))
})

const Event = Schema.Struct({
  type: Schema.String,
  delta: maybe(Schema.Unknown),
  text: hint(Schema.String),
  refusal: hint(Schema.String),
  arguments: maybe(Schema.Unknown),
  part: maybe(Schema.Unknown),
  item_id: hint(Id),
  output_index: hint(Id),
  content_index: hint(Id),
  response: hint(Outcome),
  item: hint(Item)
})

type Event = typeof Event.Type

const decode = Schema.decodeUnknownEffect(Event)

const toolChoice = (choice: tools.Choice): ResponseCreateParamsStreaming["tool_choice"] =>
  typeof choice === "string" ? choice : { type: "function", name: choice.name }

/** The tools of a request: those that the program runs, and those that OpenAI does. */
interface Offered {
  readonly described: ReadonlyArray<tools.Described>
  readonly hosted: ReadonlyArray<tools.Hosted>
}

const toolFields = ({ described, hosted }: Offered, ask: Ask, { parallelToolCalls }: Sampling) =>
  described.length + hosted.length === 0 ? {} : present({
    tools: [
      ...described.map(({ description, name, parameters, strict }) => ({
        type: "function" as const,
        name,
        description,
        parameters,
        strict
      })),
      ...hosted.map(({ hosted }) => hosted)
    ],
    tool_choice: toolChoice(tools.choiceOf(ask.toolChoice)),
    parallel_tool_calls: parallelToolCalls
  })

const formatFields = (format: Ask["responseFormat"], { strict }: Sampling) =>
  format.type === "text" ? Effect.succeed({}) : Effect.map(tools.answerSchema(format.schema), (schema) => ({
    text: { format: { type: "json_schema" as const, name: format.objectName, schema, strict } }
  }))

/** Models that think are asked for what they have thought, in a form that can go back; others refuse the question. */
const hasThoughts = ({ model, reasoningEffort }: Sampling): boolean =>
  reasoningEffort !== undefined || /^(o\d|gpt-(?:[5-9]|\d\d)(?!.*chat))/.test(model.slice(model.lastIndexOf("/") + 1))

const bodyOf = Effect.fnUntraced(function*(
  ask: Ask,
  sampling: Sampling,
  offered: Offered,
  lessons: Lessons
) {
  return present({
    model: sampling.model,
    input: yield* items(ask.prompt, {
      key: keyOf(sampling),
      order: orderOf(lessons),
      hosted: !lessons.has("hosted")
    }),
    stream: true as const,
    store: false,
    ...(hasThoughts(sampling) ? { include: ["reasoning.encrypted_content"] } : undefined),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    max_output_tokens: sampling.maxTokens,
    ...(sampling.reasoningEffort === undefined ? undefined : { reasoning: { effort: sampling.reasoningEffort } }),
    ...toolFields(offered, ask, sampling),
    ...(yield* formatFields(ask.responseFormat, sampling)),
    ...sampling.extra
  }) as ResponseCreateParamsStreaming
})

const finishReason = (type: string, outcome: Event["response"]): Llm.FinishReason => {
  const details = outcome?.incomplete_details
  const isWhole = type !== "response.incomplete" && outcome?.status !== "incomplete"
  return content.finishReason(typeof details === "string" ? details : details?.reason) ?? (isWhole ? "stop" : "other")
}

const finishOf = ({ response, type }: Event): Piece => ({
  _tag: "Finish",
  reason: finishReason(type, response),
  model: response?.model ?? undefined,
  usage: usageOf(response?.usage)
})

/** An item of reasoning as it can go back: nothing is stored there, so it must hold what was thought. */
const thoughtOf = ({ content, encrypted_content, id, summary }: Item): metadata.Fields | undefined =>
  encrypted_content == null && content == null ? undefined : metadata.fieldsOf({
    type: "reasoning",
    id,
    summary: summary ?? [],
    encrypted_content,
    content
  })

const textOf = (id: string | number | null | undefined): string => String(id ?? "")

/** A call that has begun; most servers tell it as a whole, too. */
interface Begun {
  readonly item: Item
  text: string
}

const decodeContent = Schema.decodeUnknownOption(content.Content)

const textIn = (told: unknown): string => content.textOf(Option.getOrNull(decodeContent(told)))

/** Where in an answer something stands. */
type Place = Pick<Event, "content_index" | "item_id" | "output_index">

const placeOf = ({ item_id, output_index }: Place): string => textOf(output_index ?? item_id)

/** Reads the events of one answer. */
class Reader {
  #spaced = true
  #place = ""
  readonly #key: string
  readonly #hosted: ReadonlyArray<tools.Hosted>
  /** Items of reasoning that belong to the next item. */
  #thoughts: Array<metadata.Fields> = []
  /** What was said, to know what is told once more. */
  #said = ""
  /** Items of which pieces of text have come. */
  readonly #pieced = new Set<string>()
  readonly #called = new Set<string>()
  readonly #begun = new Map<string, Begun>()

  constructor(key: string, hosted: ReadonlyArray<tools.Hosted>) {
    this.#key = key
    this.#hosted = hosted
  }

  read(event: Event, raw: unknown): ReadonlyArray<Piece> {
    switch (event.type) {
      case "response.output_item.added":
        if (event.item?.type === "function_call") this.#begun.set(placeOf(event), { item: event.item, text: "" })
        return event.item == null || kindOf(event.item) === undefined
          ? []
          : this.#call(event.item, raw).filter(({ _tag }) => _tag === "ProviderCall")
      case "response.output_text.delta":
      case "response.refusal.delta": {
        const text = textIn(event.delta)
        if (text === "") return []
        this.#pieced.add(placeOf(event))
        return [this.#text(text, event)]
      }
      // Some servers tell no pieces.
      case "response.output_text.done":
        return this.#whole(event.text ?? "", event)
      case "response.refusal.done":
        return this.#whole(event.refusal ?? "", event)
      case "response.content_part.done":
        return this.#whole(textIn([event.part]), event)
      case "response.function_call_arguments.delta":
      case "response.function_call_arguments.done": {
        const begun = this.#begun.get(placeOf(event))
        if (begun !== undefined && typeof event.delta === "string") begun.text += event.delta
        if (begun !== undefined && typeof event.arguments === "string") begun.text = event.arguments
        return [{ _tag: "Thought" }]
      }
      case "response.output_item.done":
        return event.item == null ? [] : this.#item(event.item, raw, event)
      case "response.completed":
      case "response.done":
      case "response.incomplete":
        return [...this.#rest(event.response?.output ?? []), finishOf(event)]
      default:
        return isThinking(event.type) ? [{ _tag: "Thought" }] : []
    }
  }

  #text(said: string, { content_index: part, output_index: item }: Place): Piece {
    // A remark and the answer are two messages, and neither has a space for the other.
    const place = `${item ?? 0}/${part ?? 0}`
    const text = !this.#spaced && place !== this.#place && /^\S/.test(said) ? ` ${said}` : said
    this.#spaced = /\s$/.test(said)
    this.#place = place
    this.#said += text
    return { _tag: "Text", text }
  }

  /** A text that was told as a whole: nothing, where it has been said in pieces. */
  #whole(said: string, place: Place): ReadonlyArray<Piece> {
    const isKnown = said === "" || this.#pieced.has(placeOf(place)) || this.#said.includes(said.trim())
    return isKnown ? [] : [this.#text(said, place)]
  }

  /** What a server that streams nothing tells at the end alone. */
  #rest(output: ReadonlyArray<Item>): ReadonlyArray<Piece> {
    const told = output.flatMap((item, output_index): ReadonlyArray<Piece> => {
      if (item.type === "function_call") return this.#isCalled(item) ? [] : this.#item(item, item, { output_index })
      return item.type === "message" ? this.#whole(textIn(item.content), { output_index }) : []
    })
    const begun = [...this.#begun.values()].filter(({ item }) => !this.#isCalled(item))
    return [
      ...told,
      ...begun.flatMap(({ item, text }) => this.#item({ ...item, arguments: text || item.arguments }, item, {}))
    ]
  }

  #isCalled({ call_id, id }: Item): boolean {
    return this.#called.has(textOf(call_id)) || this.#called.has(textOf(id))
  }

  /** What OpenAI runs itself, with the thoughts before it. */
  #call(item: Item, raw: unknown): ReadonlyArray<Llm.Delta> {
    return callOf(raw, { key: this.#key, hosted: this.#hosted, thoughts: this.#thoughts, id: textOf(item.id) })
  }

  #item(item: Item, raw: unknown, place: Place): ReadonlyArray<Piece> {
    if (kindOf(item) !== undefined) {
      const told = this.#call(item, raw)
      this.#thoughts = []
      return told
    }
    if (item.type === "reasoning") {
      const thought = thoughtOf(item)
      if (thought !== undefined) this.#thoughts.push(thought)
      return [{ _tag: "Thought" }]
    }
    const fields = metadata.fieldsOf({
      reasoning: this.#thoughts.length === 0 ? undefined : this.#thoughts,
      phase: item.phase
    })
    if (item.type === "message") {
      this.#thoughts = []
      return [{ _tag: "Thought", fields }, ...this.#whole(textIn(item.content), place)]
    }
    if (item.type !== "function_call" || !item.name) return []
    this.#thoughts = []
    for (const id of [item.call_id, item.id]) if (textOf(id) !== "") this.#called.add(textOf(id))
    return [{ _tag: "WholeCall", id: textOf(item.call_id), name: item.name, params: item.arguments ?? "", fields }]
  }
}

/** What tells that the model is at work, though there is nothing to say. */
const isThinking = (type: string): boolean => /reasoning|arguments|custom_tool|_call\.|queued|in_progress/.test(type)

/** An answer that came as a whole, though events were asked for, as its last event. */
const eventOf = (event: unknown): unknown =>
  Predicate.isObject(event) && !("type" in event) &&
    ("output" in event || ("object" in event && event.object === "response"))
    ? { type: "response.done", response: event }
    : event

const decoded = Effect.fnUntraced(function*(event: unknown) {
  const known = yield* Effect.mapError(
    decode(eventOf(event)),
    () => new Failure.InvalidResponse({ detail: "an event has another shape" })
  )
  const { response, type } = known
  const isFailed = response?.status === "failed" || response?.status === "cancelled"
  if (type === "response.failed" || type === "response.cancelled" || isFailed) {
    return yield* toldReason(Predicate.isObject(response?.error) ? response.error : {})
  }
  return { known, item: Predicate.isObject(event) && "item" in event ? event.item : undefined }
})

const lasts: ReadonlySet<unknown> = new Set(["response.completed", "response.incomplete", "response.done"])

const isLast = (event: unknown) => Predicate.isObject(event) && "type" in event && lasts.has(event.type)

/** Asks by Responses. */
export const wire = (client: OpenAI, sampling: Sampling): Wire =>
  learnt(sampling, (mine, ask, told, lessons) => asked(client, mine, ask, told, lessons))

const asked = (
  client: OpenAI,
  mine: Sampling,
  ask: Ask,
  told: Parameters<Wire>[1],
  lessons: Lessons
): ReturnType<Wire> =>
  Stream.unwrap(Effect.gen(function*() {
    const described = yield* tools.describe(ask.tools, mine.strict)
    const hosted = yield* tools.hosted(ask.tools)
    const body = adapted(yield* bodyOf(ask, mine, { described, hosted }, lessons), lessons)
    const key = keyOf(mine)
    const reader = new Reader(key, hosted)
    return assembled(
      { key, finishes: true, paramsOf: (name, params) => tools.paramsOf(described, name, params) },
      events((signal) => client.responses.create(body, { signal }), isLast).pipe(
        Stream.mapEffect((event): Effect.Effect<ReadonlyArray<Piece> | typeof doneMark, Failure.Reason> =>
          event === doneMark ? Effect.succeed(doneMark) : Effect.map(decoded(event), ({ item, known }) => {
            if (known.response != null) told(known.response)
            return reader.read(known, item)
          })
        )
      )
    )
  }))
