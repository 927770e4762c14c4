/**
 * Where the output stands: what waits here, what the native queue holds, what has been heard.
 * Nothing in it waits. The feeder of the native queue asks it for the next piece.
 *
 * All positions are samples per channel on one axis that only heard audio moves
 * along. The native queue plays by the clock of the machine, so what it has
 * played follows from the time that has passed.
 */
import type * as Audio from "../../Audio.ts"

/** A piece on its way to the native queue. */
export interface Piece {
  readonly samples: Int16Array
  /** Samples per channel, without what fills the last 10 ms. */
  readonly length: number
  /** Whether it was taken before the last `clear`. */
  readonly epoch: number
}

export type Next =
  | { readonly _tag: "Piece"; readonly piece: Piece }
  /** Milliseconds until there is something to do, unless something changes. */
  | { readonly _tag: "Wait"; readonly ms: number }

export interface OutputQueue {
  readonly write: (frames: ReadonlyArray<Audio.Frame>) => void
  readonly next: () => Next
  /** The native queue has it. Tells whether it is still wanted there. */
  readonly taken: (piece: Piece) => boolean
  /** Takes back what the native queue has not played. */
  readonly withhold: () => void
  readonly drop: () => void
  /** Milliseconds that were heard. */
  readonly played: () => number
  /** Milliseconds that wait, here or in the native queue. */
  readonly waiting: () => number
}

// The longest piece that an interruption must wait for, and what the native side works in (ms).
const pieceMs = 20
const tickMs = 10

export const makeOutputQueue = (options: {
  readonly format: Audio.Format
  /** How far the native queue is filled (ms). */
  readonly aheadMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
}): OutputQueue => {
  const { now } = options
  const { channels, sampleRate } = options.format
  const perMs = sampleRate / 1000
  let base = 0
  let anchor = 0
  let end = 0
  let epoch = 0
  let queue: Array<Int16Array> = []
  let offset = 0
  let queued = 0
  /** Cut, but not in the native queue yet. */
  let underway: Piece | undefined
  let sent: Array<{ readonly start: number; readonly samples: Int16Array; readonly length: number }> = []

  const position = (): number => Math.min(end, base + (now() - anchor) * perMs)

  /** Copies, so that a piece owns its memory from the first byte on: the native side looks nowhere else. */
  const cut = (count: number, filled: number): Int16Array => {
    const samples = new Int16Array(filled * channels)
    let at = 0
    while (at < count * channels) {
      const chunk = queue[0]!
      const part = chunk.subarray(offset, offset + count * channels - at)
      samples.set(part, at)
      at += part.length
      offset += part.length
      if (offset === chunk.length) {
        queue.shift()
        offset = 0
      }
    }
    queued -= count
    return samples
  }

  const piece = (count: number, filled = count): Next => {
    underway = { samples: cut(count, filled), length: count, epoch }
    return { _tag: "Piece", piece: underway }
  }

  return {
    write: (frames) => {
      for (const { samples } of frames) {
        if (samples.length === 0) continue
        queue.push(samples)
        queued += samples.length / channels
      }
    },
    next: () => {
      // Whoever asks has nothing on its way: the last piece was taken or refused.
      underway = undefined
      if (queued === 0) return { _tag: "Wait", ms: Number.POSITIVE_INFINITY }
      const ahead = (end - position()) / perMs
      if (ahead > options.aheadMs - pieceMs) return { _tag: "Wait", ms: ahead - options.aheadMs + pieceMs }
      if (queued >= pieceMs * perMs) return piece(pieceMs * perMs)
      if (queued >= tickMs * perMs) return piece(tickMs * perMs)
      // Less than the native side can play: more of it may come in time.
      return ahead > pieceMs ? { _tag: "Wait", ms: ahead - pieceMs } : piece(queued, tickMs * perMs)
    },
    taken: (piece) => {
      if (piece.epoch !== epoch) return false
      underway = undefined
      const at = position()
      if (at >= end) {
        base = end
        anchor = now()
      }
      const played = sent.findIndex(({ length, start }) => start + length > at)
      sent = played === -1 ? [] : sent.slice(played)
      sent.push({ start: end, samples: piece.samples, length: piece.length })
      end += piece.length
      return true
    },
    withhold: () => {
      const at = Math.round(position())
      const back = sent.flatMap(({ length, samples, start }) => {
        const skip = Math.max(0, at - start)
        return skip >= length ? [] : [samples.slice(skip * channels, length * channels)]
      })
      if (underway !== undefined) back.push(underway.samples.slice(0, underway.length * channels))
      const rest = queue.map((chunk, i) => i === 0 ? chunk.slice(offset) : chunk)
      queue = [...back, ...rest]
      offset = 0
      queued += end - at + (underway?.length ?? 0)
      underway = undefined
      base = at
      end = at
      anchor = now()
      sent = []
      epoch++
    },
    drop: () => {
      base = position()
      end = base
      anchor = now()
      queue = []
      offset = 0
      queued = 0
      sent = []
      underway = undefined
      epoch++
    },
    played: () => position() / perMs,
    waiting: () => (queued + (underway?.length ?? 0) + end - position()) / perMs
  }
}
