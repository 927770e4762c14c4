/**
 * Rational resampling with a Kaiser-windowed sinc in polyphase form.
 *
 * Output `k` is the convolution at input time `k * step / phases`, centred, so
 * there is no net delay. All taps of a ratio are computed once per process.
 */
import { remix } from "./channels.ts"
import { saturate } from "./format.ts"

// 96 taps at the lower rate with beta for 76 dB put the whole transition
// between 0.9 and 1.0 of the lower Nyquist frequency.
const halfWidth = 48
const beta = 7.416
const cutoff = 0.95

// Ratios of coprime rates would need a table of megabytes: beyond this many
// phases the rows are interpolated, whose error (-94 dB) is below the stop band.
const mostPhases = 640
const interpolatedRows = 256
const leastRows = 4
// A table is made in one go, within milliseconds.
const mostCoefficients = 65_536

// Up to here a frame has several outputs for each row, which then share its taps.
const fewPhases = 8
const cachedRatios = 16
const blockSize = 2048

interface Taps {
  /** Coefficients row by row, `width` each. */
  readonly table: Float64Array
  readonly width: number
  readonly phases: number
  readonly step: number
  /** Rows per unit of phase: 1, or less when rows are interpolated. */
  readonly scale: number
}

const gcd = (a: number, b: number): number => b === 0 ? a : gcd(b, a % b)

// The window is the same for every ratio, and smooth: between so many steps, interpolated by the cubes of its
// neighbours, it is wrong by less than -150 dB.
const windowSteps = 256

/** The zeroth modified Bessel function of twice the root of `q`, below 14, where it takes some 30 terms. */
const bessel = (q: number): number => {
  let sum = 1
  let term = 1
  for (let k = 1; Math.abs(term) > sum * 1e-12; k++) {
    term *= q / (k * k)
    sum += term
  }
  return sum
}

/** The Kaiser window by the square of the place in it, from one step before its middle to two beyond its edge. */
const windowOf = (): Float64Array =>
  Float64Array.from({ length: windowSteps + 4 }, (_, i) => bessel(beta * beta / 4 * (1 - (i - 1) / windowSteps)))

let window: Float64Array | undefined

const makeTaps = (phases: number, step: number): Taps => {
  const bandwidth = Math.min(1, phases / step)
  // An even half width lets the inner loop run four taps at a time.
  const half = 2 * Math.ceil(halfWidth / bandwidth / 2)
  const width = 2 * half
  const exact = phases <= mostPhases && phases * width <= mostCoefficients
  // The narrower the band, the less one row differs from the next.
  const between = Math.max(leastRows, Math.ceil(interpolatedRows * bandwidth))
  const rows = exact ? phases : between + 1
  const unit = exact ? phases : between
  const table = new Float64Array(rows * width)
  const kaiser = window ??= windowOf()
  // From one tap to the next, the sine turns by the same angle.
  const angle = Math.PI * cutoff * bandwidth
  const [turnSin, turnCos] = [Math.sin(angle), Math.cos(angle)]
  for (let row = 0; row < rows; row++) {
    const begin = row * width
    // The filter is symmetric: a row of the second half is another one, backwards.
    const other = unit - row
    if (other < row) {
      table.copyWithin(begin, other * width, (other + 1) * width)
      table.subarray(begin, begin + width).reverse()
      continue
    }
    let t = row / unit + half - 1
    let sin = Math.sin(angle * t)
    let cos = Math.cos(angle * t)
    let sum = 0
    for (let j = 0; j < width; j++) {
      const place = t / half * (t / half) * windowSteps
      if (place <= windowSteps) {
        const i = place | 0
        const f = place - i
        const a = kaiser[i]!
        const b = kaiser[i + 1]!
        const c = kaiser[i + 2]!
        const d = kaiser[i + 3]!
        const weight = (((d - a) / 6 + (b - c) / 2) * f + (a + c) / 2 - b) * f + c - b / 2 - a / 3 - d / 6
        const value = (t === 0 ? 1 : sin / (angle * t)) * (weight * f + b)
        table[begin + j] = value
        sum += value
      }
      const turned = sin * turnCos - cos * turnSin
      cos = cos * turnCos + sin * turnSin
      sin = turned
      t -= 1
    }
    for (let j = begin; j < begin + width; j++) table[j]! /= sum
  }
  return { table, width, phases, step, scale: exact ? 1 : between / phases }
}

