/**
 * How likely a window of audio is voice, by its loudness alone: `e / (e + t)`, of its mean square and that of the threshold.
 * Pure, without state: the same for all who hear.
 */

/** Root mean square of a loudness in dBFS. */
export const rmsAt = (dbfs: number): number => 10 ** (dbfs / 20)

/** Loudness (dBFS) of a voice on a quiet line. */
export const usual = -45

/** Scores windows by a threshold, as root mean square. */
export const scorer = (rms: number) => {
  const power = rms * rms
  return (window: Float32Array): number => {
    let sum = 0
    for (let i = 0; i < window.length; i++) {
      sum += window[i]! * window[i]!
    }
    const mean = sum / window.length
    return mean / (mean + power)
  }
}
