/**
 * What the user has said, as audio, for a model that hears. Only speech is kept, with what sounded
 * just before it, and no more than the newest minute. It ends with the session.
 */
import * as Audio from "../../Audio.ts"

export interface TurnAudio {
  /** Takes what was just heard, before the detector judges it. */
  readonly push: (frames: ReadonlyArray<Audio.Frame>, inSpeech: boolean) => void
  /** What was said since the last message is this one. */
  readonly commit: (id: string) => void
  /** Nobody is to hear a message as it was said. */
  readonly forget: (id: string) => void
  /** A message as a WAV file, where it is kept. */
  readonly of: (id: string) => Uint8Array | undefined
  /** What was said since the last message. */
  readonly sofar: () => Uint8Array | undefined
}

// A model pays for what it hears, and a message is sent as a whole (ms).
const mostMs = 60_000
// A detector hears a voice a moment after it has begun (ms).
const beforeMs = 500
// Less is no word (ms).
const leastMs = 100

interface Stretch {
  frames: Array<Audio.Frame>
  ms: number
}

const nothing = (): Stretch => ({ frames: [], ms: 0 })

const add = (stretch: Stretch, frame: Audio.Frame, most: number): void => {
  const [first] = stretch.frames
  // After a change of the format the frames cannot be joined.
  if (first !== undefined && (first.sampleRate !== frame.sampleRate || first.channels !== frame.channels)) {
    Object.assign(stretch, nothing())
  }
  stretch.frames.push(frame)
  stretch.ms += Audio.durationMs(frame)
  let gone = 0
  while (stretch.ms > most && gone < stretch.frames.length - 1) stretch.ms -= Audio.durationMs(stretch.frames[gone++]!)
  if (gone > 0) stretch.frames = stretch.frames.slice(gone)
}

const fileOf = ({ frames, ms }: Stretch): Uint8Array | undefined =>
  ms < leastMs ? undefined : Audio.encodeWav(Audio.concat(frames))

export const makeTurnAudio = (wanted: () => boolean): TurnAudio => {
  let before = nothing()
  let said = nothing()
  const messages = new Map<string, { readonly file: Uint8Array; readonly ms: number }>()
  const trim = (): void => {
    let total = [...messages.values()].reduce((sum, { ms }) => sum + ms, 0)
    for (const [id, { ms }] of messages) {
      if (total <= mostMs) return
      messages.delete(id)
      total -= ms
    }
  }
  return {
    push: (frames, inSpeech) => {
      if (!wanted()) return
      for (const frame of frames) {
        if (!inSpeech) {
          add(before, frame, beforeMs)
          continue
        }
        for (const earlier of before.frames) add(said, earlier, mostMs)
        before = nothing()
        add(said, frame, mostMs)
      }
    },
    commit: (id) => {
      const file = fileOf(said)
      if (file !== undefined) messages.set(id, { file, ms: said.ms })
      said = nothing()
      trim()
    },
    forget: (id) => void messages.delete(id),
    of: (id) => messages.get(id)?.file,
    sofar: () => fileOf(said)
  }
}
