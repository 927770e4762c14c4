/**
 * Which part of a participant's audio the recogniser gets, and when.
 *
 * It gets all of it, or only speech with its padding. While nobody speaks, audio is held back for a
 * moment: a piece costs the same whatever its length, and most of a call is silence. Nothing here
 * waits.
 */
import * as Audio from "../../Audio.ts"
import * as Stt from "../../Stt.ts"
import type * as Vad from "../../Vad.ts"
import { markIdle, markStart } from "../stt/voiced.ts"
import { behind, placed, type StreamClock } from "./streamClock.ts"

// Pieces of silence have this length (ms).
const lull = 100

export interface Feed {
  /** Takes what was just heard, before the detector judges it: a mark comes after its audio. */
  readonly take: (frames: ReadonlyArray<Audio.Frame>, inSpeech: boolean) => void
  /** Hands over the beginning of a speech: what was held back, or its padding. */
  readonly begin: (started: Extract<Vad.Event, { readonly _tag: "SpeechStarted" }>) => void
  /** Hands over what is held back. */
  readonly release: () => void
  /** Asks the recogniser for what it has. */
  readonly finalize: () => void
  /** It was asked since a speech has begun. */
  readonly finalized: () => boolean
  /** A microphone begins whose time is another one's. */
  readonly restart: () => void
  /** From now on somebody else is handed it; what is held back goes to who was there before. */
  readonly handTo: (wants: Stt.Wants, hand: (inputs: ReadonlyArray<Stt.Input>) => void) => void
}

export const makeFeed = (
  first: Stt.Wants,
  clock: StreamClock,
  handFirst: (inputs: ReadonlyArray<Stt.Input>) => void
): Feed => {
  let wants = first
  let hand = handFirst
  /** Who is handed it now has been given speech. */
  let spokenTo = true
  /** Speech was handed over, and nobody has asked what it is. */
  let owing = false
  let finalized = false
  /** What came last, and where it ends (ms of stream time). */
  let latest: ReadonlyArray<Audio.Frame> = []
  let latestTo: number | undefined
  let held: Array<Stt.Input> = []
  let heldMs = 0
  /** Up to where speech was handed over (ms of stream time). */
  let fedTo = Number.NEGATIVE_INFINITY
  /** Where a speech begins, padding included, whose beginning is to be marked. */
  let unmarked: number | undefined

  const give = (inputs: ReadonlyArray<Stt.Input>): void => {
    const [first, ...others] = inputs
    if (first === undefined || unmarked === undefined) return hand(inputs)
    const from = unmarked
    unmarked = undefined
    hand([markStart(first, clock.startOf(first) - from), ...others])
  }
  const release = (): void => {
    if (held.length === 0) return
    const inputs = held
    held = []
    heldMs = 0
    give(inputs)
  }
  const hold = (frames: ReadonlyArray<Audio.Frame>): void => {
    for (const frame of frames) {
      const ms = Audio.durationMs(frame)
      held.push(wants === "each" ? markIdle(frame) : frame)
      // One without audio marks a moment.
      heldMs = ms === 0 ? lull : heldMs + ms
    }
    if (heldMs >= lull) release()
  }

  return {
    take: (frames, inSpeech) => {
      latest = frames
      latestTo = clock.end()
      if (inSpeech) {
        give(frames)
        fedTo = latestTo
      } else if (wants !== "speech") hold(frames)
      else {
        // One without audio marks a moment, and is no silence.
        const marks = placed(frames, latestTo).filter(({ frame }) => frame.samples.length === 0)
        give(marks.map(({ frame }) => frame))
        fedTo = marks.at(-1)?.end ?? fedTo
      }
    },
    begin: ({ at, padding }) => {
      finalized = false
      owing = true
      spokenTo = true
      release()
      const start = padding.at ?? at
      if (wants === "each") unmarked = start
      if (wants !== "speech") return
      const end = start + Audio.durationMs(padding)
      const padded = padding.samples.length > 0 ? [{ frame: padding, end }] : []
      // Where one speech follows another its padding was heard with the one before.
      const chunk = latestTo === undefined ? [] : placed(latest, latestTo)
      give(behind([...padded, ...behind(chunk, end)], fedTo).map(({ frame }) => frame))
      fedTo = Math.max(fedTo, end, latestTo ?? 0)
    },
    release,
    finalize: () => {
      finalized = true
      owing = false
      release()
      // Of what was said before it came, it has heard nothing that it could give.
      if (spokenTo) give([Stt.Finalize])
    },
    finalized: () => finalized,
    restart: () => {
      fedTo = Number.NEGATIVE_INFINITY
    },
    handTo: (wanted, to) => {
      release()
      // It is asked for what it has: nobody else will.
      if (owing) give([Stt.Finalize])
      owing = false
      unmarked = undefined
      wants = wanted
      hand = to
      spokenTo = false
    }
  }
}
