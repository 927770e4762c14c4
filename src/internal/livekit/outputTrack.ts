/**
 * The agent's track: a native source that is fed a little ahead of what is
 * heard, one piece at a time.
 *
 * It outlives a connection: what has not been heard when the room is lost is
 * said when it has been joined again, on a new publication of the same track.
 * It is taken apart in the only order that is safe: nothing more is fed, the
 * native queue is empty, the last piece has been taken, the track is withdrawn,
 * the source is closed.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Audio from "../../Audio.ts"
import { type Output, type OutputOptions, RoomError } from "../../Room.ts"
import { monotonicMs } from "../steady.ts"
import { makeOutputQueue, type Piece } from "./outputQueue.ts"
import { abandonable, type Rtc, type RtcRoom, saying } from "./rtc.ts"

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

// The native queue, and how much may wait before `write` waits (ms).
const queueMs = 200
const writtenAhead = 10_000
// What the native side may take for one thing.
const patience = "5 seconds"
// So many refusals in a row are no accident.
const refusals = 3

const invalid = (detail: string) => new RoomError({ reason: "InvalidOption", detail })
const broken = (detail: string) => new RoomError({ reason: "PublishFailed", detail })

export const check = (
  wish: OutputOptions | undefined
): Effect.Effect<Required<Audio.Format> & { name: string }, RoomError> => {
  const { channels = 1, name = "agent-audio", sampleRate = 24_000 } = wish ?? {}
  if (!Number.isInteger(sampleRate / 100) || sampleRate < 8000 || sampleRate > 48_000) {
    return Effect.fail(
      invalid(`output: sampleRate is ${sampleRate}, expected a multiple of 100 between 8000 and 48000 Hz`)
    )
  }
  if (channels !== 1 && channels !== 2) {
    return Effect.fail(invalid(`output: channels is ${channels}, expected 1 or 2`))
  }
  return Effect.succeed({ sampleRate, channels, name })
}

export const makeOutputTrack = (options: {
  readonly rtc: Rtc
  readonly format: Audio.Format
  readonly name: string
}): Effect.Effect<OutputTrack> =>
  Effect.gen(function*() {
    const { format, rtc } = options
    const { channels, sampleRate } = format
    const clock = yield* Clock.Clock
    const now = (): number => monotonicMs(clock)
    const speaker = makeOutputQueue({ format, aheadMs: queueMs, now })
    // Native queues are a multiple of 10 ms long, or the process is at its end.
    const source = new rtc.AudioSource(sampleRate, channels, queueMs)
    const track = rtc.LocalAudioTrack.createAudioTrack(options.name, source)
    const subscribed = Deferred.makeUnsafe<void>()
    let published: { readonly room: RtcRoom; readonly sid: () => string } | undefined
    let paused = false
    let closed = false
    let failure: RoomError | undefined
    let refused = 0
    let change = Deferred.makeUnsafe<void>()

    const wake = (): void => {
      const previous = change
      change = Deferred.makeUnsafe()
      Deferred.doneUnsafe(previous, Effect.void)
    }
    const halt = (): void => {
      speaker.withhold()
      source.clearQueue()
    }
    const playing = (): boolean => !paused && published !== undefined && failure === undefined

    const feed = (piece: Piece): Effect.Effect<void> =>
      Effect.tryPromise(() =>
        source.captureFrame(new rtc.AudioFrame(piece.samples, sampleRate, channels, piece.samples.length / channels))
      ).pipe(
        Effect.timeout(patience),
        Effect.match({
          onSuccess: () => {
            refused = 0
            // What was cleared while it was on its way must not be heard.
            if (!speaker.taken(piece)) source.clearQueue()
          },
          onFailure: (error) => {
            if (++refused >= refusals) failure = broken(`write: the track takes no more audio: ${saying(error)}`)
          }
        }),
        Effect.uninterruptible
      )

    const pump: Effect.Effect<never> = Effect.forever(Effect.suspend(() => {
      const changed = Deferred.await(change)
      if (!playing()) return changed
      const next = speaker.next()
      if (next._tag === "Piece") return feed(next.piece)
      return next.ms === Number.POSITIVE_INFINITY
        ? changed
        : Effect.raceFirst(clock.sleep(Duration.millis(next.ms)), changed)
    }))
    const pumping = yield* Effect.forkDetach(pump)

    /** Waits until at most so much is left, whatever happens meanwhile. */
    const shrunk = (left: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const excess = speaker.waiting() - left
        if (excess <= 0.05) return Effect.void
        const changed = Deferred.await(change)
        return Effect.andThen(
          playing() ? Effect.raceFirst(clock.sleep(Duration.millis(excess)), changed) : changed,
          shrunk(left)
        )
      })

    const write = (frames: ReadonlyArray<Audio.Frame>): Effect.Effect<void, RoomError> =>
      Effect.suspend((): Effect.Effect<void, RoomError> => {
        if (failure !== undefined) return Effect.fail(failure)
        if (closed) return Effect.fail(broken("write: the output is closed"))
        const wrong = frames.find((frame) => frame.sampleRate !== sampleRate || frame.channels !== channels)
        if (wrong !== undefined) {
          return Effect.fail(
            invalid(
              `write: the frame has ${wrong.sampleRate} Hz and ${wrong.channels} channels, the output ${sampleRate} Hz and ${channels}; convert it first`
            )
          )
        }
        speaker.write(frames)
        wake()
        return Effect.andThen(
          shrunk(writtenAhead),
          Effect.suspend(() => failure === undefined ? Effect.void : Effect.fail(failure))
        )
      })

    const attach = (room: RtcRoom): Effect.Effect<void, RoomError> =>
      Effect.suspend(() => {
        const participant = room.localParticipant
        if (participant === undefined) return Effect.fail(broken("output: the room is not connected"))
        return Effect.uninterruptibleMask((restore) =>
          restore(
            Effect.timeout(
              abandonable(
                () =>
                  participant.publishTrack(
                    track,
                    new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE })
                  ),
                (publication) => participant.unpublishTrack(publication.sid ?? "", false)
              ),
              "15 seconds"
            )
          ).pipe(
            Effect.mapError((error) => broken(`output: the track could not be published: ${saying(error)}`)),
            Effect.map((publication) => {
              published = { room, sid: () => publication.sid ?? "" }
              void publication.waitForSubscription().then(() => Deferred.doneUnsafe(subscribed, Effect.void))
              wake()
            })
          )
        )
      })

    const withdraw = Effect.suspend(() => {
      const participant = published?.room.localParticipant
      const sid = published?.sid()
      if (participant === undefined || sid === undefined || published?.room.isConnected !== true) return Effect.void
      return Effect.tryPromise(() => participant.unpublishTrack(sid)).pipe(
        Effect.timeout(patience),
        Effect.ignoreCause
      )
    })

    const close = yield* Effect.cached(Effect.uninterruptible(Effect.gen(function*() {
      closed = true
      speaker.drop()
      source.clearQueue()
      wake()
      yield* Fiber.interrupt(pumping)
      source.clearQueue()
      yield* withdraw
      published = undefined
      source.clearQueue()
      yield* Effect.ignoreCause(Effect.timeout(Effect.tryPromise(() => track.close()), patience))
    })))

    return {
      attach,
      detach: () => {
        if (published === undefined) return
        published = undefined
        if (!closed) halt()
        wake()
      },
      end: (error) => {
        failure ??= error
        published = undefined
        if (closed) return
        speaker.drop()
        source.clearQueue()
        wake()
      },
      close,
      output: {
        ...format,
        write,
        pause: Effect.sync(() => {
          if (paused || closed) return
          paused = true
          halt()
          wake()
        }),
        resume: Effect.sync(() => {
          paused = false
          wake()
        }),
        clear: Effect.sync(() => {
          if (closed) return
          speaker.drop()
          source.clearQueue()
          paused = false
          wake()
        }),
        played: Effect.sync(speaker.played),
        drained: shrunk(0),
        sid: Effect.sync(() => published?.sid() ?? ""),
        subscribed: Deferred.await(subscribed)
      }
    }
  })
