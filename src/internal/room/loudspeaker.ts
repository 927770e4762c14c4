/**
 * The agent's outputs over one line: what is written waits here, and one fiber
 * gives it to the transport at its pace. It is held while nobody can hear it;
 * what was given and not heard is then taken back. Closing an output's scope drops
 * what is left of it; `pump` feeds until its fiber is interrupted.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Audio from "../../Audio.ts"
import type { Output, OutputOptions, RoomError } from "../../Room.ts"
import * as Check from "../options.ts"
import { monotonicMs } from "../steady.ts"
import { Change } from "./change.ts"
import { gone, otherFormat, refuse } from "./errors.ts"
import { Line, type LineOptions, LineTrack } from "./line.ts"
import { refused, wished } from "./options.ts"
import type { Outgoing } from "./transport.ts"

export interface Loudspeaker {
  readonly open: (wish?: OutputOptions) => Effect.Effect<Output, RoomError, Scope.Scope>
  readonly pump: (outgoing: Outgoing) => Effect.Effect<never>
  /** Whether there is anybody to hear it. */
  readonly hold: (held: boolean) => void
  readonly report: (position: number) => void
  /** Nothing will be heard any more. */
  readonly end: () => void
  readonly count: () => number
}

// How much may wait before `write` waits (ms).
const writtenAhead = 10_000

interface Speaking {
  readonly clock: Clock.Clock
  readonly line: Line
  readonly format: Audio.Format
  /** Tells whoever waits, and whoever feeds, that something has changed. */
  readonly tell: () => void
  /** Something has changed, or the line has begun to move. */
  readonly moving: Change
  readonly isHeld: () => boolean
  readonly isOver: () => boolean
  /** Does something to what waits, once all that was not heard is back. */
  readonly alter: (act: () => void) => Effect.Effect<void>
  readonly subscribed: Effect.Effect<void>
}

const openOutput = (
  { alter, clock, format, isHeld, isOver, line, moving, subscribed, tell }: Speaking,
  own: Audio.Format,
  sid: string
): Effect.Effect<Output, never, Scope.Scope> =>
  Effect.gen(function*() {
    const perMs = format.sampleRate / 1000
    const track = new LineTrack(own, format)
    let closed = false

    /** Waits until at most so much is left (ms), whatever happens meanwhile. */
    const shrunk = (left: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const excess = track.waiting(line.position) / perMs - left
        if (excess <= 0 || isOver()) return Effect.void
        const changed = moving.next
        const moves = line.isMoving && !track.paused && !isHeld()
        return Effect.andThen(
          moves ? Effect.raceFirst(clock.sleep(Duration.millis(excess)), changed) : changed,
          shrunk(left)
        )
      })
    const problem = (frames: ReadonlyArray<Audio.Frame>): RoomError | undefined =>
      isOver()
        ? gone("write")
        : closed
        ? refuse("PublishFailed", "write: the output is closed")
        : otherFormat(frames, own)

    line.tracks.add(track)
    yield* Effect.addFinalizer(() =>
      alter(() => {
        closed = true
        track.drop()
        line.tracks.delete(track)
      })
    )
    return {
      ...own,
      write: (frames) =>
        Effect.suspend((): Effect.Effect<void, RoomError> => {
          const error = problem(frames)
          if (error !== undefined) return Effect.fail(error)
          const put = (): void => track.write(frames)
          // What others have been given ahead is given again, together with this: it would be late behind it.
          const late = line.isAheadOf(track)
          return Effect.andThen(
            late ? alter(put) : Effect.sync(() => (put(), tell())),
            Effect.andThen(
              shrunk(writtenAhead),
              Effect.suspend(() => isOver() ? Effect.fail(gone("write")) : Effect.void)
            )
          )
        }),
      pause: Effect.suspend(() =>
        track.paused ? Effect.void : alter(() => {
          track.paused = true
        })
      ),
      resume: Effect.sync(() => {
        track.paused = false
        tell()
      }),
      clear: alter(() => {
        track.drop()
        track.paused = false
      }),
      gain: (dB) =>
        Effect.suspend(() =>
          dB === track.level ? Effect.void : alter(() => {
            track.level = dB
          })
        ),
      played: Effect.sync(() => track.position(line.position) / perMs),
      drained: shrunk(0),
      sid: Effect.succeed(sid),
      subscribed
    } satisfies Output
  })

export const makeLoudspeaker = (
  options: Omit<LineOptions, "now"> & {
    readonly clock: Clock.Clock
    /** The transport has thrown. */
    readonly onBroken: (cause: unknown) => void
  }
): Loudspeaker => {
  const { clock, format } = options
  const line = new Line({ ...options, now: () => monotonicMs(clock) })
  const change = new Change()
  const moving = new Change()
  const tell = (): void => {
    change.tell()
    moving.tell()
  }
  const audible = new Change()
  let outgoing: Outgoing | undefined
  let held = true
  let everHeard = false
  let over = false
  let opened = 0

  const asked = (act: () => void): void => {
    try {
      act()
    } catch (cause) {
      options.onBroken(cause)
    }
  }

  const withhold = (): void => {
    if (line.withhold()) asked(() => outgoing?.clear())
  }

  /** Does something to what waits, once all that was not heard is back. */
  const alter = (act: () => void): Effect.Effect<void> =>
    Effect.sync(() => {
      withhold()
      act()
      tell()
    })

  const subscribed: Effect.Effect<void> = Effect.suspend(() =>
    everHeard ? Effect.void : Effect.andThen(audible.next, subscribed)
  )

  const open = Effect.fnUntraced(function*(wish?: OutputOptions) {
    const { channels, sampleRate } = yield* Check.readOrFail(wished, wish ?? {}, refused, "output")
    const speaking = { clock, line, format, tell, moving, isHeld: () => held, isOver: () => over, alter, subscribed }
    return yield* openOutput(speaking, { sampleRate, channels }, `output-${++opened}`)
  })

  return {
    open,
    pump: (transport) => {
      outgoing = transport
      const isOn = (): boolean => !held && !over
      const step: Effect.Effect<void> = Effect.suspend(() => {
        const changed = change.next
        while (isOn()) {
          const moves = line.isMoving
          const next = line.next()
          if (next._tag === "Wait") {
            return next.ms === Number.POSITIVE_INFINITY
              ? changed
              : Effect.raceFirst(clock.sleep(Duration.millis(next.ms)), changed)
          }
          asked(() => transport.play(next.frame, next.position))
          if (!moves && line.isMoving) moving.tell()
          if (transport.ready !== undefined) return transport.ready
        }
        return changed
      })
      return Effect.forever(step, { disableYield: true })
    },
    hold: (now) => {
      if (now === held) return
      held = now
      if (held) withhold()
      else {
        everHeard = true
        audible.tell()
      }
      tell()
    },
    report: (position) => {
      line.report(position)
      tell()
    },
    end: () => {
      if (over) return
      over = true
      for (const track of line.tracks) {
        track.withhold(line.position)
        track.drop()
      }
      tell()
    },
    count: () => line.tracks.size
  }
}
