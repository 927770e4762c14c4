/** A language model that says what the test tells it to. */
import type * as Prompt from "effect/ai/Prompt"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Failure from "../Failure.ts"
import { wordsOf } from "../internal/llm/words.ts"
import * as Llm from "../Llm.ts"
import { checkLlm, checkReply } from "./checks.ts"
import { millis } from "./marks.ts"
import { missing, shortage } from "./shortage.ts"
import { type Ending, reasonOf, type Timed, timed } from "./timedStream.ts"
import { type CallEnd, type Journal, journal, watched } from "./watched.ts"
import { split } from "./words.ts"

/**
 * A reply of the scripted model.
 *
 * **Details**
 *
 * The words of `text` come evenly spread from `firstToken` to `total`, tool
 * calls at `toolsAt`, then the end. `deltas` are given as they are, instead. A
 * number is milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface LlmReply {
  /** @default "" */
  readonly text?: string | undefined
  readonly tools?: ReadonlyArray<LlmToolCall> | undefined
  /** From the request to the tool calls: some models call before they speak. @default `total` */
  readonly toolsAt?: Duration.Input | undefined
  /** Exactly what the model gives, and when; a `Finish` follows where there is none. @default made of `text` and `tools` */
  readonly deltas?: ReadonlyArray<LlmDelta> | undefined
  /** From the request to the first word. @default 100 */
  readonly firstToken?: Duration.Input | undefined
  /** From the request to the last word, tool call and end. @default 300, or `firstToken` where that is longer */
  readonly total?: Duration.Input | undefined
  /** In how many pieces the text comes at most. @default one a word */
  readonly pieces?: number | undefined
  /** @default none */
  readonly usage?: Llm.Usage | undefined
  /** Why it ends. @default "tool-calls" with `tools`, else "stop" */
  readonly reason?: Llm.FinishReason | undefined
  /** Fails instead of ending; `true` is a lost connection. */
  readonly fail?: Failure.Reason | true | undefined
  /** Pieces of the text before it fails or hangs. @default 0 */
  readonly after?: number | undefined
  /** Goes silent and never ends. @default false */
  readonly hang?: boolean | undefined
}

/**
 * A call of a tool in a reply; `params` may be wrong on purpose.
 *
 * @category models
 * @since 0.1.0
 */
export interface LlmToolCall {
  readonly name: string
  /** @default {} */
  readonly params?: unknown
  /** @default `call-` and a number that counts through the layer */
  readonly id?: string | undefined
}

/**
 * One piece of a reply as it leaves the model: a piece of text, or a delta.
 *
 * @category models
 * @since 0.1.0
 */
export interface LlmDelta {
  /** From the request. */
  readonly at: Duration.Input
  readonly delta: string | LlmToolCall | Llm.Delta
}

/**
 * A request as a script sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface LlmRequest extends Llm.Request {
  /** The last message of the user, `""` without one. */
  readonly text: string
  /** Messages with tool results since that message: 0 for the first step of a turn. */
  readonly step: number
  /** What the tools have given since that message, the oldest first: text or JSON, or why they failed. */
  readonly results: ReadonlyArray<{
    readonly name: string
    readonly result: unknown
    readonly isFailure: boolean
  }>
  /** Number of this request, from 0. */
  readonly index: number
  /** Clock time (ms). */
  readonly at: number
}

/**
 * A request that was made, and what became of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface LlmCall extends LlmRequest, CallEnd {
  /** The text that it was answered with so far. */
  readonly said: string
}

/**
 * What the scripted model replies: a list, used up in order, or a function of
 * the request. A string is a reply with the usual times.
 *
 * **Details**
 *
 * A list that is used up is a mistake of the script, or of the agent, which has
 * asked more often than was expected. It is seen: the model says "(the script has
 * no third reply)", and a warning counts, in `timeline.warnings` and in the log.
 * `LlmOptions.otherwise` is what it says instead, and is no mistake. With an empty
 * list it says "OK." to everything.
 *
 * @category models
 * @since 0.1.0
 */
