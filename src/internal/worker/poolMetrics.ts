/**
 * What the processes of a pool have measured, in the registry of their parent:
 * each series there is what this process and all of those have measured, so
 * that whoever exports metrics, by OTLP or for Prometheus, exports theirs too.
 * The counts of a process stay when it is gone; its gauges go with it.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { join, lasting, type Measured, merge, read, type Snapshot } from "./measured.ts"

type Metadata = Metric.Metric.Metadata<any, any>

/** A metric of the same kind, for a series that this process has not measured itself. */
const alike = ({ attributes, description, id, ...rest }: Snapshot): Metric.Metric<never, unknown> => {
  const about = { attributes, description }
  switch (rest.type) {
    case "Counter":
      return typeof rest.state.count === "bigint"
        ? Metric.counter(id, { ...about, incremental: rest.state.incremental, bigint: true })
        : Metric.counter(id, { ...about, incremental: rest.state.incremental })
    case "Gauge":
      return typeof rest.state.value === "bigint"
        ? Metric.gauge(id, { ...about, bigint: true })
        : Metric.gauge(id, about)
    case "Frequency":
      return Metric.frequency(id, about)
    case "Histogram":
      return Metric.histogram(id, { ...about, boundaries: rest.state.buckets.map(([to]) => to) })
    case "Summary": {
      const quantiles = rest.state.quantiles.map(([quantile]) => quantile)
      return Metric.summary(id, { ...about, quantiles, maxAge: "1 minute", maxSize: 1000 })
    }
  }
}

/** As it would be registered. */
const registered = (metric: Metric.Metric<never, unknown>): Metadata | undefined => {
  const registry: Metric.MetricRegistry = new Map()
  metric.valueUnsafe(Context.make(Metric.MetricRegistry, registry))
  return [...registry.values()][0]
}

export class PoolMetrics {
  readonly #registry: Metric.MetricRegistry
  /** Of those that are gone. */
  #past: Measured = new Map()
  readonly #present = new Map<object, Map<string, Snapshot>>()
  readonly #shown = new Map<string, Metadata>()

  constructor(context: Context.Context<never>) {
    this.#registry = Context.get(context, Metric.MetricRegistry)
  }

  /** A part of what a process says it has measured until now. */
  take(child: object, text: string): void {
    const measured = this.#present.get(child) ?? new Map<string, Snapshot>()
    this.#present.set(child, measured)
    for (const [key, snapshot] of join(measured, read(text))) this.#show(key, snapshot)
  }

  /** The process is gone. */
  bury(child: object): void {
    const past = new Map(this.#past)
    for (const [key, snapshot] of lasting(this.#present.get(child) ?? new Map())) {
      const before = past.get(key)
      past.set(key, before === undefined ? snapshot : merge(before, snapshot))
    }
    this.#past = past
    this.#present.delete(child)
  }

  #of(key: string): ReadonlyArray<Snapshot> {
    return [this.#past, ...this.#present.values()].flatMap((measured) => measured.get(key) ?? [])
  }

  #show(key: string, snapshot: Snapshot): void {
    const own = this.#registry.get(key)
    if (own !== undefined && own === this.#shown.get(key)) return
    const metadata = own ?? registered(alike(snapshot))
    if (metadata === undefined) return
    const { hooks, ...about } = metadata
    // A gauge of which this process knows nothing is not zero.
    let measuresItself = own !== undefined || snapshot.type !== "Gauge"
    const noting = (update: typeof hooks.update): typeof hooks.update => (input, context) => {
      measuresItself = true
      update(input, context)
    }
    const shown: Metadata = {
      ...about,
      hooks: {
        get: (context) => {
          const here: Snapshot = { ...about, state: hooks.get(context) }
          const [first = here, ...others] = [...(measuresItself ? [here] : []), ...this.#of(key)]
          return others.reduce(merge, first).state
        },
        update: noting(hooks.update),
        modify: noting(hooks.modify)
      }
    }
    this.#registry.set(key, shown)
    this.#shown.set(key, shown)
  }
}
