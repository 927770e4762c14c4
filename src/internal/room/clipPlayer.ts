/**
 * What a participant says into a microphone that never stops: clips one after
 * the other, silence between them.
 */
import type * as Audio from "../../Audio.ts"

export interface Clip {
  /** More audio of a clip that is still open. */
  readonly push: (samples: Int16Array) => void
  readonly close: () => void
  /** Says no more of it. */
  readonly cancel: () => void
  /** Milliseconds that wait to be said. */
  readonly waiting: () => number
}

interface Entry {
  readonly start: number
  readonly chunks: Array<Int16Array>
  offset: number
  left: number
  open: boolean
  readonly onProgress: (finished: boolean) => void
}

export interface ClipPlayer {
  /**
   * Says a clip `at` milliseconds of stream time, or as soon as the clips that
   * are due before it have ended. `onProgress` is told by `report` after every
   * read that took from it.
   */
  readonly say: (at: number, onProgress: (finished: boolean) => void) => Clip
  /** The next samples, up to `to` milliseconds of stream time. */
  readonly read: (to: number) => Audio.Frame
  /** Tells the clips what was read of them. */
  readonly report: () => void
  /** Stream time in milliseconds. */
  readonly position: () => number
  /** Nothing is left to be said. */
  readonly isDone: () => boolean
}

export const makeClipPlayer = (format: Audio.Format): ClipPlayer => {
  const { channels, sampleRate } = format
  const perMs = sampleRate / 1000
  const entries: Array<Entry> = []
  let cursor = 0
  let reports: Array<() => void> = []
  let quiet = new Int16Array(0)

  const fill = (samples: Int16Array): void => {
    const end = cursor + samples.length / channels
    let at = cursor
    while (at < end) {
      const entry = entries[0]
      if (entry === undefined || entry.start >= end) return
      if (entry.start > at) at = entry.start
      while (at < end && entry.chunks.length > 0) {
        const chunk = entry.chunks[0]!
        const count = Math.min(chunk.length - entry.offset, (end - at) * channels)
        samples.set(chunk.subarray(entry.offset, entry.offset + count), (at - cursor) * channels)
        at += count / channels
        entry.left -= count
        entry.offset += count
        if (entry.offset === chunk.length) {
          entry.chunks.shift()
          entry.offset = 0
        }
      }
      if (entry.chunks.length > 0 || entry.open) {
        reports.push(() => entry.onProgress(false))
        return
      }
      entries.shift()
      reports.push(() => entry.onProgress(true))
    }
  }

  return {
    say: (at, onProgress) => {
      const start = Math.max(cursor, Math.round(at * perMs))
      const entry: Entry = { start, chunks: [], offset: 0, left: 0, open: true, onProgress }
      const after = entries.findIndex((other) => other.start > start)
      entries.splice(after < 0 ? entries.length : after, 0, entry)
      return {
        push: (samples) => {
          if (samples.length === 0) return
          entry.chunks.push(samples)
          entry.left += samples.length
        },
        close: () => {
          entry.open = false
        },
        cancel: () => {
          const index = entries.indexOf(entry)
          if (index >= 0) entries.splice(index, 1)
        },
        waiting: () => entry.left / channels / perMs
      }
    },
    read: (to) => {
      const count = Math.max(0, Math.round(to * perMs) - cursor)
      const at = cursor / perMs
      const entry = entries[0]
      if (entry === undefined || entry.start >= cursor + count) {
        // Nobody writes to a frame, so all silence can be the same array.
        if (quiet.length !== count * channels) quiet = new Int16Array(count * channels)
        cursor += count
        return { ...format, samples: quiet, at }
      }
      const samples = new Int16Array(count * channels)
      fill(samples)
      cursor += count
      return { ...format, samples, at }
    },
    report: () => {
      if (reports.length === 0) return
      const due = reports
      reports = []
      for (const report of due) report()
    },
    position: () => cursor / perMs,
    isDone: () => entries.length === 0
  }
}
