/** Makes a history shorter than a model would take: forgets what is old, and cuts what is long. */
import type * as Schema from "effect/Schema"
import type { History, Item } from "../../History.ts"
import { head } from "../text/head.ts"
import * as Json from "../tools/json.ts"
import { drop, estimate } from "./budget.ts"
import * as pairs from "./pairs.ts"

/** What became of the items, by their ids. */
export interface Shortening {
  readonly dropped: ReadonlySet<string>
  readonly cut: ReadonlyMap<string, Item>
}

/** Newest items that are cut, and not forgotten. */
const keepRecent = 4
/** Fewer characters of a text say nothing. */
const leastKept = 200

const note = " [… cut: too long …] "

/** Its beginning and its end. */
const cutText = (text: string, most: number): string => {
  if (text.length <= most) return text
  const half = Math.max(1, Math.floor((most - note.length) / 2))
  const end = text.slice(-half)
  // No half of a character.
  return head(text, half) + note + (/^[\uDC00-\uDFFF]/.test(end) ? end.slice(1) : end)
}

const cutParams = (params: Schema.Json, most: number): Schema.Json => {
  if (JSON.stringify(params).length <= most || !Json.isObject(params)) return params
  const fields = Object.entries(params)
  const each = Math.floor(most / fields.length)
  const texts = fields.filter(([, value]) => typeof value !== "object")
    .map(([name, value]) => [name, typeof value === "string" ? cutText(value, each) : value] as const)
  const shorter = Object.fromEntries(texts)
  return JSON.stringify(shorter).length <= 2 * most ? shorter : {}
}

const cutItem = (item: Item, most: number): Item => {
  switch (item._tag) {
    case "Message": {
      const text = cutText(item.text, most)
      return text === item.text ? item : { ...item, text }
    }
    case "ToolCall": {
      const params = cutParams(item.params, most)
      return params === item.params ? item : { ...item, params }
    }
    case "ToolOutput": {
      const text = typeof item.output === "string" ? item.output : JSON.stringify(item.output)
      return text.length <= most ? item : { ...item, output: cutText(text, most) }
    }
    case "Handoff":
    case "Summary":
      return item
  }
}

/** What counts: what the program and the operator have written stays as it is. */
const size = (item: Item): number => pairs.isSystem(item) ? 0 : estimate(item)

const sum = (items: ReadonlyArray<Item>): number => items.reduce((all, item) => all + size(item), 0)

/**
 * So that what was said takes that share of what it takes now (0 to 1), if it
 * can. Instructions and summaries stay whole, calls and their outputs together,
 * the last message of the user and the newest items in their places.
 */
export const shortening = ({ items }: History, share: number): Shortening => {
  const target = Math.floor(sum(items) * share)
  const dropped = new Set(
    drop(items, { maxTokens: target, targetTokens: target, keepRecent, estimate: size }).map(({ id }) => id)
  )
  const kept = items.filter(({ id }) => !dropped.has(id))
  const cut = new Map<string, Item>()
  const long = kept.filter((item) => !pairs.isSystem(item))
  let left = sum(kept)
  // The longest first: most others keep what they are.
  for (const item of long.toSorted((one, other) => size(other) - size(one))) {
    if (left <= target) break
    const others = left - size(item)
    const share = Math.max(target / long.length, target - others)
    const shorter = cutItem(item, Math.max(leastKept, Math.floor(share * 3)))
    if (shorter === item) continue
    cut.set(item.id, shorter)
    left = others + size(shorter)
  }
  return { dropped, cut }
}

/** The same of the history as it is by now. */
export const shortened = (history: History, { cut, dropped }: Shortening): History => {
  const kept = history.items.filter(({ id }) => !dropped.has(id))
  const whole = pairs.dropHalves(history.items, kept)
  return { items: whole.map((item) => cut.get(item.id) ?? item) }
}
