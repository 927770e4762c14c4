/**
 * Writes a WebAssembly module: functions over vectors of four floats, and the
 * one memory that they share.
 */

// Of WebAssembly's own types, the few used here: they come with the browser's.
declare const WebAssembly: {
  readonly Module: new(bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new(program: object) => {
    readonly exports: Readonly<Record<string, Compiled>> & { readonly memory: { readonly buffer: ArrayBuffer } }
  }
}

const opcode = {
  loop: 0x03,
  end: 0x0b,
  again: 0x0d,
  get: 0x20,
  set: 0x21,
  storeFloat: 0x38,
  integer: 0x41,
  differs: 0x47,
  plus: 0x6a,
  vector: 0xfd
} as const

// Those of the vector instructions, behind their prefix.
const vector = {
  load: 0,
  broadcast: 9,
  store: 11,
  constant: 12,
  shuffle: 13,
  extract: 31,
  nearest: 106,
  shift: 171,
  addIntegers: 174,
  neg: 225,
  sqrt: 227,
  add: 228,
  sub: 229,
  mul: 230,
  div: 231,
  min: 232,
  max: 233,
  truncate: 248,
  multiplyAdd: 261
} as const

const type = { vector: 0x7b, i32: 0x7f, function: 0x60, nothing: 0x40 } as const

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

const pageSize = 65_536

// A line of a processor's cache.
const lineSize = 64

const bytesPerFloat = 4

const unsigned = (n: number): Array<number> => {
  const out: Array<number> = []
  do {
    const rest = Math.floor(n / 128)
    out.push(rest > 0 ? n % 128 + 128 : n)
    n = rest
  } while (n > 0)
  return out
}

const signed = (n: number): Array<number> => {
  const out: Array<number> = []
  for (;;) {
    const low = n & 127
    n >>= 7
    if ((n === 0 && low < 64) || (n === -1 && low >= 64)) return [...out, low]
    out.push(low + 128)
  }
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

/** A local that holds an address. */
export interface Pointer {
  readonly local: number
}

/** A local that holds a vector. */
export type Value = number

// Pointers that a function may have beside its arguments.
const ownPointers = 2

/**
 * The code of one function. Its arguments are pointers; an address is a
 * distance from a pointer, or from 0. Whoever has made a value frees it, so that
 * few locals are needed.
 */
export class Code {
  readonly arguments: ReadonlyArray<Pointer>
  readonly #code: Array<number> = []
  readonly #free: Array<Value> = []
  #pointers: number
  #locals: number

  constructor(argumentCount: number) {
    this.arguments = Array.from({ length: argumentCount }, (_, local) => ({ local }))
    this.#pointers = argumentCount
    this.#locals = argumentCount + ownPointers
  }

  load(distance: number, from?: Pointer): Value {
    return this.#memory(vector.load, distance, from)
  }

  /** The float at the address in all four lanes. */
  broadcast(distance: number, from?: Pointer): Value {
    return this.#memory(vector.broadcast, distance, from)
  }

  /** The same float in all four lanes. */
  constant(float: number): Value {
    const bytes = new Uint8Array(Float32Array.of(float, float, float, float).buffer)
    this.#code.push(opcode.vector, vector.constant, ...bytes)
    return this.#set()
  }

  copy(value: Value): Value {
    this.#code.push(opcode.get, ...unsigned(value))
    return this.#set()
  }

  store(distance: number, value: Value, from?: Pointer): void {
    this.#address(from)
    this.#code.push(opcode.get, ...unsigned(value), opcode.vector, vector.store, 2, ...unsigned(distance))
  }

  storeLane(distance: number, value: Value, lane: number, from?: Pointer): void {
    this.#address(from)
    this.#code.push(opcode.get, ...unsigned(value), opcode.vector, vector.extract, lane)
    this.#code.push(opcode.storeFloat, 2, ...unsigned(distance))
  }

  add(a: Value, b: Value): Value {
    return this.#operate(vector.add, [a, b])
  }

  sub(a: Value, b: Value): Value {
    return this.#operate(vector.sub, [a, b])
  }

  mul(a: Value, b: Value): Value {
    return this.#operate(vector.mul, [a, b])
  }

  div(a: Value, b: Value): Value {
    return this.#operate(vector.div, [a, b])
  }

  min(a: Value, b: Value): Value {
    return this.#operate(vector.min, [a, b])
  }

  max(a: Value, b: Value): Value {
    return this.#operate(vector.max, [a, b])
  }

  neg(a: Value): Value {
    return this.#operate(vector.neg, [a])
  }

  sqrt(a: Value): Value {
    return this.#operate(vector.sqrt, [a])
  }

  nearest(a: Value): Value {
    return this.#operate(vector.nearest, [a])
  }

  /** Two to the power of a whole number from -126 to 127. */
  powerOfTwo(exponent: Value): Value {
    const bias = 127
    const mantissa = 23
    this.#code.push(opcode.get, ...unsigned(exponent), opcode.vector, ...unsigned(vector.truncate))
    this.#code.push(opcode.vector, vector.constant, ...new Uint8Array(Int32Array.of(bias, bias, bias, bias).buffer))
    this.#code.push(opcode.vector, ...unsigned(vector.addIntegers))
    this.#code.push(opcode.integer, mantissa, opcode.vector, ...unsigned(vector.shift))
    return this.#set()
  }

  /** a · b + c, rounded once where the processor can. */
  multiplyAdd(a: Value, b: Value, c: Value): Value {
    return this.#operate(vector.multiplyAdd, [a, b, c])
  }

  /** Adds a · b to the value itself. */
  accumulate(sum: Value, a: Value, b: Value): void {
    for (const operand of [a, b, sum]) this.#code.push(opcode.get, ...unsigned(operand))
    this.#code.push(opcode.vector, ...unsigned(vector.multiplyAdd), opcode.set, ...unsigned(sum))
  }

  /** Rows become columns; the four given are freed. */
  transpose(rows: ReadonlyArray<Value>): ReadonlyArray<Value> {
    const [a, b, c, d] = [rows[0]!, rows[1]!, rows[2]!, rows[3]!]
    const pairs = [low, high].map((half) => [this.#shuffle(a, b, half), this.#shuffle(c, d, half)] as const)
    this.free(a, b, c, d)
    const columns = pairs.flatMap(([x, y]) => [lowHalves, highHalves].map((half) => this.#shuffle(x, y, half)))
    this.free(...pairs.flat())
    return columns
  }

  free(...values: ReadonlyArray<Value>): void {
    this.#free.push(...values)
  }

  /** A pointer of its own, to a distance from another, or from 0. */
  pointer(distance: number, from?: Pointer): Pointer {
    const pointer = { local: this.#pointers++ }
    this.#move(pointer, distance, from)
    return pointer
  }

  reset(pointer: Pointer, distance: number, from?: Pointer): void {
    this.#move(pointer, distance, from)
  }

  advance(pointer: Pointer, distance: number): void {
    this.#move(pointer, distance, pointer)
  }

  /** Does it once and again, until the pointer stands at a distance from another, or from 0. */
  until(pointer: Pointer, distance: number, from: Pointer | undefined, body: () => void): void {
    this.#code.push(opcode.loop, type.nothing)
    body()
    this.#code.push(opcode.get, pointer.local)
    this.#sum(distance, from)
    this.#code.push(opcode.differs, opcode.again, 0, opcode.end)
  }

  /** As it stands in a module. */
  bytes(): Array<number> {
    const floats = this.#locals - this.arguments.length - ownPointers
    return block([2, ownPointers, type.i32, ...unsigned(floats), type.vector].concat(this.#code, opcode.end))
  }

  #move(pointer: Pointer, distance: number, from: Pointer | undefined): void {
    this.#sum(distance, from)
    this.#code.push(opcode.set, pointer.local)
  }

  #sum(distance: number, from: Pointer | undefined): void {
    this.#code.push(opcode.integer, ...signed(distance))
    if (from !== undefined) this.#code.push(opcode.get, from.local, opcode.plus)
  }

  #address(from: Pointer | undefined): void {
    if (from === undefined) this.#code.push(opcode.integer, 0)
    else this.#code.push(opcode.get, from.local)
  }

  #memory(instruction: number, distance: number, from: Pointer | undefined): Value {
    this.#address(from)
    this.#code.push(opcode.vector, instruction, 2, ...unsigned(distance))
    return this.#set()
  }

  #operate(instruction: number, operands: ReadonlyArray<Value>): Value {
    for (const operand of operands) this.#code.push(opcode.get, ...unsigned(operand))
    this.#code.push(opcode.vector, ...unsigned(instruction))
    return this.#set()
  }

  #shuffle(a: Value, b: Value, bytes: ReadonlyArray<number>): Value {
    this.#code.push(opcode.get, ...unsigned(a), opcode.get, ...unsigned(b), opcode.vector, vector.shuffle, ...bytes)
    return this.#set()
  }

  #set(): Value {
    const local = this.#free.pop() ?? this.#locals++
    this.#code.push(opcode.set, ...unsigned(local))
    return local
  }
}

/** A function of the module, to which addresses are given. */
export type Compiled = (...addresses: ReadonlyArray<number>) => void

/** What stands in memory, by its address. */
export interface Region {
  readonly address: number
  readonly length: number
}

export interface Running {
  readonly floats: (region: Region) => Float32Array<ArrayBuffer>
  readonly functions: ReadonlyArray<Compiled>
}

/** A module in the making. */
export class Program {
  readonly #functions: Array<Code> = []
  readonly #initial: Array<{ readonly region: Region; readonly values: ArrayLike<number> }> = []
  #end = 0

  /** Room for so many floats, zero at first. */
  room(length: number): Region {
    const address = this.#end
    this.#end = Math.ceil((address + length * bytesPerFloat) / lineSize) * lineSize
    return { address, length }
  }

  /** Room that holds these values. */
  values(values: ArrayLike<number>): Region {
    const region = this.room(values.length)
    this.#initial.push({ region, values })
    return region
  }

  /** Adds a function, and gives its place among all. */
  define(argumentCount: number, write: (code: Code) => void): number {
    const code = new Code(argumentCount)
    write(code)
    return this.#functions.push(code) - 1
  }

  /** Throws where this machine lacks an instruction. */
  start(): Running {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(this.#bytes()))
    const { buffer } = exports.memory
    const floats = ({ address, length }: Region) => new Float32Array(buffer, address, length)
    for (const { region, values } of this.#initial) floats(region).set(values)
    return { floats, functions: this.#functions.map((_, i) => exports[`f${i}`]!) }
  }

  #bytes(): Uint8Array<ArrayBuffer> {
    const types = this.#functions.map((code) => [
      type.function,
      ...block(code.arguments.map(() => type.i32)),
      0
    ])
    const count = unsigned(types.length)
    const exported = types.flatMap((_, i) => [...named(`f${i}`), 0, ...unsigned(i)])
    return Uint8Array.from([
      ...header,
      ...section(1, [...count, ...types.flat()]),
      ...section(3, [...count, ...types.flatMap((_, i) => unsigned(i))]),
      ...section(5, [1, 0, ...unsigned(Math.ceil(this.#end / pageSize))]),
      ...section(7, [...unsigned(types.length + 1), ...named("memory"), 2, 0, ...exported]),
      ...section(10, count.concat(this.#functions.flatMap((code) => code.bytes())))
    ])
  }
}
