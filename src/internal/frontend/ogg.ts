/** Opus packets out of an Ogg recording. */
import type { Packets } from "./recording.ts"
import { opusHead } from "./webm.ts"

const headerBytes = 27

/** `undefined`: it is no Ogg, or not with Opus. A recording that breaks off gives what there is. */
export const oggPackets = (bytes: Uint8Array): Packets | undefined => {
  const packets: Array<Uint8Array> = []
  let parts: Array<Uint8Array> = []
  let at = 0
  while (at + headerBytes <= bytes.length) {
    if (String.fromCharCode(...bytes.subarray(at, at + 4)) !== "OggS") break
    const segments = bytes[at + 26] ?? 0
    const table = bytes.subarray(at + headerBytes, at + headerBytes + segments)
    let start = at + headerBytes + segments
    for (const size of table) {
      parts.push(bytes.subarray(start, start + size))
      start += size
      // A segment that is full goes on in the next.
      if (size === 255) continue
      packets.push(joined(parts))
      parts = []
    }
    at = start
  }
  const begin = opusHead(packets[0])
  // The first is the head, the second its tags.
  return begin === undefined ? undefined : { ...begin, packets: packets.slice(2) }
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