const cache = new Map<string, Taps>()

export const tapsFor = (from: number, to: number): Taps => {
  const divisor = gcd(from, to)
  const phases = to / divisor
  const step = from / divisor
  const key = `${phases}/${step}`
  const cached = cache.get(key)
  if (cached !== undefined) {
    return cached
  }
  const taps = makeTaps(phases, step)
  if (cache.size >= cachedRatios) {
    cache.delete(cache.keys().next().value!)
  }
  cache.set(key, taps)
  return taps
}

const dot = (table: Float64Array, row: number, buffer: Float64Array, position: number, width: number): number => {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  for (let j = 0; j < width; j += 4) {
    const t = row + j
    const s = position + j
    a += table[t]! * buffer[s]!
    b += table[t + 1]! * buffer[s + 1]!
    c += table[t + 2]! * buffer[s + 2]!
    d += table[t + 3]! * buffer[s + 3]!
  }
  return (a + b) + (c + d)
}

const sums = new Float64Array(4)

/**
 * Four dot products of one row, `step` samples apart. Taps that lie `step` apart
 * meet the same samples one output later, so each sample is loaded once for all
 * four.
 */
const dotFour = (
  table: Float64Array,
  row: number,
  buffer: Float64Array,
  position: number,
  step: number,
  width: number,
  into: Float64Array
): void => {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  const end = row + width
  for (let first = 0; first < step; first++) {
    let s = position + first
    let t = row + first
    let w = buffer[s]!
    let x = buffer[s + step]!
    let y = buffer[s + 2 * step]!
    s += 3 * step
    for (const last = end - 3 * step; t < last; t += 4 * step, s += 4 * step) {
      const t0 = table[t]!
      const t1 = table[t + step]!
      const t2 = table[t + 2 * step]!
      const t3 = table[t + 3 * step]!
      const z = buffer[s]!
      a += t0 * w
      b += t0 * x
      c += t0 * y
      d += t0 * z
      w = buffer[s + step]!
      a += t1 * x
      b += t1 * y
      c += t1 * z
      d += t1 * w
      x = buffer[s + 2 * step]!
      a += t2 * y
      b += t2 * z
      c += t2 * w
      d += t2 * x
      y = buffer[s + 3 * step]!
      a += t3 * z
      b += t3 * w
      c += t3 * x
      d += t3 * y
    }
    for (; t < end; t += step, s += step) {
      const tap = table[t]!
      const z = buffer[s]!
      a += tap * w
      b += tap * x
      c += tap * y
      d += tap * z
      w = x
      x = y
      y = z
    }
  }
  into[0] = a
  into[1] = b
  into[2] = c
  into[3] = d
}

export class Resampler {
  readonly #taps: Taps
  readonly #buffers: ReadonlyArray<Float64Array>
  readonly #capacity: number
  #position = 0
  #phase = 0
  #filled: number

  constructor(taps: Taps, channels: number) {
    this.#taps = taps
    this.#capacity = taps.width + blockSize
    // Four outputs are always computed, also where fewer are due.
    const spare = 3 * taps.step
    this.#buffers = Array.from({ length: channels }, () => new Float64Array(this.#capacity + spare))
    this.#filled = taps.width / 2 - 1
  }

