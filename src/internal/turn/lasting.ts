/**
 * How long the user's voice has lasted over the agent: as much of it as was heard. Audio that is
 * late, or comes in bursts, counts when it has come, for only then is it known whether the voice
 * goes on in it.
 */
import { interruptible, playing } from "./draft.ts"
import type { State, Voice } from "./model.ts"

/** By how much (ms) two times of the audio may err against each other on the Clock. */
const errs = 1

/** Whether there is a voice that counts, over speech that may be interrupted and is not paused. */
export const counts = (s: State): boolean => {
  const { voice } = s.user
  if (voice._tag === "Silent" || voice.dismissed || voice.faint || s.agent.pause !== undefined) return false
  const floor = playing(s)
  return floor !== undefined && interruptible(s, floor)
}

/** From when on a voice will have lasted so long (ms), if it goes on; `undefined` if it does not sound. */
const reaches = (voice: Voice, ms: number): number | undefined => {
  if (voice._tag === "Silent") return undefined
  const missing = ms - voice.soundedMs
  if (voice._tag === "Sounding") return voice.since + Math.max(0, missing)
  return missing > 0 ? undefined : voice.startedAt
}

const isHeard = (voice: Voice, at: number): boolean =>
  voice._tag !== "Sounding" || voice.heardTo === undefined || voice.heardTo >= at - errs

/** When a voice has lasted so long (ms), or will have, after the echo's warm-up; `undefined` while that is not known. */
export const at = (s: State, ms: number): number | undefined => {
  const due = reaches(s.user.voice, ms)
  return due !== undefined && isHeard(s.user.voice, due) ? Math.max(due, s.agent.warmUpUntil ?? 0) : undefined
}

/** Up to when its audio must come for it to have lasted so long (ms); `undefined` if nothing waits for that. */
export const awaits = (s: State, ms: number): number | undefined => {
  const due = reaches(s.user.voice, ms)
  return due === undefined || isHeard(s.user.voice, due) ? undefined : due - errs
}
