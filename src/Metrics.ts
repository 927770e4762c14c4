/**
 * Measurements of conversations, for operators and for the program itself.
 *
 * All metrics except the four of voice activity come from the events only. `record` keeps Effect
 * metrics, which `Layers/Prometheus` and `Layers/Telemetry` show, together with any metric that a
 * program defines with `effect/Metric`: nothing has to be registered. They live in the
 * `Metric.MetricRegistry` of the context, so you can isolate them with a registry of your own. A
 * `Collector` keeps a summary in memory that does not grow with the length of a call.
 *
 * No label contains words of a conversation. Labels are closed sets, and names of providers: the
 * first 64 names have labels of their own, and the rest are `other`.
 *
 * | name | labels | counts |
 * | --- | --- | --- |
 * | `stt_processing_time` | – | end of speech to final transcript, ms |
 * | `llm_response_time`, `llm_first_token_time` | – | whole answer of the model, its first output, ms |
 * | `tts_synthesis_time` | – | first text to first audio, ms |
 * | `total_response_time` | – | end of the user's speech to first audio of the reply, ms |
 * | `agent_turn_stage_time` | `stage` | the stages of that time, ms |
 * | `agent_response_time_seconds` | – | that time, in seconds |
 * | `conversations_started`, `agent_conversations_total` | – | sessions |
 * | `messages_processed` | – | messages of users and agents that entered history |
 * | `function_calls_executed`, `function_calls_failed` | – | function calls |
 * | `agent_errors_total`, `agent_errors_unrecovered_total` | `error_type` | failures of providers |
 * | `agent_escalations_total` | `error_type` | sessions given up |
 * | `agent_breaker_state` | `component`, `provider` | gauge of circuit breakers: 0 closed, 1 half-open, 2 open |
 * | `agent_sessions_active` | – | gauge of open sessions |
 * | `agent_sessions_closed_total` | `reason` | sessions |
 * | `agent_speeches_total` | `outcome` | speeches of the agent |
 * | `agent_interruptions_total` | – | speeches that were interrupted |
 * | `agent_false_interruptions_total` | `resumed` | interruptions without words |
 * | `agent_preempted_turns_total` | – | turns answered before they were committed |
 * | `agent_llm_tokens_total` | `provider`, `direction` | tokens |
 * | `agent_llm_requests_total` | `provider` | answered requests |
 * | `agent_tts_characters_total`, `agent_tts_audio_seconds_total` | `provider` | synthesis |
 * | `agent_stt_audio_seconds_total` | `provider` | audio given to recognisers |
 * | `agent_cost_total` | `component`, `provider` | cost, by the prices of the program |
 * | `agent_budgets_reached_total` | `stage` | budgets of sessions |
 * | `agent_provider_available` | `component`, `provider` | gauge, 0 while a fallback passes it over |
 * | `agent_provider_retries_total` | `component`, `provider` | attempts at providers after the first one |
 * | `agent_speech_seconds_total`, `agent_user_speech_seconds_total` | – | speech, in seconds |
 * | `agent_warnings_total` | `component` | warnings |
 * | `agent_room_refusals_total` | `what` | messages, remote calls and keys that were not taken in, and what a listener who lagged has lost |
 * | `agent_transcriptions_timed_out_total`, `agent_user_turn_limits_total` | – | turns |
 * | `agent_transcripts_empty_total` | `reason` | speech in whose transcript is no word |
 * | `agent_handoffs_total`, `agent_history_summaries_total` | – | events |
 * | `vad_batch_size` | – | windows in one batch of the voice activity model |
 * | `vad_queue_depth` | – | gauge of the streams that wait for it when a batch ends |
 * | `vad_inference_time`, `vad_lateness_time` | – | one batch; the longest from a window that is ready to its answer; ms |
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Cost from "./Cost.ts"
import type * as Event from "./Event.ts"
import type { InvalidOptions } from "./Failure.ts"
import { thrownIn } from "./internal/foreign.ts"
import * as collectors from "./internal/metrics/collector.ts"
import * as errorTypes from "./internal/metrics/errorType.ts"
import * as recording from "./internal/metrics/record.ts"
import * as series from "./internal/metrics/series.ts"
import { maskedAll } from "./internal/numbers.ts"
import * as Check from "./internal/options.ts"

/**
 * Kind of failure, as `agent_errors_total` labels it.
 *
 * @category models
 * @since 0.1.0
 */
