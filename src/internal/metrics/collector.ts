/**
 * Folds the events of conversations into what `Metrics` reports. Latencies are
 * sketches, so that memory does not grow with the number of calls; of turns the
 * last ones are kept. It has no fiber and never fails.
 */
import type * as Event from "../../Event.ts"
import type { Latency, Usage } from "../../Metrics.ts"
import { add, nothing } from "../cost.ts"
import * as errorType from "./errorType.ts"
import * as Sketch from "./sketch.ts"

const noUsage: Usage = { requests: 0, inputTokens: 0, outputTokens: 0, characters: 0, audioMs: 0 }

const providers = 64

const latency = (sketch: Sketch.Sketch): Latency => ({
  count: sketch.count(),
  average: sketch.average(),
  min: sketch.min(),
  max: sketch.max(),
  p50: sketch.quantile(0.5),
  p90: sketch.quantile(0.9),
  p95: sketch.quantile(0.95),
  p99: sketch.quantile(0.99)
})

export const make = (keep: number) => {
  const stt = Sketch.make()
  const llm = Sketch.make()
  const llmFirstToken = Sketch.make()
  const tts = Sketch.make()
  const total = Sketch.make()
  const errors: Record<errorType.ErrorType, number> = {
    stt_error: 0,
    llm_error: 0,
    tts_error: 0,
    connection_error: 0,
    unknown_error: 0
  }
  const usage = new Map<string, Usage>()
  const turns: Array<Event.TurnRecord> = []
  let spent = nothing
  let conversations = 0
  let messages = 0
  let functionCalls = 0
  let interruptions = 0
  let falseInterruptions = 0

  const use = (provider: string, change: (before: Usage) => Partial<Usage>): void => {
    const key = usage.has(provider) || usage.size < providers ? provider : "other"
    const before = usage.get(key) ?? noUsage
    usage.set(key, { ...before, ...change(before) })
  }

  const push = (event: Event.Event): void => {
    switch (event._tag) {
      case "SessionStarted":
        conversations++
        return
      case "UserSpeechCommitted":
        messages++
        return
      case "AgentSpeechCommitted":
        if (event.recorded !== false) messages++
        return
      case "FunctionCallsFinished":
        functionCalls += event.calls.length
        return
      case "SpeechFinished":
        if (event.outcome === "interrupted") {
          interruptions++
        }
        return
      case "FalseInterruption":
        falseInterruptions++
        return
      case "ProviderFailed":
        errors[errorType.of(event)]++
        return
      case "LlmMeasured":
        llm.push(event.requestMs)
        llmFirstToken.push(event.firstTokenMs)
        return use(event.provider, (before) => ({
          requests: before.requests + 1,
          inputTokens: before.inputTokens + event.inputTokens,
          outputTokens: before.outputTokens + event.outputTokens
        }))
      case "TtsMeasured":
        tts.push(event.firstByteMs)
        return use(event.provider, (before) => ({
          requests: before.requests + 1,
          characters: before.characters + event.characters,
          audioMs: before.audioMs + event.audioMs
        }))
      case "UsageMeasured":
        spent = add(spent, event, event.cost)
        return
      case "TurnMeasured":
        if (event.record.source !== "text") {
          stt.push(event.record.transcriptionDelay)
        }
        total.push(event.record.total)
        turns.push(event.record)
        if (turns.length > keep) {
          turns.shift()
        }
        return
      default:
        return
    }
  }

  const summary = () => ({
    stt_avg_latency: stt.average(),
    llm_avg_latency: llm.average(),
    tts_avg_latency: tts.average(),
    total_avg_latency: total.average(),
    total_conversations: conversations,
    total_messages: messages,
    total_function_calls: functionCalls,
    latency: {
      stt: latency(stt),
      llm: latency(llm),
      llmFirstToken: latency(llmFirstToken),
      tts: latency(tts),
      total: latency(total)
    },
    interruptions,
    falseInterruptions,
    errors: { ...errors },
    usage: Object.fromEntries(usage),
    spent,
    turns: [...turns]
  })

  return { push, summary }
}
