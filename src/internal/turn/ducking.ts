/**
 * The agent lowers its voice while the user's may become an interruption: it goes on, and the user
 * hears that it has noticed them. If the voice was not an interruption, the level is restored.
 */
import { type Draft, playing } from "./draft.ts"
import * as Floor from "./floor.ts"
import * as Lasting from "./lasting.ts"
import type { Ducked, State } from "./model.ts"
import * as Owed from "./owed.ts"

/** Voice (ms) after which the agent lowers its own. */
const after = 200

const mayDuck = (s: State): boolean => {
  const { voice } = s.user
  if (!s.session.settings.interruption.duck || s.agent.ducked !== undefined) return false
  return voice._tag !== "Silent" && !voice.committed && Lasting.counts(s)
}

/** When the agent lowers its voice; `undefined` if there is no reason to, or the audio of one is still to come. */
export const duckAt = (s: State): number | undefined => mayDuck(s) ? Lasting.at(s, after) : undefined

/** Up to when the audio of the voice must come for that; `undefined` if it is no matter. */
export const awaitsVoiceTo = (s: State): number | undefined => mayDuck(s) ? Lasting.awaits(s, after) : undefined

const duck = (d: Draft): void => {
  const floor = playing(d)
  if (floor === undefined) return
  d.agent.ducked = { speech: floor.id, until: undefined }
  d.actions.push({ _tag: "Duck", speech: floor.id })
}

export const byVoice = (d: Draft): void => {
  const due = duckAt(d)
  if (due !== undefined && due <= d.now) duck(d)
}

/** When it is clear that it was for nothing; `undefined` while that is open. */
export const restoreAt = (s: State): number | undefined => s.agent.ducked?.until

export const restore = (d: Draft): void => {
  const { ducked } = d.agent
  if (ducked === undefined) return
  d.agent.ducked = undefined
  d.actions.push({ _tag: "Restore", speech: ducked.speech })
}

/** How long what the user has said, or not, may still take the floor. */
const openUntil = (d: Draft, { until }: Ducked): number | undefined => {
  const { voice, words } = d.user
  if (voice._tag !== "Silent") return voice.dismissed ? d.now : undefined
  if (!Floor.settled(d)) return undefined
  return words.interim === "" && Owed.isSettled(d) ? d.now : until ?? d.now + Owed.patience(d)
}

/** After every signal: the level is back when the speech is over, or goes on, or nobody wants the floor. */
export const follow = (d: Draft, before: State): void => {
  const { ducked, pause } = d.agent
  if (ducked === undefined) return
  const floor = playing(d)
  if (floor?.id !== ducked.speech || (before.agent.pause !== undefined && pause === undefined)) return restore(d)
  if (pause === undefined) d.agent.ducked = { ...ducked, until: openUntil(d, ducked) }
}
