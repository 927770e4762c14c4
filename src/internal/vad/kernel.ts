/**
 * The Silero network behind the spectrum, for a few windows at a time, in
 * WebAssembly.
 *
 * One window reads every weight once, so that memory sets its pace: the weights
 * lie in the order in which they are read, no zeros among them, and a call costs
 * nothing. From a handful of windows on, the wider vectors of onnxruntime win.
 */
import { gateWeights, matrix } from "./matrices.ts"
import { frames, type Spectrum } from "./spectrum.ts"
import type { Code, Program, Region, Running, Value } from "./wasm.ts"
import { cellSize, type Convolution, type Network, type Weights } from "./weights.ts"

const bytesPerFloat = 4

/** Floats in a vector, and in the columns of a matrix that are computed together. */
const lanes = 4
const panel = 2 * lanes

// Products that a loop does before it goes round.
const unrolled = 4

// What stands one after the other for each window (floats).
const layout = {
  /** The first convolution: no frame, then the four. */
  first: { at: 0, length: 5 * 128 },
  /** The second, at two frames. */
  second: { at: 640, length: 2 * 64 },
  third: { at: 768, length: 64 },
  /** Side by side, as one row of the product that gives the gates. */
  features: { at: 832, length: cellSize },
  hidden: { at: 960, length: cellSize },
  gates: { at: 1088, length: 4 * cellSize },
  cell: { at: 1600, length: cellSize },
  /** Four parts of a sum. */
  answer: { at: 1728, length: lanes }
} as const

const rowLength = layout.answer.at + layout.answer.length

/** A matrix by panels, each with its bias ahead of it; filled up with zeros to whole rounds of the loop. */
const panels = (weight: Weights, bias: Weights) => {
  const width = bias.length
  const depth = weight.length / width
  const rounds = Math.ceil(depth / unrolled)
  const size = (1 + rounds * unrolled) * panel
  const out = new Float32Array(width / panel * size)
  for (let column = 0; column < width; column++) {
    const start = Math.floor(column / panel) * size + column % panel
    out[start] = bias[column]!
    for (let i = 0; i < depth; i++) {
      out[start + (1 + i) * panel] = weight[i * width + column]!
    }
  }
  return { values: out, depth: rounds * unrolled }
}

interface Product {
  readonly weights: Region
  /** Numbers in a row of the input that are multiplied. */
  readonly depth: number
  /** Floats from one row to the next. */
  readonly step: { readonly input: number; readonly output: number }
  readonly rectified: boolean
}

/** Multiplies so many rows at the first argument by the matrix, into the second. */
const multiply = (code: Code, rows: number, { depth, rectified, step, weights }: Product): void => {
  const [input, output] = [code.arguments[0]!, code.arguments[1]!]
  // One row alone has too few sums to keep the processor busy: it has several of each.
  const parts = Math.max(1, unrolled / rows)
  const at = code.pointer(weights.address)
  const sample = code.pointer(0, input)
  const zero = code.constant(0)
  code.until(at, weights.address + weights.length * bytesPerFloat, undefined, () => {
    const sums = Array.from(
      { length: parts },
      (_, part) =>
        Array.from(
          { length: rows },
          () => [0, 1].map((half) => part === 0 ? code.load(half * lanes * bytesPerFloat, at) : code.copy(zero))
        )
    )
    code.advance(at, panel * bytesPerFloat)
    code.reset(sample, 0, input)
    code.until(sample, depth * bytesPerFloat, input, () => {
      for (let i = 0; i < unrolled; i++) {
        const weight = [0, 1].map((half) => code.load((i * panel + half * lanes) * bytesPerFloat, at))
        sums[i % parts]!.forEach((sum, row) => {
          const factor = code.broadcast((row * step.input + i) * bytesPerFloat, sample)
          sum.forEach((value, half) => code.accumulate(value, factor, weight[half]!))
          code.free(factor)
        })
        code.free(...weight)
      }
      code.advance(at, unrolled * panel * bytesPerFloat)
      code.advance(sample, unrolled * bytesPerFloat)
    })
    for (let row = 0; row < rows; row++) {
      for (const half of [0, 1]) {
        const whole = sums.map((part) => part[row]![half]!).reduce((a, b) => {
          const sum = code.add(a, b)
          code.free(a, b)
          return sum
        })
        const result = rectified ? code.max(whole, zero) : whole
        code.store((row * step.output + half * lanes) * bytesPerFloat, result, output)
        code.free(...new Set([whole, result]))
      }
    }
    code.advance(output, panel * bytesPerFloat)
  })
  code.free(zero)
}

