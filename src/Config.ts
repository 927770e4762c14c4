/**
 * Settings from the environment, checked all at once: of LiveKit, OpenAI, ElevenLabs, voice
 * detection, turn-taking and metrics. The variables of other providers, such as `DEEPGRAM_API_KEY`,
 * are read by `layerConfig` of their layers.
 *
 * `options` is an Effect `Config`: a value that reads nothing until a program yields it, and then
 * from the `ConfigProvider` in force. Only the command `effect-voice` and a `Worker` read the
 * environment by themselves: a variable that is set applies to their conversations (`Environment`);
 * one that is not set changes nothing. Options in code always win over variables: see `merge`.
 *
 * | variable | default | value |
 * | --- | --- | --- |
 * | `LIVEKIT_URL` | – | ws, wss, http or https URL |
 * | `LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET` | – | secrets |
 * | `OPENAI_API_KEY` | – | secret |
 * | `OPENAI_MODEL` | `gpt-4o-mini` | name |
 * | `OPENAI_TEMPERATURE` | `0.7` | 0–2 |
 * | `ELEVENLABS_API_KEY` | – | secret |
 * | `ELEVENLABS_VOICE` | `Rachel` | name or id |
 * | `ELEVENLABS_MODEL` | `eleven_turbo_v2` | name |
 * | `VAD_THRESHOLD` | `0.5` | probability, 0–1 |
 * | `MIN_SPEECH_DURATION` | `0.1` | seconds, 0–60 |
 * | `MIN_SILENCE_DURATION` | `0.5` | seconds, 0–60 |
 * | `INTERRUPT_SPEECH_DURATION` | `0.3` | seconds, 0–60 |
 * | `INTERRUPT_MIN_WORDS` | `2` | whole number, 0–100 |
 * | `MIN_ENDPOINTING_DELAY` | `0.5` | seconds, 0–60 |
 * | `PREEMPTIVE_SYNTHESIS` | `true` | `true` or `false`, in any case |
 * | `ENABLE_METRICS` | `true` | `true` or `false`, in any case |
 * | `METRICS_PORT` | `8000` | port; 0 lets the system choose |
 * | `METRICS_HOST` | `127.0.0.1` | address to listen on; `0.0.0.0` for every one |
 *
 * The defaults of this table are those of `options` alone. In the command and in a `Worker`, where a
 * variable that is not set changes nothing, the defaults of `Turn.Options` and `Vad.Options` hold: a
 * voice interrupts after 500 ms there, and `minWords` is 0. A program that gives `options` to its
 * pipeline has 0.3 seconds and 2 words.
 *
 * Space around a value is ignored, and an empty value counts as absent.
 *
 * @since 0.1.0
 */
import * as EffectConfig from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import type * as Redacted from "effect/Redacted"
import { readings } from "./internal/config/readings.ts"
import * as variable from "./internal/config/variable.ts"

/**
 * Where LiveKit is, and how to sign in.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKit {
  readonly url: string | undefined
  readonly apiKey: Redacted.Redacted | undefined
  readonly apiSecret: Redacted.Redacted | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OpenAi {
  readonly apiKey: Redacted.Redacted | undefined
  readonly model: string
  readonly temperature: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ElevenLabs {
  readonly apiKey: Redacted.Redacted | undefined
  readonly voice: string
  readonly model: string
}

/**
 * Fits `Vad.Options`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Vad {
  readonly activation: number
  readonly minSpeech: Duration.Duration
  readonly minSilence: Duration.Duration
}

/**
 * Fits `Turn.Options`.
 *
 * **Details**
 *
 * `PREEMPTIVE_SYNTHESIS` sets both kinds of preemption.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  readonly endpointing: { readonly minDelay: Duration.Duration }
  readonly interruption: { readonly minDuration: Duration.Duration; readonly minWords: number }
  readonly preemption: { readonly llm: boolean; readonly tts: boolean }
}

/**
 * Fits the options of `Layers/Prometheus`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Metrics {
  readonly enabled: boolean
  readonly port: number
  readonly host: string
}

/**
 * All settings, in the shape of the options that they plug into.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly livekit: LiveKit
  readonly openai: OpenAi
  readonly elevenlabs: ElevenLabs
  readonly vad: Vad
  readonly turn: Turn
  readonly metrics: Metrics
}

type Sparse<A> = {
  readonly [K in keyof A]?:
    | (A[K] extends Leaf | string | number | boolean | undefined ? A[K] : Sparse<A[K]>)
    | undefined
}

/**
 * The same, with only the variables that are set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Given extends Sparse<Options> {}

/**
 * A description of a variable.
 *
 * **Details**
 *
 * `default` is its value if it is not set, written as in the environment. A variable without a
 * default is optional.
 *
 * @category models
 * @since 0.1.0
 */
export interface Variable {
  readonly name: string
  readonly description: string
  readonly expects: string
  readonly default: string | undefined
  readonly secret: boolean
}

/**
 * A variable whose value cannot be used, and what it must be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly variable: string
  readonly detail: string
}

const all = variable.struct<Options>(readings)

/**
 * Every variable that is read.
 *
 * @category models
 * @since 0.1.0
 */
export const variables: ReadonlyArray<Variable> = all.variables.map(
  ({ description, expects, fallback, name, secret }) => ({ name, description, expects, default: fallback, secret })
)

