/**
 * As much of the wire format of protocol buffers as model files need. Lengths
 * and numbers are below 2^53.
 */

export type Field =
  | { readonly number: number; readonly _tag: "Number"; readonly value: number }
  | { readonly number: number; readonly _tag: "Bytes"; readonly value: Uint8Array }

const wire = { varint: 0, double: 1, bytes: 2, float: 5 } as const

// More than any number that the format can write.
const longestVarint = 10

/** The fields of a message in order; throws where the bytes are no message. */
export const fields = (bytes: Uint8Array): ReadonlyArray<Field> => {
  const out: Array<Field> = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let i = 0; i < longestVarint; i++) {
      const byte = bytes[at++]
      if (byte === undefined) break
      value += byte % 128 * 2 ** (7 * i)
      if (byte < 128) return value
    }
    throw new RangeError("a number has no end")
  }
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError("a field has no end")
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    switch (key % 8) {
      case wire.varint:
        out.push({ number, _tag: "Number", value: varint() })
        break
      case wire.double:
        out.push({ number, _tag: "Bytes", value: take(8) })
        break
      case wire.bytes:
        out.push({ number, _tag: "Bytes", value: take(varint()) })
        break
      case wire.float:
        out.push({ number, _tag: "Bytes", value: take(4) })
        break
      default:
        throw new RangeError("a field has no known type")
    }
  }
  return out
}

/** Every message or text with this number. */
export const all = (message: ReadonlyArray<Field>, number: number): ReadonlyArray<Uint8Array> =>
  message.flatMap((field) => field.number === number && field._tag === "Bytes" ? [field.value] : [])

export const text = (message: ReadonlyArray<Field>, number: number): string | undefined => {
  const found = all(message, number).at(-1)
  return found === undefined ? undefined : new TextDecoder().decode(found)
}

/** The numbers of a repeated field, one by one or packed. */
export const numbers = (message: ReadonlyArray<Field>, number: number): ReadonlyArray<number> =>
  message.flatMap((field) => {
    if (field.number !== number) return []
    if (field._tag === "Number") return [field.value]
    const out: Array<number> = []
    let value = 0
    let factor = 1
    for (const byte of field.value) {
      value += byte % 128 * factor
      factor *= 128
      if (byte < 128) {
        out.push(value)
        value = 0
        factor = 1
      }
    }
    return out
  })

const varintOf = (value: number): ReadonlyArray<number> => {
  const out: Array<number> = []
  for (let rest = value; out.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    out.push(rest < 128 ? rest : rest % 128 + 128)
  }
  return out
}

/** Puts parts of a message together. */
export const message = (...parts: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const numberField = (number: number, value: number): Uint8Array =>
  Uint8Array.from([...varintOf(number * 8 + wire.varint), ...varintOf(value)])

export const bytesField = (number: number, value: Uint8Array): Uint8Array =>
  message(Uint8Array.from([...varintOf(number * 8 + wire.bytes), ...varintOf(value.length)]), value)

export const textField = (number: number, value: string): Uint8Array =>
  bytesField(number, new TextEncoder().encode(value))
