/** Opus packets out of a WebM recording, as browsers make them: one track, blocks without lacing. */
import { makeTail, sliceBytes } from "./opusTail.ts"
import type { Packets } from "./preconnectAudio.ts"

const ids = {
  segment: 0x18538067,
  tracks: 0x1654ae6b,
  entry: 0xae,
  codecPrivate: 0x63a2,
  cluster: 0x1f43b675,
  blockGroup: 0xa0,
  simpleBlock: 0xa3,
  block: 0xa1
} as const

/** Elements that hold others; a recorder leaves the length of the outer ones open. */
const masters: ReadonlySet<number> = new Set([ids.segment, ids.tracks, ids.entry, ids.cluster, ids.blockGroup])

/** A number whose first byte tells its length; `undefined` where the bytes end. */
const readNumber = (bytes: Uint8Array, at: number, keepMarker: boolean) => {
  const first = bytes[at]
  if (first === undefined || first === 0) return undefined
  const length = Math.clz32(first) - 23
  if (at + length > bytes.length) return undefined
  let value = keepMarker ? first : first & (0xff >> length)
  let open = (first & (0xff >> length)) === 0xff >> length
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] ?? 0
    value = value * 256 + byte
    open &&= byte === 0xff
  }
  return { value, length, open }
}

/**
 * `undefined`: it is no WebM, or not with Opus. A recording that breaks off gives what there is. It is read in slices: each
 * step reads so much.
 */
export function* webmPackets(bytes: Uint8Array): Generator<void, Packets | undefined> {
  const tail = makeTail()
  let pause = sliceBytes
  let head: Uint8Array | undefined
  if (bytes[0] !== 0x1a || bytes[1] !== 0x45 || bytes[2] !== 0xdf || bytes[3] !== 0xa3) return undefined
  let at = 0
  while (at < bytes.length) {
    if (at >= pause) {
      pause = at + sliceBytes
      yield
    }
    const id = readNumber(bytes, at, true)
    const size = id === undefined ? undefined : readNumber(bytes, at + id.length, false)
    if (id === undefined || size === undefined) break
    const start = at + id.length + size.length
    // What lies inside comes next: the length of its holder is not needed.
    if (masters.has(id.value)) {
      at = start
      continue
    }
    const end = start + size.value
    if (size.open || end > bytes.length) break
    if (id.value === ids.codecPrivate) head = bytes.subarray(start, end)
    if (id.value === ids.simpleBlock || id.value === ids.block) {
      const track = readNumber(bytes, start, false)
      // Two bytes of time and one of flags.
      if (track !== undefined) tail.add(bytes.subarray(Math.min(start + track.length + 3, end), end))
    }
    at = end
  }
  const begin = opusHead(head)
  return begin === undefined ? undefined : { ...begin, packets: tail.packets() }
}

/** What the head of an Opus stream says. */
export const opusHead = (head: Uint8Array | undefined): Omit<Packets, "packets"> | undefined => {
  if (head === undefined || head.length < 19) return undefined
  const text = String.fromCharCode(...head.subarray(0, 8))
  return text === "OpusHead"
    ? { channels: head[9] ?? 1, preSkip: (head[10] ?? 0) + (head[11] ?? 0) * 256 }
    : undefined
}
