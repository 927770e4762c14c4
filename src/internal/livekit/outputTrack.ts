/**
 * The agent's track: what is written waits in a queue, a feeder gives it to the
 * native source a little ahead of what is heard, and a publication takes it to
 * the room.
 *
 * It outlives a connection: what has not been heard when the room is lost is
 * said when it has been joined again, on a new publication of the same track.
 * It is taken apart in the only order that is safe: nothing more is fed, the
 * native queue is empty, the last piece has been taken, the track is withdrawn,
 * the source is closed.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Audio from "../../Audio.ts"
import type { Output, OutputOptions, RoomError } from "../../Room.ts"
import * as Check from "../options.ts"
import { Change } from "../room/change.ts"
import { otherFormat, refuse } from "../room/errors.ts"
import { refused, wishes } from "../room/options.ts"
import { type Feeder, makeFeeder, makeSource } from "./feeder.ts"
import { makePublication } from "./publication.ts"
import type { Rtc, RtcRoom } from "./rtc.ts"

export interface OutputTrack {
  readonly output: Output
  /** Publishes in a room that has been joined, and goes on. */
  readonly attach: (room: RtcRoom) => Effect.Effect<void, RoomError>
  /** There is no room for now: nothing is played into the void. */
  readonly detach: () => void
  /** The room has ended: nothing will be heard any more. */
  readonly end: (error: RoomError) => void
  /** Safe, once, in bounded time. */
  readonly close: Effect.Effect<void>
}

// How much may wait before `write` waits (ms).
const writtenAhead = 10_000
// What is left that will be heard before anyone can tell (ms).
const tolerance = 0.05
// What the native side may take to close a track.
const closing = "5 seconds"

const broken = (detail: string) => refuse("PublishFailed", detail)

const wish = Check.struct<OutputOptions>()({
  ...wishes,
  sampleRate: Check.hertz({ least: 8000, most: 48_000, default: 24_000 })
})

const wished = Check.together(wish, ({ sampleRate }) => ({
  sampleRate: sampleRate % 100 === 0 ? undefined : `must be a multiple of 100, not ${sampleRate}`
}))

export const check = (asked: OutputOptions | undefined): Effect.Effect<typeof wish.Type, RoomError> =>
  Check.readOrFail(wished, asked ?? {}, refused, "output")

export const makeOutputTrack = (options: {
  readonly rtc: Rtc
  readonly format: Audio.Format
  readonly name: string
}): Effect.Effect<OutputTrack> =>
  Effect.gen(function*() {
    const { format, rtc } = options
    const clock = yield* Clock.Clock
    const source = makeSource(rtc, format)
    const track = rtc.LocalAudioTrack.createAudioTrack(options.name, source)
    const change = new Change()
    const publication = makePublication({ rtc, track, change })
    let paused = false
    let closed = false
    let failure: RoomError | undefined
    const isPlaying = (): boolean => !paused && publication.isPublished() && failure === undefined
    const feeder: Feeder = makeFeeder({
      rtc,
      source,
      format,
      clock,
      isPlaying,
      change,
      onRefused: (why) => {
        failure = broken(`write: the track takes no more audio: ${why}`)
      }
    })
    const pumping = yield* Effect.forkDetach(feeder.pump)

    /** Waits until at most so much is left (ms), whatever happens meanwhile. */
    const shrunk = (left: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const excess = feeder.waiting() - left
        if (excess <= tolerance) return Effect.void
        const changed = change.next
        return Effect.andThen(
          isPlaying() ? Effect.raceFirst(clock.sleep(Duration.millis(excess)), changed) : changed,
          shrunk(left)
        )
      })

    const write = (frames: ReadonlyArray<Audio.Frame>): Effect.Effect<void, RoomError> =>
      Effect.suspend((): Effect.Effect<void, RoomError> => {
        const problem = failure ?? (closed ? broken("write: the output is closed") : otherFormat(frames, format))
        if (problem !== undefined) return Effect.fail(problem)
        feeder.write(frames)
        change.tell()
        return Effect.andThen(
          shrunk(writtenAhead),
          Effect.suspend(() => failure === undefined ? Effect.void : Effect.fail(failure))
        )
      })

    const close = yield* Effect.cached(Effect.uninterruptible(Effect.gen(function*() {
      closed = true
      feeder.drop()
      change.tell()
      yield* Fiber.interrupt(pumping)
      feeder.clear()
      yield* publication.withdraw
      feeder.clear()
      yield* Effect.ignoreCause(Effect.timeout(Effect.tryPromise(() => track.close()), closing))
    })))

    return {
      attach: publication.publish,
      detach: () => {
        if (!publication.isPublished()) return
        publication.forget()
        if (!closed) feeder.withhold()
        change.tell()
      },
      end: (error) => {
        failure ??= error
        publication.forget()
        if (closed) return
        feeder.drop()
        change.tell()
      },
      close,
      output: {
        ...format,
        write,
        pause: Effect.sync(() => {
          if (paused || closed) return
          paused = true
          feeder.withhold()
          change.tell()
        }),
        resume: Effect.sync(() => {
          paused = false
          change.tell()
        }),
        clear: Effect.sync(() => {
          if (closed) return
          feeder.drop()
          paused = false
          change.tell()
        }),
        gain: (dB) =>
          Effect.sync(() => {
            if (closed) return
            feeder.gain(dB)
            change.tell()
          }),
        played: Effect.sync(feeder.played),
        drained: shrunk(0),
        sid: Effect.sync(publication.sid),
        subscribed: publication.subscribed
      }
    }
  })
