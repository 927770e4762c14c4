/**
 * Language models of OpenAI, and of every server that speaks like it.
 *
 * The package `openai` must be installed beside this one. Each layer gives an
 * `Llm` and the `LanguageModel` of `effect/ai`, so that what is written for
 * Effect AI runs on it too. The first piece of text is passed on as soon as it
 * arrives; interrupting a reply closes its request. Nothing is retried here:
 * `Resilience` does.
 *
 * If a server refuses a field that you have not set, the layer leaves it out, or sends it in
 * another way, from then on; it warns once for each model. If a server refuses an option that you
 * have set, this is an error that names the option. The server's reason is logged at `Debug`.
 *
 * With `baseUrl`, any server with Chat Completions can be asked (Groq, Together,
 * vLLM, Ollama, LocalAI, llama.cpp). All of this was tried against stand-ins
 * that speak the published protocol, none of it against the servers named.
 *
 * @since 0.1.0
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Failure from "../Failure.ts"
import { openAi } from "../internal/config/defaults.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as chat from "../internal/openai/chat.ts"
import * as client from "../internal/openai/client.ts"
import * as model from "../internal/openai/model.ts"
import { access, keyed, settings } from "../internal/openai/options.ts"
import * as responses from "../internal/openai/responses.ts"
import type { Sampling } from "../internal/openai/wire.ts"
import * as Check from "../internal/options.ts"
import { readOptions } from "../internal/provider/options.ts"
import * as Llm from "../Llm.ts"

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends client.Access {
  /**
   * The interface: Chat Completions, which every compatible server has, or
   * Responses, OpenAI's newer one, which knows no penalties, no `seed` and no
   * `stop`. @default "chat"
   */
  readonly api?: "chat" | "responses" | undefined
  /** @default "gpt-4o-mini" */
  readonly model?: string | undefined
  /** Randomness, 0–2. @default 0.7 for "gpt-4o-mini", else the server's */
  readonly temperature?: number | undefined
  /** Share of the likeliest tokens that are chosen from, 0–1. @default the server's */
  readonly topP?: number | undefined
  /** Most tokens of a reply. @default the server's */
  readonly maxTokens?: number | undefined
  /** −2–2; above 0, fewer repetitions. @default the server's */
  readonly frequencyPenalty?: number | undefined
  /** −2–2; above 0, more new topics. @default the server's */
  readonly presencePenalty?: number | undefined
  /** Asks for the same answer to the same question. @default none */
  readonly seed?: number | undefined
  /** Up to four texts that end the reply. @default none */
  readonly stop?: ReadonlyArray<string> | undefined
  /** How long models that think may think; for a conversation, as little as they can. @default the server's */
  readonly reasoningEffort?: "none" | "minimal" | "low" | "medium" | "high" | undefined
  /** Whether several tools may be called at a time. @default the server's */
  readonly parallelToolCalls?: boolean | undefined
  /**
   * Whether parameters of tools, and answers of `generateObject`, must fit their schema exactly. A
   * schema that strict mode cannot express is sent without it; `Tool.Strict` decides for one tool.
   * @default true
   */
  readonly strict?: boolean | undefined
  /**
   * Whether the model listens to the caller: it gets the audio of a turn (WAV) in the place of its words, up to the
   * newest minute of the conversation. Chat Completions only. @default true for "gpt-audio…" and "gpt-4o-audio…", else false
   */
  readonly hears?: boolean | undefined
  /** Further fields of the request, over everything else, for what a server has of its own. @default none */
  readonly extra?: Readonly<Record<string, Schema.Json>> | undefined
}

const penalty = Check.number({ least: -2, most: 2 })

