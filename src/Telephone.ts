/**
 * Answers the calls of a Twilio number, without any other server: the whole
 * program of a telephone line, many calls in one process.
 *
 * The number's webhook is the public address `url`; the carrier opens the sockets
 * of its media streams at `url` + `/stream`. Each call is a job of a
 * `Worker.Definition`, as with LiveKit: its own room, scope, metrics and logs, the
 * same health and drain. The room is that of `Layers/TwilioRoom`.
 *
 * **Details**
 *
 * A webhook must be signed with the account's token. The answer to the webhook contains a secret
 * for the stream of that call. It is valid for half a minute and for one stream. A stream with a
 * signed handshake needs no secret, so you may also connect calls by markup of your own. A message
 * has at most 64 KiB. A stream that sends faster than real time is closed.
 *
 * Needs `@effect/platform-node`. It does not speak TLS: put a proxy before it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { InvalidOptions } from "./Failure.ts"
import * as Check from "./internal/options.ts"
import { notInstalled, type WorkerError } from "./internal/worker/errors.ts"
import type * as Worker from "./Worker.ts"

/**
 * A call that the carrier announces, before it is answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Incoming {
  /** The carrier's sid of the call. */
  readonly id: string
  /** The number that calls, as the carrier writes it; `undefined` if it is withheld. */
  readonly from: string | undefined
  /** The number that is called. */
  readonly to: string | undefined
  readonly direction: "inbound" | "outbound"
}

/**
 * Whether to answer a call: `false` refuses it; its job gets the `parameters`.
 *
 * @category models
 * @since 0.1.0
 */
export type Decision = boolean | { readonly parameters: Readonly<Record<string, string>> }

/**
 * Options of a telephone.
 *
 * @category options
 * @since 0.1.0
 */
export interface TelephoneOptions {
  /** Public address of the webhook, as the carrier has it: `https://voice.example.com/call`. */
  readonly url: string
  /** Token of the account: the carrier signs with it. */
  readonly token: Redacted.Redacted
  /** Port of this machine; 0 lets the system choose. @default 8080 */
  readonly port?: number | undefined
  /** Address to listen on. @default every address of the machine */
  readonly host?: string | undefined
  /**
   * Decides whether to answer a call. If it fails, gives something else than a `Decision`, or takes
   * longer than five seconds, the call is refused, and the log says why.
   *
   * @default answers every call
   */
  readonly accept?: ((call: Incoming) => Effect.Effect<Decision, unknown> | Promise<Decision> | Decision) | undefined
  /** Ends calls over the carrier's API: the secret of an API key. @default the token */
  readonly key?: Redacted.Redacted | undefined
  /** Sid of the API key. */
  readonly keySid?: string | undefined
  /** @default "https://api.twilio.com" */
  readonly apiUrl?: string | undefined
  /** Calls at once, 1–10000. Further calls hear that the line is busy. @default 100 */
  readonly maxCalls?: number | undefined
  /** Gives the load, from 0 to 1. It must not throw. @default `Worker.defaultLoad` */
  readonly load?: Worker.Options["load"]
  /** Load from which on the line is busy. @default 0.9 */
  readonly loadThreshold?: number | undefined
  /** Time for calls to end by themselves when it drains. @default "1 hour" */
  readonly drainTimeout?: Duration.Input | undefined
  /** The HTTP server for operators, on a port of its own. @default on */
  readonly http?: Worker.HttpOptions | false | undefined
}

/**
 * A telephone at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status extends Pick<Worker.Status, "ready" | "problem" | "draining" | "load"> {
  readonly calls: number
  readonly maxCalls: number
}

/**
 * A telephone that answers.
 *
 * **Details**
 *
 * `drain` answers no more calls, waits for those that go on, and then ends;
 * `limit` defaults to `drainTimeout`. `stop` ends them now. `port` is the
 * carrier's, `ports` are the operators'.
 *
 * @category models
 * @since 0.1.0
 */
export interface Telephone {
  readonly port: number
  readonly ports: ReadonlyArray<number>
  readonly status: Effect.Effect<Status>
  readonly drain: (options?: { readonly limit?: Duration.Input | undefined }) => Effect.Effect<void, WorkerError>
  readonly stop: Effect.Effect<void>
  readonly ended: Effect.Effect<void>
}

/**
 * The custom parameters of a call, read by a schema.
 *
 * **Details**
 *
 * They come from `TelephoneOptions.accept`, or from the markup that connected the call. Fails with
 * `InvalidOptions`, which names the parameter and not its value.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Telephone, type Worker } from "effect-voice"
 *
 * const entry = (job: Worker.Job) =>
 *   Effect.gen(function*() {
 *     const { customer } = yield* Telephone.parameters(job, Schema.Struct({ customer: Schema.NumberFromString }))
 *     yield* Effect.logInfo("a customer calls", { customer })
 *   })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const parameters = <A, I extends Readonly<Record<string, string | undefined>>>(
  job: Pick<Worker.Job, "attributes">,
  schema: Schema.Codec<A, I>
): Effect.Effect<A, InvalidOptions> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(schema)(job.attributes),
    ({ issue }) => Check.problem("parameters", `do not fit the schema (${issue._tag})`)
  )

const load = Effect.tryPromise({
  try: () => import("./internal/telephone/telephone.ts"),
  catch: notInstalled("@effect/platform-node")
})

/**
 * Answers calls for as long as the scope is open; closing it ends them in good
 * order.
 *
 * **Details**
 *
 * Returns when it answers. Fails with the layer's own error, or with
 * `WorkerError`: an impossible option, or a port that is taken.
 *
 * @category running
 * @since 0.1.0
 */
export const make = <E>(
  definition: Worker.Definition<E>,
  options: TelephoneOptions
): Effect.Effect<Telephone, WorkerError | E, Scope.Scope> =>
  Effect.flatMap(load, (internal) => internal.make(definition, options))

/**
 * Answers calls, and listens to SIGTERM and SIGINT: the first drains, the second
 * ends now.
 *
 * @example
 * ```ts
 * import { Config, Effect, Layer } from "effect"
 * import { Agent, type Llm, Pipeline, type Stt, Telephone, type Tts, Worker } from "effect-voice"
 * import * as SileroVad from "effect-voice/Layers/SileroVad"
 * import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"
 *
 * declare const Providers: Layer.Layer<Stt.Stt | Llm.Llm | Tts.Tts>
 *
 * const desk = Agent.make({ instructions: "You answer the phone of a small hotel." })
 *
 * const definition = Worker.define({
 *   entry: () => Pipeline.run(desk),
 *   layer: Layer.mergeAll(SileroVad.layer({ sampleRate: 8000 }), SmartTurnDetector.layer(), Providers)
 * })
 *
 * const program = Effect.flatMap(
 *   Config.Redacted("TWILIO_AUTH_TOKEN"),
 *   (token) => Telephone.serve(definition, { url: "https://voice.example.com/call", token })
 * )
 *
 * Worker.runMain(program)
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const serve = <E>(
  definition: Worker.Definition<E>,
  options: TelephoneOptions
): Effect.Effect<void, WorkerError | E> => Effect.flatMap(load, (internal) => internal.serve(definition, options))
