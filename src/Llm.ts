/**
 * Large language models.
 *
 * An `Llm` turns a prompt and tools into text deltas and tool calls. It never
 * runs a tool: whoever asked does. Interrupting the stream closes the request.
 * Prompts and tools are those of `effect/ai`, so any `LanguageModel` is an
 * `Llm` (`fromLanguageModel`).
 *
 * @since 0.1.0
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Failure from "./Failure.ts"
import { replyOf } from "./internal/llm/adapter.ts"
import { owned } from "./internal/llm/attached.ts"
import * as caching from "./internal/llm/cache.ts"
import * as metadata from "./internal/llm/metadata.ts"
import { counted } from "./internal/llm/metering.ts"
import { type Delta, LlmError, type Request, type Service, type Settings } from "./internal/llm/model.ts"
import * as resilience from "./internal/llm/resilient.ts"
import { Thought } from "./internal/llm/thinking.ts"
import { Unsaid } from "./internal/llm/unsaid.ts"
import * as Check from "./internal/options.ts"
import { refused } from "./internal/provider/options.ts"
import { masked } from "./internal/resilience/errors.ts"
import { layerResilient as layerOf, services } from "./internal/resilience/layers.ts"
import { through } from "./internal/streams.ts"
import type {
  Fallback,
  FallbackOptions,
  HedgeOptions,
  LayerOptions,
  Policy,
  PrewarmOptions,
  RecoverOptions,
  Recovery
} from "./Resilience.ts"

export {
  type Delta,
  FinishReason,
  LlmError,
  Metadata,
  type Request,
  type Service,
  type Settings,
  Usage
} from "./internal/llm/model.ts"

/**
 * Service that writes replies.
 *
 * **Details**
 *
 * `resilient` says that it already retries and fails over, so that the pipeline
 * must not. `model` is the one that is asked when a request names none.
 * `prewarm` opens what the first request needs, without a request that costs.
 *
 * @category services
 * @since 0.1.0
 */
export class Llm extends Context.Service<Llm, Service>()("effect-voice/Llm") {}

/** What is to be heard of a reply; what is not is a sign that more may come. */
const said = (reply: Stream.Stream<Delta, LlmError>): Stream.Stream<Delta, LlmError> =>
  Stream.unwrap(Effect.map(Thought, (thought) =>
    Stream.mapAccum(
      reply,
      () => new Unsaid(),
      (unsaid: Unsaid, delta): readonly [Unsaid, ReadonlyArray<Delta>] => {
        const heard = unsaid.push(delta)
        if (heard.length === 0) thought()
        return [unsaid, heard]
      },
      { onHalt: (unsaid) => unsaid.end() }
    )))

/** What another provider has run itself says nothing to this one. */
const unprovided = (request: Request): Request => {
  const content = owned(request.prompt, undefined)
  return content === request.prompt.content ? request : { ...request, prompt: Prompt.fromMessages(content) }
}

/**
 * Creates an `Llm` from the function that replies.
 *
 * **Details**
 *
 * Adds a span, drops empty text and token counts that are no numbers, and ends
 * the reply with its `Finish`. What a model writes and does not mean to be heard
 * is left out: `<think>…</think>` and the like where the text or a line of it
 * begins, to their end or that of the reply, and a call of a tool that came as
 * text: `<tool_call>{…}</tool_call>`, `<function=…>`, `[TOOL_CALLS]` and others.
 *
 * The stream is pulled by several fibers in turn: what a provider forks must
 * live in the stream's scope (`Effect.forkScoped`), not as a child.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (provider: {
  readonly name: string
  /** Asked when a request names none; for usage and cost. @default unknown */
  readonly model?: string | undefined
  /** Says that it already retries and fails over. @default false */
  readonly resilient?: boolean | undefined
  /** Opens what the first request needs, without a request that costs. @default nothing */
  readonly prewarm?: Effect.Effect<void, LlmError> | undefined
  /**
   * It runs tools itself, and picks from prompts what it has run by its metadata.
   * Else nothing that a provider has run stands there. @default false
   */
  readonly runsTools?: boolean | undefined
  readonly reply: (request: Request) => Stream.Stream<Delta, LlmError>
}): Llm["Service"] =>
  Llm.of({
    name: provider.name,
    model: provider.model,
    resilient: provider.resilient ?? false,
    prewarm: provider.prewarm,
    reply: (request) =>
      said(provider.reply(provider.runsTools === true ? request : unprovided(request))).pipe(
        Stream.map(counted),
        Stream.takeUntil((delta) => delta._tag === "Finish"),
        masked((reason) => new LlmError({ provider: provider.name, reason })),
        Stream.withSpan("Llm.reply", { attributes: { provider: provider.name }, captureStackTrace: false })
      )
  })

