/** How the work of a model is measured: in real time, where the conversation is measured that asked for it. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

// Inference takes real time, also where the clock of a conversation stands still.
const clock = Context.get(Context.empty(), Clock.Clock)

/** Nanoseconds of a clock that never goes back. */
export const now = (): bigint => clock.monotonicTimeNanosUnsafe()

export const milliseconds = (nanos: bigint): number => Number(nanos) / 1e6

const registries = new WeakMap<object, Context.Context<never>>()

/** The same context for all that are measured in one registry. */
export const registryOf = (context: Context.Context<never>): Context.Context<never> => {
  const registry = Context.get(context, Metric.MetricRegistry)
  const found = registries.get(registry) ?? Context.make(Metric.MetricRegistry, registry)
  registries.set(registry, found)
  return found
}
