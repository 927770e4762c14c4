/**
 * How long the user's voice has lasted: as much of it as was heard. Audio that is late, or comes in
 * bursts, counts when it has come, for only then is it known whether the voice goes on in it.
 */
import type { Voice } from "./model.ts"

/** By how much (ms) two times of the audio may err against each other on the Clock. */
const errs = 1

/** From when on a voice will have lasted so long (ms), if it goes on; `undefined` if it does not sound. */
const reaches = (voice: Voice, ms: number): number | undefined => {
  if (voice._tag === "Silent") return undefined
  const missing = ms - voice.soundedMs
  if (voice._tag === "Sounding") return voice.since + Math.max(0, missing)
  return missing > 0 ? undefined : voice.startedAt
}

const isHeard = (voice: Voice, at: number): boolean =>
  voice._tag !== "Sounding" || voice.heardTo === undefined || voice.heardTo >= at - errs

/** When a voice has lasted so long (ms), or will have; `undefined` while that is not known. */
export const at = (voice: Voice, ms: number): number | undefined => {
  const due = reaches(voice, ms)
  return due !== undefined && isHeard(voice, due) ? due : undefined
}

/** Up to when its audio must come for it to have lasted so long (ms); `undefined` if nothing waits for that. */
export const awaits = (voice: Voice, ms: number): number | undefined => {
  const due = reaches(voice, ms)
  return due === undefined || isHeard(voice, due) ? undefined : due - errs
}