export type LlmScript =
  | ReadonlyArray<string | LlmReply>
  | ((request: LlmRequest) => string | LlmReply)

/**
 * Options of the scripted model.
 *
 * @category options
 * @since 0.1.0
 */
export interface LlmOptions {
  /** @default "scripted-llm" */
  readonly name?: string | undefined
  /** Says that it already retries, so that the pipeline must not. @default false */
  readonly resilient?: boolean | undefined
  /** Times of replies that say none. */
  readonly firstToken?: Duration.Input | undefined
  readonly total?: Duration.Input | undefined
  /** @default one a word */
  readonly pieces?: number | undefined
  /** What it replies, each time, once a list of replies is used up. @default it says that there is none, with a warning */
  readonly otherwise?: string | LlmReply | undefined
}

/**
 * What the scripted model was asked, in order.
 *
 * @category services
 * @since 0.1.0
 */
export class LlmCalls extends Context.Service<LlmCalls, {
  readonly requests: Effect.Effect<ReadonlyArray<LlmCall>>
}>()("effect-voice/testing/llm/LlmCalls") {}

/** Text of a message, or `""`. */
const textOf = (message: Prompt.Message): string =>
  typeof message.content === "string"
    ? message.content
    : message.content.map((part) => part.type === "text" ? part.text : "").join("")

const read = (request: Llm.Request, index: number, at: number): LlmRequest => {
  const messages = request.prompt.content
  let user = messages.length - 1
  while (user >= 0 && messages[user]!.role !== "user") user--
  const answers = messages.slice(user + 1).flatMap((message) => message.role === "tool" ? [message] : [])
  return {
    ...request,
    text: user < 0 ? "" : textOf(messages[user]!),
    step: answers.length,
    results: answers.flatMap(({ content }) =>
      content.flatMap((part) =>
        part.type === "tool-result" ? [{ name: part.name, result: part.result, isFailure: part.isFailure }] : []
      )
    ),
    index,
    at
  }
}

/** The words joined to at most `pieces` deltas. */
const cut = (text: string, pieces: number): ReadonlyArray<string> => {
  const words = split(text)
  if (words.length <= pieces) return words
  return Array.from(
    { length: pieces },
    (_, i) => words.slice(Math.floor(i * words.length / pieces), Math.floor((i + 1) * words.length / pieces)).join("")
  )
}

const perform = (
  provider: string,
  reply: LlmReply,
  callId: () => string
): Stream.Stream<Llm.Delta, Llm.LlmError> => {
  const first = millis(reply.firstToken ?? 100)
  const total = Math.max(first, reply.total === undefined ? 300 : millis(reply.total))
  const pieces = cut(reply.text ?? "", Math.max(1, reply.pieces ?? Number.POSITIVE_INFINITY))
  const call = ({ id, name, params }: LlmToolCall): Llm.Delta => ({
    _tag: "ToolCall",
    id: id ?? callId(),
    name,
    params: params ?? {}
  })
  const items: Array<Timed<Llm.Delta>> = reply.deltas?.map(({ at, delta }) => ({
    at: millis(at),
    value: typeof delta === "string" ? { _tag: "Text", text: delta } : "_tag" in delta ? delta : call(delta)
  })) ?? pieces.map((text, i) => ({
    at: pieces.length === 1 ? first : Math.round(first + (total - first) * i / (pieces.length - 1)),
    value: { _tag: "Text", text }
  }))
  const error = (reason: Failure.Reason) => new Llm.LlmError({ provider, reason })
  const ending: Ending = reply.hang === true ? "hang" : reply.fail === undefined ? "end" : reasonOf(reply.fail)
  if (ending !== "end") {
    const said = items.slice(0, reply.after ?? 0)
    return timed(said, { at: said.at(-1)?.at ?? first, ending }, error)
  }
  const toolsAt = reply.toolsAt === undefined ? total : millis(reply.toolsAt)
  if (reply.deltas === undefined) {
    items.push(...(reply.tools ?? []).map((tool) => ({ at: toolsAt, value: call(tool) })))
    items.sort((a, b) => a.at - b.at)
  }
  const end = Math.max(items.at(-1)?.at ?? 0, reply.deltas === undefined ? total : 0)
  if (!items.some(({ value }) => value._tag === "Finish")) {
    items.push({
      at: end,
      value: {
        _tag: "Finish",
        reason: reply.reason ?? (items.some(({ value }) => value._tag === "ToolCall") ? "tool-calls" : "stop"),
        ...(reply.usage === undefined ? undefined : { usage: reply.usage })
      }
    })
  }
  return timed(items, { at: end, ending }, error)
}

