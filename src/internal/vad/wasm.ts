/**
 * Writes a WebAssembly module of one function over vectors of four floats,
 * whose only argument is an address.
 */

const opcode = {
  get: 0x20,
  set: 0x21,
  address: 0x41,
  storeFloat: 0x38,
  vector: 0xfd,
  end: 0x0b
} as const

// Those of the vector instructions, behind their prefix.
const vector = {
  load: 0,
  broadcast: 9,
  store: 11,
  shuffle: 13,
  extract: 31,
  neg: 225,
  sqrt: 227,
  add: 228,
  sub: 229,
  mul: 230
} as const

const type = { vector: 0x7b, i32: 0x7f, function: 0x60 } as const

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

const pageSize = 65_536

const unsigned = (n: number): Array<number> => {
  const out: Array<number> = []
  do {
    const rest = Math.floor(n / 128)
    out.push(rest > 0 ? n % 128 + 128 : n)
    n = rest
  } while (n > 0)
  return out
}

const block = (bytes: ReadonlyArray<number>): Array<number> => unsigned(bytes.length).concat(bytes)

const section = (id: number, content: ReadonlyArray<number>): Array<number> => [id, ...block(content)]

const named = (name: string): Array<number> => block([...new TextEncoder().encode(name)])

/** Bytes that a shuffle takes, for four lanes out of the eight of two vectors. */
const lanes = (...picked: ReadonlyArray<number>): ReadonlyArray<number> =>
  picked.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3])

const low = lanes(0, 4, 1, 5)
const high = lanes(2, 6, 3, 7)
const lowHalves = lanes(0, 1, 4, 5)
const highHalves = lanes(2, 3, 6, 7)

// The argument is the local 0.
const argument = 0

/** Values are locals. Whoever has made one frees it, so that few are needed. */
export class Assembler {
  readonly #code: Array<number> = []
  readonly #free: Array<number> = []
  #locals = 0

  load(address: number): number {
    return this.#memory(vector.load, 4, address)
  }

  /** The float at the address in all four lanes. */
  broadcast(address: number): number {
    return this.#memory(vector.broadcast, 2, address)
  }

  store(address: number, value: number): void {
    this.#code.push(opcode.address, 0, opcode.get, ...unsigned(value))
    this.#code.push(opcode.vector, vector.store, 4, ...unsigned(address))
  }

  /** Stores at a distance from the argument. */
  storeTo(distance: number, value: number): void {
    this.#code.push(opcode.get, argument, opcode.get, ...unsigned(value))
    this.#code.push(opcode.vector, vector.store, 2, ...unsigned(distance))
  }

  storeLaneTo(distance: number, value: number, lane: number): void {
    this.#code.push(opcode.get, argument, opcode.get, ...unsigned(value))
    this.#code.push(opcode.vector, vector.extract, lane, opcode.storeFloat, 2, ...unsigned(distance))
  }

  add(a: number, b: number): number {
    return this.#operate(vector.add, [a, b])
  }

  sub(a: number, b: number): number {
    return this.#operate(vector.sub, [a, b])
  }

  mul(a: number, b: number): number {
    return this.#operate(vector.mul, [a, b])
  }

  neg(a: number): number {
    return this.#operate(vector.neg, [a])
  }

  sqrt(a: number): number {
    return this.#operate(vector.sqrt, [a])
  }

  /** Rows become columns; the four given are freed. */
  transpose(rows: ReadonlyArray<number>): ReadonlyArray<number> {
    const [a, b, c, d] = [rows[0]!, rows[1]!, rows[2]!, rows[3]!]
    const pairs = [low, high].map((half) => [this.#shuffle(a, b, half), this.#shuffle(c, d, half)] as const)
    this.free(a, b, c, d)
    const columns = pairs.flatMap(([x, y]) => [lowHalves, highHalves].map((half) => this.#shuffle(x, y, half)))
    this.free(...pairs.flat())
    return columns
  }

  free(...values: ReadonlyArray<number>): void {
    this.#free.push(...values)
  }

  /** The module: exports `transform` and its `memory`, of at least so many bytes. */
  module(bytes: number): Uint8Array<ArrayBuffer> {
    const body = [1, ...unsigned(this.#locals), type.vector, ...this.#code, opcode.end]
    return Uint8Array.from([
      ...header,
      ...section(1, [1, type.function, 1, type.i32, 0]),
      ...section(3, [1, 0]),
      ...section(5, [1, 0, ...unsigned(Math.ceil(bytes / pageSize))]),
      ...section(7, [2, ...named("memory"), 2, 0, ...named("transform"), 0, 0]),
      ...section(10, [1, ...block(body)])
    ])
  }

  #memory(instruction: number, alignment: number, address: number): number {
    this.#code.push(opcode.address, 0, opcode.vector, instruction, alignment, ...unsigned(address))
    return this.#set()
  }

  #operate(instruction: number, operands: ReadonlyArray<number>): number {
    for (const operand of operands) this.#code.push(opcode.get, ...unsigned(operand))
    this.#code.push(opcode.vector, ...unsigned(instruction))
    return this.#set()
  }

  #shuffle(a: number, b: number, bytes: ReadonlyArray<number>): number {
    this.#code.push(opcode.get, ...unsigned(a), opcode.get, ...unsigned(b), opcode.vector, vector.shuffle, ...bytes)
    return this.#set()
  }

  #set(): number {
    const local = this.#free.pop() ?? ++this.#locals
    this.#code.push(opcode.set, ...unsigned(local))
    return local
  }
}
