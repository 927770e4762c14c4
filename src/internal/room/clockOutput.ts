/**
 * An output that plays by the Clock: it writes to a playhead, and wakes the fibers that wait for
 * it. Closing its scope drops audio that was not heard, and later writes fail. If a write is
 * interrupted while it waits, its audio stays in the queue.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Audio from "../../Audio.ts"
import type { Output, RoomError } from "../../Room.ts"
import { monotonicMs } from "../steady.ts"
import { Change } from "./change.ts"
import { otherFormat, refuse } from "./errors.ts"
import { type Heard, Playhead } from "./playhead.ts"

export type { Heard } from "./playhead.ts"

export interface Options {
  /** Milliseconds that may be queued before `write` waits. @default 60000 */
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

// A voice that writes further ahead of what is heard waits (ms).
const mostQueuedMs = 60_000

export const makeClockOutput = (
  format: Audio.Format,
  options: Options = {}
): Effect.Effect<ClockOutput, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const { channels, sampleRate } = format
    const { failure, onChange, queueLimit = mostQueuedMs } = options
    const playhead = new Playhead(format, options.keepHeard === true)
    const change = new Change()
    const now = (): number => monotonicMs(clock)
    let closed = false

    /** Waits until at most so much is queued (ms), whatever happens meanwhile. */
    const shrunk = (left: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const excess = playhead.excess(left, now())
        if (excess <= 0) return Effect.void
        const changed = change.next
        return Effect.andThen(
          playhead.isPaused ? changed : Effect.raceFirst(clock.sleep(Duration.millis(excess)), changed),
          shrunk(left)
        )
      })

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        playhead.drop(now())
        change.tell(onChange)
      })
    )

    return {
      sampleRate,
      channels,
      write: (frames) =>
        Effect.suspend((): Effect.Effect<void, RoomError> => {
          const problem = failure?.() ??
            (closed ? refuse("PublishFailed", "write: the output is closed") : otherFormat(frames, format))
          if (problem !== undefined) return Effect.fail(problem)
          playhead.append(frames, now())
          onChange?.()
          return shrunk(queueLimit)
        }),
      pause: Effect.sync(() => {
        if (playhead.isPaused) return
        playhead.pause(now())
        change.tell(onChange)
      }),
      resume: Effect.sync(() => {
        if (!playhead.isPaused) return
        playhead.resume(now())
        change.tell(onChange)
      }),
      clear: Effect.sync(() => {
        playhead.clear(now())
        change.tell(onChange)
      }),
      gain: (dB) => Effect.sync(() => playhead.setGain(dB, now())),
      played: Effect.sync(() => playhead.played(now())),
      drained: shrunk(0),
      isPlayingUnsafe: () => playhead.isPlaying(now()),
      takeHeardUnsafe: () => playhead.takeHeard(now())
    }
  })
