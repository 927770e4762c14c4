/**
 * Notices that a recogniser owes an answer for longer than it ever takes: its
 * connection may be dead. Once for each answer, for it may be slow, and not deaf.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Failure from "../../Failure.ts"
import type { Settings } from "../resilience/policy.ts"
import type { Delays } from "./delays.ts"
import type { Memory } from "./memory.ts"
import type * as Stt from "./model.ts"

/** Who wants to know of a recogniser that is asked again because it has stalled. */
export const Stalls = Context.Reference<(error: Stt.SttError) => void>("effect-voice/internal/stt/Stalls", {
  defaultValue: () => () => {}
})

export interface Stall {
  /** Fails when the attempt that began at a time (monotonic ms) has stalled; never, where it would not be asked again. */
  readonly of: (since: number) => Effect.Effect<never, Stt.SttError>
  /** It is at work, or has answered. */
  readonly heard: (transcripts: ReadonlyArray<Stt.Transcript>, now: number) => void
}

export const makeStall = <E, R>(options: {
  /** Where what it takes is remembered, its own first. */
  readonly delays: readonly [Delays, ...ReadonlyArray<Delays>]
  readonly settings: Settings | undefined
  readonly memory: Memory<E, R>
  readonly fail: (reason: Failure.Reason) => Stt.SttError
}): Effect.Effect<Stall> =>
  Effect.map(Stalls, (tell) => {
    const { delays, fail, memory, settings } = options
    const asksAgain = settings !== undefined && settings.retries > 0
    let mayStall = asksAgain
    const patience = () => delays[0].stalledAfter(memory.unansweredMs)
    const stalled = Effect.suspend(() => {
      const error = fail(new Failure.TimedOut({ afterMs: patience() }))
      mayStall = false
      tell(error)
      return Effect.fail(error)
    })
    const answered = (transcript: Stt.Transcript, now: number): void => {
      mayStall = asksAgain
      const since = memory.answer(transcript)
      if (since === undefined) return
      for (const each of delays) each.record(now - since)
    }
    return {
      of: (since) => mayStall ? Effect.andThen(memory.pending.overdue(patience, since), stalled) : Effect.never,
      heard: (transcripts, now) => {
        for (const transcript of transcripts) {
          if (transcript.final) answered(transcript, now)
          else memory.pending.sign(now)
        }
      }
    }
  })
