/** What one process needs before its first job: the layer, warm. */
import * as Cause from "effect/Cause"
import * as EffectConfig from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import * as Audio from "../../Audio.ts"
import * as Config from "../../Config.ts"
import { Llm } from "../../Llm.ts"
import { prewarm } from "../../Resilience.ts"
import { Room } from "../../Room.ts"
import { Stt } from "../../Stt.ts"
import { Tts } from "../../Tts.ts"
import { Vad } from "../../Vad.ts"
import type { DefineOptions, Job } from "../../Worker.ts"
import { PrewarmFailed, WorkerError } from "./errors.ts"

export type Entry = (job: Job, room: Room["Service"]) => Effect.Effect<unknown, unknown, Scope.Scope>

/** Builds the layer in the scope, warms it, and gives what runs a job with it. */
export type Open<E> = Effect.Effect<Entry, E | WorkerError, Scope.Scope>

/** Kind of a failure for logs and reports: its text may hold a secret. */
export const nameOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "Interrupted"
  const error: unknown = Cause.squash(cause)
  if (error instanceof EffectConfig.ConfigError) {
    // Only what is missing is surely no value.
    return ["ConfigError", ...Config.problems(error).map(told)].join("/")
  }
  const name = Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
    ? error._tag
    : error instanceof Error
    ? error.name
    : "unknown"
  return Predicate.hasProperty(error, "reason") ? `${name}/${reasonOf(error.reason)}` : name
}

const told = ({ detail, variable }: Config.Problem): string =>
  detail === "is not set" ? `${variable} is not set` : variable

const reasonOf = (reason: unknown): string =>
  typeof reason === "string"
    ? reason
    : Predicate.hasProperty(reason, "_tag") && typeof reason._tag === "string"
    ? reason._tag
    : "unknown"

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
    Effect.catchCause((cause) =>
      Effect.logWarning("a provider could not be warmed").pipe(
        Effect.annotateLogs({ component: "vad", reason: nameOf(cause) })
      )
    )
  )
}

/** One short answer of each: connections, tokens and caches are there for the first caller. */
const warmProviders = (context: Context.Context<never>): Effect.Effect<void> =>
  prewarm({
    stt: Context.getOrUndefined(context, Stt),
    llm: Context.getOrUndefined(context, Llm),
    tts: Context.getOrUndefined(context, Tts)
  }, { paid: true })

export const makeOpen = <ROut, E>(
  options:
    & Pick<DefineOptions<ROut, E>, "entry" | "layer" | "prewarm">
    & { readonly warmProviders: boolean }
): Open<E> =>
  Effect.gen(function*() {
    const built = yield* Layer.buildWithScope(options.layer, yield* Effect.scope)
    const services = Context.merge(yield* Effect.context<never>(), built)
    yield* warmDetector(services)
    if (options.warmProviders) yield* warmProviders(services)
    if (options.prewarm !== undefined) {
      yield* Effect.provideContext(options.prewarm, services).pipe(
        Effect.catchCause((cause) =>
          Effect.fail(new WorkerError({ reason: new PrewarmFailed({ detail: `prewarm failed (${nameOf(cause)})` }) }))
        )
      )
    }
    return (job, room) =>
      Effect.flatMap(Effect.scope, (scope) => {
        const context = services.pipe(Context.add(Room, room), Context.add(Scope.Scope, scope))
        return Effect.provideContext(options.entry(job), context)
      })
  })
