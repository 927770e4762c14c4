/** A room that does not answer must not hold up the conversation. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Failure from "../../Failure.ts"
import * as Turn from "../../Turn.ts"
import type { Core } from "./core.ts"
import { failed, mendedRoom } from "./failures.ts"

const late = (core: Core) => ({ reason: new Failure.TimedOut({ afterMs: core.settings.roomTimeout }) })

/** Asks the room for something; one that does not answer in time is left behind, and that is told. */
export const ask = <A>(core: Core, question: Effect.Effect<A>, otherwise: A): Effect.Effect<A> =>
  Effect.suspend(() => {
    const answer = Deferred.makeUnsafe<A>()
    const asking = core.fork(Effect.suspend(() => question))
    asking.addObserver((exit) => {
      if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) core.publish(mendedRoom(exit.cause))
      Deferred.doneUnsafe(answer, Exit.isSuccess(exit) ? exit : Effect.succeed(otherwise))
    })
    if (Deferred.isDoneUnsafe(answer)) return Deferred.await(answer)
    const timer = core.fork(Effect.andThen(
      Effect.sleep(core.settings.roomTimeout),
      Effect.sync(() => {
        if (!Deferred.doneUnsafe(answer, Effect.succeed(otherwise))) return
        asking.interruptUnsafe()
        failed(core, "room", "room", Cause.fail(late(core)))
      })
    ))
    // A timer that its session has ended already will not come.
    timer.addObserver(() => Deferred.doneUnsafe(answer, Effect.succeed(otherwise)))
    return Effect.ensuring(Deferred.await(answer), Effect.sync(() => timer.interruptUnsafe()))
  })

export interface Watch {
  /** Marks the time in which the room is to take audio, or to play it. */
  readonly during: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Fails when the room has played nothing for too long, though it was not paused. */
  readonly stuck: Effect.Effect<never, { readonly reason: Failure.Reason }>
}

export const makeWatch = (core: Core, speech: string): Watch => {
  let waiting = false
  const mark = (on: boolean) =>
    Effect.sync(() => {
      waiting = on
    })
  // By the user's voice, or because nobody is there to hear it.
  const isPaused = () => core.commands.isPaused() || Turn.isPaused(core.conductor.state(), speech)
  const look = (before: number | undefined): Effect.Effect<never, { readonly reason: Failure.Reason }> =>
    Effect.flatMap(Effect.sleep(core.settings.roomTimeout), () => {
      if (!waiting || isPaused()) return look(undefined)
      return Effect.flatMap(
        ask(core, core.output.played, before ?? -1),
        (now) => before !== undefined && now <= before && waiting && !isPaused() ? Effect.fail(late(core)) : look(now)
      )
    })
  return {
    during: (effect) => Effect.ensuring(Effect.andThen(mark(true), effect), mark(false)),
    stuck: Effect.suspend(() => look(undefined))
  }
}
