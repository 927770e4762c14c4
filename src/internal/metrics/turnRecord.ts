/** What a turn was measured at. */
import * as Schema from "effect/Schema"

/**
 * The latency of one turn, split into stages that add up, in milliseconds.
 *
 * **Details**
 *
 * `total = endOfUtterance + tools + llmFirstToken + firstSentence + ttsFirstByte + playoutStart`,
 * from the end of the user's speech to the first audio of the reply. `tools` is
 * the time of model steps and tool calls before the step that speaks first. If the reply says
 * nothing because a hand-off, a task, a goodbye or a silent tool's own words answer, `speech` is the first
 * one after it that is heard;
 * `transcriptionDelay` lies inside `endOfUtterance`. A stage that was over
 * before the turn was committed (preemption) counts 0. `ttsMs` is what the
 * synthesiser took from its first text to its first audio, whatever else was
 * going on.
 *
 * @category models
 * @since 0.1.0
 */
export const TurnRecord = Schema.Struct({
  turn: Schema.Int,
  speech: Schema.String,
  source: Schema.Literals(["voice", "text", "manual"]),
  userStoppedAt: Schema.Finite,
  committedAt: Schema.Finite,
  audibleAt: Schema.Finite,
  endOfUtterance: Schema.Finite,
  transcriptionDelay: Schema.Finite,
  tools: Schema.Finite,
  llmFirstToken: Schema.Finite,
  firstSentence: Schema.Finite,
  ttsFirstByte: Schema.Finite,
  playoutStart: Schema.Finite,
  total: Schema.Finite,
  ttsMs: Schema.Finite,
  steps: Schema.Int,
  toolCalls: Schema.Int,
  inputTokens: Schema.Finite,
  outputTokens: Schema.Finite,
  audioMs: Schema.Finite,
  /** All that was paid since the turn before, where there are prices. */
  cost: Schema.optionalKey(Schema.Finite),
  preempted: Schema.Boolean,
  interrupted: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type TurnRecord = typeof TurnRecord.Type
