/**
 * The conversation so far, as an immutable value.
 *
 * A `History` is a list of items in the order of their times. It contains what was heard: an
 * assistant message enters it when its audio was played, and is cut where it was interrupted. Only
 * `summarize` asks a model.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import { SetAside } from "./internal/history/aside.ts"
import * as budgets from "./internal/history/budget.ts"
import { budgeting, copying, importing, prompting, summarizing, truncating } from "./internal/history/options.ts"
import { inOrder } from "./internal/history/order.ts"
import * as pairs from "./internal/history/pairs.ts"
import * as prompts from "./internal/history/prompt.ts"
import type { PromptOptions } from "./internal/history/prompt.ts"
import { fields, metadata, ofModel } from "./internal/history/step.ts"
import * as transcripts from "./internal/history/transcript.ts"
import type * as Llm from "./Llm.ts"

export type { PromptOptions } from "./internal/history/prompt.ts"
export { Step } from "./internal/history/step.ts"
export { SetAside }

/**
 * A message that was said or typed, or an instruction (`system`).
 *
 * **Details**
 *
 * `createdAt` is in milliseconds of the Clock, here and in every item. `interrupted` says that the
 * text ends where the user interrupted. `participant` is the identity of the user who said it.
 * `setAside` says why words of the user are not a turn and get no reply. A message of a model has
 * its `step`, and the `metadata` of its provider.
 *
 * @category models
 * @since 0.1.0
 */
