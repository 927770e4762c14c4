/** What runs inside a session knows about itself. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** The speech on whose behalf a tool runs. */
export const CurrentSpeech: Context.Reference<string | undefined> = Context.Reference<string | undefined>(
  "effect-voice/Session/CurrentSpeech",
  { defaultValue: () => undefined }
)

/** A hook while it runs. */
export interface RunningHook {
  readonly name: "onUserTurn" | "onTurnLimit"
  /** It has ended, or nobody waits for it any more. */
  readonly over: () => boolean
  /** Something is awaited that is heard meanwhile: what is played is no time of the hook's. */
  readonly awaiting: <A, E>(heard: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/** The hook of an agent that something runs in. */
export const CurrentHook: Context.Reference<RunningHook | undefined> = Context.Reference<RunningHook | undefined>(
  "effect-voice/Session/CurrentHook",
  { defaultValue: () => undefined }
)

/** Lets a fiber of the session's own know on whose behalf it runs: who waits for it must not wait for themselves. */
export const asAsked: Effect.Effect<<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>> = Effect.gen(
  function*() {
    const hook = yield* CurrentHook
    const speech = yield* CurrentSpeech
    return (effect) =>
      effect.pipe(Effect.provideService(CurrentHook, hook), Effect.provideService(CurrentSpeech, speech))
  }
)

/** Facts about the job in which sessions are opened, for those that are not told. */
export const CurrentJob: Context.Reference<Readonly<Record<string, string>>> = Context.Reference<
  Readonly<Record<string, string>>
>("effect-voice/Session/CurrentJob", { defaultValue: () => ({}) })
