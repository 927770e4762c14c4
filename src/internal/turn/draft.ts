/** One step in the making, and what the rules read from a state. Who reads may be given either. */
import type * as Event from "../../Event.ts"
import type { Action } from "./action.ts"
import type { Playing, Speech, State, Words } from "./model.ts"

type Writable<A> = { -readonly [K in keyof A]: A[K] }

/** A copy of the state that the rules write to, and what they ask for. */
export interface Draft {
  readonly now: number
  readonly user: Writable<State["user"]>
  readonly agent: Writable<State["agent"]>
  readonly session: Writable<State["session"]>
  readonly actions: Array<Action>
}

export const begin = (state: State, now: number): Draft => ({
  now,
  user: { ...state.user },
  agent: { ...state.agent },
  session: { ...state.session },
  actions: []
})

export const end = ({ actions, agent, session, user }: Draft): readonly [State, ReadonlyArray<Action>] => [
  { user, agent, session },
  actions
]

export const publish = (d: Draft, event: Event.Draft): void => {
  d.actions.push({ _tag: "Publish", event })
}

// Words.

export const noWords: Words = {
  finals: [],
  interim: "",
  startedAt: undefined,
  stoppedAt: undefined,
  finalAt: undefined,
  lastAt: undefined,
  speechMs: 0,
  expectedAt: undefined,
  limited: false,
  guesses: 0,
  overlap: false,
  pausedMs: 0,
  kept: 0,
  short: false,
  cutIn: false
}

/** All that was said in the open turn, as one text. */
export const said = (words: Words, interim = false): string =>
  (interim && words.interim !== "" ? [...words.finals, words.interim] : words.finals).join(" ").trim()

/** Nothing has become final since the words were kept. */
export const setAside = (words: Words): boolean => words.kept > 0 && words.kept === words.finals.length

/** When the newest of what was said ended: by the voice, not by its transcript, which may be late. */
export const spokenAt = ({ user: { voice, words } }: State, now: number): number => {
  switch (voice._tag) {
    case "Silent":
      return words.stoppedAt ?? words.finalAt ?? now
    case "Sounding":
      return now
    case "Paused":
      return voice.pausedAt
  }
}

// Speeches.

export const find = (s: State, id: string): Speech | undefined => s.agent.speeches.find((speech) => speech.id === id)

const enter = (speech: Speech, phase: Speech["phase"]): Speech => {
  const { id, protected: isProtected, source } = speech
  return phase === "playing"
    ? { id, source, protected: isProtected, phase, starvedAt: undefined }
    : { id, source, protected: isProtected, phase }
}

export const setPhase = (d: Draft, id: string, phase: Speech["phase"]): void => {
  d.agent.speeches = d.agent.speeches.map((speech) => speech.id === id ? enter(speech, phase) : speech)
}

/** The speech that has the floor. */
export const playing = (s: State): Playing | undefined =>
  s.agent.speeches.find((speech): speech is Playing => speech.phase === "playing")

export const interruptible = (s: State, speech: Speech): boolean =>
  s.session.settings.interruption.enabled && !speech.protected

/** The agent speaks, or is about to. */
export const busy = (s: State): boolean => s.agent.speeches.some((speech) => speech.phase !== "stopping")

/** An agent that has more to say may take a breath so long (ms): then nobody hears it any more. */
export const breath = 1000

/** Whether the user hears the agent: one that only the voice of the open turn has paused counts as heard. */
export const audible = (s: State, at: number): boolean => {
  const floor = playing(s)
  if (floor === undefined || (floor.starvedAt !== undefined && at - floor.starvedAt >= breath)) return false
  const { pause } = s.agent
  return pause?.speech !== floor.id || (pause._tag === "Interrupted" && pause.turn === s.user.turn)
}
