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
  kept: 0,
  cutIn: false,
  pausedMs: 0,
  tries: 0,
  limited: false,
  expectedAt: undefined
}

export const find = (d: Draft, id: string): Speech | undefined => d.s.speeches.find((speech) => speech.id === id)

export const setPhase = (d: Draft, id: string, phase: Speech["phase"]): void => {
  d.s.speeches = d.s.speeches.map((speech) => speech.id === id ? { ...speech, phase, starvedAt: undefined } : speech)
}

export const setStarved = (d: Draft, id: string, starved: boolean): void => {
  d.s.speeches = d.s.speeches.map((speech) =>
    speech.id === id ? { ...speech, starvedAt: starved ? d.now : undefined } : speech
  )
}

/** The speech that has the floor: audible, unless it is paused. */
export const playing = (s: State): Speech | undefined => s.speeches.find((speech) => speech.phase === "playing")

export const interruptible = (s: State, speech: Speech): boolean => s.settings.interruption.enabled && !speech.protected

/** The agent speaks, or is about to. */
export const busy = (s: State): boolean => s.speeches.some((speech) => speech.phase !== "stopping")

/** An agent that has more to say may take a breath so long (ms): then nobody hears it any more. */
export const breath = 1000

/** Whether the user hears the agent: one that only the voice of the open turn has paused counts as heard. */
export const audible = (s: State, at: number): boolean => {
  const floor = playing(s)
  if (floor === undefined || (floor.starvedAt !== undefined && at - floor.starvedAt >= breath)) return false
  return s.pause?.speech !== floor.id || (!s.pause.silent && s.pause.turn === s.turn)
}

/** When the newest of what was said ended: by the voice, not by its transcript, which may be late. */
export const spokenAt = ({ voice, words }: State, now: number): number =>
  voice === undefined
    ? words.stoppedAt ?? words.finalAt ?? now
    : voice.sounding === undefined
    ? voice.pausedAt ?? now
    : now

/** Nothing has become final since the words were kept. */
export const setAside = (words: Words): boolean => words.kept > 0 && words.kept === words.finals.length

/** All that was said in the open turn, as one text. */
export const said = (words: Words, interim = false): string =>
  (interim && words.interim !== "" ? [...words.finals, words.interim] : words.finals).join(" ").trim()