export type ErrorType = "stt_error" | "llm_error" | "tts_error" | "connection_error" | "unknown_error"

/**
 * @category schemas
 * @since 0.1.0
 */
export const ErrorType: Schema.Literals<
  readonly ["stt_error", "llm_error", "tts_error", "connection_error", "unknown_error"]
> = errorTypes.ErrorType

/**
 * Distribution of one latency, in milliseconds; all 0 while `count` is 0.
 *
 * **Details**
 *
 * `count`, `average`, `min` and `max` are exact, percentiles within 1 %.
 *
 * @category models
 * @since 0.1.0
 */
export interface Latency {
  readonly count: number
  readonly average: number
  readonly min: number
  readonly max: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
}

/**
 * The usage of one provider.
 *
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  readonly requests: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly characters: number
  readonly audioMs: number
}

/**
 * The summary of a collector. Averages are in milliseconds, 0 without a value.
 *
 * **Details**
 *
 * `stt` is the transcription delay of spoken turns, `llm` the whole request,
 * `llmFirstToken` up to its first output, `tts` up to the first audio, and
 * `total` from the end of the user's speech to the first audio of the reply.
 * `total_messages` counts messages of users and of agents. `errors` counts the
 * recovered, too. `usage` is by provider, and a fallback counts as one; `spent`
 * is by the provider and the model that was really asked, with its cost; `turns` are the latest, oldest first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly stt_avg_latency: number
  readonly llm_avg_latency: number
  readonly tts_avg_latency: number
  readonly total_avg_latency: number
  readonly total_conversations: number
  readonly total_messages: number
  readonly total_function_calls: number
  readonly latency: {
    readonly stt: Latency
    readonly llm: Latency
    readonly llmFirstToken: Latency
    readonly tts: Latency
    readonly total: Latency
  }
  readonly interruptions: number
  readonly falseInterruptions: number
  readonly errors: Readonly<Record<ErrorType, number>>
  readonly usage: Readonly<Record<string, Usage>>
  readonly spent: Cost.Report
  readonly turns: ReadonlyArray<Event.TurnRecord>
}

/**
 * Summary in the making, of one session or of many.
 *
 * @category models
 * @since 0.1.0
 */
export interface Collector {
  readonly push: (event: Event.Event) => void
  readonly summary: () => Summary
}

/**
 * Sends snapshots of all metrics to another system.
 *
 * @category options
 * @since 0.1.0
 */
export interface Exporter<out E = never, out R = never> {
  /** Named in the log when an export fails. */
  readonly name: string
  readonly export: (snapshot: ReadonlyArray<Metric.Metric.Snapshot>) => Effect.Effect<void, E, R>
  /** When to export; once more when the scope closes. @default Schedule.spaced("15 seconds") */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
  /** Longest time for one export. @default "10 seconds" */
  readonly timeout?: Duration.Input | undefined
}

/**
 * Options of `layer`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<out E = never, out R = never> {
  /** Metrics of the program's own that should be seen before their first value. @default [] */
  readonly metrics?: ReadonlyArray<Metric.Metric<never, unknown>> | undefined
  /** @default [] */
  readonly exporters?: ReadonlyArray<Exporter<E, R>> | undefined
}

/**
 * Gives the kind of a failure, from the component that failed or else from the tag of the reason.
 * It does not read texts.
 *
 * @category combinators
 * @since 0.1.0
 */
export const errorType: (failure: Pick<Event.Of<"ProviderFailed">, "component" | "reason">) => ErrorType = errorTypes.of

/**
 * Updates the metrics with an event, synchronously.
 *
 * **Details**
 *
 * `context` says which registry. Without it, the registry of the process.
 *
 * @category recording
 * @since 0.1.0
 */
export const record = (event: Event.Event, context: Context.Context<never> = Context.empty()): void =>
  recording.record(event, context)

/**
 * Gives `record` for the registry in force, to call from anywhere.
 *
 * @category recording
 * @since 0.1.0
 */
export const recorder: Effect.Effect<(event: Event.Event) => void> = Effect.map(
  Effect.context<never>(),
  (context) => (event: Event.Event) => recording.record(event, context)
)

/**
 * Makes all series exist at zero, so that a rate has a value to start from.
 *
 * @category recording
 * @since 0.1.0
 */
