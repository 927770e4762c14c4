/** One step in the making, and what the rules read from a state. A reader takes either of them. */
import type * as Event from "../../Event.ts"
import * as Phrases from "../text/phrases.ts"
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
  newestAt: undefined,
  stoppedAt: undefined,
  language: undefined,
  heardAt: undefined,
  finalAt: undefined,
  speechMs: 0,
  expectedAt: undefined,
  empty: undefined,
  limited: false,
  guesses: 0,
  overlap: false,
  pausedMs: 0,
  short: 0,
  cutIn: false
}

export const nothingUnheeded: State["user"]["unheeded"] = { words: 0, speechMs: 0 }

/** All that was said in the open turn, as one text. */
export const said = (words: Words, interim = false): string =>
  (interim && words.interim !== "" ? [...words.finals, words.interim] : words.finals).join(" ").trim()

/** What no decision has looked at yet. */
export const fresh = (words: Words): string => said({ ...words, finals: words.finals.slice(words.short) }, true)

/** Nothing has become final since the words were found too few. */
export const tooFewAlone = (words: Words): boolean => words.short > 0 && words.short === words.finals.length

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

/** How the words are read: by their language, and the phrases of the settings. */
export const reading = ({ session: { settings }, user: { words } }: State): Phrases.Reading => ({
  language: Phrases.isLanguage(words.language) ? words.language : settings.language,
  more: settings.phrases
})

// Speeches.

export const find = (s: State, id: string): Speech | undefined => s.agent.speeches.find((speech) => speech.id === id)

/** What cuts in is not to be interrupted for so long (ms). */
const shieldMs = 2000

const enter = (d: Draft, speech: Speech, phase: Speech["phase"]): Speech => {
  const { askedAt, begun, expiresAt, id, overtaken, passing, protected: isProtected, shield, source, when } = speech
  const named = { id, source, protected: isProtected, shield, when, askedAt, expiresAt, passing, begun, overtaken }
  if (phase !== "playing") return { ...named, phase }
  const raised = shield === undefined ? undefined : { until: shield.until ?? d.now + shieldMs }
  return { ...named, begun: true, shield: raised, phase, since: d.now, starvedAt: undefined }
}

export const setPhase = (d: Draft, id: string, phase: Speech["phase"]): void => {
  d.agent.speeches = d.agent.speeches.map((speech) => speech.id === id ? enter(d, speech, phase) : speech)
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
