/**
 * Writes an event into the series of Effect's metrics. A value that is not a number, or is below
 * zero, is left out: a counter would never recover from it.
 */
import type * as Context from "effect/Context"
import type * as Metric from "effect/Metric"
import type * as Event from "../../Event.ts"
import * as errorType from "./errorType.ts"
import * as series from "./series.ts"

// One NaN would spoil a sum for good.
const add = (metric: Metric.Metric<number, unknown>, value: number, context: Context.Context<never>): void => {
  if (value >= 0 && value < Infinity) {
    metric.updateUnsafe(value, context)
  }
}

const turn = (record: Event.TurnRecord, context: Context.Context<never>): void => {
  const stage = series.turnStageTime
  if (record.source !== "text") {
    add(series.sttProcessingTime, record.transcriptionDelay, context)
  }
  add(series.totalResponseTime, record.total, context)
  add(series.responseTimeSeconds, record.total / 1000, context)
  add(stage.end_of_utterance, record.endOfUtterance, context)
  add(stage.tools, record.tools, context)
  add(stage.llm_first_token, record.llmFirstToken, context)
  add(stage.first_sentence, record.firstSentence, context)
  add(stage.tts_first_byte, record.ttsFirstByte, context)
  add(stage.playout_start, record.playoutStart, context)
  if (record.preempted) {
    add(series.preemptedTurns, 1, context)
  }
}

export const record = (event: Event.Event, context: Context.Context<never>): void => {
  switch (event._tag) {
    case "SessionStarted":
      add(series.conversationsStarted, 1, context)
      add(series.conversations, 1, context)
      return series.sessionsActive.modifyUnsafe(1, context)
    case "SessionClosed":
      add(series.sessionsClosed[event.reason], 1, context)
      return series.sessionsActive.modifyUnsafe(-1, context)
    case "UserStoppedSpeaking":
      return add(series.userSpeechSeconds, (event.endedAt - event.startedAt) / 1000, context)
    case "UserSpeechCommitted":
      return add(series.messagesProcessed, 1, context)
    case "AgentSpeechCommitted":
      if (event.recorded !== false) add(series.messagesProcessed, 1, context)
      return
    case "TranscriptionTimedOut":
      return add(series.transcriptionsTimedOut, 1, context)
    case "TranscriptEmpty":
      return add(series.transcriptsEmpty[event.reason], 1, context)
    case "UserTurnLimitReached":
      return add(series.userTurnLimits, 1, context)
    case "AgentStoppedSpeaking":
      return add(series.agentSpeechSeconds, event.playedMs / 1000, context)
    case "FalseInterruption":
      return add(series.falseInterruptions[event.resumed ? "true" : "false"], 1, context)
    case "SpeechFinished":
      if (event.outcome === "interrupted") {
        add(series.interruptions, 1, context)
      }
      return add(series.speeches[event.outcome], 1, context)
    case "FunctionCallsFinished":
      add(series.functionCallsFailed, event.calls.filter((call) => call.isFailure).length, context)
      return add(series.functionCallsExecuted, event.calls.length, context)
    case "LlmMeasured":
      add(series.llmResponseTime, event.requestMs, context)
      add(series.llmFirstTokenTime, event.firstTokenMs, context)
      add(series.llmRequests(event.provider), 1, context)
      add(series.inputTokens(event.provider), event.inputTokens, context)
      return add(series.outputTokens(event.provider), event.outputTokens, context)
    case "TtsMeasured":
      add(series.ttsSynthesisTime, event.firstByteMs, context)
      add(series.ttsCharacters(event.provider), event.characters, context)
      return add(series.ttsAudioSeconds(event.provider), event.audioMs / 1000, context)
    case "TurnMeasured":
      return turn(event.record, context)
    case "ProviderFailed": {
      const type = errorType.of(event)
      if (!event.recovered) {
        add(series.errorsUnrecovered[type], 1, context)
      }
      return add(series.errors[type], 1, context)
    }
    case "ProviderAvailability":
      return add(series.providerAvailable[event.component](event.provider), event.available ? 1 : 0, context)
    case "ProviderRetried":
      return add(series.providerRetries[event.component](event.provider), 1, context)
    case "UsageMeasured":
      if (event.component === "stt") add(series.sttAudioSeconds(event.provider), event.audioMs / 1000, context)
      if (event.cost !== undefined) add(series.cost[event.component](event.provider), event.cost, context)
      return
    case "BudgetReached":
      return add(series.budgets[event.stage], 1, context)
    case "Escalated":
      return add(series.escalations[errorType.of({ component: event.component, reason: "" })], 1, context)
    case "Warning":
      return add(series.warnings[event.component], 1, context)
    case "AgentChanged":
      return add(series.agentChanges, 1, context)
    case "HistorySummarized":
      return add(series.historySummaries, 1, context)
    case "UserStateChanged":
    case "AgentStateChanged":
    case "UserStartedSpeaking":
    case "UserTranscript":
    case "EndOfTurnPredicted":
    case "SpeechCreated":
    case "AgentStartedSpeaking":
    case "AgentPaused":
    case "AgentTranscript":
    case "FunctionCallStarted":
    case "BreakerChanged":
      return
  }
}
