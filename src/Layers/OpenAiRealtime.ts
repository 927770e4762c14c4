/**
 * Models of OpenAI that hear and speak: the Realtime interface.
 *
 * The packages `openai` and `ws` must be installed beside this one. The layer gives an `Llm` that
 * listens to the user itself, and answers in its own voice: the audio of a turn goes to it, and a
 * pipeline plays what it says without a synthesiser. A pipeline still needs an `Stt`, whose words
 * decide about turns and stand in the history, and a `Tts` for what the program says (`say`,
 * fillers, apologies); `OpenAiTts` has the same voices.
 *
 * Each conversation has one connection. The server remembers what was heard of each reply, and no
 * more; when a connection is lost, the next one begins with the history as text. Interrupting a
 * reply cancels it. Nothing is retried here: `Resilience` does. All of this was tried against
 * stand-ins that speak the published protocol.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Failure from "../Failure.ts"
import { layerFrom } from "../internal/config/variable.ts"
import * as client from "../internal/openai/client.ts"
import { format, toldBy } from "../internal/openai/conversationItems.ts"
import { makeConversing } from "../internal/openai/conversing.ts"
import { access, keyed, settings } from "../internal/openai/options.ts"
import * as realtime from "../internal/openai/realtime.ts"
import { describe, noneHosted } from "../internal/openai/tools.ts"
import * as Check from "../internal/options.ts"
import { address, readOptions, speaking } from "../internal/provider/options.ts"
import { connect } from "../internal/provider/socket.ts"
import { standby } from "../internal/provider/standby.ts"
import * as Llm from "../Llm.ts"

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends client.Access {
  /** @default "gpt-realtime" */
  readonly model?: string | undefined
  /** One voice for the whole conversation, whatever the agent's. @default "marin" */
  readonly voice?: string | undefined
  /** Rate of speech, 0.25–1.5. @default the voice's own */
  readonly speed?: number | undefined
  /** Most tokens of a reply, audio included. @default the server's */
  readonly maxTokens?: number | undefined
  /** Further fields of the session, over everything else, for what a server has of its own. @default none */
  readonly extra?: Readonly<Record<string, Schema.Json>> | undefined
}

const schema = Check.together(
  Check.struct<Options>()({
    ...access,
    model: Check.text({ default: "gpt-realtime" }),
    voice: Check.text({ default: "marin" }),
    speed: Check.number({ least: 0.25, most: 1.5 }),
    maxTokens: Check.whole({ least: 1, most: 1_000_000 }),
    extra: Check.such<NonNullable<Options["extra"]>>(Check.isRecord, "be an object of fields by their names")
  }),
  keyed
)

const failing = (name: string) => (reason: Failure.Reason) => new Llm.LlmError({ provider: name, reason })

/** How long a connection that was opened in advance waits for its conversation (ms). */
const keepMs = 60_000

const audio = { type: "audio/pcm", rate: format.sampleRate } as const

/** What holds for all of a conversation: the pipeline finds the turns. */
const greetingOf = ({ extra, speed, voice }: typeof schema.Type) => ({
  type: "session.update" as const,
  session: {
    type: "realtime" as const,
    output_modalities: ["audio" as const],
    audio: {
      input: { format: audio, turn_detection: null },
      output: { format: audio, voice, ...(speed === undefined ? undefined : { speed }) }
    },
    ...extra
  }
})

/**
 * An `Llm` that hears the user and speaks itself.
 *
 * **Details**
 *
 * Fails with `InvalidRequest`, which names the option, when an option cannot be used. The key is
 * not tried out. A request may have other `settings.maxTokens`; model, voice and temperature are
 * those of the conversation. Prompts may contain WAV files and images, by their data. The scope
 * closes what `prewarm` opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Llm.Llm["Service"], Llm.LlmError, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* readOptions(schema, options, client.provider, failing)
    const { baseUrl = client.defaultBaseUrl, model, name } = settings
    const fail = failing(name)
    const line = yield* standby({
      keepMs,
      open: connect({
        closes: realtime.closes(),
        url: address(speaking("ws", baseUrl), "/realtime", { model }),
        headers: client.handshake(settings)
      })
    })
    const converse = makeConversing({ model, open: line.open, greeting: greetingOf(settings) })
    return Llm.make({
      name,
      model,
      hears: true,
      prewarm: Effect.mapError(line.prewarm, fail),
      reply: ({ prompt, settings: own, toolChoice, tools }) =>
        Stream.unwrap(Effect.gen(function*() {
          yield* noneHosted(tools)
          const told = yield* toldBy(prompt)
          return converse({
            ...told,
            tools: yield* describe(tools, false),
            toolChoice: toolChoice ?? "auto",
            maxTokens: own?.maxTokens ?? settings.maxTokens
          })
        })).pipe(Stream.mapError(fail))
    })
  })

/**
 * Layer of an `Llm` that hears the user and speaks itself.
 *
 * **Example**
 *
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
 * import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
 * import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
 *
 * const apiKey = Redacted.make("…")
 *
 * const layer = Layer.mergeAll(
 *   OpenAiRealtime.layer({ apiKey, voice: "marin" }),
 *   OpenAiStt.layerRealtime({ apiKey }),
 *   OpenAiTts.layer({ apiKey, ...OpenAiTts.expressive })
 * )
 * ```
 *
 * @see `Llm.layerFallback` to go on with a model that writes when this one fails
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Llm.Llm, Llm.LlmError> => Layer.effect(Llm.Llm, make(options))

const fromEnvironment: Config.Config<Options> = Config.map(settings, ({ apiKey }) => ({ apiKey }))

/**
 * The same with options from the configuration; without options the key is
 * `OPENAI_API_KEY`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options?: Config.Wrap<Options>
): Layer.Layer<Llm.Llm, Llm.LlmError | Config.ConfigError> =>
  layerFrom(options === undefined ? fromEnvironment : Config.unwrap(options), layer)
