/**
 * The Fourier transform of complex sequences of one length, by the Stockham
 * algorithm: a pass for each factor, no bit reversal. The buffers belong to the
 * plan and are used again; a plan serves one caller at a time.
 */

export interface Plan {
  /** What is transformed; overwritten. */
  readonly re: Float64Array
  readonly im: Float64Array
  /** Transforms `re` and `im` in place. */
  readonly transform: () => void
}

const factorsOf = (length: number): ReadonlyArray<number> => {
  const factors: Array<number> = []
  let rest = length
  for (const factor of [4, 2, 3, 5]) {
    while (rest % factor === 0) {
      factors.push(factor)
      rest /= factor
    }
  }
  if (rest !== 1) throw new RangeError(`a transform of ${length} has a prime factor above 5`)
  return factors
}

interface Pass {
  readonly radix: number
  /** Groups of this pass, and how far apart the members of one stand. */
  readonly groups: number
  readonly stride: number
  /** Roots of unity by which the outputs of a group turn: `groups × radix`. */
  readonly turnRe: Float64Array
  readonly turnIm: Float64Array
  /** The small transform of `radix` points, as a matrix. */
  readonly smallRe: Float64Array
  readonly smallIm: Float64Array
}

const root = (k: number, n: number): readonly [number, number] => {
  const angle = (-2 * Math.PI * (k % n)) / n
  return [Math.cos(angle), Math.sin(angle)]
}

const passesOf = (length: number): ReadonlyArray<Pass> => {
  let rest = length
  let stride = 1
  return factorsOf(length).map((radix) => {
    const groups = rest / radix
    const table = (rows: number, n: number) => {
      const [re, im] = [new Float64Array(rows * radix), new Float64Array(rows * radix)]
      for (let row = 0; row < rows; row++) {
        for (let k = 0; k < radix; k++) [re[row * radix + k], im[row * radix + k]] = root(row * k, n)
      }
      return { re, im }
    }
    const turn = table(groups, rest)
    const small = table(radix, radix)
    const pass = {
      radix,
      groups,
      stride,
      turnRe: turn.re,
      turnIm: turn.im,
      smallRe: small.re,
      smallIm: small.im
    }
    rest = groups
    stride *= radix
    return pass
  })
}

/** Prepares transforms of a length whose prime factors are 2, 3 and 5. */
export const plan = (length: number): Plan => {
  const passes = passesOf(length)
  const [re, im] = [new Float64Array(length), new Float64Array(length)]
  const [otherRe, otherIm] = [new Float64Array(length), new Float64Array(length)]

  const run = (pass: Pass, fromRe: Float64Array, fromIm: Float64Array, toRe: Float64Array, toIm: Float64Array) => {
    const { groups, radix, smallIm, smallRe, stride, turnIm, turnRe } = pass
    const apart = stride * groups
    for (let group = 0; group < groups; group++) {
      for (let q = 0; q < stride; q++) {
        const from = q + stride * group
        const to = q + stride * radix * group
        for (let k = 0; k < radix; k++) {
          let sumRe = fromRe[from]!
          let sumIm = fromIm[from]!
          for (let j = 1; j < radix; j++) {
            const xRe = fromRe[from + apart * j]!
            const xIm = fromIm[from + apart * j]!
            const wRe = smallRe[j * radix + k]!
            const wIm = smallIm[j * radix + k]!
            sumRe += xRe * wRe - xIm * wIm
            sumIm += xRe * wIm + xIm * wRe
          }
          const tRe = turnRe[group * radix + k]!
          const tIm = turnIm[group * radix + k]!
          toRe[to + stride * k] = sumRe * tRe - sumIm * tIm
          toIm[to + stride * k] = sumRe * tIm + sumIm * tRe
        }
      }
    }
  }

  const transform = (): void => {
    let away = false
    for (const pass of passes) {
      if (away) run(pass, otherRe, otherIm, re, im)
      else run(pass, re, im, otherRe, otherIm)
      away = !away
    }
    if (away) {
      re.set(otherRe)
      im.set(otherIm)
    }
  }
  return { re, im, transform }
}
