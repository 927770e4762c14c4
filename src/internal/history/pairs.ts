/** Calls and their outputs: who belongs to whom. */
import type { Item, ToolCall, ToolOutput } from "../../History.ts"

export interface Pair {
  readonly call: ToolCall
  readonly output: ToolOutput
}

/** The first call of each id with the first output after it. */
export const find = (items: ReadonlyArray<Item>): ReadonlyMap<Item, Pair> => {
  const calls = new Map<string, ToolCall>()
  const paired = new Map<Item, Pair>()
  for (const item of items) {
    if (item._tag === "ToolCall" && !calls.has(item.callId)) calls.set(item.callId, item)
    if (item._tag !== "ToolOutput") continue
    const call = calls.get(item.callId)
    if (call === undefined || paired.has(call)) continue
    const pair = { call, output: item }
    paired.set(call, pair).set(item, pair)
  }
  return paired
}

/** Removes from `kept` every half of a pair of which `all` knows the other half, and outputs without a call. */
export const dropHalves = (all: ReadonlyArray<Item>, kept: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const paired = find(all)
  const present = new Set(kept)
  return kept.filter((item) => {
    const pair = paired.get(item)
    return pair === undefined ? item._tag !== "ToolOutput" : present.has(pair.call) && present.has(pair.output)
  })
}

export const isSystem = (item: Item): boolean =>
  item._tag === "Summary" || (item._tag === "Message" && item.role === "system")

export const lastOfUser = (items: ReadonlyArray<Item>): Item | undefined =>
  items.findLast((item) => item._tag === "Message" && item.role === "user" && item.setAside === undefined)

/** Keeps the user's last message, too, in the place of the oldest item that may go: without it there is nothing to answer. */
export const keepUser = (all: ReadonlyArray<Item>, kept: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const user = lastOfUser(all)
  if (user === undefined || kept.includes(user)) return kept
  const paired = find(all)
  const oldest = kept.find((item) => !isSystem(item) && (item._tag !== "ToolCall" || paired.has(item)))
  if (oldest === undefined) return kept
  const present = new Set([user, ...kept])
  return all.filter((item) => item !== oldest && present.has(item))
}