/**
 * How a `LanguageModel` is used as an `Llm`.
 *
 * @category options
 * @since 0.1.0
 */
export interface LanguageModelOptions {
  readonly name: string
  /** For usage and cost. @default unknown */
  readonly model?: string | undefined
  /** Gives the model that has the settings of a request. @default the same model: they are left out */
  readonly withSettings?: ((settings: Settings) => LanguageModel.LanguageModel) | undefined
}

/**
 * Creates an `Llm` from a `LanguageModel` of `effect/ai`.
 *
 * **Details**
 *
 * Tool calls are neither validated nor run. What the model's provider runs
 * itself is told, and goes back to it in later prompts, as does its reasoning, which
 * is left out, with what it has attached, as `metadata`. A `LanguageModel` knows no
 * settings of a request: without `withSettings` they are left out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLanguageModel = (
  model: LanguageModel.LanguageModel,
  options: LanguageModelOptions
): Llm["Service"] =>
  make({
    name: options.name,
    model: options.model,
    runsTools: true,
    reply: (request) =>
      replyOf(
        request.settings === undefined ? model : options.withSettings?.(request.settings) ?? model,
        metadata.keyOf(options.name, "effect/ai", request.settings?.model ?? options.model),
        request,
        (reason) => new LlmError({ provider: options.name, reason })
      )
  })

/**
 * Layer of an `Llm` over the `LanguageModel` of the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLanguageModel = (
  options: LanguageModelOptions
): Layer.Layer<Llm, never, LanguageModel.LanguageModel> =>
  Layer.effect(Llm, LanguageModel.LanguageModel.useSync((model) => fromLanguageModel(model, options)))

/**
 * Makes an `Llm` resilient; one that already is comes back as it is.
 *
 * **Details**
 *
 * Every delta is useful output: a model may finish without a word.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resilient: (service: Llm["Service"], policy?: Policy) => Llm["Service"] = resilience.resilient

/**
 * Layer of an `Llm` with retries and a circuit breaker.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerResilient: <E, R>(
  layer: Layer.Layer<Llm, E, R>,
  options?: LayerOptions
) => Layer.Layer<Llm, E | LlmError, R> = layerOf(Llm, "llm", resilient, resilience.failing)

/**
 * Creates an `Llm` that asks the next provider when one fails before its first
 * text or tool call.
 *
 * **Details**
 *
 * A lost provider is skipped until it is back. When every provider has failed,
 * the reply fails with `Exhausted`. Closing the scope stops the probes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fallback = (
  providers: readonly [Llm["Service"], ...ReadonlyArray<Llm["Service"]>],
  options: FallbackOptions<Llm["Service"]> & {
    /** Asks the next provider also after some output: the reply then begins anew. @default false */
    readonly retryAfterOutput?: boolean | undefined
  } = {}
): Effect.Effect<Llm["Service"] & Fallback, LlmError, Scope.Scope> => resilience.fallback(providers, options)

/**
 * Layer of a fallback over the services of other layers, the preferred one
 * first.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFallback = <E, R>(
  providers: readonly [Layer.Layer<Llm, E, R>, ...ReadonlyArray<Layer.Layer<Llm, E, R>>],
  options?: Parameters<typeof fallback>[1]
): Layer.Layer<Llm, E | LlmError, R> =>
  Layer.effect(Llm, Effect.flatMap(services(Llm, providers), (services) => fallback(services, options)))

/**
 * The usual ways to ask a model again: as `gpt-4o-mini`, for 100 tokens at a
 * temperature of 0.5. The name is OpenAI's: give other recoveries to another
 * provider.
 *
 * @category constants
 * @since 0.1.0
 */
export const recoveries: ReadonlyArray<Recovery<Llm["Service"]>> = resilience.recoveries

