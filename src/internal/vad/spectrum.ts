/**
 * Magnitudes of the short-time spectrum of one window, as the first layer of
 * the Silero model wants them.
 *
 * A window has four frames, and a vector register four lanes: one straight-line
 * Fourier transform in WebAssembly, written here for one frame length, does the
 * four frames at once. Its memory is the tensor that the model reads.
 */
import type { Code, Pointer, Program, Region } from "./wasm.ts"

/** Frames of a window, each moved on by half of its length. */
export const frames = 4

// The model's first convolution looks at the frame before, the frame, and the one after.
const taps = 3

/** Where its parts stand in a program. */
export interface Spectrum {
  /** One window with what stands around it: five halves of a frame. */
  readonly input: Region
  /**
   * For each window four rows, one a frame: the magnitudes of the frame before
   * it, its own, and those of the frame after it, zeros where there is none.
   */
  readonly columns: Region
  /** Length of a row. */
  readonly width: number
  /** Function that transforms `input` into the rows of one window, whose address it is given. */
  readonly transform: number
}

interface Bins {
  readonly re: ReadonlyArray<number>
  /** Without an entry where the value is real. */
  readonly im: ReadonlyArray<number | undefined>
}

const bytesPerFloat = 4
const bytesPerVector = 16

const isQuarter = (k: number, size: number) => 4 * k === size
const isEighth = (k: number, size: number) => 8 * k === size

/** Lays the four frames side by side, one in each lane, and weighs them. */
const spread = (
  code: Code,
  weights: ArrayLike<number>,
  input: number,
  scratch: number
): void => {
  const size = weights.length
  const half = size / 2
  for (let n = 0; n < size; n += 4) {
    const rows = Array.from(
      { length: frames },
      (_, frame) => code.load(input + (frame * half + n) * bytesPerFloat)
    )
    code.transpose(rows).forEach((sample, i) => {
      const weight = code.constant(weights[n + i]!)
      const weighed = code.mul(sample, weight)
      code.store(scratch + (n + i) * bytesPerVector, weighed)
      code.free(sample, weight, weighed)
    })
  }
}

/** A real Fourier transform by halves: of the even samples, and of the odd. */
const fourier = (
  code: Code,
  scratch: number,
  { first, size, step }: { readonly first: number; readonly size: number; readonly step: number }
): Bins => {
  if (size === 1) {
    return { re: [code.load(scratch + first * bytesPerVector)], im: [undefined] }
  }
  const even = fourier(code, scratch, { first, size: size / 2, step: 2 * step })
  const odd = fourier(code, scratch, { first: first + step, size: size / 2, step: 2 * step })
  const re: Array<number> = []
  const im: Array<number | undefined> = []
  re[0] = code.add(even.re[0]!, odd.re[0]!)
  re[size / 2] = code.sub(even.re[0]!, odd.re[0]!)
  im[0] = im[size / 2] = undefined
  code.free(even.re[0]!, odd.re[0]!)
  for (let k = 1; 4 * k <= size; k++) {
    const [evenRe, oddRe] = [even.re[k]!, odd.re[k]!]
    if (isQuarter(k, size)) {
      re[k] = evenRe
      im[k] = code.neg(oddRe)
      code.free(oddRe)
      continue
    }
    const [evenIm, oddIm] = [even.im[k]!, odd.im[k]!]
    const turned = turn(code, oddRe, oddIm, k, size)
    re[k] = code.add(evenRe, turned.re)
    im[k] = code.add(evenIm, turned.im)
    re[size / 2 - k] = code.sub(evenRe, turned.re)
    im[size / 2 - k] = code.sub(turned.im, evenIm)
    code.free(evenRe, evenIm, turned.re, turned.im)
  }
  return { re, im }
}

/** Multiplies by exp(-2πik / size), and frees what it was given. */
const turn = (code: Code, re: number, im: number, k: number, size: number) => {
  const angle = 2 * Math.PI * k / size
  const cos = code.constant(Math.cos(angle))
  if (isEighth(k, size)) {
    const [sum, difference] = [code.add(re, im), code.sub(im, re)]
    const turned = { re: code.mul(sum, cos), im: code.mul(difference, cos) }
    code.free(re, im, sum, difference, cos)
    return turned
  }
  const sin = code.constant(Math.sin(angle))
  const products = [code.mul(re, cos), code.mul(im, sin), code.mul(im, cos), code.mul(re, sin)] as const
  const turned = { re: code.add(products[0], products[1]), im: code.sub(products[2], products[3]) }
  code.free(re, im, cos, sin, ...products)
  return turned
}

/** Where the magnitude `k` of a frame stands in the rows of its window. */
const places = (frame: number, bins: number, k: number): ReadonlyArray<number> =>
  Array.from({ length: taps }, (_, tap) => ({ tap, row: frame + 1 - tap }))
    .filter(({ row }) => row >= 0 && row < frames)
    .map(({ row, tap }) => ((row * taps + tap) * bins + k) * bytesPerFloat)

const magnitudes = (code: Code, { im, re }: Bins, rows: Pointer): void => {
  const bins = re.length
  const magnitude = (k: number): number => {
    const [x, y] = [re[k]!, im[k]]
    const square = code.mul(x, x)
    if (y === undefined) {
      const root = code.sqrt(square)
      code.free(x, square)
      return root
    }
    const other = code.mul(y, y)
    const sum = code.add(square, other)
    const root = code.sqrt(sum)
    code.free(x, y, square, other, sum)
    return root
  }
  for (let k = 0; k + 4 < bins; k += 4) {
    const quarters = code.transpose([0, 1, 2, 3].map((i) => magnitude(k + i)))
    quarters.forEach((quarter, frame) => {
      for (const place of places(frame, bins, k)) code.store(place, quarter, rows)
      code.free(quarter)
    })
  }
  const last = magnitude(bins - 1)
  for (let frame = 0; frame < frames; frame++) {
    for (const place of places(frame, bins, bins - 1)) code.storeLane(place, last, frame, rows)
  }
  code.free(last)
}

/**
 * A transform for `weights.length` samples a frame, a power of two, with room
 * for the rows of `windows` windows.
 */
export const write = (program: Program, weights: ArrayLike<number>, windows: number): Spectrum => {
  const size = weights.length
  const width = taps * (size / 2 + 1)
  const input = program.room((frames + 1) * size / 2)
  const scratch = program.room(frames * size)
  // A vector at the end of the last row may be read beyond it.
  const columns = program.room(windows * frames * width + frames)
  const transform = program.define(1, (code) => {
    spread(code, weights, input.address, scratch.address)
    const bins = fourier(code, scratch.address, { first: 0, size, step: 1 })
    magnitudes(code, bins, code.arguments[0]!)
  })
  return { input, columns, width, transform }
}
