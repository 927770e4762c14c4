/**
 * Large language models.
 *
 * An `Llm` turns a prompt and tools into text deltas and tool calls. It never runs a tool: the
 * caller does. Interrupting the stream closes the request. Prompts and tools are those of
 * `effect/ai`, so any `LanguageModel` is an `Llm` (`fromLanguageModel`).
 *
 * @since 0.1.0
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Failure from "./Failure.ts"
import { partsOf } from "./internal/given.ts"
import { replyOf } from "./internal/llm/adapter.ts"
import { owned } from "./internal/llm/attached.ts"
import * as caching from "./internal/llm/cache.ts"
import { meant } from "./internal/llm/leaked.ts"
import * as metadata from "./internal/llm/metadata.ts"
import { counted } from "./internal/llm/metering.ts"
import { type Delta, LlmError, type Request, type Service, type Settings } from "./internal/llm/model.ts"
import * as resilience from "./internal/llm/resilient.ts"
import { Thought } from "./internal/llm/thinking.ts"
import { Unsaid } from "./internal/llm/unsaid.ts"
import { wordsOf } from "./internal/llm/words.ts"
import * as Check from "./internal/options.ts"
import { nameIn, refused } from "./internal/provider/options.ts"
import { act, fields, name } from "./internal/provider/own.ts"
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

export { Conversation } from "./internal/llm/conversation.ts"
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
 * The service that writes replies.
 *
 * **Details**
 *
 * `resilient` says that it already retries and fails over, so the pipeline does not. `model` is the
 * model for requests that name none. `hears` says that it listens to the user: a pipeline then puts
 * the audio of what was said into the prompt, as a WAV file beside the text. `prewarm` opens the connection for the first request, without
 * a paid request.
 *
 * @category services
 * @since 0.1.0
 */
export class Llm extends Context.Service<Llm, Service>()("effect-voice/Llm") {}

type ToolCall = Extract<Delta, { readonly _tag: "ToolCall" }>

/** By the name of a tool that there is, where it means one. */
const named = (call: ToolCall, tools: Request["tools"]): ToolCall => {
  const name = typeof call.name === "string" ? meant(call.name, tools.map(({ name }) => name)) : call.name
  return name === call.name ? call : { ...call, name }
}

/** The part of a reply that is to be heard; the rest becomes signs that more may come. */
const said = (reply: Stream.Stream<Delta, LlmError>, { tools }: Request): Stream.Stream<Delta, LlmError> =>
  Stream.unwrap(Effect.map(Thought, (thought) =>
    Stream.mapAccum(
      reply,
      () => new Unsaid(new Set(tools.map(({ name }) => name))),
      (unsaid: Unsaid, told): readonly [Unsaid, ReadonlyArray<Delta>] => {
        const delta = told._tag === "ToolCall" ? named(told, tools) : told
        const heard = unsaid.push(delta)
        if (heard.length === 0) thought()
        return [unsaid, heard]
      },
      { onHalt: (unsaid) => unsaid.end() }
    )))

/** Calls that another provider has run itself mean nothing to this one. */
const unprovided = (request: Request): Request => {
  const content = owned(request.prompt, undefined)
  return content === request.prompt.content ? request : { ...request, prompt: Prompt.fromMessages(content) }
}

// A service that is wrapped, as by `{ ...llm, reply }`, may have more.
const making = Check.wider(
  Check.struct<Parameters<typeof make>[0]>()({
    ...fields,
    resilient: Check.flag(),
    runsTools: Check.flag(),
    hears: Check.flag(),
    reply: act
  })
)

/**
 * Creates an `Llm` from a function that streams a reply.
 *
 * **Details**
 *
 * `make` adds a span, drops empty text and token counts that are not numbers, and ends the reply
 * with its `Finish`. It leaves out text that should not be spoken: thoughts in `<think>…</think>`
 * and similar tags at the beginning of the text or of a line, tool calls that came as text, such as
 * `<tool_call>{…}</tool_call>`, `<function=…>`, `[TOOL_CALLS]` and a bare call of one of the tools
 * as JSON or as code, and signs of a chat's form, such as `<|im_end|>`. A call whose name has more
 * around it than that of a tool (`functions.look_up`) is a call of that tool.
 *
 * Several fibers pull the stream in turn. So fork with `Effect.forkScoped`, into the stream's
 * scope, and not as a child of one fiber.
 *
 * **Example** (A model that always gives the same answer)
 *
 * ```ts
 * import { Layer, Stream } from "effect"
 * import { Failure, Llm } from "effect-voice"
 *
 * const failed = (reason: Failure.Reason) => new Llm.LlmError({ provider: "echo", reason })
 *
 * const model = Layer.succeed(
 *   Llm.Llm,
 *   Llm.make({
 *     name: "echo",
 *     reply: ({ prompt }) =>
 *       prompt.content.length === 0
 *         ? Stream.fail(failed(new Failure.InvalidRequest({ detail: "the prompt is empty" })))
 *         : Stream.make({ _tag: "Text", text: "I hear you." }, { _tag: "Finish" })
 *   })
 * )
 * ```
 *
 * @see `fromLanguageModel` for models of `effect/ai`
 * @see `Stt.make` and `Tts.make` for recognisers and voices
 * @category constructors
 * @since 0.1.0
 */
