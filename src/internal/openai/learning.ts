/**
 * The fields that the server of one model accepts, learned from its refusals: once for each model,
 * for the life of the layer. Only fields that the program has not set are left out or sent in
 * another way. A refused option of the program stays an error.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"
import type { Order } from "../llm/attached.ts"
import * as refusals from "../provider/refusals.ts"
import { type Ask, sampled, type Sampling, type Wire } from "./wire.ts"

/**
 * Names of fields that are left out or renamed; `roles` for a server that takes one
 * order of roles alone, `system` for one that knows no instructions beside it,
 * `content` for one that wants a text in each message, `hosted` for one that does not take back what it has run
 * itself, `signatures` for one that wants a signature on each call.
 */
export type Lessons = ReadonlySet<string>

const nothing: Lessons = new Set()

/** Templates of chats that take one system message, first, and then turns that alternate. */
const order = new RegExp(
  "system message must|must be at the beginning|roles?\\b.{0,30}\\b(?:must alternate|be alternating)|jinja|raise_exception|" +
    "(?:unexpected|expected last) role|first message must|must (?:start|begin) with a user|must alternate between",
  "i"
)

/** Those that take none at all. */
const systemless =
  /system role (?:is )?not (?:supported|allowed)|does not support ['"`]?system\b|(?:no|unknown|invalid) system role/i

/** Some servers take a message that calls a tool, and says nothing, only with an empty text. */
const textless =
  /\bcontent\b['"`]?\W{0,4}(?:field )?.{0,60}\b(?:string|null|none|empty|required|missing)\b|missing ['"`]?content\b/i

/** What a server has run itself, and does not know any more where nothing is stored. */
const unknownItem =
  /item with id ['"`]?(?:ws|fs|ci|ig|mcp)_|\b(?:web_search|file_search|code_interpreter|image_generation|mcp)_call\b/i

/** Gemini refuses calls that it has not made itself, as after a fallback, unless they say so. */
const unsigned = /thought[_ ]?signature/i

/** What Google tells to send for a call that another model has made. */
const foreign = { google: { thought_signature: "skip_thought_signature_validator" } } as const

const otherNames: Readonly<Record<string, string>> = {
  max_tokens: "max_completion_tokens",
  max_completion_tokens: "max_tokens"
}

/** The order of roles that a server takes, by what was learnt. */
export const orderOf = (lessons: Lessons): Order =>
  lessons.has("system") ? "systemless" : lessons.has("roles") ? "alternating" : "any"

/** What a server has attached to its own messages, and may not take back. */
const attachments = [
  "reasoning_content",
  "reasoning_details",
  "reasoning_text",
  "reasoning_opaque",
  "reasoning",
  "thinking_blocks",
  "thinking",
  "thought_signature",
  "extra_content",
  "provider_specific_fields"
]

/** As the name of a field, and not as a word. */
const isNamed = (text: string, name: string): boolean =>
  new RegExp(`(?:['"\`.]|^)${name}(?:['"\`:]|$)|(?:field|property|parameter|argument)s? ${name}\\b`, "im").test(text)

/** Those of a prompt that a text names. */
const attachedIn = (text: string, prompt: Ask["prompt"]): string | undefined => {
  const named = attachments.filter((name) => isNamed(text, name))
  const sent = named.length === 0 ? "" : JSON.stringify(prompt)
  return named.find((name) => sent.includes(`"${name}":`))
}

/** The fields that no program has set. */
const defaults = (sampling: Sampling, { settings, toolChoice }: Ask): ReadonlyArray<string> =>
  [
    ...(sampling.temperature === undefined && settings?.temperature === undefined ? ["temperature"] : []),
    ...(toolChoice === "auto" ? ["tool_choice"] : []),
    "stream_options",
    "store",
    "include",
    "strict",
    "additionalProperties",
    ...Object.keys(otherNames)
  ].filter((name) => sampling.extra?.[name] === undefined)

/** What a refusal teaches. */
const lesson = (
  reason: Failure.Reason,
  candidates: ReadonlyArray<string>,
  prompt: Ask["prompt"]
): string | undefined => {
  const text = refusals.textOf(reason)
  if (text === undefined) return undefined
  if (unknownItem.test(text)) return "hosted"
  if (reason._tag === "Rejected" && reason.status !== 500) return undefined
  if (systemless.test(text)) return "system"
  if (order.test(text)) return "roles"
  if (reason._tag !== "InvalidRequest") return undefined
  if (unsigned.test(text)) return "signatures"
  // The field itself goes first: a text may name another one as the cure.
  const told = candidates.find((name) => reason.detail.includes(`"${name}"`))
  if (told !== undefined) return told
  const attached = attachedIn(text, prompt)
  if (attached !== undefined) return attached
  return candidates.filter((name) => refusals.names(text, name))
    .toSorted((a, b) => text.indexOf(a) - text.indexOf(b))[0] ?? (textless.test(text) ? "content" : undefined)
}

const advice = (name: string): string => {
  if (name === "system") return "no instructions beside the turns: they are sent as words of the user"
  if (name === "content") return "no message without a text: it is empty where there is none"
  if (name === "roles") return "one order of roles alone: later instructions are sent as words of the user"
  if (name === "hosted") return "nothing back of what it has run itself: that is left out"
  if (name === "signatures") return "a signature on each call: those of other models say that they are such"
  const other = otherNames[name]
  return other === undefined ? `no "${name}": it is left out` : `no "${name}": it is called "${other}"`
}

/** Names of what a program may have set, to say which of them was refused. */
const settings = [
  "temperature",
  "top_p",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "frequency_penalty",
  "presence_penalty",
  "reasoning_effort",
  "reasoning",
  "parallel_tool_calls",
  "tool_choice",
  "response_format",
  "tools"
]

const named = (reason: Failure.Reason, sampling: Sampling): Failure.Reason => {
  const text = refusals.textOf(reason)
  if (text === undefined || reason._tag !== "InvalidRequest") return reason
  const field = reason.detail.includes("because of")
    ? undefined
    : [...Object.keys(sampling.extra ?? {}), ...settings].find((name) => refusals.names(text, name))
  const detail = field === undefined
    ? reason.detail
    : reason.detail.replace("refuses the request", `refuses the request because of "${field}"`)
  // `refusals.debug` has told it.
  return refusals.keep(new Failure.InvalidRequest({ detail: `${detail}; --log-level debug shows why` }), text)
}

/** The lessons of one layer. */
const makeLessons = () => {
  const known = new Map<string, Lessons>()
  /** Asks, and once more without what was refused; `model` is the one that is asked. */
  return (
    model: string,
    sampling: Sampling,
    ask: Ask,
    asking: (lessons: Lessons) => Stream.Stream<Llm.Delta, Failure.Reason>
  ): Stream.Stream<Llm.Delta, Failure.Reason> => {
    const candidates = defaults(sampling, ask)
    const attempt: Stream.Stream<Llm.Delta, Failure.Reason> = Stream.suspend(() => {
      const lessons = known.get(model) ?? nothing
      return Stream.catch(asking(lessons), (reason) =>
        Stream.unwrap(Effect.gen(function*() {
          yield* refusals.debug(sampling.name, reason, ask.prompt)
          const learnt = lesson(reason, candidates, ask.prompt)
          if (learnt === undefined || lessons.has(learnt)) return Stream.fail(named(reason, sampling))
          const all = known.get(model) ?? nothing
          if (!all.has(learnt)) {
            // What it is called otherwise was refused before: neither is known.
            if (all.has(otherNames[learnt] ?? "")) return Stream.fail(named(reason, sampling))
            known.set(model, new Set([...all, learnt]))
            yield* Effect.logWarning(`${sampling.name} takes ${advice(learnt)} with this model from now on`)
          }
          return attempt
        })))
    })
    return attempt
  }
}

/** A value without a field, and what is in it by one of these names, too. */
const without = (value: unknown, name: string, within: (key: string) => boolean): unknown => {
  if (Array.isArray(value)) return value.map((part) => without(part, name, within))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) =>
      key === name ? [] : [[key, within(key) ? without(part, name, within) : part]]
    )
  )
}

