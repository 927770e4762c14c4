/**
 * A voice that goes on without words: a television, not the caller. Where the
 * recogniser tells what it hears while one speaks, the silence of words counts
 * for the end of that voice: it holds and pauses nothing any more.
 */
import { type Draft, said } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Endpointing from "./endpointing.ts"
import type { State } from "./model.ts"

/** When a voice will have been without words for too long; `undefined` if that cannot be told. */
export const at = (s: State): number | undefined => {
  const { endpointing, voice, words } = s.user
  const { ears, settings: { detection } } = s.session
  if (!ears.stt || detection !== "vad" || voice._tag !== "Sounding" || voice.dismissed) return undefined
  const tells = ears.interims || (words.finalAt ?? Number.NEGATIVE_INFINITY) > voice.startedAt
  if (!tells || words.interim !== "") return undefined
  return Math.max(voice.since, words.lastAt ?? Number.NEGATIVE_INFINITY) + Endpointing.delays(endpointing).max +
    ears.delay
}

export const ring = (d: Draft): void => {
  const { voice, words } = d.user
  if (voice._tag === "Silent") return
  d.user.voice = { ...voice, dismissed: true }
  const { holdUntil, pause } = d.agent
  if (said(words) !== "") return EndOfTurn.consider(d)
  if (holdUntil !== undefined) d.agent.holdUntil = d.now
  if (pause !== undefined && pause._tag !== "Yielded") d.agent.pause = { ...pause, until: d.now }
}
