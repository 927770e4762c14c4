/** Where there is sound in speech, by its level alone: what lies between is true silence, whoever listens. */
import { Audio } from "../../src/index.ts"
import type { Stretch } from "./rows.ts"

const windowMs = 10

/** Silences that are shorter (ms) are part of the sound. */
const shortest = 100

/** Above the quietest windows, and at most so far below the loud ones (dB): soft ends of words are sound. */
const [aboveFloor, belowTop] = [8, 38]

export const sounds = (audio: Audio.Frame): ReadonlyArray<Stretch> => {
  const count = Math.floor(Audio.durationMs(audio) / windowMs)
  const levels = Array.from(
    { length: count },
    (_, i) => Audio.dbfs(Audio.slice(audio, i * windowMs, (i + 1) * windowMs))
  )
  const sorted = levels.map((level) => Math.max(level, -96)).sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? -96
  const threshold = Math.max(at(0.05) + aboveFloor, at(0.95) - belowTop)
  const stretches: Array<{ from: number; to: number }> = []
  levels.forEach((level, i) => {
    if (level <= threshold) return
    const last = stretches.at(-1)
    if (last !== undefined && i * windowMs - last.to < shortest) last.to = (i + 1) * windowMs
    else stretches.push({ from: i * windowMs, to: (i + 1) * windowMs })
  })
  return stretches
}
