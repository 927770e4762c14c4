/**
 * Finds the weights of the Silero network in the published graph.
 *
 * That graph is an `If` on the sample rate with one branch for 16 kHz and one
 * for 8 kHz, each with the same 15 named constants among hundreds of nodes.
 */
import * as protobuf from "./protobuf.ts"

export type Branch = "then_branch" | "else_branch"

export const cellSize = 128

/** A tensor with its rows first. */
export type Weights = Float32Array<ArrayBuffer>

export interface Convolution {
  readonly outputs: number
  readonly inputs: number
  /** [output, input, tap]. */
  readonly weight: Weights
  readonly bias: Weights
}

export interface Network {
  /** The weights of the samples of a frame in its Fourier transform. */
  readonly window: Weights
  readonly convolutions: readonly [Convolution, Convolution, Convolution, Convolution]
  readonly cell: {
    /** [gate · cell, feature], the gates in the order input, forget, cell, output. */
    readonly input: Weights
    readonly hidden: Weights
    readonly bias: Weights
  }
  readonly answer: { readonly weight: Weights; readonly bias: Weights }
}

// Field numbers of the ONNX messages.
const onnx = {
  model: { graph: 7 },
  graph: { node: 1 },
  node: { operator: 4, attribute: 5 },
  attribute: { name: 1, tensor: 5, graph: 6 },
  tensor: { dimensions: 1, type: 2, name: 8, raw: 9 }
} as const

const float32 = 1

interface Tensor {
  readonly dimensions: ReadonlyArray<number>
  readonly data: Weights
}

type Message = ReadonlyArray<protobuf.Field>

const messages = (message: Message, number: number): ReadonlyArray<Message> =>
  protobuf.all(message, number).map(protobuf.fields)

const nodes = (graph: Message, operator: string): ReadonlyArray<Message> =>
  messages(graph, onnx.graph.node).filter((node) => protobuf.text(node, onnx.node.operator) === operator)

const attributes = (node: Message): ReadonlyArray<Message> => messages(node, onnx.node.attribute)

const floats = (bytes: Uint8Array): Weights => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
}

/** The named constants of a graph. */
const constants = (graph: Message): ReadonlyMap<string, Tensor> => {
  const found = new Map<string, Tensor>()
  for (const node of nodes(graph, "Constant")) {
    for (const tensor of attributes(node).flatMap((attribute) => messages(attribute, onnx.attribute.tensor))) {
      const name = protobuf.text(tensor, onnx.tensor.name)
      const raw = protobuf.all(tensor, onnx.tensor.raw)[0]
      if (name !== undefined && raw !== undefined && protobuf.numbers(tensor, onnx.tensor.type)[0] === float32) {
        found.set(name, { dimensions: protobuf.numbers(tensor, onnx.tensor.dimensions), data: floats(raw) })
      }
    }
  }
  return found
}

const branchOf = (model: Message, branch: Branch): Message | undefined =>
  messages(model, onnx.model.graph)
    .flatMap((graph) => nodes(graph, "If"))
    .flatMap(attributes)
    .filter((attribute) => protobuf.text(attribute, onnx.attribute.name) === branch)
    .flatMap((attribute) => messages(attribute, onnx.attribute.graph))[0]

// What is rounded to 32 bits differs from what is computed by less.
const rounding = 1e-6

/** The first row of a Fourier basis is its window; undefined where the others do not follow from it. */
const windowOf = (basis: Weights, size: number): Weights | undefined => {
  const bins = size / 2 + 1
  const window = basis.slice(0, size)
  for (let k = 0; k < bins; k++) {
    for (let n = 0; n < size; n++) {
      const angle = 2 * Math.PI * (k * n % size) / size
      const real = basis[k * size + n]! - window[n]! * Math.cos(angle)
      const imaginary = basis[(bins + k) * size + n]! + window[n]! * Math.sin(angle)
      if (!(Math.abs(real) <= rounding && Math.abs(imaginary) <= rounding)) return undefined
    }
  }
  return window
}

const gates = 4 * cellSize

/** Shapes of the four convolutions behind a transform with so many bins. */
const shapes = (bins: number) =>
  [
    [128, bins],
    [64, 128],
    [64, 64],
    [cellSize, 64]
  ] as const

/**
 * The network of one branch for frames of `frameSize` samples, or undefined
 * where the model is built otherwise. Throws where the bytes are no model.
 */
export const read = (model: Uint8Array, branch: Branch, frameSize: number): Network | undefined => {
  const graph = branchOf(protobuf.fields(model), branch)
  if (graph === undefined) return undefined
  const known = constants(graph)
  let complete = true
  const take = (name: string, ...dimensions: ReadonlyArray<number>): Weights => {
    const tensor = known.get(name)
    const length = dimensions.reduce((product, dimension) => product * dimension, 1)
    if (tensor?.dimensions.join() === dimensions.join() && tensor.data.length === length) return tensor.data
    complete = false
    return new Float32Array(length)
  }
  const bins = frameSize / 2 + 1
  const convolution = (index: 0 | 1 | 2 | 3): Convolution => {
    const [outputs, inputs] = shapes(bins)[index]
    const name = `encoder.${index}.reparam_conv`
    return { outputs, inputs, weight: take(`${name}.weight`, outputs, inputs, 3), bias: take(`${name}.bias`, outputs) }
  }
  const window = windowOf(take("stft.forward_basis_buffer", 2 * bins, 1, frameSize), frameSize)
  const inputBias = take("decoder.rnn.bias_ih", gates)
  const hiddenBias = take("decoder.rnn.bias_hh", gates)
  const network = {
    convolutions: [convolution(0), convolution(1), convolution(2), convolution(3)] as const,
    cell: {
      input: take("decoder.rnn.weight_ih", gates, cellSize),
      hidden: take("decoder.rnn.weight_hh", gates, cellSize),
      bias: inputBias.map((bias, i) => bias + hiddenBias[i]!)
    },
    answer: {
      weight: take("decoder.decoder.2.weight", 1, cellSize, 1),
      bias: take("decoder.decoder.2.bias", 1)
    }
  }
  return complete && window !== undefined ? { window, ...network } : undefined
}