const schema = Check.together(
  Check.struct<Options>()({
    ...access,
    api: Check.oneOf(["chat", "responses"], { default: "chat" }),
    model: Check.text({ default: openAi.model }),
    temperature: Check.number({ least: 0, most: 2 }),
    topP: Check.ratio(),
    maxTokens: Check.whole({ least: 1, most: 1_000_000 }),
    frequencyPenalty: penalty,
    presencePenalty: penalty,
    seed: Check.whole({ least: Number.MIN_SAFE_INTEGER }),
    stop: Check.such<ReadonlyArray<string>>(
      (stop) => Array.isArray(stop) && stop.length <= 4 && stop.every((one) => typeof one === "string"),
      "be a list of at most four texts"
    ),
    reasoningEffort: Check.oneOf(["none", "minimal", "low", "medium", "high"]),
    parallelToolCalls: Check.flag(),
    strict: Check.flag({ default: true }),
    hears: Check.flag(),
    extra: Check.such<NonNullable<Options["extra"]>>(Check.isRecord, "be an object of fields by their names")
  }),
  (options) => {
    const unknown = options.api === "responses"
      ? [
        "frequencyPenalty",
        "presencePenalty",
        "seed",
        "stop",
        ...(options.hears === true ? ["hears"] as const : [])
      ] as const
      : []
    const left = unknown.filter((name) => options[name] !== undefined)
    const advice = "must not be given: Responses has no such setting; use the api \"chat\""
    return { ...keyed(options), ...Object.fromEntries(left.map((name) => [name, advice])) }
  }
)

type Settings = typeof schema.Type

/** Models that OpenAI has made to listen. */
const listeners = /^gpt-(?:4o-(?:mini-)?)?audio\b/

const samplingOf = (settings: Settings): Sampling => ({ ...settings, isOpenAi: settings.baseUrl === undefined })

const failing = (name: string) => (reason: Failure.Reason) => new Llm.LlmError({ provider: name, reason })

/**
 * The two services, on one client.
 *
 * **Details**
 *
 * Fails with `InvalidRequest`, which names the option, when an option cannot be
 * used or the package is not installed. The key is not tried out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<{
  readonly llm: Llm.Llm["Service"]
  readonly languageModel: LanguageModel.LanguageModel
}, Llm.LlmError> =>
  Effect.gen(function*() {
    const settings = yield* readOptions(schema, options, client.provider, failing)
    const { api, name } = settings
    const opened = yield* Effect.mapError(client.open(settings), failing(name))
    const sampling = samplingOf(settings)
    const wire = api === "responses" ? responses.wire(opened, sampling) : chat.wire(opened, sampling)
    const hears = api === "chat" && (settings.hears ?? listeners.test(sampling.model))
    return {
      llm: model.llm({ name, model: sampling.model, hears, wire, prewarm: client.prewarm(opened) }),
      languageModel: yield* model.languageModel(wire)
    }
  })

/**
 * Layer of an `Llm` and a `LanguageModel` that ask OpenAI, or the server at
 * `baseUrl`.
 *
 * **Example**
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
 *
 * const layer = OpenAiLlm.layer({ apiKey: Redacted.make("…"), model: "gpt-4.1-mini" })
 * const local = OpenAiLlm.layer({ baseUrl: "http://localhost:11434/v1", model: "llama3.2" })
 * ```
 *
 * @see `Llm.layerFallback` to use a second model when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Llm.Llm | LanguageModel.LanguageModel, Llm.LlmError> =>
  Layer.effectContext(
    Effect.map(
      make(options),
      ({ languageModel, llm }) =>
        Context.make(Llm.Llm, llm).pipe(Context.add(LanguageModel.LanguageModel, languageModel))
    )
  )

// A model that refuses a temperature must not get one because the environment is silent.
const fromEnvironment: Config.Config<Options> = Config.all({
  settings,
  temperature: Config.option(Config.String("OPENAI_TEMPERATURE"))
}).pipe(Config.map(({ settings: { apiKey, model, temperature }, temperature: set }) => ({
  apiKey,
  model,
  temperature: Option.exists(set, (text) => text.trim() !== "") ? temperature : undefined
})))

/**
 * The same with options from the configuration; without options from
 * `OPENAI_API_KEY`, `OPENAI_MODEL` and `OPENAI_TEMPERATURE`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Config.Wrap<Options>
): Layer.Layer<Llm.Llm | LanguageModel.LanguageModel, Llm.LlmError | Config.ConfigError> =>
  layerFrom(options === undefined ? fromEnvironment : Config.unwrap(options), layer)
