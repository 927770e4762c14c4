/** Between the time of a participant's audio and the Clock. */
import * as Audio from "../../Audio.ts"
import type * as Stt from "../../Stt.ts"

/** A frame, and the stream time at which it ends (ms). */
export interface Placed {
  readonly frame: Audio.Frame
  readonly end: number
}

export interface StreamClock {
  /** Frames have come, just now. */
  readonly observe: (frames: ReadonlyArray<Audio.Frame>) => void
  /** When they last came. */
  readonly observedAt: () => number
  /** Where the audio that has come ends (ms of stream time). */
  readonly end: () => number
  /** A microphone begins whose time is another one's. */
  readonly restart: () => void
  readonly toClock: (at: number) => number
  /** Stream time at which an input begins: frames tell it, or it is now. */
  readonly startOf: (input: Stt.Input) => number
  /** The detector has heard the voice stop at a stream time; `undefined` where it goes on. */
  readonly voice: (end: number | undefined) => void
  /**
   * Where the last word of a transcript ended. One without words ends where its
   * audio did, often after a silence, about which the detector knows better.
   */
  readonly lastWord: (transcript: Stt.Transcript, from: number) => number | undefined
}

// How fast a microphone's clock may fall behind ours: more than any crystal does.
const drift = 0.001

/** Stream time is mapped to the Clock where the audio has arrived the soonest. */
export const makeStreamClock = (now: () => number): StreamClock => {
  let streamEnd = 0
  let observedAt = now()
  let offset = Number.POSITIVE_INFINITY
  let voiceEnd: number | undefined
  return {
    observe: (frames) => {
      if (frames.length === 0) return
      for (const frame of frames) streamEnd = (frame.at ?? streamEnd) + Audio.durationMs(frame)
      const arrived = now()
      offset = Math.min(offset + (arrived - observedAt) * drift, arrived - streamEnd)
      observedAt = arrived
    },
    observedAt: () => observedAt,
    end: () => streamEnd,
    restart: () => {
      offset = Number.POSITIVE_INFINITY
    },
    toClock: (at) => Math.min(now(), at + (Number.isFinite(offset) ? offset : 0)),
    startOf: (input) => "samples" in input && input.at !== undefined ? input.at : streamEnd,
    voice: (end) => {
      voiceEnd = end
    },
    lastWord: ({ end, start, words }, from) => {
      const word = words?.at(-1)?.end
      if (word !== undefined) return from + word
      if (end === undefined) return undefined
      return voiceEnd !== undefined && from + (start ?? end) < voiceEnd ? Math.min(from + end, voiceEnd) : from + end
    }
  }
}

/** Frames with the stream time at which each ends; the last of them at `end`. */
export const placed = (frames: ReadonlyArray<Audio.Frame>, end: number): ReadonlyArray<Placed> => {
  let at = end
  return frames.toReversed().map((frame) => {
    const one = { frame, end: at }
    at = frame.at ?? at - Audio.durationMs(frame)
    return one
  }).toReversed()
}

/** What of some frames lies behind a stream time. */
export const behind = (chunk: ReadonlyArray<Placed>, from: number): ReadonlyArray<Placed> =>
  chunk.flatMap(({ end, frame }) => {
    const start = end - Audio.durationMs(frame)
    return end <= from ? [] : [{ frame: start >= from ? frame : Audio.slice(frame, from - start), end }]
  })
