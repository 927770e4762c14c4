/**
 * The weights of the Silero network as matrices, inputs by outputs.
 */
import { cellSize, type Convolution, type Network, type Weights } from "./weights.ts"

/** The taps of a convolution that a frame has, one below the other: [tap · input, output]. */
export const matrix = ({ inputs, outputs, weight }: Convolution, taps: ReadonlyArray<number>): Weights => {
  const size = weight.length / (inputs * outputs)
  const out = new Float32Array(taps.length * inputs * outputs)
  taps.forEach((tap, i) => {
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        out[(i * inputs + input) * outputs + output] = weight[(output * inputs + input) * size + tap]!
      }
    }
  })
  return out
}

// The gates with one activation stand together: input, forget, output, then cell.
const gateOrder = [0, 1, 3, 2]

/** Features and hidden state times one matrix: [2 · cell, gate · cell]. */
export const gateWeights = ({ bias, hidden, input }: Network["cell"]) => {
  const width = gateOrder.length * cellSize
  const weight = new Float32Array(2 * cellSize * width)
  const ordered = new Float32Array(width)
  gateOrder.forEach((gate, place) => {
    for (let cell = 0; cell < cellSize; cell++) {
      const [from, to] = [gate * cellSize + cell, place * cellSize + cell]
      ordered[to] = bias[from]!
      for (let feature = 0; feature < cellSize; feature++) {
        weight[feature * width + to] = input[from * cellSize + feature]!
        weight[(cellSize + feature) * width + to] = hidden[from * cellSize + feature]!
      }
    }
  })
  return { weight, bias: ordered, width }
}
