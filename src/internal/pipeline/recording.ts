/** Tells the recorder, where there is one, what happens in a session and what is heard. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type * as Event from "../../Event.ts"
import { type About, Recorder, type Recording } from "../../Recorder.ts"
import type { Output, Room } from "../../Room.ts"
import { usable } from "../audio/usable.ts"
import { logOwn } from "../foreign.ts"

export interface Recorded {
  readonly event: (event: Event.Event) => void
  /** The same room, listened to. */
  readonly room: Room["Service"]
}

/** Frames handed over that have not been heard yet, with where they begin in the output's time. */
interface Waiting {
  readonly from: number
  readonly frame: Audio.Frame
}

/** What is heard of an output: the frames up to its playhead; what is cleared never was. */
const tapOutput = (
  output: Output,
  now: () => number,
  heard: (at: number, frames: ReadonlyArray<Audio.Frame>) => void
): Output => {
  let waiting: Array<Waiting> = []
  let written = 0
  let level = 0
  const settle = Effect.map(output.played, (played) => {
    const at = now()
    const whole: Array<Waiting> = []
    for (let next = waiting[0]; next !== undefined && next.from < played; next = waiting[0]) {
      const { frame, from } = next
      const heardMs = played - from
      waiting.shift()
      if (heardMs >= Audio.durationMs(frame)) {
        whole.push(next)
        continue
      }
      whole.push({ from, frame: Audio.slice(frame, 0, heardMs) })
      waiting.unshift({ from: played, frame: Audio.slice(frame, heardMs) })
    }
    const [first] = whole
    if (first !== undefined) heard(at - (played - first.from), whole.map(({ frame }) => Audio.gain(frame, level)))
    return played
  })
  return {
    ...output,
    write: (frames) =>
      Effect.andThen(
        settle,
        Effect.suspend(() => {
          for (const frame of usable(frames)) {
            waiting.push({ from: written, frame })
            written += Audio.durationMs(frame)
          }
          return output.write(frames)
        })
      ),
    gain: output.gain && ((dB) => {
      const set = output.gain!(dB)
      return Effect.andThen(
        settle,
        Effect.suspend(() => {
          level = dB
          return set
        })
      )
    }),
    pause: Effect.andThen(settle, output.pause),
    clear: output.clear.pipe(
      Effect.andThen(settle),
      Effect.map((played) => {
        waiting = []
        written = played
      })
    ),
    played: settle,
    drained: Effect.andThen(output.drained, Effect.asVoid(settle))
  }
}

const tapRoom = (
  room: Room["Service"],
  now: () => number,
  audio: NonNullable<Recording["audio"]>
): Room["Service"] => ({
  ...room,
  audio: (identity, format) =>
    Stream.mapArray(room.audio(identity, format), (frames) => {
      const heard = usable(frames)
      const lengthMs = heard.reduce((sum, frame) => sum + Audio.durationMs(frame), 0)
      audio("user", now() - lengthMs, heard)
      return frames
    }),
  output: (options) =>
    Effect.gen(function*() {
      const output = yield* room.output(options)
      const tapped = tapOutput(output, now, (at, frames) => audio("agent", at, frames))
      // What was heard up to the end.
      yield* Effect.addFinalizer(() => tapped.played)
      return tapped
    })
})

/** A recorder that cannot record must not cost the conversation. */
export const record = (
  room: Room["Service"],
  about: About,
  now: () => number,
  complain: (effect: Effect.Effect<void>) => void
): Effect.Effect<Recorded, never, Scope.Scope> =>
  Effect.gen(function*() {
    const silent: Recorded = { event: () => undefined, room }
    const recorder = yield* Effect.serviceOption(Recorder)
    if (recorder._tag === "None") return silent
    const opened = yield* Effect.exit(Effect.suspend(() => recorder.value.open(about)))
    if (opened._tag === "Failure" || opened.value === undefined) {
      yield* logOwn("the session is not recorded", opened._tag === "Failure" ? opened.cause : Cause.empty)
      return silent
    }
    const { audio, event } = opened.value
    let broken = false
    const safely = <A extends ReadonlyArray<unknown>>(tell: (...args: A) => void) => (...args: A): void => {
      try {
        tell(...args)
      } catch (defect) {
        if (!broken) complain(logOwn("the recorder has thrown", Cause.die(defect)))
        broken = true
      }
    }
    return {
      event: safely(event),
      room: audio === undefined ? room : tapRoom(room, now, safely(audio))
    }
  })
