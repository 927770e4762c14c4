/** Drives `Turn.step` by itself: signals at their times, ticks when they are due, an interpreter that does as it is told. */
import { Result } from "effect"
import { Turn } from "effect-voice"

export interface Entry {
  readonly at: number
  readonly action: Turn.Action
}

export const settings = (options: Turn.Options = {}): Turn.Settings =>
  Result.getOrThrow(Turn.resolve({
    ...options,
    interruption: { echoWarmUp: 0, backchannel: false, ...options.interruption },
    preemption: { llm: false, ...options.preemption }
  }))

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

export interface Dice {
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(...of: ReadonlyArray<A>) => A
}

/** The same seed gives the same throws. */
export const dice = (seed: number): Dice => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    const mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    const again = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((again ^ (again >>> 14)) >>> 0) / 2 ** 32
  }
  return { chance: (probability) => next() < probability, pick: (...of) => of[Math.floor(next() * of.length)]! }
}

const options = ({ chance, pick }: Dice): Turn.Options => ({
  detection: pick("vad", "vad", "stt", "manual"),
  endpointing: { mode: pick("fixed", "dynamic"), minDelay: pick(0, 500), maxDelay: pick(500, 3000) },
  interruption: {
    enabled: chance(0.9),
    minWords: pick(0, 0, 2),
    falseInterruptionTimeout: pick(300, 2000, Infinity),
    resume: chance(0.8),
    echoWarmUp: pick(0, 3000),
    backchannel: chance(0.7)
  },
  preemption: { llm: chance(0.6) },
  awayAfter: pick(1000, 15_000),
  transcriptionTimeout: pick(1000, Infinity),
  limits: { maxWords: pick(3, Infinity) },
  toleratedFailures: pick(1, 100),
  maxErrors: pick(1, 100)
})

const texts = [
  "",
  "yeah",
  "mm-hm",
  "one moment",
  "Hello",
  "stop",
  "no",
  "wait",
  "uhm",
  "…",
  "a room for two",
  "hello",
  "let me think",
  "yes please"
]
const components = ["vad", "stt", "llm", "tts", "room", "processor", "hook", "detector", "text"] as const