const texted = (message: unknown): unknown =>
  isRecord(message) && message["content"] === null ? { ...message, content: "" } : message

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The first call of a step has the signature of the step. */
const signed = (message: unknown): unknown => {
  if (!isRecord(message) || !Array.isArray(message["tool_calls"])) return message
  const [first, ...others] = message["tool_calls"]
  if (!isRecord(first)) return message
  const attached = isRecord(first["extra_content"]) ? first["extra_content"] : {}
  if (isRecord(attached["google"]) && "thought_signature" in attached["google"]) return message
  return { ...message, tool_calls: [{ ...first, extra_content: { ...attached, ...foreign } }, ...others] }
}

/** Changes a message, or a tool. */
type Change = readonly [field: "messages" | "tools", change: (value: unknown) => unknown]

const changes: ReadonlyMap<string, Change> = new Map<string, Change>([
  ["content", ["messages", texted]],
  ["signatures", ["messages", signed]],
  // A parameter of a tool may have that name.
  ["strict", ["tools", (tool) => without(tool, "strict", (key) => key === "function")]],
  ["additionalProperties", ["tools", (tool) => without(tool, "additionalProperties", () => true)]],
  ...attachments.map((name): [string, Change] => [
    name,
    ["messages", (message) => without(message, name, (key) => key === "tool_calls")]
  ])
])

/** A request as the server takes it. */
export const adapted = <A extends object>(body: A, lessons: Lessons): A => {
  if (lessons.size === 0) return body
  const fields = { ...body } as Record<string, unknown>
  for (const name of lessons) {
    const other = otherNames[name]
    if (other !== undefined && fields[name] !== undefined) fields[other] = fields[name]
    const change = changes.get(name)
    if (change === undefined) {
      delete fields[name]
      continue
    }
    const [field, changed] = change
    const items = fields[field]
    if (Array.isArray(items)) fields[field] = items.map(changed)
  }
  return fields as A
}

/** A wire that asks for what its server takes, by what this layer has learnt of the model that is asked. */
export const learnt = (
  sampling: Sampling,
  asked: (mine: Sampling, ask: Ask, told: Parameters<Wire>[1], lessons: Lessons) => ReturnType<Wire>
): Wire => {
  const learning = makeLessons()
  return (ask, told) => {
    const mine = sampled(sampling, ask.settings)
    return learning(mine.model, sampling, ask, (lessons) => asked(mine, ask, told, lessons))
  }
}
