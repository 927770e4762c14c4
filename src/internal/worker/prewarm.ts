/** What one process needs before its first job: the layer, warm. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Audio from "../../Audio.ts"
import * as Llm from "../../Llm.ts"
import type { PrewarmOptions } from "../../Resilience.ts"
import { Room } from "../../Room.ts"
import * as Stt from "../../Stt.ts"
import * as Tts from "../../Tts.ts"
import { TurnDetector } from "../../TurnDetector.ts"
import { Vad } from "../../Vad.ts"
import type { DefineOptions, Job } from "../../Worker.ts"
import { Findings } from "../config/variable.ts"
import { problem } from "../options.ts"
import { asEffect } from "../plain.ts"
import { PrewarmFailed, WorkerError } from "./errors.ts"
import { detailOf, logFailure, logForeign } from "./failureLog.ts"
import { makeGracePeriod, tidyUp } from "./gracePeriod.ts"

export type Entry = (job: Job, room: Room["Service"]) => Effect.Effect<unknown, unknown, Scope.Scope>

/** Builds the layer in the scope, warms it, and gives what runs a job with it. */
export type Prewarm<E> = Effect.Effect<Entry, E | WorkerError, Scope.Scope>

/** Whether the process tells what a worker's operator should know of its layer: of a pool the first one does. */
export const Introduces: Context.Reference<boolean> = Context.Reference<boolean>(
  "effect-voice/internal/worker/Introduces",
  { defaultValue: () => true }
)

const introduce = (context: Context.Context<never>): Effect.Effect<void> =>
  Effect.flatMap(Introduces, (introduces) =>
    introduces && Context.get(context, TurnDetector) === undefined
      ? Effect.logInfo(
        "no turn detector: silence alone tells when a caller has finished; Layers/SmartTurnDetector listens to how it was said"
      )
      : Effect.void)

const silence = Array.from({ length: 25 }, () => Audio.silence(20, Audio.speech))

const warmDetector = (context: Context.Context<never>): Effect.Effect<void> => {
  const vad = Context.getOption(context, Vad)
  return vad._tag === "None" ? Effect.void : Effect.scoped(Effect.gen(function*() {
    const detector = yield* vad.value.detector()
    yield* detector.push(silence)
    yield* detector.end
  })).pipe(
    Effect.timeout("10 seconds"),
    Effect.asVoid,
    Effect.catchCause((cause) => logFailure("a provider could not be warmed", cause, { component: "vad" }))
  )
}

/** One short answer of each: connections, tokens and caches are there for the first caller. */
const warmProviders = (context: Context.Context<never>): Effect.Effect<void> => {
  const warm = <S>(service: S | undefined, prewarm: (service: S, options: PrewarmOptions) => Effect.Effect<void>) =>
    service === undefined ? Effect.void : prewarm(service, { paid: true })
  return Effect.all([
    warm(Context.getOrUndefined(context, Stt.Stt), Stt.prewarm),
    warm(Context.getOrUndefined(context, Llm.Llm), Llm.prewarm),
    warm(Context.getOrUndefined(context, Tts.Tts), Tts.prewarm)
  ], { concurrency: "unbounded", discard: true })
}

/** What the layer has to close (ms): a process that is asked to end must end. */
const closeWithin = 10_000

const needsEffect = "must give what holds the conversation: return Pipeline.run(agent), which does nothing by itself"

/** What an entry gives, or what its promise gives. */
const held = <R>(
  entry: () => Effect.Effect<unknown, unknown, R> | Promise<Effect.Effect<unknown, unknown, R>>
): Effect.Effect<unknown, unknown, R> =>
  Effect.suspend(() => {
    const given = entry()
    const awaited = Effect.isEffect(given) ? Effect.succeed(given) : Effect.promise(async () => given)
    return Effect.flatMap(awaited, (effect) =>
      Effect.isEffect(effect)
        ? effect
        : Effect.die(problem("entry", needsEffect)))
  })

export const makePrewarm = <ROut, E>(
  options:
    & Pick<DefineOptions<ROut, E>, "entry" | "layer" | "prewarm">
    & { readonly warmProviders: boolean }
): Prewarm<E> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => tidyUp("layer", Scope.close(scope, exit), closeWithin, makeGracePeriod()))
    const built = yield* Layer.buildWithScope(options.layer, scope)
    if ((yield* Findings)?.only === true) return (): Effect.Effect<never> => Effect.never
    const services = Context.merge(yield* Effect.context<never>(), built)
    yield* introduce(services)
    yield* warmDetector(services)
    if (options.warmProviders) yield* warmProviders(services)
    if (options.prewarm !== undefined) {
      yield* Effect.provideContext(asEffect("prewarm", options.prewarm), services).pipe(
        Effect.catchCause((cause) =>
          Effect.andThen(
            logForeign("prewarm failed", cause),
            Effect.fail(
              new WorkerError({ reason: new PrewarmFailed({ detail: `prewarm failed (${detailOf(cause)})` }) })
            )
          )
        )
      )
    }
    return (job: Job, room: Room["Service"]) =>
      Effect.flatMap(Effect.scope, (scope) => {
        // The rest is of who runs it: what it logs says which job it is.
        const context = built.pipe(Context.add(Room, room), Context.add(Scope.Scope, scope))
        return Effect.provideContext(held(() => options.entry(job)), context)
      })
  })
