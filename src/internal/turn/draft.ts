import type * as Event from "../../Event.ts"
import type { Action, Speech, State, Words } from "./model.ts"

/** One step in the making: a copy of the state that the rules write to, and what they ask for. */
export interface Draft {
  now: number
  s: { -readonly [K in keyof State]: State[K] }
  readonly actions: Array<Action>
}

export const publish = (d: Draft, event: Event.Draft): void => {
  d.actions.push({ _tag: "Publish", event })
}

export const noWords: Words = {
  startedAt: undefined,
  stoppedAt: undefined,
  finalAt: undefined,
  finals: [],
  interim: "",
  speechMs: 0,
  overlap: false,
  kept: false,
  tries: 0,
  limited: false,
  expectedAt: undefined
}

export const find = (d: Draft, id: string): Speech | undefined => d.s.speeches.find((speech) => speech.id === id)

export const setPhase = (d: Draft, id: string, phase: Speech["phase"]): void => {
  d.s.speeches = d.s.speeches.map((speech) => speech.id === id ? { ...speech, phase, starved: false } : speech)
}

export const setStarved = (d: Draft, id: string, starved: boolean): void => {
  d.s.speeches = d.s.speeches.map((speech) => speech.id === id ? { ...speech, starved } : speech)
}

/** The speech that has the floor: audible, unless it is paused. */
export const playing = (s: State): Speech | undefined => s.speeches.find((speech) => speech.phase === "playing")

export const interruptible = (s: State, speech: Speech): boolean => s.settings.interruption.enabled && !speech.protected

/** The agent speaks, or is about to. */
export const busy = (s: State): boolean => s.speeches.some((speech) => speech.phase !== "stopping")

/** All that was said in the open turn, as one text. */
export const said = (words: Words, interim = false): string =>
  (interim && words.interim !== "" ? [...words.finals, words.interim] : words.finals).join(" ").trim()
