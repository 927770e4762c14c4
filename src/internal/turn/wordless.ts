/**
 * A voice that goes on without words: a television, not the caller. The silence
 * of words counts for the end of that voice: it holds and pauses nothing any more.
 */
import { type Draft, said } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Endpointing from "./endpointing.ts"
import type { State } from "./model.ts"
import * as Owed from "./owed.ts"

/** Without interim transcripts nothing is heard of the words of a voice that goes on: so long (ms) few speak at a stretch. */
const longest = 10_000

/** When a voice will have been without words for too long; `undefined` if that cannot be told. */
export const at = (s: State): number | undefined => {
  const { endpointing, voice, words } = s.user
  const { ears } = s.session
  if (!ears.stt || voice._tag !== "Sounding" || voice.dismissed) return undefined
  const { max } = Endpointing.delays(endpointing)
  const tells = ears.interims || (words.finalAt ?? Number.NEGATIVE_INFINITY) > voice.startedAt
  return Math.max(voice.since, words.heardAt ?? Number.NEGATIVE_INFINITY) +
    (tells ? max + ears.delay : Math.max(max, longest))
}

export const ring = (d: Draft): void => {
  const { voice, words } = d.user
  if (voice._tag === "Silent") return
  d.user.voice = { ...voice, dismissed: true }
  const { holdUntil, pause } = d.agent
  if (said(words) !== "") return EndOfTurn.consider(d)
  if (!Number.isFinite(Owed.patience(d))) return
  if (holdUntil !== undefined) d.agent.holdUntil = d.now
  if (pause !== undefined && pause._tag !== "Yielded") d.agent.pause = { ...pause, until: d.now }
}
