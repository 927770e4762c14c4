/**
 * How long to wait, after the user has stopped, before their turn is over.
 *
 * In `fixed` mode the delays are the configured ones. In `dynamic` mode the
 * minimum follows the pauses that this user makes inside a turn: their
 * exponential moving average raises it, never beyond the configured range.
 * Silence in which the agent spoke is an exchange of turns, not a pause. The
 * exception is an agent that started in the user's pause and was talked over
 * at once: there the turn went on, and the pause counts.
 *
 * All times and delays are milliseconds of one clock.
 */

export type Verdict = "unknown" | "interruption" | "backchannel"

export interface Options {
  readonly mode: "fixed" | "dynamic"
  readonly minDelay: number
  readonly maxDelay: number
  /** Weight (0–1) of what was known before against the newest pause. @default 0.9 */
  readonly alpha?: number | undefined
}

export interface State {
  readonly mode: "fixed" | "dynamic"
  /** Shortest silence that ends a turn, as the options have it. */
  readonly minDelay: number
  /** Longest. */
  readonly maxDelay: number
  /** Weight (0–1) of what was known before against the newest pause. */
  readonly alpha: number
  /** The minimum delay as this user's pauses have made it. */
  readonly learned: number | undefined
  /** When the user's last utterance ended. */
  readonly userEndedAt: number | undefined
  /** The utterance that goes on. */
  readonly utterance: Utterance | undefined
  /** When the agent spoke last. */
  readonly agent: { readonly startedAt: number; readonly endedAt: number | undefined } | undefined
}

/**
 * What was known when the utterance began: the silence before it, whether the
 * agent spoke in that silence, and how long it had been speaking when it was
 * overlapped.
 */
interface Utterance {
  readonly pause: number | undefined
  readonly agentSpoke: boolean
  readonly overlap: number | undefined
}

/** Someone who starts this soon after the agent (ms) did not answer it: both started at once. */
const collision = 250

export const make = (options: Options): State => ({
  mode: options.mode,
  minDelay: options.minDelay,
  maxDelay: options.maxDelay,
  alpha: clamp(options.alpha ?? 0.9, 0, 1),
  learned: undefined,
  userEndedAt: undefined,
  utterance: undefined,
  agent: undefined
})

export const delays = (state: State): { readonly min: number; readonly max: number } => {
  const floor = Math.min(state.minDelay, state.maxDelay)
  const min = state.mode === "fixed" ? floor : clamp(state.learned ?? floor, floor, state.maxDelay)
  return { min, max: state.maxDelay }
}

/** Changes options in mid-conversation; what was learned is kept and clamped to the new range. */
export const update = (
  state: State,
  options: { readonly [K in keyof Options]?: Options[K] | undefined }
): State => ({
  ...state,
  mode: options.mode ?? state.mode,
  minDelay: options.minDelay ?? state.minDelay,
  maxDelay: options.maxDelay ?? state.maxDelay,
  alpha: clamp(options.alpha ?? state.alpha, 0, 1)
})

export const onUserStarted = (
  state: State,
  at: number,
  options?: { readonly overlapping?: boolean | undefined }
): State => {
  if (state.utterance !== undefined) return state
  const { agent, userEndedAt } = state
  const active = agent !== undefined && agent.startedAt <= at && agent.endedAt === undefined
  const agentSpoke = agent !== undefined && agent.startedAt < at &&
    (agent.endedAt === undefined || userEndedAt === undefined || agent.endedAt > userEndedAt)
  // Words spoken over an agent that talks on leave no silence to measure.
  const measurable = userEndedAt !== undefined && userEndedAt < at &&
    (!agentSpoke || agent.startedAt >= userEndedAt)
  return {
    ...state,
    utterance: {
      pause: measurable ? at - userEndedAt : undefined,
      agentSpoke,
      overlap: options?.overlapping === true && active ? at - agent.startedAt : undefined
    }
  }
}

export const onUserEnded = (state: State, at: number, verdict: Verdict = "unknown"): State => {
  const { utterance } = state
  if (verdict === "backchannel" && utterance?.overlap !== undefined && utterance.overlap > collision) {
    return { ...state, utterance: undefined }
  }
  const ended = { ...state, userEndedAt: at, utterance: undefined }
  return state.mode === "dynamic" && utterance?.pause !== undefined && isInsideTurn(state, utterance)
    ? { ...ended, learned: learn(state, utterance.pause) }
    : ended
}

export const onAgentStarted = (state: State, at: number): State => ({
  ...state,
  agent: { startedAt: at, endedAt: undefined }
})

export const onAgentEnded = (state: State, at: number): State =>
  state.agent === undefined || state.agent.endedAt !== undefined
    ? state
    : { ...state, agent: { startedAt: state.agent.startedAt, endedAt: at } }

// An answer to the agent takes longer than the minimum delay: whoever speaks
// sooner had not finished.
const isInsideTurn = (state: State, utterance: Utterance): boolean =>
  !utterance.agentSpoke ||
  (utterance.overlap !== undefined && utterance.overlap <= Math.max(collision, delays(state).min))

// A pause beyond the maximum ended the turn anyway, so it counts as the maximum.
const learn = (state: State, pause: number): number => {
  const { min, max } = delays(state)
  return clamp(state.alpha * min + (1 - state.alpha) * Math.min(pause, max), Math.min(state.minDelay, max), max)
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high)
