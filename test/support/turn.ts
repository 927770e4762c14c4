/** Drives `Turn.step` by itself: signals at their times, ticks when they are due, an interpreter that does as it is told. */
import { Turn } from "effect-voice"

export interface Entry {
  readonly at: number
  readonly action: Turn.Action
}

export const settings = (options: Turn.Options = {}): Turn.Settings => {
  const resolved = Turn.resolve({
    ...options,
    interruption: { echoWarmUp: 0, backchannel: false, ...options.interruption },
    preemption: { llm: false, ...options.preemption }
  })
  if ("option" in resolved) throw new Error(`${resolved.option}: ${resolved.detail}`)
  return resolved
}

export const everything: Turn.Ears = { stt: true, interims: true, detector: false, judge: false }

export interface Driver {
  readonly log: ReadonlyArray<Entry>
  readonly state: () => Turn.State
  /** Sends a signal at a time, after every tick that is due by then. */
  readonly at: (at: number, ...signals: ReadonlyArray<Turn.Signal>) => Driver
  /** Lets time pass. */
  readonly until: (at: number) => Driver
  /** Times of the actions, or events, with a tag. */
  readonly times: (tag: string) => ReadonlyArray<number>
  readonly commits: () => ReadonlyArray<readonly [number, string]>
}

export const drive = (options: {
  readonly turn?: Turn.Options | undefined
  readonly ears?: Partial<Turn.Ears> | undefined
  /** What the hook says to a committed turn. @default accept */
  readonly onCommit?: ((turn: number, text: string) => Turn.Signal | undefined) | undefined
  /** Whether a stopped speech says at once that it has ended. @default true */
  readonly cleanUp?: boolean | undefined
} = {}): Driver => {
  const log: Array<Entry> = []
  let clock = 0
  let state = Turn.initial(settings(options.turn), { ...everything, ...options.ears })
  const accept = (turn: number, text: string): Turn.Signal => ({ _tag: "Accepted", turn, text, changed: false })
  const follow = (action: Turn.Action): Turn.Signal | undefined => {
    switch (action._tag) {
      case "CommitTurn":
        return (options.onCommit ?? accept)(action.turn, action.text)
      case "Settle":
        return { _tag: "Settled" }
      case "Stop":
        return options.cleanUp === false ? undefined : { _tag: "SpeechEnded", speech: action.speech }
      default:
        return undefined
    }
  }
  const send = (now: number, signal: Turn.Signal): void => {
    clock = now
    const queue: Array<Turn.Signal> = [signal]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [following, actions] = Turn.step(state, now, next)
      state = following
      for (const action of actions) {
        log.push({ at: now, action })
        const answer = follow(action)
        if (answer !== undefined) queue.push(answer)
      }
    }
  }
  const advance = (to: number): void => {
    for (let due = Turn.deadline(state), ticks = 0; due !== undefined && due < to; due = Turn.deadline(state)) {
      if (++ticks > 10_000) throw new Error(`ticks without end at ${due}`)
      send(Math.max(clock, due), { _tag: "Tick" })
    }
  }
  const driver: Driver = {
    log,
    state: () => state,
    at: (at, ...signals) => {
      advance(at)
      for (const signal of signals) send(at, signal)
      const due = Turn.deadline(state)
      if (due !== undefined && due <= at) send(at, { _tag: "Tick" })
      return driver
    },
    until: (at) => {
      advance(at + 1)
      return driver
    },
    times: (tag) =>
      log.filter(({ action }) => action._tag === tag || (action._tag === "Publish" && action.event._tag === tag))
        .map(({ at }) => at),
    commits: () => log.flatMap(({ action, at }) => action._tag === "CommitTurn" ? [[at, action.text] as const] : [])
  }
  send(0, { _tag: "Opened" })
  return driver
}

export const started = (startedAt: number): Turn.Signal => ({ _tag: "VoiceStarted", startedAt })
export const paused = (voiceAt: number): Turn.Signal => ({ _tag: "VoicePaused", voiceAt })
export const resumed = (voiceAt: number): Turn.Signal => ({ _tag: "VoiceResumed", voiceAt })
export const stopped = (endedAt: number): Turn.Signal => ({ _tag: "VoiceEnded", endedAt })
export const final = (text: string, endedAt?: number): Turn.Signal => ({ _tag: "Heard", text, final: true, endedAt })
export const interim = (text: string): Turn.Signal => ({ _tag: "Heard", text, final: false })

/** A speech of the agent that plays from now on. */
export const speaks = (
  id: string,
  options: { readonly protected?: boolean; readonly source?: "say" | "reply" } = {}
): ReadonlyArray<Turn.Signal> => [
  { _tag: "Enqueue", speech: id, source: options.source ?? "say", protected: options.protected === true },
  { _tag: "AudioReady", speech: id }
]