// Of e to the power of x for |x| ≤ ln(2) / 2, from the highest power: to 24 bits.
const exponential = [1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1]

// Ln 2 in two parts, of which the first has few digits.
const ln2 = [0.693359375, -2.12194440e-4] as const

/** 1 / (1 + exp(-x · factor)). */
const sigmoid = (code: Code, x: Value, factor: number): Value => {
  const constant = <A>(value: number, use: (value: Value) => A): A => {
    const local = code.constant(value)
    const result = use(local)
    code.free(local)
    return result
  }
  const next = (given: Value, value: Value): Value => {
    code.free(given)
    return value
  }
  // Beyond this the result is 0 or 1.
  const limit = 87
  let power = constant(-factor, (by) => code.mul(x, by))
  power = next(power, constant(limit, (most) => code.min(power, most)))
  power = next(power, constant(-limit, (least) => code.max(power, least)))
  const scaled = constant(Math.LOG2E, (by) => code.mul(power, by))
  const whole = next(scaled, code.nearest(scaled))
  for (const part of ln2) {
    power = next(power, constant(-part, (by) => code.multiplyAdd(whole, by, power)))
  }
  let sum = code.constant(exponential[0]!)
  for (const coefficient of exponential.slice(1)) {
    constant(coefficient, (value) => {
      sum = next(sum, code.multiplyAdd(sum, power, value))
    })
  }
  code.free(power)
  const scale = next(whole, code.powerOfTwo(whole))
  return constant(1, (one) => {
    const below = code.multiplyAdd(sum, scale, one)
    code.free(sum, scale)
    return next(below, code.div(one, below))
  })
}

/** Twice the sigmoid of 2x, less 1. */
const hyperbolic = (code: Code, x: Value): Value => {
  const half = sigmoid(code, x, 2)
  const twice = code.add(half, half)
  const one = code.constant(1)
  const result = code.sub(twice, one)
  code.free(half, twice, one)
  return result
}

/** Gates become the next state of the cell, in place, and what the answer adds up to. */
const remember = (code: Code, weights: Region): void => {
  const [row] = code.arguments
  const from = (part: { readonly at: number }, more = 0) => (part.at + more) * bytesPerFloat
  const at = code.pointer(0, row)
  const weight = code.pointer(weights.address)
  let answer = code.constant(0)
  code.until(at, cellSize * bytesPerFloat, row, () => {
    const gate = (index: number, open: (x: Value) => Value): Value => {
      const x = code.load(from(layout.gates, index * cellSize), at)
      const result = open(x)
      code.free(x)
      return result
    }
    const product = (a: Value, b: Value): Value => {
      const result = code.mul(a, b)
      code.free(a, b)
      return result
    }
    const opened = (x: Value) => sigmoid(code, x, 1)
    const kept = product(gate(1, opened), code.load(from(layout.cell), at))
    const added = product(gate(0, opened), gate(3, (x) => hyperbolic(code, x)))
    const cell = code.add(kept, added)
    const hidden = product(gate(2, opened), hyperbolic(code, cell))
    code.store(from(layout.cell), cell, at)
    code.store(from(layout.hidden), hidden, at)
    const zero = code.constant(0)
    const heard = code.max(hidden, zero)
    const by = code.load(0, weight)
    code.accumulate(answer, heard, by)
    code.free(kept, added, cell, hidden, zero, heard, by)
    code.advance(at, lanes * bytesPerFloat)
    code.advance(weight, lanes * bytesPerFloat)
  })
  code.store(from(layout.answer), answer, row)
  code.free(answer)
}

