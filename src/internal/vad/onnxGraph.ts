/**
 * Writes the Silero network for one sample rate as an ONNX graph of matrix
 * products over a batch of any size.
 *
 * Inputs: `columns` [4 · batch, 3 · bins] from the spectrum, `hidden` and `cell`
 * [batch, 128]. Outputs: `probability` [batch, 1], `nextHidden` and `nextCell`.
 *
 * Of the four frames of a window, the convolutions behind the first need two
 * (at 0 and 2), then one: what no later layer sees is not computed.
 */
import { gateWeights, matrix } from "./matrices.ts"
import * as protobuf from "./protobuf.ts"
import { cellSize, type Convolution, type Network, type Weights } from "./weights.ts"

// Field numbers and values of the ONNX messages.
const type = { float: 1, int64: 7 } as const
const attributeType = { integer: 2 } as const
const version = { format: 8, operators: 17 } as const

class Graph {
  readonly #nodes: Array<Uint8Array> = []
  readonly #constants: Array<Uint8Array> = []
  readonly #ends: Array<Uint8Array> = []
  #names = 0

  node(
    operator: string,
    inputs: ReadonlyArray<string>,
    attributes: Readonly<Record<string, number>> = {},
    outputs: ReadonlyArray<string> = [this.#name()]
  ): string {
    this.#nodes.push(protobuf.bytesField(
      1,
      protobuf.message(
        ...inputs.map((name) => protobuf.textField(1, name)),
        ...outputs.map((name) => protobuf.textField(2, name)),
        protobuf.textField(4, operator),
        ...Object.entries(attributes).map(([name, value]) =>
          protobuf.bytesField(
            5,
            protobuf.message(
              protobuf.textField(1, name),
              protobuf.numberField(3, value),
              protobuf.numberField(20, attributeType.integer)
            )
          )
        )
      )
    ))
    return outputs[0]!
  }

  floats(data: Weights, ...dimensions: ReadonlyArray<number>): string {
    return this.#constant(type.float, dimensions, data)
  }

  integers(...values: ReadonlyArray<number>): string {
    return this.#constant(type.int64, [values.length], BigInt64Array.from(values, BigInt))
  }

  input(name: string, rows: string, columns: number): string {
    return this.#end(11, name, rows, columns)
  }

  output(name: string, rows: string, columns: number): string {
    return this.#end(12, name, rows, columns)
  }

  model(): Uint8Array<ArrayBuffer> {
    const graph = [...this.#nodes, protobuf.textField(2, "silero"), ...this.#constants, ...this.#ends]
    return protobuf.message(
      protobuf.numberField(1, version.format),
      protobuf.bytesField(7, protobuf.message(...graph)),
      protobuf.bytesField(
        8,
        protobuf.message(protobuf.textField(1, ""), protobuf.numberField(2, version.operators))
      )
    )
  }

  #name(): string {
    return `value${this.#names++}`
  }

  #constant(dataType: number, dimensions: ReadonlyArray<number>, data: Weights | BigInt64Array): string {
    const name = this.#name()
    this.#constants.push(protobuf.bytesField(
      5,
      protobuf.message(
        ...dimensions.map((dimension) => protobuf.numberField(1, dimension)),
        protobuf.numberField(2, dataType),
        protobuf.textField(8, name),
        protobuf.bytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      )
    ))
    return name
  }

  #end(field: number, name: string, rows: string, columns: number): string {
    const shape = protobuf.message(
      protobuf.bytesField(1, protobuf.textField(2, rows)),
      protobuf.bytesField(1, protobuf.numberField(1, columns))
    )
    const tensor = protobuf.message(protobuf.numberField(1, type.float), protobuf.bytesField(2, shape))
    this.#ends.push(protobuf.bytesField(
      field,
      protobuf.message(protobuf.textField(1, name), protobuf.bytesField(2, protobuf.bytesField(1, tensor)))
    ))
    return name
  }
}

/**
 * The second convolution at 0 and 2 as one product with all four frames, zeros
 * where a tap sees none: [4 · input, 2 · output]. Cutting the frames out first
 * costs a small batch more than the zeros cost a large one.
 */
const strided = ({ bias, inputs, outputs, weight }: Convolution) => {
  const all = new Float32Array(4 * inputs * 2 * outputs)
  for (const place of [0, 1]) {
    for (const tap of [0, 1, 2]) {
      const frame = 2 * place + tap - 1
      if (frame < 0) continue
      for (let input = 0; input < inputs; input++) {
        for (let output = 0; output < outputs; output++) {
          all[(frame * inputs + input) * 2 * outputs + place * outputs + output] =
            weight[(output * inputs + input) * 3 + tap]!
        }
      }
    }
  }
  return { weight: all, bias: Float32Array.from([...bias, ...bias]) }
}

const encode = (graph: Graph, { convolutions }: Network, columns: string): string => {
  const [first, second, third, fourth] = convolutions
  const product = (input: string, weight: Weights, bias: Weights): string =>
    graph.node("Relu", [
      graph.node("Gemm", [
        input,
        graph.floats(weight, weight.length / bias.length, bias.length),
        graph.floats(bias, bias.length)
      ])
    ])
  const four = product(columns, matrix(first, [0, 1, 2]), first.bias)
  const window = graph.node("Reshape", [four, graph.integers(-1, 4 * first.outputs)])
  const both = strided(second)
  const two = product(window, both.weight, both.bias)
  const one = product(two, matrix(third, [1, 2]), third.bias)
  return product(one, matrix(fourth, [1]), fourth.bias)
}

const remember = (graph: Graph, { cell }: Network, features: string): string => {
  const { bias, weight, width } = gateWeights(cell)
  const both = graph.node("Concat", [features, "hidden"], { axis: 1 })
  const gates = graph.node("Gemm", [
    both,
    graph.floats(weight, 2 * cellSize, width),
    graph.floats(bias, width)
  ])
  const sizes = graph.integers(cellSize, cellSize, cellSize, cellSize)
  graph.node("Split", [gates, sizes], { axis: 1 }, ["in", "forget", "out", "new"])
  const open = (gate: string): string => graph.node("Sigmoid", [gate])
  const kept = graph.node("Mul", [open("forget"), "cell"])
  const added = graph.node("Mul", [open("in"), graph.node("Tanh", ["new"])])
  graph.node("Add", [kept, added], {}, ["nextCell"])
  return graph.node("Mul", [open("out"), graph.node("Tanh", ["nextCell"])], {}, ["nextHidden"])
}

/** The graph as the bytes of a model file. */
export const write = (network: Network): Uint8Array<ArrayBuffer> => {
  const graph = new Graph()
  const { convolutions: [first], answer } = network
  graph.input("columns", "rows", 3 * first.inputs)
  graph.input("hidden", "batch", cellSize)
  graph.input("cell", "batch", cellSize)
  const hidden = remember(graph, network, encode(graph, network, "columns"))
  const voice = graph.node("Gemm", [
    graph.node("Relu", [hidden]),
    graph.floats(answer.weight, cellSize, 1),
    graph.floats(answer.bias, 1)
  ])
  graph.node("Sigmoid", [voice], {}, ["probability"])
  graph.output("probability", "batch", 1)
  graph.output("nextHidden", "batch", cellSize)
  graph.output("nextCell", "batch", cellSize)
  return graph.model()
}