/**
 * Creates an `Llm` that is asked in other ways when it has failed: a `fallback`
 * over itself with changed settings. Prompt and tools stay.
 *
 * @category constructors
 * @since 0.1.0
 */
export const recovering: (
  service: Llm["Service"],
  options?: RecoverOptions<Llm["Service"]>
) => Effect.Effect<Llm["Service"] & Fallback, LlmError, Scope.Scope> = resilience.recovering

/**
 * Opens the connections of an `Llm` before they are needed, for 10 seconds at
 * most. What fails is logged, with the reason and nothing else, and tried again
 * when it is needed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prewarm = (service: Llm["Service"], options: PrewarmOptions = {}): Effect.Effect<void> =>
  resilience.prewarm(service, options)

/**
 * Creates an `Llm` that asks the next provider, too, when one is late.
 *
 * **When to use**
 *
 * Use where a slow first token hurts more than a second request costs. The same
 * service may stand there twice.
 *
 * **Details**
 *
 * The next provider is asked `after` that time, or at once when one fails. The
 * first text or tool call wins, and the other requests are interrupted. When
 * every provider has failed, the reply fails with `Exhausted`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hedge = (
  providers: readonly [Llm["Service"], ...ReadonlyArray<Llm["Service"]>],
  options: HedgeOptions = {}
): Llm["Service"] => resilience.hedge(providers, options)

const settingsSchema = Check.struct<Settings>()({
  model: Check.asIs,
  temperature: Check.number({ least: 0, most: 2 }),
  maxTokens: Check.whole({ least: 1, most: 1_000_000 })
})

const refusing = (provider: string) => (wrong: Failure.InvalidOptions) =>
  new LlmError({ provider, reason: refused(wrong) })

/**
 * Gives an `Llm` whose requests all have these settings, whatever they say
 * themselves.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSettings = (llm: Llm["Service"], settings: Settings): Llm["Service"] => {
  Check.readOrThrow(settingsSchema, settings, refusing(llm.name))
  return {
    ...llm,
    model: settings.model ?? llm.model,
    reply: (request) => llm.reply({ ...request, settings: { ...request.settings, ...settings } })
  }
}

/**
 * What is kept of replies, and for how long.
 *
 * @category options
 * @since 0.1.0
 */
export interface CacheOptions {
  /** Most replies that are kept; the one not asked for the longest goes first. @default 100 */
  readonly capacity?: number | undefined
  /** At least 1 ms. @default "1 hour" */
  readonly timeToLive?: Duration.Input | undefined
}

const memory = Check.struct<CacheOptions>()({
  capacity: Check.whole({ least: 1, default: 100 }),
  timeToLive: Check.duration({ least: 1, default: "1 hour" })
})

/**
 * Gives an `Llm` that answers the same question from memory.
 *
 * **When to use**
 *
 * Use where callers ask the same first question, and the answer does not depend
 * on the time. It is off unless you use it.
 *
 * **Details**
 *
 * The question is the whole prompt with its tools and settings. Only complete
 * replies of text are kept; a turn that calls a tool is asked each time. What
 * is kept stays in the memory of the process. Throws an `LlmError` with
 * `InvalidRequest`, which names the option, when one cannot be used.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cached = (llm: Llm["Service"], options: CacheOptions = {}): Llm["Service"] => {
  const { capacity, timeToLive } = Check.readOrThrow(memory, options, refusing(llm.name))
  return caching.cached(llm, { capacity, keepMs: timeToLive })
}

/**
 * Asks the `Llm` of the context for a reply.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reply = (request: Request): Stream.Stream<Delta, LlmError, Llm> =>
  Stream.unwrap(Llm.useSync((llm) => llm.reply(request)))

/**
 * The text of a reply, as it is written: what is to be said.
 *
 * @category combinators
 * @since 0.1.0
 */
export const text = <E, R>(reply: Stream.Stream<Delta, E, R>): Stream.Stream<string, E, R> =>
  reply.pipe(
    through((deltas) => deltas.flatMap((delta) => delta._tag === "Text" && delta.text !== "" ? [delta.text] : []))
  )

/**
 * Asks for one text, without tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const generateText = (llm: Llm["Service"], prompt: Prompt.RawInput): Effect.Effect<string, LlmError> =>
  Stream.mkString(text(llm.reply({ prompt: Prompt.make(prompt), tools: [], toolChoice: "none" })))
