/**
 * A language model behind any HTTP endpoint: one request for each reply, its
 * body made by a function, its answer whole or streamed, read by a schema.
 *
 * Without further options it speaks what most chat servers have in common:
 * messages of a role and content, `choices[0].message` as the answer, functions
 * as tools. Interrupting a reply closes its connection.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Failure from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as chat from "../internal/custom/chat.ts"
import * as target from "../internal/custom/options.ts"
import * as replies from "../internal/custom/reply.ts"
import * as chunks from "../internal/llm/chunks.ts"
import * as metadata from "../internal/llm/metadata.ts"
import * as Check from "../internal/options.ts"
import * as Http from "../internal/provider/http.ts"
import * as lines from "../internal/provider/lines.ts"
import { readOptions } from "../internal/provider/options.ts"
import * as refusals from "../internal/provider/refusals.ts"
import { errorIn } from "../internal/provider/told.ts"
import * as utf8 from "../internal/provider/utf8.ts"
import * as Llm from "../Llm.ts"

/**
 * A message as most chat servers take it.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = chat.Message

/**
 * A tool as most chat servers take it.
 *
 * @category models
 * @since 0.1.0
 */
export type Function = chat.Function

/**
 * The input of `body`: the request, with its prompt and tools in the common shape, and its settings
 * over those of the layer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asked {
  readonly request: Llm.Request
  readonly messages: ReadonlyArray<Message>
  /** Empty when tools are forbidden. */
  readonly tools: ReadonlyArray<Function>
  readonly toolChoice: "auto" | "none" | "required"
  readonly model: string | undefined
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  /** Whether the answer is read in pieces. */
  readonly stream: boolean
}

/**
 * A piece of an answer: a delta, a piece of a tool call, or a thought. Pieces of one
 * `index` are one call, else those of one `id`, else those that follow a `name`;
 * their `params` are joined when they are text.
 *
 * @category models
 * @since 0.1.0
 */
export type Part = Llm.Delta | {
  readonly _tag: "ToolCallPart"
  readonly index?: number | undefined
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly params?: unknown
  /** Fields beside the call's `function` that the server needs back with the call. */
  readonly fields?: Readonly<Record<string, Schema.Json>> | undefined
} | {
  /** The model thinks: it is alive, and `fields` go back to the server with its message. */
  readonly _tag: "Thought"
  readonly fields?: Readonly<Record<string, Schema.Json>> | undefined
}

/**
 * How an answer is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer extends replies.Answer {}

/**
 * Reads an answer by a schema: of the whole (`json`), or of each event of a
 * stream (`sse`, `ndjson`).
 *
 * **Details**
 *
 * `parts` says what an event means; an event that means nothing gives `[]`. A
 * tool call is given on when the answer has ended, so that none is run that was
 * cut off; a call without an id gets one. `finishes` says that a whole answer
 * always has a `Finish` or the event `[DONE]`, so that one without fails with
 * `Disconnected`, or `EndedEarly` where nothing was said. Without it, an answer ends where the connection does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const answer = <A>(options: {
  readonly format: "json" | "sse" | "ndjson"
  readonly schema: Schema.Codec<A, unknown>
  readonly parts: (value: A) => ReadonlyArray<Part>
  /** @default false */
  readonly finishes?: boolean | undefined
}): Answer => {
  const { finishes = false } = Check.readOrThrow(answering, options)
  return replies.answer({ ...options, finishes })
}

const answering = Check.struct<Parameters<typeof answer<any>>[0]>()({
  format: Check.required(Check.oneOf(["json", "sse", "ndjson"])),
  schema: Check.required(Check.such<Schema.Codec<any, unknown>>(Schema.isSchema, "be a Schema of what one event says")),
  parts: Check.required(Check.callback),
  finishes: Check.flag()
})

/**
 * A whole JSON answer: `choices[0].message` with `content` and `tool_calls`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const chatCompletion: Answer = replies.answer({
  format: "json",
  schema: chunks.Completion,
  parts: chunks.completionParts,
  failure: chunks.completionFailure,
  finishes: false
})

/**
 * The same as Server-Sent Events: `choices[0].delta`. The first sentence is
 * spoken while the rest is written, which a whole answer does not allow.
 *
 * @category constructors
 * @since 0.1.0
 */
export const chatStream: Answer = replies.answer({
  format: "sse",
  schema: chunks.StrictChunk,
  parts: chunks.chunkParts,
  failure: errorIn,
  finishes: true
})

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Whole URL that a reply is asked from, by POST. */
  readonly url: string
  /** Name in errors, events and metrics. @default "http" */
  readonly name?: string | undefined
  /** Sent with each request; keys belong here. @default none */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** Model by the server's name for it. @default none is named */
  readonly model?: string | undefined
  /** @default the server's own */
  readonly temperature?: number | undefined
  /** Most tokens of a reply. @default the server's own */
  readonly maxTokens?: number | undefined
  /** Makes the body that is sent as JSON. @default chatBody */
  readonly body?: ((asked: Asked) => unknown) | undefined
  /** How the answer is read. @default chatCompletion */
  readonly answer?: Answer | undefined
}

/**
 * The body that most chat servers take: `model`, `messages`, `temperature`,
 * `max_tokens`, `tools`, `tool_choice`, `stream`, each only where it says
 * something.
 *
 * @category constructors
 * @since 0.1.0
 */
