/** The times of what happened in a turn, and the record that follows from them. */
import type * as Event from "../../Event.ts"
import type { Speech } from "./speech.ts"

/** Times (ms of the Clock) of the step that spoke first, and sums over the whole turn. */
export interface Milestones {
  requested: number | undefined
  firstToken: number | undefined
  firstSentence: number | undefined
  firstText: number | undefined
  firstByte: number | undefined
  audible: number | undefined
  steps: number
  toolCalls: number
  inputTokens: number
  outputTokens: number
}

export const makeMilestones = (): Milestones => ({
  requested: undefined,
  firstToken: undefined,
  firstSentence: undefined,
  firstText: undefined,
  firstByte: undefined,
  audible: undefined,
  steps: 0,
  toolCalls: 0,
  inputTokens: 0,
  outputTokens: 0
})

/** The sums of one speech become part of another's. */
export const moveSums = (from: Milestones, to: Milestones): void => {
  for (const sum of ["steps", "toolCalls", "inputTokens", "outputTokens"] as const) {
    to[sum] += from[sum]
    from[sum] = 0
  }
}

/** What the turn was measured at that a speech answers; nothing where there is none, or nothing was heard. */
export const turnRecord = (
  { id: speech, measures, milestones, outcome, playedMs }: Speech,
  takeCost: () => number | undefined
): Event.TurnRecord | undefined => {
  const { audible } = milestones
  if (measures === undefined || audible === undefined) return undefined
  const { before, times } = measures
  if (before !== undefined) moveSums(before, milestones)
  const cost = takeCost()
  const preempted = (milestones.requested ?? times.committedAt) < times.committedAt
  let reached = times.committedAt
  const stage = (at: number | undefined): number => {
    const end = Math.min(audible, Math.max(reached, at ?? reached))
    const took = end - reached
    reached = end
    return took
  }
  const tools = stage(milestones.requested)
  const llmFirstToken = stage(milestones.firstToken)
  const firstSentence = stage(milestones.firstSentence)
  const ttsFirstByte = stage(milestones.firstByte)
  const playoutStart = stage(audible)
  return {
    turn: times.turn,
    speech,
    source: times.source,
    userStoppedAt: times.stoppedAt,
    committedAt: times.committedAt,
    audibleAt: audible,
    endOfUtterance: times.committedAt - times.stoppedAt,
    transcriptionDelay: Math.max(0, times.finalAt - times.stoppedAt),
    tools,
    llmFirstToken,
    firstSentence,
    ttsFirstByte,
    playoutStart,
    total: audible - times.stoppedAt,
    ttsMs: Math.max(0, (milestones.firstByte ?? 0) - (milestones.firstText ?? milestones.firstByte ?? 0)),
    steps: milestones.steps,
    toolCalls: milestones.toolCalls,
    inputTokens: milestones.inputTokens,
    outputTokens: milestones.outputTokens,
    audioMs: playedMs,
    ...(cost === undefined ? {} : { cost }),
    preempted,
    interrupted: outcome === "interrupted"
  }
}