/**
 * Makes a model that replies by a script, with what it was asked.
 *
 * **When to use**
 *
 * Use where a test needs the service as a value, for instance to put two of
 * them behind a fallback; else `layerLlm`.
 *
 * @category llm
 * @since 0.1.0
 */
export const llm = (
  script: LlmScript = [],
  options: LlmOptions = {}
): Effect.Effect<{ readonly llm: Llm.Llm["Service"]; readonly calls: LlmCalls["Service"] }> =>
  Effect.sync(() => {
    checkLlm(script, options)
    const name = options.name ?? "scripted-llm"
    const requests: Array<{ readonly request: LlmRequest; readonly end: Journal; said: string }> = []
    let calls = 0
    const warn = (asked: number): Effect.Effect<void> => {
      const message = shortage(script, options, asked)
      return message === undefined ? Effect.void : Effect.logWarning(message)
    }
    const answer = (request: LlmRequest): LlmReply => {
      const { firstToken, otherwise, pieces, total } = options
      const reply = typeof script === "function"
        ? checkReply(script(request), "llm")
        : script[request.index] ?? otherwise ?? (script.length === 0 ? "OK." : missing(request.index))
      return { firstToken, total, pieces, ...(typeof reply === "string" ? { text: reply } : reply) }
    }
    /** A script that cannot answer says so in the timeline, and is not asked again. */
    const answered = (request: LlmRequest): Effect.Effect<LlmReply, Llm.LlmError> =>
      Effect.try({
        try: () => answer(request),
        catch: (cause) => {
          const detail = cause instanceof Error
            ? cause.message
            : "the function of the script has thrown what is no Error"
          return new Llm.LlmError({ provider: name, reason: new Failure.InvalidRequest({ detail }) })
        }
      })
    return {
      llm: Llm.Llm.of({
        name,
        resilient: options.resilient ?? false,
        reply: (request) =>
          Stream.unwrap(Effect.flatMap(Clock.currentTimeMillis, (at) => {
            const seen = read(request, requests.length, at)
            const end = journal()
            const entry = { request: seen, end, said: "" }
            requests.push(entry)
            const replying = Stream.unwrap(
              Effect.map(answered(seen), (reply) => perform(name, reply, () => `call-${++calls}`))
            )
            const reply = Stream.mapArray(replying, (deltas) => {
              for (const delta of deltas) entry.said += wordsOf(delta)
              return deltas
            })
            return Effect.as(warn(requests.length), watched<Llm.Delta>(end, ({ _tag }) => _tag === "Finish")(reply))
          }))
      }),
      calls: LlmCalls.of({
        requests: Effect.sync(() => requests.map(({ end, request, said }) => ({ ...request, ...end, said })))
      })
    }
  })

/**
 * Layer of a model that replies by a script.
 *
 * **Details**
 *
 * Faults are replies: `{ fail: true }` breaks the connection before the first
 * word, `{ text, fail, after: 2 }` after two words, `{ hang: true }` never
 * answers, `{ text: "" }` finishes without a word, and `{ reason: "content-filter" }` says why.
 *
 * @category llm
 * @since 0.1.0
 */
export const layerLlm = (script?: LlmScript, options?: LlmOptions): Layer.Layer<Llm.Llm | LlmCalls> =>
  Layer.effectContext(
    Effect.map(llm(script, options), ({ calls, llm }) => Context.make(Llm.Llm, llm).pipe(Context.add(LlmCalls, calls)))
  )
