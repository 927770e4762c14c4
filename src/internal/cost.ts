/**
 * What was used, and what that costs by the prices of the program: sums that only
 * grow, and a bounded number of names in them.
 */
import type { Price, Prices, Report, Spent, Unit, Usage } from "../Cost.ts"
import { own } from "./own.ts"

const zero: Spent = { requests: 0, inputTokens: 0, outputTokens: 0, characters: 0, audioMs: 0, cost: 0 }

export const nothing: Report = { total: zero, by: {} }

/** What a service was used for. */
export const usage = (
  component: Usage["component"],
  { model, name }: { readonly name: string; readonly model?: string | undefined },
  used: Partial<Usage>
): Usage => ({
  component,
  provider: name,
  ...(model === undefined ? {} : { model }),
  inputTokens: 0,
  outputTokens: 0,
  characters: 0,
  audioMs: 0,
  estimated: false,
  ...used
})

/** Names from outside must not make a report grow without end. */
const most = 64

const priceOf = (usage: Usage, prices: Prices): Price | undefined => {
  let best: Price | undefined
  for (const price of prices) {
    if (price.provider !== usage.provider) continue
    if (price.model !== undefined && usage.model?.startsWith(price.model) !== true) continue
    if (best === undefined || (price.model?.length ?? -1) > (best.model?.length ?? -1)) best = price
  }
  return best
}

export const of = (usage: Usage, prices: Prices): number | undefined => {
  const price = priceOf(usage, prices)
  if (price === undefined) return undefined
  const { inputTokens: input = 0, cachedInputTokens: cachedInput = input, outputTokens: output = 0 } = price
  const { audioInputTokens: heard = input, audioOutputTokens: spoken = output } = price
  const { cachedAudioInputTokens: cachedHeard = price.audioInputTokens ?? cachedInput } = price
  // Audio has a price of its own, and is a part of each of the sums.
  const cached = Math.min(usage.cachedInputTokens ?? 0, usage.inputTokens)
  const cachedAudio = Math.min(usage.cachedAudioInputTokens ?? 0, cached)
  const audio = Math.min(usage.audioInputTokens ?? 0, usage.inputTokens - cached + cachedAudio)
  const audioOut = Math.min(usage.audioOutputTokens ?? 0, usage.outputTokens)
  const newAudio = Math.max(0, audio - cachedAudio)
  return ((usage.inputTokens - cached - newAudio) * input + newAudio * heard +
        (cached - cachedAudio) * cachedInput + cachedAudio * cachedHeard +
        (usage.outputTokens - audioOut) * output + audioOut * spoken +
        usage.characters * (price.characters ?? 0)) / 1_000_000 + usage.audioMs / 60_000 * (price.audioMinutes ?? 0)
}

export const keyOf = ({ model, provider }: Usage): string => model === undefined ? provider : `${provider}/${model}`

const plus = (spent: Spent, usage: Usage, cost: number): Spent => ({
  // What a recogniser has heard is told in parts.
  requests: spent.requests + (usage.component === "stt" ? 0 : 1),
  inputTokens: spent.inputTokens + usage.inputTokens,
  outputTokens: spent.outputTokens + usage.outputTokens,
  characters: spent.characters + usage.characters,
  audioMs: spent.audioMs + usage.audioMs,
  cost: spent.cost + cost
})

export const add = (self: Report, usage: Usage, cost = 0): Report => {
  const wanted = keyOf(usage)
  const key = Object.hasOwn(self.by, wanted) || Object.keys(self.by).length < most ? wanted : "other"
  return {
    total: plus(self.total, usage, cost),
    by: { ...self.by, [key]: plus(own(self.by, key) ?? zero, usage, cost) }
  }
}

export const amount = ({ total }: Report, unit: Unit): number => {
  switch (unit) {
    case "cost":
      return total.cost
    case "tokens":
      return total.inputTokens + total.outputTokens
    case "characters":
      return total.characters
    case "audioSeconds":
      return total.audioMs / 1000
  }
}