/** One signal of each kind, as it could come now. */
export const signals: {
  readonly [Tag in Turn.Signal["_tag"]]: (
    dice: Dice,
    now: number,
    state: Turn.State
  ) => Extract<Turn.Signal, { readonly _tag: Tag }>
} = {
  Opened: ({ pick }) => ({ _tag: "Opened", filler: pick(undefined, { after: 1000, apart: 5000 }) }),
  Tick: () => ({ _tag: "Tick" }),
  Tune: (dice) => ({ _tag: "Tune", settings: settings(options(dice)) }),
  Close: ({ chance, pick }) => ({
    _tag: "Close",
    drain: chance(0.6),
    reason: pick("closed", "hang_up"),
    now: chance(0.1)
  }),
  Transcribed: () => ({ _tag: "Transcribed" }),
  Failed: ({ chance, pick }) => ({ _tag: "Failed", component: pick(...components), fatal: chance(0.05) }),
  Worked: ({ pick }) => ({ _tag: "Worked", component: pick(...components) }),
  Measured: ({ pick }) => ({ _tag: "Measured", delay: pick(100, 500, 4000), interims: pick(undefined, true, false) }),
  VoiceStarted: ({ chance, pick }, now) => ({
    _tag: "VoiceStarted",
    startedAt: now - pick(0, 50, 200),
    byAudio: chance(0.5)
  }),
  VoiceHeard: ({ pick }, now) => ({ _tag: "VoiceHeard", to: now - pick(0, 20, 300) }),
  VoiceLevel: ({ pick }) => ({ _tag: "VoiceLevel", below: pick(-3, 0, 11, 13, 40) }),
  VoicePaused: ({ pick }, now) => ({ _tag: "VoicePaused", voiceAt: now - pick(0, 50, 200) }),
  VoiceResumed: ({ pick }, now) => ({ _tag: "VoiceResumed", voiceAt: now - pick(0, 50) }),
  VoiceEnded: ({ pick }, now) => ({ _tag: "VoiceEnded", endedAt: now - pick(0, 400, 500, -100) }),
  Heard: ({ chance, pick }, now) => ({
    _tag: "Heard",
    text: pick(...texts),
    final: chance(0.6),
    startedAt: pick(undefined, now - 600, now - 15_000, now + 500),
    endedAt: pick(undefined, now - 300, now - 15_000, now + 500),
    language: pick(undefined, "en", "de-DE", "pl")
  }),
  EndOfTurn: ({ chance, pick }, _, { user }) => ({
    _tag: "EndOfTurn",
    question: chance(0.8) ? user.question : user.question - 1,
    probability: pick(0, 0.4, 0.6, 1)
  }),
  Overlap: ({ chance, pick }, _, { user: { words } }) => ({
    _tag: "Overlap",
    verdict: pick("backchannel", "interruption", "hold", "unknown"),
    text: chance(0.8) ? [...words.finals, words.interim].join(" ").trim() : pick(...texts)
  }),
  Reachable: ({ chance }) => ({ _tag: "Reachable", reachable: chance(0.7) }),
  Present: () => ({ _tag: "Present" }),
  Untold: ({ pick }) => ({ _tag: "Untold", calm: pick(undefined, 500, 1500) }),
  Typed: ({ pick }) => ({ _tag: "Typed", text: pick("hi", "yes") }),
  CommitTurn: ({ pick }) => ({ _tag: "CommitTurn", waitMs: pick(0, 500, 2000) }),
  ClearTurn: () => ({ _tag: "ClearTurn" }),
  Accepted: ({ chance, pick }, _, { agent, user }) => ({
    _tag: "Accepted",
    turn: user.pending ?? user.turn - 1,
    text: agent.guess?.text ?? pick(...texts),
    changed: chance(0.3)
  }),
  Declined: (_, __, { user }) => ({ _tag: "Declined", turn: user.pending ?? user.turn - 1 }),
  Enqueue: ({ chance, pick }, now) => ({
    _tag: "Enqueue",
    speech: `speech-${now}`,
    source: pick("say", "reply"),
    protected: chance(0.2),
    when: pick("now", "withReply", "idle", "idle"),
    expiresMs: pick(300, Infinity),
    passing: chance(0.1)
  }),
  Interrupt: (dice, _, state) => ({
    _tag: "Interrupt",
    force: dice.chance(0.3),
    speech: dice.chance(0.5) ? speechOf(dice, state) : undefined
  }),
  Settled: () => ({ _tag: "Settled" }),
  AudioReady: (dice, _, state) => ({ _tag: "AudioReady", speech: speechOf(dice, state) }),
  Spoken: (dice, _, state) => ({
    _tag: "Spoken",
    speech: speechOf(dice, state),
    text: dice.pick("Hello", " there.", " How are you?", " no", " stop")
  }),
  WentBack: (dice, _, state) => ({ _tag: "WentBack", speech: speechOf(dice, state), ms: dice.pick(40, 900, 5000) }),
  Starved: (dice, _, state) => ({ _tag: "Starved", speech: speechOf(dice, state), starved: dice.chance(0.7) }),
  PlayoutEnded: (dice, _, state) => ({
    _tag: "PlayoutEnded",
    speech: speechOf(dice, state),
    next: dice.pick("working", "tools", "done")
  }),
  Working: (dice, _, state) => ({
    _tag: "Working",
    speech: speechOf(dice, state),
    phase: dice.pick("working", "tools")
  }),
  SpeechEnded: (dice, _, state) => ({ _tag: "SpeechEnded", speech: speechOf(dice, state) })
}

const speechOf = ({ pick }: Dice, { agent }: Turn.State): string =>
  pick(...agent.speeches.map(({ id }) => id), agent.guess?.speech ?? "nobody")

export const tagsOfSignals = Object.keys(signals) as ReadonlyArray<Turn.Signal["_tag"]>

// What ends a session, or opens it, would leave little of a conversation to be seen.
const rare = new Set<Turn.Signal["_tag"]>(["Opened", "Close", "Failed", "Tune", "Transcribed"])
// Without these there is little to talk about.
const frequent = ["Heard", "Heard", "Enqueue", "AudioReady", "AudioReady", "VoiceEnded", "EndOfTurn"] as const

/** A conversation in which anything may follow anything; every state that it comes to is visited. */
export const wander = (
  seed: number,
  visit: (state: Turn.State, now: number, dice: Dice) => void
): void => {
  const throws = dice(seed)
  const { chance, pick } = throws
  let state = Turn.initial(
    settings(options(throws)),
    { stt: chance(0.9), interims: chance(0.8), detector: chance(0.5), judge: chance(0.3) },
    { apology: chance(0.5), lastWords: pick(0, 2000) }
  )
  const openedAt = pick(0, 1, 10, 30)
  let now = 0
  for (let i = 0; i < 60; i++) {
    now = Math.max(now + pick(0, 1, 100, 500, 2000, 12_000), Math.min(Turn.deadline(state) ?? 0, now + 300))
    const tag = i === openedAt ? "Opened" : pick(...tagsOfSignals, ...frequent)
    if (rare.has(tag) && i !== openedAt && chance(0.8)) continue
    state = Turn.step(state, now, signals[tag](throws, now, state))[0]
    visit(state, now, throws)
  }
}
