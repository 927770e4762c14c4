/** The time of a participant's audio, and what of it lies where. */
import * as Audio from "../../Audio.ts"
import type * as Stt from "../../Stt.ts"
import type { Core } from "./core.ts"

export interface Placed {
  readonly frame: Audio.Frame
  readonly end: number
}

/** What lies behind a stream time. */
export const behind = (chunk: ReadonlyArray<Placed>, from: number): ReadonlyArray<Placed> =>
  chunk.flatMap(({ end, frame }) => {
    const start = end - Audio.durationMs(frame)
    return end <= from ? [] : [{ frame: start >= from ? frame : Audio.slice(frame, from - start), end }]
  })

// How fast a microphone's clock may fall behind ours: more than any crystal does.
const drift = 0.001

export type StreamClock = ReturnType<typeof makeStreamClock>

/** Between stream time and the Clock, mapped where the audio has arrived the soonest. */
export const makeStreamClock = (core: Core) => {
  let streamEnd = 0
  let observedAt = core.conductor.now()
  let offset = Number.POSITIVE_INFINITY
  let voiceEnd: number | undefined
  return {
    /** The detector has heard the voice stop at a stream time; `undefined` where it goes on. */
    voice: (end: number | undefined): void => {
      voiceEnd = end
    },
    /**
     * Where the last word of a transcript ended. One without words ends where its
     * audio did, often after a silence, about which the detector knows better.
     */
    lastWord: ({ end, start, words }: Stt.Transcript, from: number): number | undefined => {
      const word = words?.at(-1)?.end
      if (word !== undefined) return from + word
      if (end === undefined) return undefined
      return voiceEnd !== undefined && from + (start ?? end) < voiceEnd ? Math.min(from + end, voiceEnd) : from + end
    },
    restart: (): void => {
      offset = Number.POSITIVE_INFINITY
    },
    observe: (frames: ReadonlyArray<Audio.Frame>): void => {
      if (frames.length === 0) return
      for (const frame of frames) streamEnd = (frame.at ?? streamEnd) + Audio.durationMs(frame)
      const now = core.conductor.now()
      offset = Math.min(offset + (now - observedAt) * drift, now - streamEnd)
      observedAt = now
    },
    toClock: (at: number): number => Math.min(core.conductor.now(), at + (Number.isFinite(offset) ? offset : 0)),
    /** The newest frames with the stream time at which each ends. */
    placed: (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Placed> => {
      let end = streamEnd
      return frames.toReversed().map((frame) => {
        const placed = { frame, end }
        end = frame.at ?? end - Audio.durationMs(frame)
        return placed
      }).toReversed()
    },
    /** Stream time at which an input begins: frames tell it, or it is now. */
    startOf: (input: Stt.Input): number => "samples" in input && input.at !== undefined ? input.at : streamEnd
  }
}
