/**
 * A participant's microphone that is lost is opened again.
 *
 * A room may fail to give the audio, or die of a defect: that is told, and the
 * microphone is opened again by a schedule, for as long as somebody may be at
 * it. It ends with the room's own stream. Interruption lets go of it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import { RoomError } from "../../Room.ts"
import * as Turn from "../../Turn.ts"
import { beside, reopened } from "../streams.ts"
import type { Core } from "./core.ts"
import { failed, worked } from "./failures.ts"

/** When what was lost is opened again: soon at first, and at least every five seconds. */
export const often = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.setInputType<unknown>()
)

type Frames<E> = Stream.Stream<Audio.Frame, E>

export interface Microphone {
  readonly reopen: (self: Frames<RoomError>) => Frames<never>
}

/** Nobody is there who could be heard, or will ever be. */
const isGone = (cause: Cause.Cause<RoomError>): boolean => {
  const error = Cause.findErrorOption(cause)
  if (error._tag === "None") return false
  const { reason } = error.value
  return reason === "UnknownParticipant" || reason === "Disconnected" || reason === "Unsupported"
}

export const makeMicrophone = (core: Core, restart: Effect.Effect<void>): Effect.Effect<Microphone> =>
  Effect.gen(function*() {
    const schedule = Schedule.toStep(often)
    let step = yield* schedule
    let lost = false
    let well = false
    const again = (exit: Exit.Exit<unknown, RoomError>): Effect.Effect<boolean> =>
      Effect.gen(function*() {
        if (Exit.isSuccess(exit)) return false
        const { cause } = exit
        lost = true
        if (well) step = yield* schedule
        well = false
        failed(
          core,
          "room",
          "room",
          Cause.hasInterruptsOnly(cause)
            ? Cause.fail(new RoomError({ reason: "Unavailable", detail: "the audio has given itself up" }))
            : cause
        )
        if (isGone(cause)) return false
        const [, wait] = yield* Effect.orDie(step(core.conductor.now(), undefined))
        yield* Effect.sleep(wait)
        yield* restart
        return Turn.status(core.conductor.state()) !== "closed"
      })
    /** Takes note that audio comes again. */
    const heard = beside<Audio.Frame>(() => {
      if (!lost) return
      lost = false
      well = true
      worked(core, "room")
    })
    return {
      reopen: (self) => reopened(Stream.suspend(() => lost ? heard(self) : self), again)
    }
  })
