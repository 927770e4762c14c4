/**
 * The beginnings of speeches as the recogniser is to hear them, where the detector
 * hears other audio: what was kept of the same stretch of stream time. Whole frames
 * are kept, for two seconds.
 */
import * as Audio from "../../Audio.ts"
import { behind, type Placed, placed, type StreamClock } from "./streamClock.ts"

export interface Beginnings {
  /** What has just come, as everybody but the detector hears it. */
  readonly push: (frames: ReadonlyArray<Audio.Frame>) => void
  /** In place of the detector's padding. */
  readonly of: (padding: Audio.Frame) => Audio.Frame
}

// The longest padding that is usual, and the shortest speech before it is told.
const keptMs = 2000

export const makeBeginnings = (clock: Pick<StreamClock, "end">): Beginnings => {
  let kept: ReadonlyArray<Placed> = []
  return {
    push: (frames) => {
      const all = [...kept, ...placed(frames, clock.end())]
      const last = all.at(-1)?.end ?? 0
      kept = all.filter(({ end }) => end > last - keptMs && end <= last)
    },
    of: (padding) => {
      const { at } = padding
      if (at === undefined) return padding
      const to = at + Audio.durationMs(padding)
      const frames = behind(kept, at).flatMap(({ end, frame }) => {
        const start = end - Audio.durationMs(frame)
        return start >= to ? [] : [end <= to ? frame : Audio.slice(frame, 0, to - start)]
      })
      return frames.length === 0 ? padding : { ...Audio.concat(frames), at }
    }
  }
}
