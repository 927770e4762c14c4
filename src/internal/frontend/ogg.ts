/** Opus packets out of an Ogg recording. */
import { makeTail, sliceBytes } from "./opusTail.ts"
import type { Packets } from "./preconnectAudio.ts"
import { opusHead } from "./webm.ts"

const headerBytes = 27
// The head of the stream and its tags come before the sound.
const headers = 2
// Longer than a packet of sound, or a head, can be: what is in it is of no interest.
const longest = 131_072

/**
 * `undefined`: it is no Ogg, or not with Opus. A recording that breaks off gives what there is. It is read in slices: each
 * step reads so much.
 */
export function* oggPackets(bytes: Uint8Array): Generator<void, Packets | undefined> {
  const tail = makeTail()
  let begin: Omit<Packets, "packets"> | undefined
  let parts: Array<Uint8Array> = []
  let length = 0
  let count = 0
  let at = 0
  let pause = sliceBytes
  while (at + headerBytes <= bytes.length) {
    if (at >= pause) {
      pause = at + sliceBytes
      yield
    }
    if (bytes[at] !== 0x4f || bytes[at + 1] !== 0x67 || bytes[at + 2] !== 0x67 || bytes[at + 3] !== 0x53) break
    const segments = bytes[at + 26] ?? 0
    let start = at + headerBytes + segments
    let end = start
    for (let i = 0; i < segments; i++) {
      const size = bytes[at + headerBytes + i] ?? 0
      end += size
      if (size === 0 && end === start && length === 0 && count > 0) {
        count += 1
        continue
      }
      // A segment that is full goes on in the next, also in that of another page.
      if (size === 255 && i < segments - 1) continue
      length += end - start
      if (length <= longest) parts.push(bytes.subarray(start, end))
      else parts = []
      start = end
      if (size === 255) continue
      const packet = length <= longest ? joined(parts, length) : undefined
      parts = []
      length = 0
      if (count === 0) {
        begin = opusHead(packet)
        if (begin === undefined) return undefined
      }
      if (count >= headers && packet !== undefined) tail.add(packet)
      count += 1
    }
    at = end
  }
  return begin === undefined ? undefined : { ...begin, packets: tail.packets() }
}

const joined = (parts: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
