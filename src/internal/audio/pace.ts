/**
 * Gives the frames of a stream when they are due, as if somebody spoke them. It waits by the
 * monotonic clock, so that a step of the wall clock changes nothing. A late stream catches up.
 * Interrupting it leaves the source where it is.
 */
import type * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Frame } from "../../Audio.ts"
import { monotonic } from "../steady.ts"
import { Continuity } from "./continuity.ts"

/** When each frame of a stream is due, in milliseconds after the first. */
class Plan {
  readonly #continuity = new Continuity()
  #end = 0

  next(frame: Frame): number {
    const length = frame.samples.length / frame.channels / frame.sampleRate * 1000
    this.#continuity.next(frame.at, length)
    const due = this.#end + Math.max(0, this.#continuity.jump)
    this.#end = due + length
    return due
  }
}

export const paceFrames = <E, R>(self: Stream.Stream<Frame, E, R>): Stream.Stream<Frame, E, R> =>
  Stream.transformPull(self, (pull) =>
    Effect.sync(() => {
      const plan = new Plan()
      let frames: ReadonlyArray<Frame> = []
      let head = 0
      let due = 0
      let origin: number | undefined = undefined
      return Effect.gen(function*() {
        if (head >= frames.length) {
          frames = yield* pull
          head = 0
          due = plan.next(frames[0]!)
        }
        let now = yield* monotonic
        const start: number = origin ??= now - due
        while (now < start + due) {
          yield* Effect.sleep(Math.ceil(start + due - now))
          now = yield* monotonic
        }
        const ready: Array.NonEmptyArray<Frame> = [frames[head++]!]
        while (head < frames.length) {
          due = plan.next(frames[head]!)
          if (now < start + due) {
            break
          }
          ready.push(frames[head++]!)
        }
        return ready
      })
    }))
