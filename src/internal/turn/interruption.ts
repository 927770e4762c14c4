/** What interrupts an agent that speaks: a voice that lasts long enough (so a cough does not), or words. */
import * as Text from "../../Text.ts"
import * as Phrases from "../text/phrases.ts"
import { type Draft, fresh, interruptible, playing, reading, said, tooFewAlone } from "./draft.ts"
import * as Lasting from "./lasting.ts"
import type { Playing, State } from "./model.ts"
import * as Pause from "./pause.ts"

/** How much longer (ms) a voice must last while no words have come: the first ones are due soon. */
const wordsDue = 100

/** How long (ms) a voice must last to interrupt. It is longer while there are no words, or only a sign of listening. */
const lasting = (s: State): number => {
  const { interruption: { backchannel, minDuration } } = s.session.settings
  if (!backchannel || !s.session.ears.interims || minDuration === 0 || !Phrases.knows(reading(s))) return minDuration
  const text = fresh(s.user.words)
  if (text === "") return minDuration + wordsDue
  return Phrases.mayBecomeSign(text, reading(s)) ? 2 * minDuration : minDuration
}

/** Whether a voice can interrupt now, if it lasts. */
const byItself = (s: State): boolean => {
  const { ears, settings: { interruption } } = s.session
  return (interruption.minWords === 0 || !ears.stt || !ears.interims) && Lasting.counts(s)
}

/** When the voice will have lasted long enough to interrupt; `undefined` if it cannot, or its audio is still to come. */
export const byVoiceAt = (s: State): number | undefined => byItself(s) ? Lasting.at(s, lasting(s)) : undefined

/** Up to when the audio of the voice must come for it to interrupt; `undefined` if that is no matter. */
export const awaitsVoiceTo = (s: State): number | undefined => byItself(s) ? Lasting.awaits(s, lasting(s)) : undefined

export const byVoice = (d: Draft): void => {
  const due = byVoiceAt(d)
  if (due !== undefined && due <= d.now) Pause.interrupt(d)
}

/** Who has the floor, if words can take it: not in the echo warm-up. */
export const takeable = (s: Draft): Playing | undefined => {
  const floor = playing(s)
  return floor !== undefined && interruptible(s, floor) && s.now >= (s.agent.warmUpUntil ?? 0) ? floor : undefined
}

/** Enough words, where it takes words. */
export const byWords = (d: Draft): void => {
  const { minWords } = d.session.settings.interruption
  const { words } = d.user
  if (minWords === 0 || takeable(d) === undefined || (tooFewAlone(words) && words.interim === "")) return
  if (fresh(words) !== "" && Text.countWords(said(words, true)) >= minWords) Pause.interrupt(d)
}

/** Words that are no sign of listening, whatever becomes of them: the voice need not last. */
export const byMeaning = (d: Draft, text: string): void => {
  const { ears, settings: { interruption } } = d.session
  const { voice } = d.user
  if (interruption.minWords > 0 || !ears.interims || voice._tag === "Silent" || voice.faint) return
  if (takeable(d) === undefined || !Phrases.knows(reading(d)) || Phrases.mayBecomeSign(text, reading(d))) return
  Pause.interrupt(d)
}

/** The words ask for the floor: the agent is silent at once. An interim may still become something else. */
export const cutIn = (d: Draft): void => {
  if (takeable(d) === undefined) return
  Pause.interrupt(d)
  if (d.user.words.interim === "") d.user.words = { ...d.user.words, cutIn: true }
}
