/** The end of a stream of Opus packets: what lies before it is dropped while the stream is read. */

/** Nobody speaks for longer before the agent comes; frontends stop recording after ten seconds. */
export const longestMs = 15_000

// As long as a packet can be: RFC 6716, 3.4, twice over for two channels.
const longestPacket = 2 * 48 * 1275

/** How long a packet sounds (ms), from its first bytes: RFC 6716, 3.1. */
const lengthOf = (packet: Uint8Array): number => {
  const head = packet[0] ?? 0
  const config = head >> 3
  const frame = config < 12
    ? [10, 20, 40, 60][config % 4]
    : config < 16
    ? [10, 20][config % 2]
    : 2.5 * 2 ** (config % 4)
  const code = head & 3
  return (frame ?? 60) * (code === 0 ? 1 : code === 3 ? Math.max(1, (packet[1] ?? 0) & 63) : 2)
}

export interface Tail {
  /** One without content, or that is no packet, is not kept. */
  readonly add: (packet: Uint8Array) => void
  /** The packets of the last 15 seconds. */
  readonly packets: () => ReadonlyArray<Uint8Array>
  /** The most that was ever held. */
  readonly most: () => number
}

// Places of packets that were dropped, before the rest moves up.
const slack = 1024

export const makeTail = (): Tail => {
  let held: Array<Uint8Array> = []
  let first = 0
  let ms = 0
  let most = 0
  return {
    add: (packet) => {
      if (packet.length === 0 || packet.length > longestPacket) return
      held.push(packet)
      ms += lengthOf(packet)
      while (ms > longestMs) ms -= lengthOf(held[first++] ?? new Uint8Array(0))
      if (first >= slack) {
        held = held.slice(first)
        first = 0
      }
      most = Math.max(most, held.length)
    },
    packets: () => held.slice(first),
    most: () => most
  }
}

/** Bytes that are read in one go. */
export const sliceBytes = 65_536