export const make = (provider: {
  readonly name: string
  /** The model for requests that name none; also for usage and cost. @default unknown */
  readonly model?: string | undefined
  /** Whether it already retries and fails over, so that the pipeline does not. @default false */
  readonly resilient?: boolean | undefined
  /** Opens the connection for the first request, without a paid request. @default nothing */
  readonly prewarm?: Effect.Effect<void, LlmError> | undefined
  /**
   * Whether the provider runs tools itself, and finds its own calls in prompts by their metadata.
   * Otherwise prompts contain no calls that a provider has run. @default false
   */
  readonly runsTools?: boolean | undefined
  /**
   * Whether it listens to the user: a session then gives it the audio. A model that speaks itself
   * gives `Speech`. @default false
   */
  readonly hears?: boolean | undefined
  readonly reply: (request: Request) => Stream.Stream<Delta, LlmError>
}): Llm["Service"] => {
  Check.readOrThrow(making, provider, refusing(nameIn(provider, "llm")))
  const refuse = refusing(provider.name)
  return Llm.of({
    name: provider.name,
    model: provider.model,
    resilient: provider.resilient ?? false,
    ...(provider.hears === true ? { hears: true } : undefined),
    prewarm: provider.prewarm,
    reply: (request) =>
      said(
        // What is thrown where it is called is masked, too, and logged by its place.
        Stream.suspend(() =>
          partsOf(
            "reply",
            provider.reply(provider.runsTools === true ? request : unprovided(request)),
            Predicate.hasProperty("_tag"),
            "deltas, such as { _tag: \"Text\", text } and { _tag: \"Finish\" }",
            refuse
          )
        ),
        request
      ).pipe(
        Stream.map(counted),
        Stream.takeUntil((delta) => delta._tag === "Finish"),
        masked((reason) => new LlmError({ provider: provider.name, reason })),
        Stream.withSpan("Llm.reply", { attributes: { provider: provider.name }, captureStackTrace: false })
      )
  })
}

const refusing = (provider: string) => (wrong: Failure.InvalidOptions) =>
  new LlmError({ provider, reason: refused(wrong) })

/**
 * Options of `fromLanguageModel`.
 *
 * @category options
 * @since 0.1.0
 */
export interface LanguageModelOptions {
  readonly name: string
  /** For usage and cost. @default unknown */
  readonly model?: string | undefined
  /** Gives the model for the settings of a request. @default the same model: the settings are ignored */
  readonly withSettings?: ((settings: Settings) => LanguageModel.LanguageModel) | undefined
}

const adapting = Check.struct<LanguageModelOptions>()({ name, model: Check.text(), withSettings: Check.callback })

/**
 * Creates an `Llm` from a `LanguageModel` of `effect/ai`.
 *
 * **Details**
 *
 * Tool calls are neither validated nor run. Calls that the model's provider runs itself are
 * reported, and go back to it in later prompts. Its reasoning is not spoken; it goes back as
 * `metadata`. A `LanguageModel` has no settings for one request: without `withSettings` they are
 * ignored.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLanguageModel = (
  model: LanguageModel.LanguageModel,
  options: LanguageModelOptions
): Llm["Service"] => {
  Check.readOrThrow(adapting, options, refusing(nameIn(options, "llm")))
  return make({
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
}

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
 * Makes an `Llm` resilient. A resilient one comes back unchanged.
 *
 * **Details**
 *
 * Every delta counts as useful output, also a `Finish` without any text.
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
    /** Asks the next provider also after some output. Then the reply begins again. @default false */
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
 * The default ways to ask a model again: as `gpt-4o-mini`, for 100 tokens at a temperature of 0.5.
 * The name is OpenAI's: give other recoveries to another provider.
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
 * Opens the connections of an `Llm` before they are needed, for 10 seconds at most. A failure is
 * logged with its reason only, and the connection is opened again when it is needed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prewarm = (service: Llm["Service"], options: PrewarmOptions = {}): Effect.Effect<void> =>
  resilience.prewarm(service, options)

/**
 * Creates an `Llm` that also asks the next provider when one is late.
 *
 * **When to use**
 *
 * Use if a slow first token is worse than the price of a second request. You may list the same
 * service twice.
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
  model: Check.text(),
  temperature: Check.number({ least: 0, most: 2 }),
  maxTokens: Check.whole({ least: 1, most: 1_000_000 })
})

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
 * How many replies are cached, and for how long.
 *
 * @category options
 * @since 0.1.0
 */
export interface CacheOptions {
  /** Most cached replies. The one that was not used for the longest time goes first. @default 100 */
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
 * Use if callers ask the same first question and the answer does not depend on the time.
 *
 * **Details**
 *
 * The question is the whole prompt with its tools and settings. Only complete replies of text are
 * kept, in the memory of the process. A reply with a tool call is never kept, nor one to a user who
 * was heard (`hears`). Throws an `LlmError`
 * with `InvalidRequest` if an option is wrong; it names the option.
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
 * The text of a reply, in the pieces that the model writes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const text = <E, R>(reply: Stream.Stream<Delta, E, R>): Stream.Stream<string, E, R> =>
  reply.pipe(
    through((deltas) => deltas.map(wordsOf).filter((words) => words !== ""))
  )

/**
 * Asks for one text, without tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const generateText = (llm: Llm["Service"], prompt: Prompt.RawInput): Effect.Effect<string, LlmError> =>
  Stream.mkString(text(llm.reply({ prompt: Prompt.make(prompt), tools: [], toolChoice: "none" })))
