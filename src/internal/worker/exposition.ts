/** Prometheus texts of several processes as one: what is the same series is added up, or the worst of it where a sum means nothing. */

const familyOf = (series: string, families: ReadonlyMap<string, Array<string>>): string => {
  const name = /^[^{ ]+/.exec(series)?.[0] ?? series
  const base = name.replace(/_(bucket|sum|count|min|max)$/, "")
  return families.has(name) || !families.has(base) ? name : base
}

/** A provider that one process lost is lost. */
const smallest = new Set(["agent_provider_available"])

/** Levels, of which the highest is the worst. */
const largest = new Set(["agent_breaker_state"])

const combine = (family: string, series: string, a: number, b: number): number => {
  if (smallest.has(family)) return Math.min(a, b)
  // Of quantiles, too, no more can be said than the worst.
  return largest.has(family) || series.includes("quantile=\"") ? Math.max(a, b) : a + b
}

export const mergeTexts = (texts: ReadonlyArray<string>): string => {
  if (texts.length === 1) return texts[0] ?? ""
  const heads = new Map<string, Array<string>>()
  const values = new Map<string, Map<string, number>>()
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
      known.set(series, before === undefined ? value : combine(family, series, before, value))
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
