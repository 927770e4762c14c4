/**
 * Options of resilience with their defaults, such as the deadline for the first output. They are
 * checked when a service is made, not during a call.
 */
import * as Schedule from "effect/Schedule"
import * as Check from "../options.ts"
import type {
  BreakerOptions,
  FallbackOptions,
  HedgeOptions,
  LayerOptions,
  Policy,
  PrewarmOptions,
  RecoverOptions,
  Recovery,
  RetryLayerOptions
} from "./model.ts"

const schedule = Check.such<Schedule.Schedule<unknown>>(
  Schedule.isSchedule,
  "be a Schedule, such as Schedule.spaced(\"30 seconds\")"
)

const asked = {
  retries: Check.whole({ default: 3, endless: true }),
  schedule,
  attempt: Check.duration({ above: 0 }),
  firstOutput: Check.duration({ default: "10 seconds" }),
  nextOutput: Check.duration({ default: "10 seconds" }),
  thinking: Check.duration({ default: "1 minute" })
}

/** How a provider is asked. */
export const policy = Check.struct<Policy>()({
  ...asked,
  breaker: Check.service("a Breaker, such as Resilience.breaker gives", "protect")
})

/** The same of a provider that gets its breaker from elsewhere. */
export const attempts = Check.struct<Omit<Policy, "breaker">>()(asked)

const tripping = {
  consecutiveFailures: Check.whole({ least: 1, default: 5, endless: true }),
  failureRate: Check.number({ above: 0, most: 1, default: 0.5 }),
  minimumRequests: Check.whole({ least: 1, default: 10, endless: true }),
  window: Check.duration({ default: "1 minute" }),
  recovery: schedule
}

const circuit = Check.struct<Omit<BreakerOptions, "name" | "component">>()(tripping)

export const breaker = Check.struct<BreakerOptions>()({
  ...tripping,
  name: Check.required(Check.text()),
  component: Check.oneOf(["stt", "llm", "tts", "other"], { default: "other" })
})

const some = Check.required(
  Check.such<ReadonlyArray<unknown>>(
    (providers) => Array.isArray(providers) && providers.length > 0 && providers.every(Check.isRecord),
    "be a list of at least one service"
  )
)

/** Those among whom one is asked. */
export const among = Check.struct<{ readonly providers: ReadonlyArray<unknown> }>()({ providers: some })

const falling = {
  name: Check.text(),
  policy: Check.section(attempts),
  breaker: Check.maybe(circuit),
  probe: Check.callback,
  recovery: schedule
}

export const fallback = Check.struct<FallbackOptions<any>>()(falling)

/** The same of a provider that another can go on for, once it has begun. */
export const resuming = Check.struct<
  FallbackOptions<any> & {
    /** @default false */
    readonly retryAfterOutput?: boolean | undefined
  }
>()({ ...falling, retryAfterOutput: Check.flag({ default: false }) })

export const recovering = Check.struct<RecoverOptions<any>>()({
  ...falling,
  recoveries: Check.list(
    Check.struct<Recovery<any>>()({
      name: Check.required(Check.text()),
      change: Check.required(Check.callback),
      after: Check.duration({ default: 0 })
    })
  )
})

export const hedge = Check.struct<HedgeOptions>()({
  name: Check.text(),
  after: Check.duration({ default: "1500 millis" }),
  policy: Check.section(attempts)
})

export const layer = Check.struct<LayerOptions>()({
  policy: Check.section(attempts),
  breaker: Check.section(circuit)
})

export const warming = Check.struct<PrewarmOptions>()({ paid: Check.flag({ default: false }) })

export const guarding = Check.struct<{
  readonly error: (reason: any) => unknown
  readonly isUseful?: ((element: any) => boolean) | undefined
}>()({ error: Check.required(Check.callback), isUseful: Check.callback })

export const building = Check.struct<RetryLayerOptions<any>>()({
  attempts: Check.whole({ least: 1, default: 3, endless: true }),
  first: Check.duration({ default: "2 seconds" }),
  isRetryable: Check.callback
})