/** The network in a program that has been started. */
export interface Kernel {
  readonly rows: ReadonlyArray<{
    readonly hidden: Float32Array<ArrayBuffer>
    readonly cell: Float32Array<ArrayBuffer>
  }>
  /** From the columns of the first windows: the next states, in place, and what they add up to. */
  readonly run: (windows: number) => void
  /** Probability of voice in a window. */
  readonly probability: (window: number) => number
}

/** Adds the network to a program, for so many windows; gives what runs it once that has been started. */
export const write = (
  program: Program,
  { answer, cell, convolutions }: Network,
  { columns, width }: Spectrum,
  windows: number
): (running: Running) => Kernel => {
  const [first, second, third, fourth] = convolutions
  const rows = program.room(windows * rowLength)
  const product = (
    weight: Weights,
    bias: Weights,
    step: Product["step"],
    rectified: boolean
  ): Product => {
    const { depth, values } = panels(weight, bias)
    return { weights: program.values(values), depth, step, rectified }
  }
  const convolution = (layer: Convolution, taps: ReadonlyArray<number>, step: Product["step"]) =>
    product(matrix(layer, taps), layer.bias, step, true)
  const define = (product: Product, count: number) => program.define(2, (code) => multiply(code, count, product))

  const answerWeights = program.values(answer.weight)
  const aside = { input: rowLength, output: rowLength }
  const gates = gateWeights(cell)
  // From where to where in a row.
  const layers = [
    [layout.second, layout.third, convolution(third, [1, 2], aside)],
    [layout.third, layout.features, convolution(fourth, [1], aside)],
    [layout.features, layout.gates, product(gates.weight, gates.bias, aside, false)]
  ] as const
  const places = {
    // Four frames of a window, then two: each product takes a window.
    first: define(convolution(first, [0, 1, 2], { input: width, output: first.outputs }), frames),
    second: define(convolution(second, [0, 1, 2], { input: 2 * first.outputs, output: second.outputs }), 2),
    rest: layers.map(([from, to, product]) => ({
      from,
      to,
      by: [4, 2, 1].map((count) => ({ count, place: define(product, count) }))
    })),
    remember: program.define(1, (code) => remember(code, answerWeights))
  }

  return ({ floats, functions }) => {
    const part = (window: number, { at, length }: { readonly at: number; readonly length: number }): Region => ({
      address: rows.address + (window * rowLength + at) * bytesPerFloat,
      length
    })
    const answers = Array.from({ length: windows }, (_, window) => floats(part(window, layout.answer)))
    const address = (window: number, at: number) => part(window, { at, length: 0 }).address
    const bias = answer.bias[0]!
    const firstLayer = functions[places.first]!
    const secondLayer = functions[places.second]!
    const rest = places.rest.map(({ by, from, to }) => ({
      from: from.at,
      to: to.at,
      by: by.map(({ count, place }) => ({ count, multiply: functions[place]! }))
    }))
    const next = functions[places.remember]!
    return {
      rows: Array.from({ length: windows }, (_, window) => ({
        hidden: floats(part(window, layout.hidden)),
        cell: floats(part(window, layout.cell))
      })),
      run: (count) => {
        for (let window = 0; window < count; window++) {
          const heard = columns.address + window * frames * width * bytesPerFloat
          firstLayer(heard, address(window, layout.first.at + first.outputs))
        }
        for (let window = 0; window < count; window++) {
          secondLayer(address(window, layout.first.at), address(window, layout.second.at))
        }
        for (const { by, from, to } of rest) {
          let window = 0
          for (const { count: many, multiply } of by) {
            for (; window + many <= count; window += many) multiply(address(window, from), address(window, to))
          }
        }
        for (let window = 0; window < count; window++) next(address(window, 0))
      },
      probability: (window) => {
        const [a, b, c, d] = answers[window]!
        return 1 / (1 + Math.exp(-(a! + b! + c! + d! + bias)))
      }
    }
  }
}
