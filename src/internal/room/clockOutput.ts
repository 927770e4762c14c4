/**
 * An output whose loudspeaker is the Clock: what was heard follows from the
 * time that has passed, so nothing ticks while audio plays.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Audio from "../../Audio.ts"
import { type Output, RoomError } from "../../Room.ts"
import { monotonicMs } from "../steady.ts"

/** A piece of audio that was heard, and the monotonic Clock time (ms) at which it began. */
export interface Heard {
  readonly at: number
  readonly frame: Audio.Frame
}

export interface Options {
  /** Milliseconds that may be queued before `write` waits. @default Infinity */
  readonly queueLimit?: number | undefined
  /** Keeps what was heard until `takeHeardUnsafe` fetches it. @default false */
  readonly keepHeard?: boolean | undefined
  /** Asked at every write; its answer fails the write. */
  readonly failure?: (() => RoomError | undefined) | undefined
  /** Told after every change of what is queued. */
  readonly onChange?: (() => void) | undefined
}

export interface ClockOutput extends Omit<Output, "sid" | "subscribed"> {
  /** Audio is leaving at this moment. */
  readonly isPlayingUnsafe: () => boolean
  /** Fetches what was heard since the last call, oldest first. Empty unless `keepHeard`. */
  readonly takeHeardUnsafe: () => ReadonlyArray<Heard>
}

// Clocks round to nanoseconds, so an end that is this near (in samples) has come.
const tolerance = 0.05

export const makeClockOutput = (
  format: Audio.Format,
  options?: Options
): Effect.Effect<ClockOutput, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const { channels, sampleRate } = format
    const perMs = sampleRate / 1000
    const limit = (options?.queueLimit ?? Number.POSITIVE_INFINITY) * perMs
    const keepHeard = options?.keepHeard === true

    // All positions are samples per channel on one axis that only heard audio
    // moves along. The current run has played since `anchor`, beginning at `base`.
    let base = 0
    let anchor = 0
    let end = 0
    let paused = false
    let closed = false
    let queue: Array<{ readonly start: number; readonly samples: Int16Array }> = []
    let taken = 0
    let heard: Array<Heard> = []
    let change = Deferred.makeUnsafe<void>()

    const position = (now: number): number => {
      if (paused) return base
      const at = base + (now - anchor) * perMs
      return at >= end - tolerance ? end : at
    }

    const collect = (to: number): void => {
      if (!keepHeard || to <= taken) return
      let done = 0
      for (const { samples, start } of queue) {
        if (start >= to) break
        const length = samples.length / channels
        const from = Math.max(0, Math.round(taken - start))
        const until = Math.min(length, Math.round(to - start))
        if (until > from) {
          heard.push({
            at: anchor + (start + from - base) / perMs,
            frame: {
              sampleRate,
              channels,
              samples: from === 0 && until === length ? samples : samples.slice(from * channels, until * channels)
            }
          })
        }
        if (start + length > to) break
        done++
      }
      if (done > 0) queue = queue.slice(done)
      taken = to
    }

    /** Everything up to now is settled: the next run begins here. */
    const settle = (now: number): void => {
      const to = position(now)
      collect(to)
      base = to
      anchor = now
    }

    const drop = (): void => {
      settle(monotonicMs(clock))
      end = base
      queue = []
    }

    const append = (frames: ReadonlyArray<Audio.Frame>): void => {
      const now = monotonicMs(clock)
      if (!paused && position(now) === end) settle(now)
      for (const { samples } of frames) {
        if (samples.length === 0) continue
        if (keepHeard) queue.push({ start: end, samples })
        end += samples.length / channels
      }
    }

    const wake = (): void => {
      const previous = change
      change = Deferred.makeUnsafe()
      options?.onChange?.()
      Deferred.doneUnsafe(previous, Effect.void)
    }

    /** Waits until at most `left` samples are queued, whatever happens meanwhile. */
    const shrunk = (left: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const excess = end - position(monotonicMs(clock)) - left
        if (excess <= 0) return Effect.void
        const changed = Deferred.await(change)
        return Effect.andThen(
          paused ? changed : Effect.raceFirst(clock.sleep(Duration.millis(excess / perMs)), changed),
          shrunk(left)
        )
      })

    const mismatch = (frames: ReadonlyArray<Audio.Frame>): Audio.Frame | undefined =>
      frames.find((frame) => frame.sampleRate !== sampleRate || frame.channels !== channels)

    const write = (frames: ReadonlyArray<Audio.Frame>): Effect.Effect<void, RoomError> =>
      Effect.suspend((): Effect.Effect<void, RoomError> => {
        const failure = options?.failure?.()
        if (failure !== undefined) return Effect.fail(failure)
        if (closed) {
          return Effect.fail(new RoomError({ reason: "PublishFailed", detail: "write: the output is closed" }))
        }
        const wrong = mismatch(frames)
        if (wrong !== undefined) {
          return Effect.fail(
            new RoomError({
              reason: "InvalidOption",
              detail: `write: the frame has ${describe(wrong)}, the output ${describe(format)}; convert it first`
            })
          )
        }
        append(frames)
        options?.onChange?.()
        return limit === Number.POSITIVE_INFINITY ? Effect.void : shrunk(limit)
      })

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        drop()
        wake()
      })
    )

    return {
      sampleRate,
      channels,
      write,
      pause: Effect.sync(() => {
        if (paused) return
        settle(monotonicMs(clock))
        paused = true
        wake()
      }),
      resume: Effect.sync(() => {
        if (!paused) return
        paused = false
        anchor = monotonicMs(clock)
        wake()
      }),
      clear: Effect.sync(() => {
        drop()
        paused = false
        wake()
      }),
      played: Effect.sync(() => position(monotonicMs(clock)) / perMs),
      drained: shrunk(0),
      isPlayingUnsafe: () => !paused && position(monotonicMs(clock)) < end,
      takeHeardUnsafe: () => {
        collect(position(monotonicMs(clock)))
        const result = heard
        heard = []
        return result
      }
    }
  })

const describe = (format: Audio.Format): string =>
  `${format.sampleRate} Hz and ${format.channels} channel${format.channels === 1 ? "" : "s"}`
