/** Which items of a history are dropped, and the summary that stands for them. */
import * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import type { Budget, History, Item, Summary } from "../../History.ts"
import * as Llm from "../../Llm.ts"
import { wordsOf } from "../llm/words.ts"
import { problem } from "../options.ts"
import { shown } from "../options/shown.ts"
import * as pairs from "./pairs.ts"
import * as transcripts from "./transcript.ts"

const known = new WeakMap<Item, number>()

/** Once for each item: they are many, some are long, and each turn asks for all of them. */
export const estimate = (item: Item): number => {
  const before = known.get(item)
  if (before !== undefined) return before
  const fresh = measure(item)
  known.set(item, fresh)
  return fresh
}

const measure = (item: Item): number => {
  switch (item._tag) {
    case "Message":
    case "Summary":
      return item.text.trim() === "" ? 0 : frame + tokens(item.text)
    case "ToolCall":
      return frame + tokens(item.name) + tokens(JSON.stringify(item.params))
    case "ToolOutput":
      return frame + tokens(JSON.stringify(item.output))
    case "Handoff":
      return 0
  }
}

const frame = 4

const tokens = (text: string): number => {
  let dense = 0
  for (const [run] of text.matchAll(denseScript)) dense += run.length
  return dense + Math.ceil((text.length - dense) / 4)
}

const denseScript = new RegExp(
  "[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}" +
    "\\p{Script=Khmer}\\p{Script=Myanmar}]+",
  "gu"
)

/** With anything else, sums would make no sense, and everything or nothing would go. */
const checked = (estimate: (item: Item) => number) => (item: Item): number => {
  const given = estimate(item)
  if (Number.isFinite(given) && given >= 0) return given
  throw problem("estimate", `must give a number of tokens, 0 or more, not ${shown(given)}`)
}

export const drop = (
  items: ReadonlyArray<Item>,
  budget: Budget & { readonly keepRecent: number }
): ReadonlyArray<Item> => {
  const size = budget.estimate === undefined ? estimate : checked(budget.estimate)
  let total = items.reduce((sum, item) => sum + size(item), 0)
  if (total <= budget.maxTokens) return []
  const target = Math.min(budget.maxTokens, budget.targetTokens ?? budget.maxTokens * 0.75)
  const paired = pairs.find(items)
  const recent = new Set(items.slice(Math.max(0, items.length - budget.keepRecent)))
  const user = pairs.lastOfUser(items)
  const dropped = new Set<Item>()
  for (const item of items) {
    if (total <= target) break
    const pair = paired.get(item)
    if (
      item === user || dropped.has(item) || pairs.isSystem(item) || (item._tag === "ToolCall" && pair === undefined)
    ) continue
    const group = pair === undefined ? [item] : [pair.call, pair.output]
    // Older items only: what comes after a newer one that stays would be torn out of its context.
    if (group.some((item) => recent.has(item))) break
    for (const item of group) {
      dropped.add(item)
      total -= size(item)
    }
  }
  return items.filter((item) => dropped.has(item))
}

export const without = (history: History, dropped: ReadonlyArray<Item>): History => {
  const gone = new Set(dropped)
  return { items: history.items.filter((item) => !gone.has(item)) }
}

/** Takes `gone` out of the items and puts `added` in the place of the first of them. */
export const exchange = (
  items: ReadonlyArray<Item>,
  gone: (item: Item) => boolean,
  added: ReadonlyArray<Item>
): ReadonlyArray<Item> => {
  const first = items.findIndex(gone)
  const before = first === -1 ? [] : items.slice(0, first)
  const rest = first === -1 ? items : items.slice(first)
  return [...before, ...added, ...rest.filter((item) => !gone(item))].sort((a, b) => a.createdAt - b.createdAt)
}

export const summarize = (
  history: History,
  dropped: ReadonlyArray<Item>,
  llm: Llm.Llm["Service"],
  instructions = toSummarize
): Effect.Effect<History, Llm.LlmError> => {
  const gone = new Set<Item>([...history.items.filter((item) => item._tag === "Summary"), ...dropped])
  const head = history.items.filter((item) => gone.has(item))
  return llm.reply({
    prompt: Prompt.make([
      { role: "system", content: instructions },
      { role: "user", content: transcripts.writeDetailed(head) }
    ]),
    tools: [],
    toolChoice: "none"
  }).pipe(
    Stream.runFold(() => "", (text, delta) => text + wordsOf(delta)),
    Effect.flatMap((text) =>
      text.trim() === ""
        ? Effect.fail(new Llm.LlmError({ provider: llm.name, reason: new Failure.EndedEarly({}) }))
        : Effect.succeed({
          items: exchange(history.items, (item) => gone.has(item), [summary(text.trim(), head)])
        })
    )
  )
}

const toSummarize =
  "You are given the beginning of a conversation between a user and an assistant. Write a short summary that lets the " +
  "assistant go on without it: who the user is, what they want, facts and numbers, what was decided or promised, what " +
  "is still open. No greeting, no comment."

// It has the time of the first item that it stands for, so that it keeps that place.
const summary = (text: string, head: ReadonlyArray<Item>): Summary => ({
  _tag: "Summary",
  id: `summary-${head.at(-1)!.id}`,
  createdAt: head[0]!.createdAt,
  text
})
