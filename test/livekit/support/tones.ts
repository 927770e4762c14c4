/** Audio that tells who has made it: tones, 50 Hz apart, and which of them is heard. */
import { Audio } from "effect-voice"

const lowest = 400
const step = 50

/** Whole milliseconds of a voice that is one tone. */
export const toneOf = (who: number, ms: number): Audio.Frame => {
  const w = 2 * Math.PI * (lowest + who * step) / Audio.speech.sampleRate
  const samples = Int16Array.from({ length: ms * 16 }, (_, i) => Math.round(8000 * Math.sin(w * i)))
  return { ...Audio.speech, samples }
}

const power = (samples: Int16Array, frequency: number): number => {
  const w = 2 * Math.PI * frequency / Audio.speech.sampleRate
  const coefficient = 2 * Math.cos(w)
  let [before, last] = [0, 0]
  for (const sample of samples) [before, last] = [last, sample + coefficient * last - before]
  return last ** 2 + before ** 2 - coefficient * last * before
}

const windowMs = 40

const loudest = (samples: Int16Array, most: number): number => {
  let [who, highest] = [-1, 0]
  for (let candidate = 0; candidate < most; candidate++) {
    const found = power(samples, lowest + candidate * step)
    if (found > highest) [who, highest] = [candidate, found]
  }
  return who
}

/**
 * The tone of speech in 16 kHz, and for how much of it that is the loudest. It
 * looks at short pieces: a receiver that catches up stretches what it plays.
 */
export const whoseTone = (samples: Int16Array, most: number): { readonly who: number; readonly share: number } => {
  const counts = new Map<number, number>()
  let total = 0
  for (let at = 0; at + windowMs * 16 <= samples.length; at += windowMs * 16) {
    const piece = samples.subarray(at, at + windowMs * 16)
    if (Audio.rms({ ...Audio.speech, samples: piece }) < 0.02) continue
    const who = loudest(piece, most)
    counts.set(who, (counts.get(who) ?? 0) + 1)
    total++
  }
  const [who, count] = [...counts].toSorted(([, a], [, b]) => b - a)[0] ?? [-1, 0]
  return { who, share: total === 0 ? 0 : count / total }
}
