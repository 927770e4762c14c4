/** What the doctor found, as numbers, as advice, and as a table. */
import type * as Failure from "../../Failure.ts"
import type { Sample } from "./probes.ts"

export interface Quantiles {
  readonly p50: number
  readonly p95: number
}

/** What is known of one provider. Times are in ms. */
export interface Finding {
  readonly provider: string
  readonly kind: "stt" | "llm" | "tts"
  readonly model: string | undefined
  readonly asked: number
  readonly answered: number
  readonly first: Quantiles | undefined
  readonly last: Quantiles | undefined
  /** Share of words that were heard wrongly. */
  readonly wordErrors: number | undefined
  /** What failed or was odd, and how often. */
  readonly faults: ReadonlyArray<{ readonly what: string; readonly times: number }>
  /** What closes and refusals said, without keys. */
  readonly said: ReadonlyArray<string>
  /** What to mend. */
  readonly advice: ReadonlyArray<string>
}

/** Nearest rank. */
export const quantiles = (values: ReadonlyArray<number>): Quantiles | undefined => {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const rank = (share: number) => Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { p50: rank(0.5), p95: rank(0.95) }
}

const given = (values: ReadonlyArray<number | undefined>): ReadonlyArray<number> =>
  values.filter((value) => value !== undefined)

/** What a failure tells to mend; `variables` are where the key comes from. */
export const adviceFor = (reason: Failure.Reason, variables: ReadonlyArray<string>): string | undefined => {
  const key = variables.length === 0 ? "the key" : variables.join(" and ")
  if (reason._tag === "Rejected") {
    switch (reason.status) {
      case 401:
        return `${key}: the provider does not know this key; is it whole, and of this provider?`
      case 402:
        return `${key}: the account has no credit or quota left`
      case 403:
        return `${key}: the key may not do this; look at its permissions, or at the region`
      case 404:
        return "there is no such model, voice or address: look at model, voice and baseUrl"
      case 429:
        return "the account's limit of requests is reached: ask for a higher one before calls come"
      default:
        return reason.status >= 500 ? "the provider itself is in trouble: look at its status page" : undefined
    }
  }
  if (reason._tag === "Disconnected") {
    switch (reason.code) {
      case "ECONNREFUSED":
        return "nobody listens there: is the server running, and is baseUrl right?"
      case "ENOTFOUND":
      case "EAI_AGAIN":
        return "the name of the server is not known: look at baseUrl, the region, and DNS"
      case "UND_ERR_CONNECT_TIMEOUT":
      case "ETIMEDOUT":
        return "no way to the server: is a proxy or firewall between?"
      default:
        return undefined
    }
  }
  return reason._tag === "InvalidRequest" ? `mend the setting: ${reason.message}` : undefined
}

export const findingOf = (options: {
  readonly provider: string
  readonly kind: Finding["kind"]
  readonly model: string | undefined
  readonly variables: ReadonlyArray<string>
  readonly samples: ReadonlyArray<Sample>
  readonly said: ReadonlyArray<string>
}): Finding => {
  const { kind, model, provider, said, samples, variables } = options
  const faults = new Map<string, number>()
  const advice = new Set<string>()
  for (const { failure, odd } of samples) {
    const what = failure?.message ?? odd
    if (what !== undefined) faults.set(what, (faults.get(what) ?? 0) + 1)
    const mend = failure === undefined ? undefined : adviceFor(failure, variables)
    if (mend !== undefined) advice.add(mend)
  }
  const errors = given(samples.map(({ wordErrors }) => wordErrors))
  const wordErrors = errors.length === 0 ? undefined : errors.reduce((a, b) => a + b) / errors.length
  if (wordErrors !== undefined && wordErrors > 0.5) {
    advice.add("most words were heard wrongly: are language, model and sample rate right?")
  }
  return {
    provider,
    kind,
    model,
    asked: samples.length,
    answered: samples.filter(({ lastMs }) => lastMs !== undefined).length,
    first: quantiles(given(samples.map(({ firstMs }) => firstMs))),
    last: quantiles(given(samples.map(({ lastMs }) => lastMs))),
    wordErrors,
    faults: Array.from(faults, ([what, times]) => ({ what, times })),
    said,
    advice: [...advice]
  }
}

const label: Readonly<Record<Finding["kind"], readonly [first: string, last: string]>> = {
  stt: ["first words", "final after speech"],
  llm: ["first token", "whole reply"],
  tts: ["first audio", "whole audio"]
}

const times = (quantiles: Quantiles | undefined): string =>
  quantiles === undefined ? "–" : `${quantiles.p50} / ${quantiles.p95}`

/** For people: one line a figure, the faults below. */
export const table = (findings: ReadonlyArray<Finding>): string => {
  const rows = [
    ["", "answered", "first: p50 / p95 ms", "last: p50 / p95 ms", "words wrong"],
    ...findings.map(({ answered, asked, first, kind, last, model, provider, wordErrors }) => [
      `${kind} ${provider}${model === undefined ? "" : ` ${model}`}`,
      `${answered} of ${asked}`,
      `${label[kind][0]} ${times(first)}`,
      `${label[kind][1]} ${times(last)}`,
      wordErrors === undefined ? "" : `${Math.round(wordErrors * 100)} %`
    ])
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd())
  const notes = findings.flatMap(({ advice, faults, kind, provider, said }) => {
    const all = [
      ...faults.map(({ times, what }) => `  ${times} × ${what}`),
      ...said.map((line) => `  it said: ${line}`),
      ...advice.map((line) => `  → ${line}`)
    ]
    return all.length === 0 ? [] : ["", `${kind} ${provider}`, ...all]
  })
  return [...lines, ...notes].join("\n")
}