export const chatBody = (asked: Asked): Readonly<Record<string, unknown>> => ({
  model: asked.model,
  messages: asked.messages,
  temperature: asked.temperature,
  max_tokens: asked.maxTokens,
  ...(asked.tools.length === 0 ? undefined : {
    tools: asked.tools,
    tool_choice: asked.toolChoice === "auto" ? undefined : asked.toolChoice
  }),
  ...(asked.stream ? { stream: true } : undefined)
})

const failing = (name: string) => (reason: Failure.Reason) => new Llm.LlmError({ provider: name, reason })

const schema = Check.struct<Options>()({
  ...target.fields,
  model: Check.text(),
  temperature: Check.number({ least: 0, most: 2 }),
  maxTokens: Check.whole({ least: 1, most: 1_000_000 }),
  body: Check.callback,
  answer: Check.service("an Answer, such as HttpLlm.chatStream or HttpLlm.answer gives", "parts")
})

type Settings = typeof schema.Type

/** Attachments of an answer are only for the same model of the same server. */
const keyOf = ({ model, name, url }: Settings, { settings }: Llm.Request): string =>
  metadata.keyOf(name, url, settings?.model ?? model)

const askedOf = (options: Settings, request: Llm.Request, stream: boolean): Asked => {
  const { settings, toolChoice = "auto" } = request
  const tools = toolChoice === "none" ? [] : chat.functions(request.tools)
  return {
    request,
    messages: chat.messages(request.prompt, { key: keyOf(options, request), thoughts: tools.length > 0 }),
    tools,
    toolChoice,
    model: settings?.model ?? options.model,
    temperature: settings?.temperature ?? options.temperature,
    maxTokens: settings?.maxTokens ?? options.maxTokens,
    stream
  }
}

const bodyOf = (options: Settings, request: Llm.Request, stream: boolean): Effect.Effect<string, Failure.Reason> =>
  Effect.try({
    try: () => JSON.stringify((options.body ?? chatBody)(askedOf(options, request, stream))),
    catch: () => target.invalid("body: cannot be made of this request, or is no JSON")
  }).pipe(
    Effect.filterOrFail((text) => typeof text === "string", () => target.invalid("body: the function gave nothing"))
  )

const accepts: Readonly<Record<replies.Format, string>> = {
  json: "application/json",
  sse: "text/event-stream",
  ndjson: "application/x-ndjson"
}

// Servers of JSON lines do not agree on its name, and of a whole answer the schema says more than the type.
const types: Readonly<Record<replies.Format, ReadonlyArray<string> | undefined>> = {
  json: undefined,
  sse: lines.types,
  ndjson: ["application/", "text/plain"]
}

/**
 * Creates an `Llm` that asks an HTTP endpoint.
 *
 * **Details**
 *
 * Fails with `InvalidRequest` if the URL, a header or an option is wrong. A reply fails with
 * `Rejected` for a status that is an error; with `Disconnected` for a lost connection, and an
 * answer that ends before it is finished, or in the middle of an event; with `InvalidResponse` for
 * one that is malformed, in another content type, cut off in the middle of a character, or with an
 * event of more than a million characters; for an error inside of the answer, or an event named `error`, with
 * what its code means, else with `Broken`.
 *
 * It was tested against stand-ins only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Llm.Llm["Service"], Llm.LlmError> {
  const settings = yield* readOptions(schema, options, "http", failing)
  const { answer = chatCompletion, name } = settings
  const failed = failing(name)
  const post = target.post(settings)
  const http = yield* Http.http
  const { format } = answer
  const reply = (body: string, key: string): Stream.Stream<Llm.Delta, Failure.Reason> => {
    const request = post.pipe(
      HttpClientRequest.setHeader("accept", post.headers.accept ?? accepts[format]),
      HttpClientRequest.bodyText(body, "application/json")
    )
    const bytes = http.stream(request, types[format])
    const texts = format === "json"
      ? Stream.fromEffect(Stream.mkString(utf8.decode(bytes)))
      : lines.events(format)(bytes)
    return replies.deltas(answer, key, texts)
  }
  return Llm.make({
    name,
    model: settings.model,
    reply: (request) =>
      bodyOf(settings, request, format !== "json").pipe(
        Effect.map((body) => reply(body, keyOf(settings, request))),
        Stream.unwrap,
        Stream.tapError((reason) => refusals.debug(name, reason, request.prompt)),
        Stream.mapError(failed)
      )
  })
})

/**
 * Layer of an `Llm` that asks an HTTP endpoint; fails as `make` does.
 *
 * **Example** (Ollama's own endpoint, not tried here)
 *
 * ```ts
 * import { Schema } from "effect"
 * import * as HttpLlm from "effect-voice/Layers/HttpLlm"
 *
 * const layer = HttpLlm.layer({
 *   url: "http://localhost:11434/api/chat",
 *   model: "llama3.2",
 *   body: (asked) => ({ ...HttpLlm.chatBody(asked), stream: true }),
 *   answer: HttpLlm.answer({
 *     format: "ndjson",
 *     schema: Schema.Struct({ message: Schema.Struct({ content: Schema.String }), done: Schema.Boolean }),
 *     parts: ({ done, message }) => [
 *       { _tag: "Text", text: message.content },
 *       ...(done ? [{ _tag: "Finish" } as const] : [])
 *     ],
 *     finishes: true
 *   })
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Llm.Llm, Llm.LlmError> => Layer.effect(Llm.Llm, make(options))

/**
 * The same with options from the configuration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Llm.Llm, Llm.LlmError | Config.ConfigError> => layerFrom(Config.unwrap(options), layer)
