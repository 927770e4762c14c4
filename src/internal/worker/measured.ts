/**
 * What a process has measured, as it is sent to its parent, and what several
 * processes have measured of one series: amounts are added up, and of a gauge
 * whose sum would mean nothing, it is the worst or the last.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { own } from "../own.ts"

export type Snapshot = Metric.Metric.Snapshot
export type Measured = ReadonlyMap<string, Snapshot>

type Amount = number | bigint

// JSON has neither large integers nor what is no number.
const Told = Schema.Union([
  Schema.Finite,
  Schema.Literals(["NaN", "Infinity", "-Infinity"]),
  Schema.Struct({ integer: Schema.String })
])
const toldAmount = (amount: Amount): typeof Told.Type => {
  if (typeof amount === "bigint") return { integer: String(amount) }
  if (Number.isFinite(amount)) return amount
  return Number.isNaN(amount) ? "NaN" : amount > 0 ? "Infinity" : "-Infinity"
}
const amountOf = (told: typeof Told.Type): Amount => typeof told === "object" ? BigInt(told.integer) : Number(told)
const numberOf = (told: typeof Told.Type): number => Number(amountOf(told))

const spread = { count: Told, min: Told, max: Told, sum: Told }
const Pairs = Schema.Array(Schema.Tuple([Told, Told]))
const State = Schema.Union([
  Schema.TaggedStruct("Counter", { count: Told, incremental: Schema.Boolean }),
  Schema.TaggedStruct("Gauge", { value: Told }),
  Schema.TaggedStruct("Frequency", { occurrences: Schema.Array(Schema.Tuple([Schema.String, Told])) }),
  Schema.TaggedStruct("Histogram", { buckets: Pairs, ...spread }),
  Schema.TaggedStruct("Summary", { quantiles: Pairs, ...spread })
])
const Series = Schema.Struct({
  key: Schema.String,
  id: Schema.String,
  description: Schema.optional(Schema.String),
  attributes: Schema.optional(Schema.Record(Schema.String, Schema.String)),
  state: State
})

const spreadOf = ({ count, max, min, sum }: Metric.HistogramState | Metric.SummaryState) => ({
  count: toldAmount(count),
  min: toldAmount(min),
  max: toldAmount(max),
  sum: toldAmount(sum)
})

const toldState = (snapshot: Snapshot): typeof State.Type => {
  switch (snapshot.type) {
    case "Counter":
      return {
        _tag: "Counter",
        count: toldAmount(snapshot.state.count),
        incremental: snapshot.state.incremental
      }
    case "Gauge":
      return { _tag: "Gauge", value: toldAmount(snapshot.state.value) }
    case "Frequency":
      return { _tag: "Frequency", occurrences: [...snapshot.state.occurrences] }
    case "Histogram": {
      const { buckets } = snapshot.state
      return {
        _tag: "Histogram",
        buckets: buckets.map(([to, count]) => [toldAmount(to), count] as const),
        ...spreadOf(snapshot.state)
      }
    }
    case "Summary": {
      const quantiles = snapshot.state.quantiles.flatMap(([quantile, value]) =>
        value === undefined ? [] : [[quantile, toldAmount(value)] as const]
      )
      return { _tag: "Summary", quantiles, ...spreadOf(snapshot.state) }
    }
  }
}

const spreadFrom = ({ count, max, min, sum }: Extract<typeof State.Type, { readonly sum: unknown }>) => ({
  count: numberOf(count),
  min: numberOf(min),
  max: numberOf(max),
  sum: numberOf(sum)
})

const snapshotOf = ({ attributes, description, id, state }: typeof Series.Type): Snapshot => {
  const about = { id, description, attributes }
  switch (state._tag) {
    case "Counter":
      return {
        ...about,
        type: "Counter",
        state: { count: amountOf(state.count) as never, incremental: state.incremental }
      }
    case "Gauge":
      return { ...about, type: "Gauge", state: { value: amountOf(state.value) as never } }
    case "Frequency": {
      const occurrences = new Map(state.occurrences.map(([word, count]) => [word, numberOf(count)]))
      return { ...about, type: "Frequency", state: { occurrences } }
    }
    case "Histogram": {
      const buckets = state.buckets.map(([to, count]): [number, number] => [numberOf(to), numberOf(count)])
      return { ...about, type: "Histogram", state: { buckets, ...spreadFrom(state) } }
    }
    case "Summary": {
      const quantiles = state.quantiles.map(([quantile, value]) => [numberOf(quantile), numberOf(value)] as const)
      return { ...about, type: "Summary", state: { quantiles, ...spreadFrom(state) } }
    }
  }
}

const codec = Schema.fromJsonString(Schema.Array(Series))
const decode = Schema.decodeUnknownOption(codec)

/** Series that a process tells of: with more, each call has names of its own, or a program counts what has no end. */
const mostSeries = 8192

/** Characters of one text, and of one series, which may have many words. */
const longestText = 262_144

/** A text of so many series is full. */
const seriesOfOne = 256

export interface Tale {
  /** Each is read by itself: what a process has measured is never one long text. */
  readonly texts: ReadonlyArray<string>
  /** Series that are not told. */
  readonly left: number
}

