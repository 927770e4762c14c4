/**
 * Magnitudes of the short-time spectrum of one window, as the first layer of
 * the Silero model wants them.
 *
 * A window has four frames, and a vector register four lanes: one straight-line
 * Fourier transform in WebAssembly, written here for one frame length, does the
 * four frames at once. Its memory is the tensor that the model reads.
 */
import { Assembler } from "./wasm.ts"

// Of WebAssembly's own types, the few used here: they come with the browser's.
declare const WebAssembly: {
  readonly Module: new(bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new(program: object) => {
    readonly exports: {
      readonly memory: { readonly buffer: ArrayBuffer }
      readonly transform: (to: number) => void
    }
  }
}

/** Frames of a window, each moved on by half of its length. */
export const frames = 4

// The model's first convolution looks at the frame before, the frame, and the one after.
const taps = 3

export interface Spectrum {
  /** One window with what stands around it: five halves of a frame. */
  readonly input: Float32Array<ArrayBuffer>
  /**
   * For each window four rows, one a frame: the magnitudes of the frame before
   * it, its own, and those of the frame after it, zeros where there is none.
   */
  readonly columns: Float32Array<ArrayBuffer>
  /** Length of a row. */
  readonly width: number
  /** Transforms `input` into the rows of one window. */
  readonly transform: (window: number) => void
}

interface Bins {
  readonly re: ReadonlyArray<number>
  /** Without an entry where the value is real. */
  readonly im: ReadonlyArray<number | undefined>
}

const bytesPerFloat = 4
const bytesPerVector = 16

/** The constants of the program, each once, at addresses of their own. */
class Constants {
  readonly values: Array<number> = []
  readonly #known = new Map<number, number>()
  readonly #base: number

  constructor(base: number) {
    this.#base = base
  }

  address(value: number): number {
    const known = this.#known.get(value) ?? this.values.push(value) - 1
    this.#known.set(value, known)
    return this.#base + known * bytesPerFloat
  }
}

const isQuarter = (k: number, size: number) => 4 * k === size
const isEighth = (k: number, size: number) => 8 * k === size

/** Lays the four frames side by side, one in each lane, and weighs them. */
const spread = (
  code: Assembler,
  constants: Constants,
  weights: ArrayLike<number>,
  scratch: number
): void => {
  const size = weights.length
  const half = size / 2
  for (let n = 0; n < size; n += 4) {
    const rows = Array.from(
      { length: frames },
      (_, frame) => code.load((frame * half + n) * bytesPerFloat)
    )
    code.transpose(rows).forEach((sample, i) => {
      const weight = code.broadcast(constants.address(weights[n + i]!))
      const weighed = code.mul(sample, weight)
      code.store(scratch + (n + i) * bytesPerVector, weighed)
      code.free(sample, weight, weighed)
    })
  }
}

/** A real Fourier transform by halves: of the even samples, and of the odd. */
const fourier = (
  code: Assembler,
  constants: Constants,
  scratch: number,
  { first, size, step }: { readonly first: number; readonly size: number; readonly step: number }
): Bins => {
  if (size === 1) {
    return { re: [code.load(scratch + first * bytesPerVector)], im: [undefined] }
  }
  const even = fourier(code, constants, scratch, { first, size: size / 2, step: 2 * step })
  const odd = fourier(code, constants, scratch, { first: first + step, size: size / 2, step: 2 * step })
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
    const turned = turn(code, constants, oddRe, oddIm, k, size)
    re[k] = code.add(evenRe, turned.re)
    im[k] = code.add(evenIm, turned.im)
    re[size / 2 - k] = code.sub(evenRe, turned.re)
    im[size / 2 - k] = code.sub(turned.im, evenIm)
    code.free(evenRe, evenIm, turned.re, turned.im)
  }
  return { re, im }
}

/** Multiplies by exp(-2πik / size), and frees what it was given. */
const turn = (code: Assembler, constants: Constants, re: number, im: number, k: number, size: number) => {
  const angle = 2 * Math.PI * k / size
  const cos = code.broadcast(constants.address(Math.fround(Math.cos(angle))))
  if (isEighth(k, size)) {
    const [sum, difference] = [code.add(re, im), code.sub(im, re)]
    const turned = { re: code.mul(sum, cos), im: code.mul(difference, cos) }
    code.free(re, im, sum, difference, cos)
    return turned
  }
  const sin = code.broadcast(constants.address(Math.fround(Math.sin(angle))))
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

const magnitudes = (code: Assembler, { im, re }: Bins): void => {
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
    const rows = code.transpose([0, 1, 2, 3].map((i) => magnitude(k + i)))
    rows.forEach((row, frame) => {
      for (const place of places(frame, bins, k)) code.storeTo(place, row)
      code.free(row)
    })
  }
  const last = magnitude(bins - 1)
  for (let frame = 0; frame < frames; frame++) {
    for (const place of places(frame, bins, bins - 1)) code.storeLaneTo(place, last, frame)
  }
  code.free(last)
}

/**
 * A transform for `weights.length` samples a frame, a power of two, with room
 * for the rows of `windows` windows.
 */
export const make = (weights: ArrayLike<number>, windows: number): Spectrum => {
  const size = weights.length
  const samples = (frames + 1) * size / 2
  const bins = size / 2 + 1
  const scratch = samples * bytesPerFloat
  const table = scratch + size * bytesPerVector
  const constants = new Constants(table)
  const code = new Assembler()
  spread(code, constants, weights, scratch)
  magnitudes(code, fourier(code, constants, scratch, { first: 0, size, step: 1 }))

  const start = Math.ceil((table + constants.values.length * bytesPerFloat) / 64) * 64
  const width = taps * bins
  const stride = frames * width
  const program = new WebAssembly.Module(code.module(start + windows * stride * bytesPerFloat))
  const { exports } = new WebAssembly.Instance(program)
  const { memory: { buffer }, transform } = exports
  new Float32Array(buffer, table, constants.values.length).set(constants.values)
  return {
    input: new Float32Array(buffer, 0, samples),
    columns: new Float32Array(buffer, start, windows * stride),
    width,
    transform: (window) => transform(start + window * stride * bytesPerFloat)
  }
}
