/**
 * The room's output, as one line of a speech uses it: its position is the line's
 * own, and it can go back to where a clause began, to be understood after an
 * interruption that was none.
 *
 * What may have to be said again is kept: the last seconds that were heard, and
 * all that was handed over and was not. While the output goes back, whoever
 * writes or waits for its end waits for that. A room that does not take what it
 * is given again has lost nothing but the silence before it: the stop of the
 * speech, and the time limits of the room, end this as anything else.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Audio from "../../Audio.ts"
import type { RoomError } from "../../Room.ts"
import { type Core, signal } from "./core.ts"
import { ask } from "./roomTimeout.ts"

/** How far (ms) it may go back: a sentence that began before that is not said again. */
export const furthestBack = 5000

export interface LineOutput {
  readonly write: (frames: ReadonlyArray<Audio.Frame>) => Effect.Effect<void, RoomError>
  /** Waits until all that was written has been heard. */
  readonly drained: Effect.Effect<void>
  /** For as long as it runs: tells whether all that was written has been heard. */
  readonly starving: (tell: (starved: boolean) => Effect.Effect<void>) => Effect.Effect<never>
  /** Where the line stands (ms), for a playhead of the room. */
  readonly position: (played: number) => number
  /** What of it was heard so far (ms), where that is less than it once was. */
  readonly heardTo: (played: number) => number
  /** Goes back to where `from` says, given the position and the audio before it, and plays on. */
  readonly resume: (
    from: (position: number, before: () => Audio.Frame | undefined) => number | undefined
  ) => Effect.Effect<void>
  /** It is not heard any more. */
  readonly stop: () => void
}

interface Kept {
  readonly frame: Audio.Frame
  /** Where it begins and ends (ms of the line). */
  readonly from: number
  readonly to: number
}

export const makeLineOutput = (core: Core, speech: string, base: number): LineOutput => {
  const { output } = core
  const open = Latch.makeUnsafe(true)
  const settled = Latch.makeUnsafe(true)
  /** The playhead of the room at the line's beginning, as if nothing had been said twice. */
  let origin = base
  let furthest = 0
  let written = 0
  let kept: Array<Kept> = []
  /** Opened, and made anew, each time it goes back. */
  let back = Latch.makeUnsafe(false)
  let lastPlayed = base
  let again: Fiber.Fiber<void> | undefined
  let over = false

  const keep = (frames: ReadonlyArray<Audio.Frame>, heard: number): void => {
    for (const frame of frames) {
      const to = written + Audio.durationMs(frame)
      kept.push({ frame, from: written, to })
      written = to
    }
    const first = kept.findIndex(({ to }) => to > heard - furthestBack)
    if (first > 0) kept = kept.slice(first)
  }
  const since = (position: number): ReadonlyArray<Audio.Frame> =>
    kept.flatMap(({ frame, from, to }) =>
      to <= position ? [] : from >= position ? [frame] : [Audio.slice(frame, position - from, to - from)]
    )
  const before = (position: number): Audio.Frame | undefined => {
    const frames = kept.flatMap(({ frame, from, to }) =>
      from >= position ? [] : to <= position ? [frame] : [Audio.slice(frame, 0, position - from)]
    )
    return frames.length === 0 ? undefined : Audio.concat(frames)
  }
  const position = (played: number): number => played - origin
  const write: LineOutput["write"] = (frames) =>
    Effect.andThen(
      open.await,
      Effect.suspend(() => {
        keep(frames, position(lastPlayed))
        settled.closeUnsafe()
        return Effect.ensuring(output.write(frames), Effect.sync(() => settled.openUnsafe()))
      })
    )
  const drained: Effect.Effect<void> = Effect.suspend(() => {
    const before = back
    return open.await.pipe(
      Effect.andThen(output.drained),
      Effect.flatMap(() => before === back && open.isOpen() ? Effect.void : drained)
    )
  })
  const resume: LineOutput["resume"] = (from) =>
    Effect.gen(function*() {
      const at = position(yield* ask(core, output.played, lastPlayed))
      const to = over ? undefined : from(at, () => before(at))
      if (to === undefined || to >= at) return yield* ask(core, output.resume, undefined)
      open.closeUnsafe()
      // What is being handed over is taken, and dropped with the rest.
      yield* ask(core, output.clear, undefined)
      yield* ask(core, settled.await, undefined)
      yield* ask(core, output.clear, undefined)
      const played = yield* ask(core, output.played, lastPlayed)
      furthest = Math.max(furthest, position(played))
      origin = played - to
      signal(core, { _tag: "WentBack", speech, ms: at - to })
      back.openUnsafe()
      back = Latch.makeUnsafe(false)
      yield* ask(core, output.resume, undefined)
      if (over) return open.openUnsafe()
      // With the room's back-pressure, and nobody who pauses it meanwhile waits for that.
      again = core.fork(
        Effect.ensuring(Effect.ignoreCause(output.write(since(to))), Effect.sync(() => open.openUnsafe()))
      )
    })
  return {
    write,
    drained,
    starving: (tell) =>
      Effect.forever(drained.pipe(
        Effect.andThen(tell(true)),
        Effect.andThen(Effect.suspend(() => back.await)),
        Effect.andThen(tell(false))
      )),
    position: (played) => {
      lastPlayed = played
      return position(played)
    },
    heardTo: (played) => Math.max(furthest, position(played)),
    resume,
    stop: () => {
      over = true
      again?.interruptUnsafe()
      open.openUnsafe()
    }
  }
}
