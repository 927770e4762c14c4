/** When words were said: by the recogniser, else by the voice that they are of. */
import type { Draft } from "./draft.ts"
import type { Signal } from "./signal.ts"

/** Times of words (ms of the Clock). */
export interface Span {
  readonly startedAt: number
  readonly endedAt: number
}

/** How late (ms) the transcript of a voice may be that has ended. */
const late = 5000

/** A word takes about so long for each of its characters (ms). */
const perCharacter = 60

/** The words have no voice: the detector has missed it, or it is too long ago. */
export interface Placed extends Span {
  readonly missed: boolean
}

export const place = (d: Draft, signal: Extract<Signal, { readonly _tag: "Heard" }>): Placed => {
  const { heardTo, spokenFrom, spokenTo, voice } = d.user
  const owed = spokenTo > heardTo && d.now - spokenTo <= late
  const estimate = Math.max(200, signal.text.trim().length * perCharacter)
  const missed = voice._tag === "Silent" && !owed
  const byVoice = owed && (voice._tag === "Silent" || voice.startedAt > spokenTo)
    ? { startedAt: Math.min(Math.max(spokenFrom, heardTo), spokenTo), endedAt: spokenTo }
    : voice._tag === "Silent"
    ? { startedAt: d.now - estimate, endedAt: d.now }
    : {
      startedAt: Math.max(voice.startedAt, Math.min(heardTo, d.now)),
      endedAt: voice._tag === "Paused" ? voice.pausedAt : d.now
    }
  const endedAt = Math.min(signal.endedAt ?? byVoice.endedAt, d.now)
  const startedAt = Math.min(
    signal.startedAt ?? (signal.endedAt === undefined ? byVoice.startedAt : Math.max(byVoice.startedAt, 0)),
    endedAt
  )
  return { startedAt, endedAt, missed }
}
