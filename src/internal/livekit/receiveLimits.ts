/**
 * What is being received: how many streams, and how much of them, one sender and all of them may
 * have on the way. Streams beyond these limits, and streams from which nothing comes any more, are
 * given up.
 */

// Streams on the way from one sender, and from all.
const streamsOfOne = 16
const streamsOfAll = 256
// Of the longest message, what may be held of the streams of one sender, and of all.
const shareOfOne = 2
const shareOfAll = 4
// What a piece takes in memory besides its content.
const pieceBytes = 64

export interface Stream {
  /** A piece of so many bytes has come; false where it cannot be taken. */
  readonly take: (bytes: number) => boolean
  readonly close: () => void
}

export interface ReceiveLimits {
  /** `undefined`: there are too many. `longest` is of one message (bytes). */
  readonly open: (sender: string, longest: number) => Stream | undefined
  /** Held now (bytes). */
  readonly held: () => number
  /** On the way now. */
  readonly streams: () => number
}

/** `longest`: of any message (bytes). */
export const makeReceiveLimits = (longest: number): ReceiveLimits => {
  const senders = new Map<string, { streams: number; bytes: number }>()
  let streams = 0
  let held = 0
  return {
    open: (identity, most) => {
      const sender = senders.get(identity) ?? { streams: 0, bytes: 0 }
      if (sender.streams >= streamsOfOne || streams >= streamsOfAll) return undefined
      senders.set(identity, sender)
      sender.streams += 1
      streams += 1
      let length = 0
      let own = 0
      let open = true
      return {
        take: (bytes) => {
          const size = bytes + pieceBytes
          if (!open || length + bytes > Math.min(most, longest)) return false
          if (sender.bytes + size > shareOfOne * longest || held + size > shareOfAll * longest) return false
          length += bytes
          own += size
          sender.bytes += size
          held += size
          return true
        },
        close: () => {
          if (!open) return
          open = false
          sender.streams -= 1
          sender.bytes -= own
          streams -= 1
          held -= own
          if (sender.streams === 0) senders.delete(identity)
        }
      }
    },
    held: () => held,
    streams: () => streams
  }
}
