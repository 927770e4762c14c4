/**
 * The last seconds of a participant's audio, for a judge that wants to hear
 * them. Whole frames are kept, the oldest go first; nothing is copied until
 * somebody asks. It ends with the session.
 */
import * as Audio from "../../Audio.ts"

export interface RecentAudio {
  readonly push: (frames: ReadonlyArray<Audio.Frame>) => void
  /** What there is of the last seconds, in one frame; `undefined` if there is nothing. */
  readonly frame: () => Audio.Frame | undefined
}

export const makeRecentAudio = (keptMs: number): RecentAudio => {
  let frames: Array<Audio.Frame> = []
  let length = 0
  const add = (frame: Audio.Frame): void => {
    const [first] = frames
    // After a change of the format the frames cannot be joined.
    if (first !== undefined && (first.sampleRate !== frame.sampleRate || first.channels !== frame.channels)) {
      frames = []
      length = 0
    }
    frames.push(frame)
    length += Audio.durationMs(frame)
  }
  return {
    push: (all) => {
      for (const frame of all) add(frame)
      let gone = 0
      while (gone < frames.length - 1 && length - Audio.durationMs(frames[gone]!) >= keptMs) {
        length -= Audio.durationMs(frames[gone++]!)
      }
      if (gone > 0) frames = frames.slice(gone)
    },
    frame: () => length > 0 ? Audio.concat(frames) : undefined
  }
}
