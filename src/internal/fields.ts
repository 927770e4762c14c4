/** Messages of protobuf with so many fields that reading them would hold everybody else up. Pure. */

// A message has one or two fields; more of them are merged, one after the other.
const mostFields = 64

/** Whether a message begins with no more fields than anyone writes. */
export const hasFewFields = (bytes: Uint8Array): boolean => {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 1; at < bytes.length; shift *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
    return value
  }
  for (let fields = 0; at < bytes.length; fields++) {
    if (fields >= mostFields) return false
    const kind = varint() % 8
    if (kind > 2 && kind !== 5) return false
    const length = kind === 0 || kind === 2 ? varint() : kind === 1 ? 8 : 4
    if (kind !== 0) at += length
  }
  return true
}
