/**
 * Feeds a native source a little ahead of what is heard, one piece at a time.
 * The source is its own: nobody else captures a frame or clears the queue of it.
 * `pump` feeds until its fiber is interrupted, which waits for the piece that is
 * on its way.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Audio from "../../Audio.ts"
import type { Change } from "../room/change.ts"
import { monotonicMs } from "../steady.ts"
import { makeOutputQueue, type OutputQueue, type Piece } from "./outputQueue.ts"
import { type Rtc, saying } from "./rtc.ts"

export interface Feeder extends Pick<OutputQueue, "write" | "played" | "waiting"> {
  readonly pump: Effect.Effect<never>
  /** Takes back what the native queue has not played. */
  readonly withhold: () => void
  /** Sets the level (dB) of all that is heard from now on. */
  readonly gain: (dB: number) => void
  /** Nothing of what waits will be heard. */
  readonly drop: () => void
  /** Clears the native queue of what came into it late. */
  readonly clear: () => void
}

type Source = InstanceType<Rtc["AudioSource"]>

// The native queue: a multiple of 10 ms, or the process is at its end.
const queueMs = 200
// What the native side may take for one piece.
const patience = "5 seconds"
// So many refusals in a row are no accident.
const refusals = 3

export const makeSource = (rtc: Rtc, { channels, sampleRate }: Audio.Format): Source =>
  new rtc.AudioSource(sampleRate, channels, queueMs)

export const makeFeeder = (options: {
  readonly rtc: Rtc
  readonly source: Source
  readonly format: Audio.Format
  readonly clock: Clock.Clock
  /** Whether there is anybody to play to; `change` tells when that is another matter, or more was written. */
  readonly isPlaying: () => boolean
  readonly change: Change
  /** The source takes no more audio. */
  readonly onRefused: (why: string) => void
}): Feeder => {
  const { change, clock, format, rtc, source } = options
  const { channels, sampleRate } = format
  const queue = makeOutputQueue({ format, aheadMs: queueMs, now: () => monotonicMs(clock) })
  let refused = 0
  let level = 0

  const feed = (piece: Piece): Effect.Effect<void> =>
    Effect.tryPromise(() =>
      source.captureFrame(
        new rtc.AudioFrame(
          Audio.gain({ ...format, samples: piece.samples }, level).samples,
          sampleRate,
          channels,
          piece.samples.length / channels
        )
      )
    ).pipe(
      Effect.timeout(patience),
      Effect.match({
        onSuccess: () => {
          refused = 0
          // What was cleared while it was on its way must not be heard.
          if (!queue.taken(piece)) source.clearQueue()
        },
        onFailure: (error) => {
          if (++refused >= refusals) options.onRefused(saying(error))
        }
      }),
      Effect.uninterruptible
    )

  return {
    pump: Effect.forever(Effect.suspend(() => {
      const changed = change.next
      if (!options.isPlaying()) return changed
      const next = queue.next()
      if (next._tag === "Piece") return feed(next.piece)
      return next.ms === Number.POSITIVE_INFINITY
        ? changed
        : Effect.raceFirst(clock.sleep(Duration.millis(next.ms)), changed)
    })),
    write: queue.write,
    played: queue.played,
    waiting: queue.waiting,
    withhold: () => {
      queue.withhold()
      source.clearQueue()
    },
    gain: (dB) => {
      if (dB === level) return
      level = dB
      queue.withhold()
      source.clearQueue()
    },
    drop: () => {
      queue.drop()
      source.clearQueue()
    },
    clear: () => source.clearQueue()
  }
}