  /** Outputs that `count` more sample frames would complete. */
  #ready(count: number): number {
    const { phases, step, width } = this.#taps
    const spare = this.#filled + count - this.#position - width
    return spare < 0 ? 0 : Math.ceil(((spare + 1) * phases - this.#phase) / step)
  }

  push(source: Int16Array, channels: number): Int16Array {
    const count = Math.floor(source.length / channels)
    const out = new Int16Array(this.#ready(count) * this.#buffers.length)
    let written = 0
    for (let start = 0; start < count;) {
      const size = Math.min(this.#makeRoom(), count - start)
      remix(source, start, size, channels, this.#buffers, this.#filled)
      this.#filled += size
      start += size
      written = this.#convolve(out, written)
    }
    return out
  }

  /** The last `count` outputs, as if silence followed. */
  finish(count: number): Int16Array {
    const { phases, step, width } = this.#taps
    const out = new Int16Array(count * this.#buffers.length)
    let missing = width / 2 + 2 * Math.ceil(step / phases)
    for (let written = 0; written < out.length && missing > 0;) {
      const size = Math.min(this.#makeRoom(), missing)
      for (const buffer of this.#buffers) {
        buffer.fill(0, this.#filled, this.#filled + size)
      }
      this.#filled += size
      missing -= size
      written = this.#convolve(out, written)
    }
    return out
  }

  #makeRoom(): number {
    if (this.#capacity - this.#filled < blockSize / 2) {
      for (const buffer of this.#buffers) {
        buffer.copyWithin(0, this.#position, this.#filled)
      }
      this.#filled -= this.#position
      this.#position = 0
    }
    return this.#capacity - this.#filled
  }

  #convolve(out: Int16Array, written: number): number {
    const { phases, step } = this.#taps
    const channels = this.#buffers.length
    const count = Math.min(this.#ready(0), (out.length - written) / channels)
    if (phases <= fewPhases) {
      this.#byRow(out, written, count)
    } else {
      this.#byOutput(out, written, count)
    }
    const total = this.#phase + count * step
    this.#phase = total % phases
    this.#position += Math.floor(total / phases)
    return written + count * channels
  }

  #byOutput(out: Int16Array, written: number, count: number): void {
    const { phases, scale, step, table, width } = this.#taps
    const channels = this.#buffers.length
    const whole = (step / phases) | 0
    const part = step % phases
    let position = this.#position | 0
    let phase = this.#phase | 0
    let o = written | 0
    for (let k = 0; k < count; k++) {
      const row = (phase * scale) | 0
      const weight = phase * scale - row
      for (let channel = 0; channel < channels; channel++) {
        const buffer = this.#buffers[channel]!
        let value = dot(table, row * width | 0, buffer, position, width)
        if (weight > 0) {
          value += weight * (dot(table, (row + 1) * width | 0, buffer, position, width) - value)
        }
        out[o++] = saturate(value)
      }
      position += whole
      phase += part
      if (phase >= phases) {
        phase -= phases
        position++
      }
    }
  }

  /**
   * Four outputs that use the same row at once: a tap is loaded once for all,
   * and four sums run side by side. Each sum runs in the same order however many
   * outputs there are, so chunking cannot change a bit of it.
   */
  #byRow(out: Int16Array, written: number, count: number): void {
    const { phases, step, table, width } = this.#taps
    const channels = this.#buffers.length
    const stride = phases * channels
    let position = this.#position | 0
    for (let first = 0; first < count; first += 4 * phases, position += 4 * step) {
      for (let p = 0; p < phases && first + p < count; p++) {
        const total = this.#phase + p * step
        const row = (total % phases) * width | 0
        const s0 = position + (total / phases | 0)
        const lanes = Math.min(4, Math.ceil((count - first - p) / phases))
        for (let channel = 0; channel < channels; channel++) {
          const buffer = this.#buffers[channel]!
          dotFour(table, row, buffer, s0, step, width, sums)
          const o = written + (first + p) * channels + channel
          out[o] = saturate(sums[0]!)
          if (lanes > 1) {
            out[o + stride] = saturate(sums[1]!)
          }
          if (lanes > 2) {
            out[o + 2 * stride] = saturate(sums[2]!)
          }
          if (lanes > 3) {
            out[o + 3 * stride] = saturate(sums[3]!)
          }
        }
      }
    }
  }
}