/** What the registry of a process has, in parts. */
export const tell = (context: Context.Context<never>): Tale => {
  const texts: Array<string> = []
  let part: Array<string> = []
  let length = 0
  let told = 0
  let left = 0
  const close = (): void => {
    if (part.length > 0) texts.push(`[${part.join(",")}]`)
    part = []
    length = 0
  }
  for (const [key, { hooks, ...about }] of Context.get(context, Metric.MetricRegistry)) {
    const series = told >= mostSeries ? undefined : JSON.stringify({
      key,
      id: about.id,
      description: about.description,
      attributes: about.attributes,
      state: toldState({ ...about, state: hooks.get(context) })
    })
    if (series === undefined || series.length > longestText - 2) {
      left++
      continue
    }
    if (part.length >= seriesOfOne || length + series.length > longestText - seriesOfOne - 2) close()
    part.push(series)
    length += series.length
    told++
  }
  close()
  return { texts, left }
}

/** Nothing where it cannot be read, or is longer than any part. */
export const read = (text: string): Measured =>
  new Map(
    (text.length > longestText ? [] : Option.getOrElse(decode(text), () => [])).map((
      series
    ) => [series.key, snapshotOf(series)])
  )

/** Adds a part to what one process has told, as far as there is room; gives what it took. */
export const join = (known: Map<string, Snapshot>, part: Measured): Measured => {
  const taken = new Map<string, Snapshot>()
  for (const [key, snapshot] of part) {
    if (!known.has(key) && known.size >= mostSeries) continue
    known.set(key, snapshot)
    taken.set(key, snapshot)
  }
  return taken
}

/** What several processes say of one gauge comes to this. */
type Kind = "sum" | "least" | "most" | "last"

const known: Readonly<Record<string, Kind>> = {
  // A provider that one process lost is lost.
  agent_provider_available: "least",
  // Levels, of which the highest is the worst.
  agent_breaker_state: "most",
  // The fullest queue is the one that somebody waits in.
  vad_queue_depth: "most"
}

/** Of gauges that programs have made themselves, by what Prometheus' naming says; the others are amounts. */
const named: ReadonlyArray<readonly [ending: RegExp, kind: Kind]> = [
  [/_(ratio|percent|max|peak|seconds|celsius|state)$/, "most"],
  [/_(min|up|available)$/, "least"],
  [/_(info|last)$/, "last"]
]

const kindOf = (id: string): Kind => own(known, id) ?? named.find(([ending]) => ending.test(id))?.[1] ?? "sum"

const sum = (a: Amount, b: Amount): Amount =>
  typeof a === "bigint" && typeof b === "bigint" ? a + b : Number(a) + Number(b)

const combined: Readonly<Record<Kind, (a: Amount, b: Amount) => Amount>> = {
  sum,
  least: (a, b) => a < b ? a : b,
  most: (a, b) => a > b ? a : b,
  last: (_, b) => b
}

/** One that has no value says nothing of the other. */
const combine = (kind: Kind, a: Amount, b: Amount): Amount =>
  Number.isNaN(a) ? b : Number.isNaN(b) ? a : combined[kind](a, b)

/** Adds up what stands under the same name or boundary. */
const added = <K>(a: Iterable<readonly [K, number]>, b: Iterable<readonly [K, number]>): Map<K, number> => {
  const all = new Map(a)
  for (const [key, count] of b) all.set(key, (all.get(key) ?? 0) + count)
  return all
}

const spreadOfBoth = (a: Metric.HistogramState | Metric.SummaryState, b: Metric.HistogramState | Metric.SummaryState) =>
  // The least and the most of nothing are no values.
  a.count === 0 ? b : b.count === 0 ? a : {
    count: a.count + b.count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: a.sum + b.sum
  }

/** The same series of two processes as one. What is of another type than the first is left out. */
export const merge = (a: Snapshot, b: Snapshot): Snapshot => {
  if (a.type === "Counter" && b.type === "Counter") {
    return { ...a, state: { ...a.state, count: sum(a.state.count, b.state.count) as never } }
  }
  if (a.type === "Gauge" && b.type === "Gauge") {
    return { ...a, state: { value: combine(kindOf(a.id), a.state.value, b.state.value) as never } }
  }
  if (a.type === "Frequency" && b.type === "Frequency") {
    return { ...a, state: { occurrences: added(a.state.occurrences, b.state.occurrences) } }
  }
  if (a.type === "Histogram" && b.type === "Histogram") {
    const { count, max, min, sum } = spreadOfBoth(a.state, b.state)
    const buckets = [...added(a.state.buckets, b.state.buckets)].sort(([one], [other]) => one - other)
    return { ...a, state: { buckets, count, max, min, sum } }
  }
  if (a.type === "Summary" && b.type === "Summary") {
    const { count, max, min, sum } = spreadOfBoth(a.state, b.state)
    const all = new Map(a.state.quantiles)
    // Of quantiles no more can be said than the worst.
    for (const [quantile, value = -Infinity] of b.state.quantiles) {
      all.set(quantile, Math.max(all.get(quantile) ?? -Infinity, value))
    }
    return { ...a, state: { quantiles: [...all], count, max, min, sum } }
  }
  return a
}

/** What stays of a process that is gone: what it has counted must not fall. */
export const lasting = (measured: Measured): Measured =>
  new Map([...measured].filter(([, { type }]) => type !== "Gauge"))
