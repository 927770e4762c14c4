/**
 * Every series of conversations: its name, unit, boundaries and labels. The
 * values of labels come from lists here, so that their number is bounded. The
 * series of a worker are in `worker/metrics.ts`.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as Event from "../../Event.ts"
import { ErrorType } from "./errorType.ts"

const counter = (name: string, description: string, attributes?: Metric.Metric.AttributeSet) =>
  Metric.counter(name, { description, incremental: true, attributes })

const milliseconds = [10, 25, 50, 100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000]

// Prometheus shows no unit, and OTLP takes it from this attribute.
const latency = (name: string, description: string, attributes?: Metric.Metric.AttributeSet) =>
  Metric.histogram(name, {
    description: `${description}, in milliseconds`,
    boundaries: milliseconds,
    attributes: { ...attributes, unit: "milliseconds" }
  })

const each = <const K extends string, A>(keys: ReadonlyArray<K>, make: (key: K) => A): Readonly<Record<K, A>> =>
  Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<K, A>

// Batches are scored in less time than turns are taken.
const inference = (name: string, description: string) =>
  Metric.histogram(name, {
    description: `${description}, in milliseconds`,
    boundaries: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    attributes: { unit: "milliseconds" }
  })

export const vadBatchSize = Metric.histogram("vad_batch_size", {
  description: "Windows that the voice activity model scored in one batch",
  boundaries: [1, 2, 4, 8, 16, 32]
})
export const vadQueueDepth = Metric.gauge("vad_queue_depth", {
  description: "Streams that wait for the voice activity model when a batch ends"
})
export const vadInferenceTime = inference("vad_inference_time", "Time for one batch of the voice activity model")
export const vadLatenessTime = inference(
  "vad_lateness_time",
  "Longest time in a batch from a window that is ready to its probability"
)
export const turnDetectorInferenceTime = inference("turn_detector_inference_time", "Time to judge one pause")
export const turnDetectorLatenessTime = inference(
  "turn_detector_lateness_time",
  "Time from a question to the turn detector to its answer"
)
export const turnDetectorShed = counter("turn_detector_shed", "Pauses that the turn detector gave up: too many waited")

export const sttProcessingTime = latency("stt_processing_time", "End of speech to final transcript")
export const llmResponseTime = latency("llm_response_time", "Whole answer of the language model")
export const llmFirstTokenTime = latency("llm_first_token_time", "First output of the language model")
export const ttsSynthesisTime = latency("tts_synthesis_time", "First text to first audio of the synthesiser")
export const totalResponseTime = latency("total_response_time", "End of the user's speech to first audio of the reply")

export const turnStageTime = each(
  ["end_of_utterance", "tools", "llm_first_token", "first_sentence", "tts_first_byte", "playout_start"],
  (stage) => latency("agent_turn_stage_time", "Stage of a turn; the stages add up to total_response_time", { stage })
)

export const responseTimeSeconds = Metric.histogram("agent_response_time_seconds", {
  description: "Time taken for agent to respond, in seconds",
  boundaries: [0.1, 0.5, 1, 2, 5],
  attributes: { unit: "seconds" }
})

export const conversationsStarted = counter("conversations_started", "Conversations begun")
export const messagesProcessed = counter("messages_processed", "Messages of users and agents that entered history")
export const functionCallsExecuted = counter("function_calls_executed", "Function calls finished")
export const functionCallsFailed = counter("function_calls_failed", "Function calls finished with a failure")

export const conversations = counter("agent_conversations_total", "Total number of conversations")
export const sessionsActive = Metric.gauge("agent_sessions_active", { description: "Sessions open now" })
export const sessionsClosed = each(
  Event.CloseReason.literals,
  (reason) => counter("agent_sessions_closed_total", "Sessions closed, by reason", { reason })
)

export const errors = each(
  ErrorType.literals,
  (error_type) => counter("agent_errors_total", "Failures of providers, recovered or not", { error_type })
)
export const errorsUnrecovered = each(
  ErrorType.literals,
  (error_type) =>
    counter("agent_errors_unrecovered_total", "Failures of providers that cost the caller something", { error_type })
)
export const escalations = each(
  ErrorType.literals,
  (error_type) => counter("agent_escalations_total", "Sessions given up, by kind of failure", { error_type })
)
export const warnings = each(
  Event.Component.literals,
  (component) => counter("agent_warnings_total", "Warnings, by component", { component })
)
export const roomRefusals = each(
  ["message", "call", "key", "lagged"],
  (what) => counter("agent_room_refusals_total", "What was not taken in of those in a room, by what it was", { what })
)
export const transcriptionsTimedOut = counter("agent_transcriptions_timed_out_total", "Speech without a transcript")
export const transcriptsEmpty = each(
  Event.TranscriptEmptyReason.literals,
  (reason) => counter("agent_transcripts_empty_total", "Speech with a transcript that has no words", { reason })
)
export const userTurnLimits = counter("agent_user_turn_limits_total", "User turns cut off by a limit")

export const speeches = each(
  ["completed", "interrupted", "failed", "discarded"],
  (outcome) => counter("agent_speeches_total", "Speeches of the agent, by outcome", { outcome })
)
export const interruptions = counter("agent_interruptions_total", "Speeches of the agent that users interrupted")
export const falseInterruptions = each(
  ["true", "false"],
  (resumed) => counter("agent_false_interruptions_total", "Interruptions without words behind them", { resumed })
)
export const preemptedTurns = counter("agent_preempted_turns_total", "Turns answered before they were committed")
export const userSpeechSeconds = counter("agent_user_speech_seconds_total", "Speech of users, in seconds")
export const agentSpeechSeconds = counter(
  "agent_speech_seconds_total",
  "Speech of the agent that was played, in seconds"
)
export const agentChanges = counter("agent_handoffs_total", "Changes of the agent in mid-conversation")
export const historySummaries = counter("agent_history_summaries_total", "Histories shortened by a summary")

const providers = 64

// A label from outside must not make series without end.
const byProvider = <A>(make: (provider: string) => A): (provider: string) => A => {
  const known = new Map<string, A>()
  const other = make("other")
  return (provider) => {
    const found = known.get(provider)
    if (found !== undefined) {
      return found
    }
    if (known.size >= providers || provider.length > 100) {
      return other
    }
    const made = make(provider)
    known.set(provider, made)
    return made
  }
}

const tokens = (direction: "input" | "output") =>
  byProvider((provider) => counter("agent_llm_tokens_total", "Tokens, by provider", { provider, direction }))

export const inputTokens = tokens("input")
export const outputTokens = tokens("output")
export const llmRequests = byProvider((provider) =>
  counter("agent_llm_requests_total", "Answered requests to language models", { provider })
)
export const ttsCharacters = byProvider((provider) =>
  counter("agent_tts_characters_total", "Characters synthesised", { provider })
)
export const ttsAudioSeconds = byProvider((provider) =>
  counter("agent_tts_audio_seconds_total", "Audio synthesised, in seconds", { provider })
)
export const sttAudioSeconds = byProvider((provider) =>
  counter("agent_stt_audio_seconds_total", "Audio given to recognisers, in seconds", { provider })
)
export const cost = each(
  ["stt", "llm", "tts"],
  (component) =>
    byProvider((provider) =>
      counter("agent_cost_total", "Cost of providers, by the prices of the program", { component, provider })
    )
)
export const budgets = each(
  ["warning", "economy", "end"],
  (stage) => counter("agent_budgets_reached_total", "Budgets of sessions, by the stage reached", { stage })
)
export const providerAvailable = each(
  Event.Component.literals,
  (component) =>
    byProvider((provider) =>
      Metric.gauge("agent_provider_available", {
        description: "1 where the provider is asked, 0 while a fallback passes it over",
        attributes: { component, provider }
      })
    )
)

export const providerRetries = each(
  Event.Component.literals,
  (component) =>
    byProvider((provider) =>
      counter("agent_provider_retries_total", "Attempts at providers after the first one", { component, provider })
    )
)

const states = new Map<string, (provider: string) => Metric.Gauge<number>>()

/** A breaker may guard anything: what it guards is said by whoever makes it, from a closed set. */
export const breakerState = (component: string, provider: string): Metric.Gauge<number> => {
  const known = states.get(component) ?? byProvider((provider) =>
    Metric.gauge("agent_breaker_state", {
      description: "Circuit breaker of the provider: 0 closed, 1 half-open, 2 open",
      attributes: { component, provider }
    })
  )
  states.set(component, known)
  return known(provider)
}