export const Message = Schema.TaggedStruct("Message", {
  ...ofModel,
  role: Schema.Literals(["system", "user", "assistant"]),
  text: Schema.String,
  interrupted: Schema.Boolean.pipe(
    Schema.withConstructorDefault(Effect.succeed(false)),
    Schema.withDecodingDefaultKey(Effect.succeed(false))
  ),
  participant: Schema.optionalKey(Schema.String),
  setAside: Schema.optionalKey(SetAside)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Message = typeof Message.Type

/**
 * A tool call of the model. Until its `ToolOutput` is there, the call is running, and prompts leave
 * it out unless `toPrompt` gets its id. `step` is the answer of the model that contained it;
 * `metadata` is what the provider attached. With `providerExecuted`, the provider ran it itself.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolCall = Schema.TaggedStruct("ToolCall", {
  ...ofModel,
  callId: Schema.String,
  name: Schema.String,
  params: Schema.Json,
  providerExecuted: Schema.optionalKey(Schema.Boolean)
})

/**
 * @category models
 * @since 0.1.0
 */
export type ToolCall = typeof ToolCall.Type

/**
 * The output of the call with the same `callId`. It is `late` if the model was asked for something
 * else before it came: then prompts still show the call as running, and show the output at its own
 * place.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolOutput = Schema.TaggedStruct("ToolOutput", {
  ...fields,
  callId: Schema.String,
  name: Schema.String,
  output: Schema.Json,
  isFailure: Schema.Boolean,
  late: Schema.optionalKey(Schema.Boolean),
  metadata
})

/**
 * @category models
 * @since 0.1.0
 */
export type ToolOutput = typeof ToolOutput.Type

/**
 * The conversation went from one agent to another. Never part of a prompt.
 *
 * @category models
 * @since 0.1.0
 */
export const Handoff = Schema.TaggedStruct("Handoff", {
  ...fields,
  from: Schema.optionalKey(Schema.String),
  to: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type Handoff = typeof Handoff.Type

/**
 * A text in place of older items that were dropped. In prompts it is a system message.
 *
 * @category models
 * @since 0.1.0
 */
export const Summary = Schema.TaggedStruct("Summary", {
  ...fields,
  text: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type Summary = typeof Summary.Type

/**
 * Schema of every item.
 *
 * @category models
 * @since 0.1.0
 */
export const Item = Schema.Union([Message, ToolCall, ToolOutput, Handoff, Summary])

/**
 * An item of a history.
 *
 * @category models
 * @since 0.1.0
 */
export type Item = typeof Item.Type

/**
 * A conversation: items whose `createdAt` never falls.
 *
 * @category models
 * @since 0.1.0
 */
export const History = Schema.Struct({ items: Schema.Array(Item) })

/**
 * @category models
 * @since 0.1.0
 */
export type History = typeof History.Type

/**
 * Options of a copy: what it leaves out.
 *
 * @category options
 * @since 0.1.0
 */
export interface CopyOptions {
  /** Leave out calls and outputs. @default false */
  readonly excludeTools?: boolean | undefined
  /** Leave out system messages and summaries. @default false */
  readonly excludeSystem?: boolean | undefined
  /** Leave out messages without text. @default false */
  readonly excludeEmpty?: boolean | undefined
  /** Leave out hand-offs. @default false */
  readonly excludeHandoffs?: boolean | undefined
  /** Keep only the calls and outputs of the tools with these names. @default every tool */
  readonly tools?: Iterable<string> | undefined
}

/**
 * How large a history may grow before its oldest items are dropped.
 *
 * @category options
 * @since 0.1.0
 */
export interface Budget {
  /** Estimated tokens above which items are dropped. */
  readonly maxTokens: number
  /**
   * Estimated tokens that remain after that. With less than `maxTokens`, not every turn drops
   * items, and the provider's prompt cache stays useful. @default three quarters of `maxTokens`
   */
  readonly targetTokens?: number | undefined
  /** Newest items that are never dropped. @default 6 */
  readonly keepRecent?: number | undefined
  /** Tokens of one item, 0 or more. @default `estimateTokens` */
  readonly estimate?: ((item: Item) => number) | undefined
}

/**
 * How a summary is made.
 *
 * @category options
 * @since 0.1.0
 */
export interface SummarizeOptions extends Budget {
  /**
   * Instructions for the model that summarizes the transcript.
   *
   * @default asks for names, facts, wishes, decisions and open questions
   */
  readonly instructions?: string | undefined
}

/**
 * A history without items.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: History = { items: [] }

/**
 * Makes a history of items in any order; equal times keep the order given.
 *
 * **Example** (The last messages of a conversation as a prompt)
 *
 * ```ts
 * import { History } from "effect-voice"
 *
 * const before = History.make([
 *   History.Message.make({ id: "1", createdAt: 0, role: "user", text: "A room for two nights, please." }),
 *   History.Message.make({ id: "2", createdAt: 1500, role: "assistant", text: "Room seven is yours." })
 * ])
 *
 * const prompt = History.toPrompt(History.truncate(before, { maxItems: 20 }))
 * const text = History.toTranscript(before, "markdown")
 * ```
 *
 * @see `fromPrompt` to continue a conversation
 * @see `Session.Service.history` for the history of a session
 * @category constructors
 * @since 0.1.0
 */
export const make = (items: Iterable<Item>): History => ({ items: inOrder(items) })

/**
 * Reads a prompt as a history, for instance a conversation to continue.
 *
 * **Details**
 *
 * Every item gets `createdAt` and an id. `id` makes the id from the item's place; the default is
 * `prompt-0`, `prompt-1` and so on. Files and reasoning are left out. Throws
 * `Failure.InvalidOptions` if an option is wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPrompt = (
  prompt: Prompt.Prompt,
  options: {
    /** @default 0 */
    readonly createdAt?: number | undefined
    readonly id?: ((index: number) => string) | undefined
  } = {}
): History => {
  const { createdAt, id = (index) => `prompt-${index}` } = importing(options)
  return { items: prompts.fromPrompt(prompt, createdAt, id) }
}

/**
 * Adds an item at the place of its `createdAt`, after items of the same time.
 *
 * @category combinators
 * @since 0.1.0
 */
export const insert = (self: History, item: Item): History => {
  let place = self.items.length
  while (place > 0 && self.items[place - 1]!.createdAt > item.createdAt) place--
  return { items: self.items.toSpliced(place, 0, item) }
}

/**
 * Adds the items of another history whose ids are not here yet.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = (self: History, that: History): History => {
  const known = new Set(self.items.map((item) => item.id))
  const added = that.items.filter(({ id }) => !known.has(id) && known.add(id))
  return added.length === 0 ? self : make([...self.items, ...added])
}

/**
 * Copies a history without what the options leave out. Throws `Failure.InvalidOptions` if one is
 * wrong.
 *
 * @category combinators
 * @since 0.1.0
 */
export const copy = (self: History, options: CopyOptions = {}): History => {
  const { excludeEmpty, excludeHandoffs, excludeSystem, excludeTools, tools: names } = copying(options)
  const tools = names && new Set(names)
  return {
    items: self.items.filter((item) => {
      switch (item._tag) {
        case "Message":
          return !(excludeSystem && item.role === "system") &&
            !(excludeEmpty && item.text.trim() === "")
        case "ToolCall":
        case "ToolOutput":
          return !excludeTools && (tools === undefined || tools.has(item.name))
        case "Handoff":
          return !excludeHandoffs
        case "Summary":
          return !excludeSystem
      }
    })
  }
}

/**
 * Keeps the last `maxItems` items, and every system message and summary.
 *
 * **Details**
 *
 * A call and its output stay or go together, so there may be fewer items. A call that is still
 * running counts like any other item. The last message of the user always stays; if need be, the
 * oldest of the other items goes. Throws `Failure.InvalidOptions` if `maxItems` is wrong.
 *
 * @category combinators
 * @since 0.1.0
 */
export const truncate = (self: History, options: { readonly maxItems: number }): History => {
  let left = truncating(options).maxItems
  const kept = self.items.toReversed().filter((item) => pairs.isSystem(item) || left-- > 0).toReversed()
  return { items: pairs.dropHalves(self.items, pairs.keepUser(self.items, kept)) }
}

/**
 * Compares two histories without regard to times.
 *
 * @category getters
 * @since 0.1.0
 */
export const equals = (self: History, that: History): boolean =>
  self.items.length === that.items.length &&
  self.items.every((item, i) => Equal.equals({ ...item, createdAt: 0 }, { ...that.items[i]!, createdAt: 0 }))

/**
 * Finds an item by its id.
 *
 * @category getters
 * @since 0.1.0
 */
export const findById = (self: History, id: string): Item | undefined => self.items.find((item) => item.id === id)

/**
 * The messages, without calls, outputs, hand-offs and summaries.
 *
 * @category getters
 * @since 0.1.0
 */
export const messages = (self: History): ReadonlyArray<Message> => self.items.filter((item) => item._tag === "Message")

/**
 * Writes the prompt for the next reply.
 *
 * **Details**
 *
 * The calls of one step become one assistant message, followed by one tool message with their
 * results. It stands where the results came in, so the newest information is last, and an earlier
 * prompt stays a prefix of the later one. A running call, or one with a late output, has a constant
 * sentence as its result. The late output follows at its own place, behind a call that repeats the
 * first (`…_result`). Each call in a prompt has exactly one result: calls without an output,
 * outputs without a call and repetitions are left out. Messages without text are left out, and so
 * are continuers ("mm-hm") and echo that were set aside. Throws `Failure.InvalidOptions` if an option
 * is wrong.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toPrompt = (self: History, options: PromptOptions = {}): Prompt.Prompt => {
  prompting(options)
  return prompts.toPrompt(self.items, options)
}

/**
 * Writes a history for people (`text`, `markdown`) or programs (`json`).
 *
 * **Details**
 *
 * `json` is the encoded `History`; the others hold messages, tool names and
 * whether they failed, but neither parameters nor outputs. Further lines of a
 * message are indented, in Markdown quoted: no text can pass for what another said.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toTranscript = (self: History, format: "text" | "json" | "markdown"): string =>
  format === "json" ? encode(self) : transcripts.write(self.items, format)

const encode = Schema.encodeSync(Schema.fromJsonString(History))

/**
 * Guesses how many tokens an item takes in a prompt.
 *
 * **Details**
 *
 * A quarter token for a character of an alphabet, a whole one for a character of a script written
 * without spaces or with syllables, and 4 for the frame of a message. Real tokenizers differ by
 * about a third in both directions. If you need more, give `Budget` an `estimate`.
 *
 * @category getters
 * @since 0.1.0
 */
export const estimateTokens = (item: Item): number => budgets.estimate(item)

/**
 * Finds which items must be dropped so that a history keeps within its budget.
 *
 * **Details**
 *
 * Nothing is dropped up to `maxTokens`. Above, the oldest items go until `targetTokens` is reached.
 * System messages, summaries, running calls, the last message of the user and the newest items
 * always stay. A call and its output go together. Throws `Failure.InvalidOptions` if the budget is
 * wrong.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fit = (
  self: History,
  budget: Budget
): { readonly dropped: ReadonlyArray<Item>; readonly kept: History } => {
  const dropped = budgets.drop(self.items, budgeting(budget))
  return { dropped, kept: dropped.length === 0 ? self : budgets.without(self, dropped) }
}

/**
 * Replaces the items that do not fit by one summary. It also replaces earlier summaries.
 *
 * **Details**
 *
 * If the conversation goes on meanwhile, give the result to `replaceHead`, with the history as it
 * is by then. A history that fits comes back as it is, without a request. A summary without text
 * fails with `EndedEarly`, so that nothing is lost. Throws as `fit` does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const summarize = (
  self: History,
  llm: Llm.Llm["Service"],
  options: SummarizeOptions
): Effect.Effect<History, Llm.LlmError> => {
  const dropped = budgets.drop(self.items, summarizing(options))
  return dropped.length === 0 ? Effect.succeed(self) : budgets.summarize(self, dropped, llm, options.instructions)
}

/**
 * Keeps a history within its budget: it drops the oldest items, or summarizes them. Throws as `fit`
 * does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const compact = (
  self: History,
  strategy: "truncate" | { readonly summarizeWith: Llm.Llm["Service"]; readonly instructions?: string | undefined },
  budget: Budget
): Effect.Effect<History, Llm.LlmError> =>
  strategy === "truncate"
    ? Effect.succeed(fit(self, budget).kept)
    : summarize(self, strategy.summarizeWith, { ...budget, instructions: strategy.instructions })

/**
 * Applies an earlier change to the present history. Items that `after` dropped from `before` go,
 * items that it added come, and items that are newer than both stay.
 *
 * @category combinators
 * @since 0.1.0
 */
export const replaceHead = (
  current: History,
  change: { readonly before: History; readonly after: History }
): History => {
  const before = new Set(change.before.items.map((item) => item.id))
  const after = new Set(change.after.items.map((item) => item.id))
  const added = change.after.items.filter((item) => !before.has(item.id))
  const gone = (item: Item) => before.has(item.id) && !after.has(item.id)
  return { items: pairs.dropHalves([...current.items, ...added], budgets.exchange(current.items, gone, added)) }
}
