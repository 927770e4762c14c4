/**
 * Prometheus texts of several processes as one. Equal series are added up. For a gauge whose sum
 * means nothing, it takes the worst or the last value.
 */

const familyOf = (series: string, families: ReadonlyMap<string, Array<string>>): string => {
  const name = /^[^{ ]+/.exec(series)?.[0] ?? series
  const base = name.replace(/_(bucket|sum|count|min|max)$/, "")
  return families.has(name) || !families.has(base) ? name : base
}

/** What several processes say of one series comes to this. */
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
  [/_(ratio|max|peak|timestamp_seconds)$/, "most"],
  [/_min$/, "least"],
  [/_(info|last)$/, "last"]
]

const kindOf = (family: string, series: string, isGauge: boolean): Kind => {
  // Of quantiles no more can be said than the worst.
  if (series.includes("quantile=\"")) return "most"
  return isGauge ? known[family] ?? named.find(([ending]) => ending.test(family))?.[1] ?? "sum" : "sum"
}

const combine: Readonly<Record<Kind, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  least: Math.min,
  most: Math.max,
  last: (_, b) => b
}

export const mergeTexts = (texts: ReadonlyArray<string>): string => {
  if (texts.length === 1) return texts[0] ?? ""
  const heads = new Map<string, Array<string>>()
  const values = new Map<string, Map<string, number>>()
  const gauges = new Set(
    texts.flatMap((text) => Array.from(text.matchAll(/^# TYPE (\S+) gauge$/gm), ([, name = ""]) => name))
  )
  for (const text of texts) {
    for (const line of text.split("\n")) {
      const head = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1]
      if (head !== undefined) {
        const lines = heads.get(head) ?? []
        if (!lines.includes(line)) heads.set(head, [...lines, line])
        continue
      }
      const end = line.lastIndexOf(" ")
      if (end <= 0) continue
      const series = line.slice(0, end)
      const family = familyOf(series, heads)
      const known = values.get(family) ?? new Map<string, number>()
      values.set(family, known)
      const value = Number(line.slice(end + 1))
      const before = known.get(series)
      known.set(
        series,
        before === undefined ? value : combine[kindOf(family, series, gauges.has(family))](before, value)
      )
    }
  }
  const shown = (value: number): string => value === Number.POSITIVE_INFINITY ? "+Inf" : String(value)
  return Array.from(values, ([family, series]) =>
    [
      ...(heads.get(family) ?? []),
      ...Array.from(series, ([name, value]) => `${name} ${shown(value)}`),
      ""
    ].join("\n")).join("\n")
}

/** What stays of a process that is gone: its counters and histograms, which must not fall. */
export const countersOf = (text: string): string => {
  const counting = new Set(
    Array.from(text.matchAll(/^# TYPE (\S+) (?:counter|histogram|summary)$/gm), (match) => match[1] ?? "")
  )
  const families = new Map(Array.from(counting, (name) => [name, []]))
  return text.split("\n").filter((line) => {
    const head = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1]
    return head === undefined ? counting.has(familyOf(line, families)) : counting.has(head)
  }).join("\n")
}