export const register: Effect.Effect<void> = Effect.contextWith((context: Context.Context<never>) =>
  Effect.sync(() => series.register(context))
)

/**
 * Options of a collector.
 *
 * @category options
 * @since 0.1.0
 */
export interface CollectorOptions {
  /** Turn records kept. @default 100 */
  readonly turns?: number | undefined
}

const collecting = Check.struct<CollectorOptions>()({ turns: Check.whole({ default: 100, endless: true }) })

/**
 * Makes a collector. Throws `Failure.InvalidOptions` if `turns` is wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const collector = (options: CollectorOptions = {}): Collector =>
  collectors.make(Check.readOrThrow(collecting, options).turns)

const nameOf = (cause: Cause.Cause<unknown>): string => {
  const error = thrownIn(cause)
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") {
    return error._tag
  }
  return error instanceof Error ? error.name : "unknown"
}

const exporting = Check.struct<Exporter<any, any>>()({
  name: Check.required(Check.text()),
  export: Check.required(Check.callback),
  schedule: Check.such<Schedule.Schedule<unknown>>(
    Schedule.isSchedule,
    "be a Schedule, such as Schedule.spaced(\"1 minute\")"
  ),
  timeout: Check.duration({ default: "10 seconds" })
})

const showing = Check.struct<Options<any, any>>()({
  metrics: Check.list(
    Check.required(
      Check.such<Metric.Metric<never, unknown>>(
        Metric.isMetric,
        "be a Metric, such as Metric.counter gives"
      )
    )
  ),
  exporters: Check.list(exporting)
})

/**
 * Runs an exporter for as long as the scope is open.
 *
 * **Details**
 *
 * A failed, broken or slow export is logged and the next one is tried. The log names the tag of the
 * error and not its text, which may hold a secret. Fails if an option is wrong.
 *
 * @category exporting
 * @since 0.1.0
 */
export const exporter = Effect.fnUntraced(function*<E, R>(
  options: Exporter<E, R>
): Effect.fn.Return<void, InvalidOptions, R | Scope.Scope> {
  const { timeout } = yield* Check.readOrFail(exporting, options, (wrong) => wrong)
  const once = Metric.snapshot.pipe(
    Effect.flatMap(options.export),
    Effect.timeout(timeout),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logWarning("metrics were not exported").pipe(
          Effect.annotateLogs({ exporter: options.name, error: nameOf(cause) })
        )
    )
  )
  const context = yield* Effect.context<R>()
  yield* Effect.addFinalizer(() => Effect.provide(once, context))
  yield* once.pipe(
    Effect.schedule(options.schedule ?? Schedule.spaced("15 seconds")),
    Effect.forkScoped
  )
})

/**
 * Shows all metrics from the start, and runs exporters.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(options: Options<E, R> = {}): Layer.Layer<never, InvalidOptions, R> =>
  Layer.effectDiscard(Effect.gen(function*() {
    yield* Check.readOrFail(showing, options, (wrong) => wrong)
    const context = yield* Effect.context<never>()
    series.register(context)
    series.register(context, options.metrics ?? [])
    yield* Effect.forEach(options.exporters ?? [], exporter, { discard: true })
  }))

/**
 * Names of the ids that tie logs and spans to a conversation.
 *
 * @category annotations
 * @since 0.1.0
 */
export const annotationNames = {
  session: "session",
  turn: "turn",
  participant: "participant",
  job: "job"
} as const

/**
 * Ids that tie logs and spans to a conversation, for `Effect.annotateLogs` and
 * `Effect.annotateSpans`. Ids that are not known are left out, and telephone
 * numbers in them are masked: LiveKit names callers and their rooms by them.
 *
 * @category annotations
 * @since 0.1.0
 */
export const annotations = (ids: {
  readonly session: string
  readonly turn?: number | undefined
  readonly participant?: string | undefined
  readonly job?: string | undefined
}): Readonly<Record<string, string | number>> =>
  maskedAll({
    [annotationNames.session]: ids.session,
    ...(ids.turn === undefined ? {} : { [annotationNames.turn]: ids.turn }),
    ...(ids.participant === undefined ? {} : { [annotationNames.participant]: ids.participant }),
    ...(ids.job === undefined ? {} : { [annotationNames.job]: ids.job })
  })