const fixed: ReadonlyArray<Metric.Metric<never, unknown>> = [
  responseTimeSeconds,
  conversations,
  ...Object.values(errors),
  ...Object.values(errorsUnrecovered),
  ...Object.values(escalations),
  ...Object.values(budgets),
  sessionsActive,
  ...Object.values(sessionsClosed),
  conversationsStarted,
  messagesProcessed,
  functionCallsExecuted,
  functionCallsFailed,
  sttProcessingTime,
  llmResponseTime,
  llmFirstTokenTime,
  ttsSynthesisTime,
  totalResponseTime,
  ...Object.values(turnStageTime),
  ...Object.values(speeches),
  interruptions,
  ...Object.values(falseInterruptions),
  preemptedTurns,
  userSpeechSeconds,
  agentSpeechSeconds,
  ...Object.values(warnings),
  ...Object.values(roomRefusals),
  transcriptionsTimedOut,
  ...Object.values(transcriptsEmpty),
  userTurnLimits,
  agentChanges,
  historySummaries,
  vadBatchSize,
  vadQueueDepth,
  vadInferenceTime,
  vadLatenessTime,
  turnDetectorInferenceTime,
  turnDetectorLatenessTime,
  turnDetectorShed
]

/** Makes a series exist before its first event: a rate needs a zero to start from. */
export const register = (
  context: Context.Context<never>,
  metrics: ReadonlyArray<Metric.Metric<never, unknown>> = fixed
): void => {
  for (const metric of metrics) {
    metric.valueUnsafe(context)
  }
}
