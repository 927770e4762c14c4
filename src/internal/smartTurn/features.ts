/**
 * What the model sees of the last eight seconds: a picture of 80 bands by 800
 * moments of 10 ms, each the logarithm of the energy.
 *
 * It is the front end of Whisper with its published figures (16 kHz, windows of
 * 400 samples every 160, a Hann window, bands on Slaney's scale), over a
 * waveform that has been brought to mean 0 and variance 1. Speech that is
 * shorter stands at the end, behind silence. Pure; a maker serves one caller
 * at a time.
 */
import * as Fourier from "./fourier.ts"

export const sampleRate = 16_000
export const bands = 80
export const moments = 800
const windowSize = 400
const hop = 160

/** Samples that the model looks at. */
export const span = moments * hop
/** Numbers in a picture. */
export const size = bands * moments

// Slaney's scale: even below 1 kHz, then 27 steps for each factor of 6.4.
const [bendHz, bendMel, stepsPerLog] = [1000, 15, 27 / Math.log(6.4)]
const toMel = (hz: number): number => hz < bendHz ? (3 * hz) / 200 : bendMel + Math.log(hz / bendHz) * stepsPerLog
const toHz = (mel: number): number => mel < bendMel ? (200 * mel) / 3 : bendHz * Math.exp((mel - bendMel) / stepsPerLog)

interface Band {
  readonly from: number
  readonly weights: Float64Array
}

/** Triangles of equal area, each over the bins that it touches. */
const bandsOf = (): ReadonlyArray<Band> => {
  const top = toMel(sampleRate / 2)
  const edges = Array.from({ length: bands + 2 }, (_, i) => toHz((top * i) / (bands + 1)))
  const bins = Array.from({ length: windowSize / 2 + 1 }, (_, i) => (i * sampleRate) / windowSize)
  return Array.from({ length: bands }, (_, band) => {
    const [low, middle, high] = [edges[band]!, edges[band + 1]!, edges[band + 2]!]
    const weights = bins.map((hz) =>
      Math.max(0, Math.min((hz - low) / (middle - low), (high - hz) / (high - middle))) * (2 / (high - low))
    )
    const from = Math.max(0, weights.findIndex((weight) => weight > 0))
    const to = weights.findLastIndex((weight) => weight > 0)
    return { from, weights: Float64Array.from(weights.slice(from, to + 1)) }
  })
}

/** Energy without which there is nothing to hear, and how far below the loudest the picture goes (decades). */
const [floor, depth] = [1e-10, 8]

/** Gives the picture of some samples into `out`, of which the last eight seconds count. */
export const maker = (): (samples: Int16Array, out: Float32Array) => void => {
  const filters = bandsOf()
  const hann = Float64Array.from(
    { length: windowSize },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / windowSize)
  )
  const wave = new Float64Array(span)
  const { im, re, transform } = Fourier.plan(windowSize)
  const [even, odd] = [new Float64Array(windowSize / 2 + 1), new Float64Array(windowSize / 2 + 1)]

  /** Fills `wave`, and tells how many samples of it are the silence in front. */
  const normalise = (samples: Int16Array): number => {
    const heard = samples.subarray(Math.max(0, samples.length - span))
    const front = span - heard.length
    let sum = 0
    for (const sample of heard) sum += sample / 32_768
    const mean = sum / span
    let squares = front * mean * mean
    for (const sample of heard) squares += (sample / 32_768 - mean) ** 2
    const scale = 1 / Math.sqrt(squares / span + 1e-7)
    wave.fill(-mean * scale, 0, front)
    for (let i = 0; i < heard.length; i++) wave[front + i] = (heard[i]! / 32_768 - mean) * scale
    return front
  }

  /** A sample of the wave, mirrored at both ends. */
  const mirrored = (i: number): number => wave[i < 0 ? -i : i >= span ? 2 * span - 2 - i : i]!

  const write = (moment: number, power: Float64Array, out: Float32Array): void => {
    for (let band = 0; band < bands; band++) {
      const { from, weights } = filters[band]!
      let energy = 0
      for (let i = 0; i < weights.length; i++) energy += weights[i]! * power[from + i]!
      out[band * moments + moment] = Math.log10(Math.max(floor, energy))
    }
  }

  /** Two moments in one transform: one is its real, one its imaginary part. */
  const pair = (moment: number, out: Float32Array): void => {
    const start = moment * hop - windowSize / 2
    for (let i = 0; i < windowSize; i++) {
      re[i] = mirrored(start + i) * hann[i]!
      im[i] = mirrored(start + hop + i) * hann[i]!
    }
    transform()
    for (let k = 0; k <= windowSize / 2; k++) {
      const mirror = (windowSize - k) % windowSize
      const sumRe = re[k]! + re[mirror]!
      const sumIm = im[k]! - im[mirror]!
      const oddRe = im[k]! + im[mirror]!
      const oddIm = re[mirror]! - re[k]!
      even[k] = (sumRe * sumRe + sumIm * sumIm) / 4
      odd[k] = (oddRe * oddRe + oddIm * oddIm) / 4
    }
    write(moment, even, out)
    write(moment + 1, odd, out)
  }

  return (samples, out) => {
    const front = normalise(samples)
    // The moments that lie in the silence in front are all the same.
    const silent = Math.max(0, Math.floor((front - windowSize / 2) / hop / 2) * 2)
    for (let moment = silent >= 2 ? silent - 2 : 0; moment < moments; moment += 2) pair(moment, out)
    const same = Math.max(0, silent - 2)
    for (let row = 0; row < size; row += moments) {
      out.fill(out[row + same]!, row, row + same)
    }
    let loudest = Number.NEGATIVE_INFINITY
    for (let i = 0; i < size; i++) loudest = Math.max(loudest, out[i]!)
    for (let i = 0; i < size; i++) out[i] = (Math.max(out[i]!, loudest - depth) + 4) / 4
  }
}
