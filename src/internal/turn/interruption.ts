/** What takes the floor from an agent that speaks: a voice that lasts, or words. */
import * as Text from "../../Text.ts"
import * as Phrases from "../text/phrases.ts"
import { type Draft, interruptible, playing, said, setAside } from "./draft.ts"
import type { State, Words } from "./model.ts"
import * as Pause from "./pause.ts"

/** When the voice will have lasted long enough to interrupt; `undefined` if it cannot. */
export const byVoiceAt = (s: State): number | undefined => {
  const { voice } = s.user
  const { ears, settings: { interruption } } = s.session
  if (voice._tag === "Silent" || voice.dismissed || s.agent.pause !== undefined) return undefined
  const floor = playing(s)
  if (floor === undefined || !interruptible(s, floor)) return undefined
  if (interruption.minWords > 0 && ears.stt && ears.interims) return undefined
  const missing = interruption.minDuration - voice.soundedMs
  if (missing > 0 && voice._tag === "Paused") return undefined
  const from = voice._tag === "Sounding" ? voice.since : voice.startedAt
  return Math.max(from + Math.max(0, missing), s.agent.warmUpUntil ?? 0)
}

export const byVoice = (d: Draft): void => {
  const due = byVoiceAt(d)
  if (due !== undefined && due <= d.now) Pause.interrupt(d)
}

/** Whether words can take the floor from who has it. */
const canInterrupt = (d: Draft): boolean => {
  const floor = playing(d)
  return floor !== undefined && interruptible(d, floor) && d.now >= (d.agent.warmUpUntil ?? 0)
}

/** Enough words, where it takes words, or a request to stop, however short. */
export const byWords = (d: Draft): void => {
  const { minWords } = d.session.settings.interruption
  const { voice, words } = d.user
  if (!canInterrupt(d) || (setAside(words) && words.interim === "")) return
  const text = unjudged(words)
  const over = words.interim === "" && voice._tag !== "Sounding"
  if (Phrases.isCommand(text) || (over && Phrases.isOutcry(text))) cutIn(d)
  else if (minWords > 0 && Text.countWords(said(words, true)) >= minWords) Pause.interrupt(d)
}

/** The words ask for the floor: the agent is silent at once. An interim may still become something else. */
export const cutIn = (d: Draft): void => {
  if (!canInterrupt(d)) return
  Pause.interrupt(d)
  if (d.user.words.interim === "") d.user.words = { ...d.user.words, cutIn: true }
}

/** The words that no verdict has set aside. */
export const unjudged = (words: Words): string => said({ ...words, finals: words.finals.slice(words.kept) }, true)