/**
 * Every setting.
 *
 * **Details**
 *
 * Keys and the URL are optional here: the layer that needs one asks for it. All problems are in one
 * `ConfigError`, with the names of the variables and never with their values; `problems` lists
 * them.
 *
 * @category configs
 * @since 0.1.0
 */
export const options: EffectConfig.Config<Options> = variable.toConfig(all)

/**
 * The settings that are set, without the others.
 *
 * **Details**
 *
 * It fails as `options` does.
 *
 * @category configs
 * @since 0.1.0
 */
export const given: EffectConfig.Config<Given> = EffectConfig.map(variable.toGiven(all), (given) => given ?? {})

/**
 * The settings from the environment for conversations: `vad` and `turn` apply in `Pipeline.make`
 * unless code sets the same option.
 *
 * **Details**
 *
 * The command `effect-voice` and every `Worker` provide it. Nothing else does, so a test or a
 * program of your own behaves the same on every machine, unless it provides this.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Agent, Config, Pipeline } from "effect-voice"
 *
 * const desk = Agent.make({ instructions: "You answer the phone of a small hotel." })
 *
 * const program = Pipeline.run(desk).pipe(
 *   Effect.provideServiceEffect(Config.Environment, Config.given)
 * )
 * ```
 *
 * @category references
 * @since 0.1.0
 */
export const Environment: Context.Reference<Given> = Context.Reference<Given>("effect-voice/Config/Environment", {
  defaultValue: () => ({})
})

/**
 * The three `LIVEKIT_…` variables alone.
 *
 * @category configs
 * @since 0.1.0
 */
export const livekit: EffectConfig.Config<LiveKit> = variable.toConfig(readings.livekit)

/**
 * The three `OPENAI_…` variables alone.
 *
 * @category configs
 * @since 0.1.0
 */
export const openai: EffectConfig.Config<OpenAi> = variable.toConfig(readings.openai)

/**
 * The three `ELEVENLABS_…` variables alone.
 *
 * @category configs
 * @since 0.1.0
 */
export const elevenlabs: EffectConfig.Config<ElevenLabs> = variable.toConfig(readings.elevenlabs)

/**
 * `VAD_THRESHOLD`, `MIN_SPEECH_DURATION` and `MIN_SILENCE_DURATION` alone.
 *
 * @category configs
 * @since 0.1.0
 */
export const vad: EffectConfig.Config<Vad> = variable.toConfig(readings.vad)

/**
 * The four variables of turn-taking alone.
 *
 * @category configs
 * @since 0.1.0
 */
export const turn: EffectConfig.Config<Turn> = variable.toConfig(readings.turn)

/**
 * `ENABLE_METRICS`, `METRICS_PORT` and `METRICS_HOST` alone.
 *
 * @category configs
 * @since 0.1.0
 */
export const metrics: EffectConfig.Config<Metrics> = variable.toConfig(readings.metrics)

/**
 * Lists the problems of a `ConfigError`. The list is empty if the environment itself could not be
 * read.
 *
 * @category errors
 * @since 0.1.0
 */
export const problems: (error: EffectConfig.ConfigError) => ReadonlyArray<Problem> = variable.problems

type Leaf =
  | ReadonlyArray<unknown>
  | ((...args: never) => unknown)
  | Duration.Duration
  | Redacted.Redacted<unknown>

type Over<A, B> = Exclude<B, undefined> extends infer D ? [D] extends [never] ? A
  : [A | D] extends [object] ? [Extract<A | D, Leaf>] extends [never] ? Merged<A, D> : D
  : undefined extends B ? A | D
  : D
  : never

/**
 * `A`, with the fields of `B` instead of its own.
 *
 * @category models
 * @since 0.1.0
 */
export type Merged<A, B> = {
  readonly [K in keyof A | keyof B]: K extends keyof B ? K extends keyof A ? Over<A[K], B[K]> : B[K]
    : K extends keyof A ? A[K]
    : never
}

const isPlain = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== "object" || value === null) {
    return false
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const over = (base: unknown, explicit: unknown): unknown => {
  if (explicit === undefined) {
    return base
  }
  if (!isPlain(base) || !isPlain(explicit)) {
    return explicit
  }
  const keys = new Set([...Object.keys(base), ...Object.keys(explicit)])
  return Object.fromEntries(
    Array.from(keys, (key) => [
      key,
      Object.hasOwn(base, key)
        ? over(base[key], Object.hasOwn(explicit, key) ? explicit[key] : undefined)
        : explicit[key]
    ])
  )
}

/**
 * Merges options over settings, and changes neither.
 *
 * **Details**
 *
 * Plain objects are merged at every depth. Anything else (a `Duration`, a
 * `Redacted`, an array, a function) replaces what was there, and `undefined`
 * leaves it.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Config } from "effect-voice"
 *
 * const program = Effect.gen(function*() {
 *   const settings = yield* Config.options
 *   return Config.merge(settings, { turn: { interruption: { minWords: 0 } } })
 * })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge: {
  <const B extends object>(explicit: B): <A extends object>(settings: A) => Merged<A, B>
  <A extends object, const B extends object>(settings: A, explicit: B): Merged<A, B>
} = dual(
  2,
  <A extends object, B extends object>(settings: A, explicit: B) => over(settings, explicit) as Merged<A, B>
)
