/**
 * Why a provider failed: the closed set of reasons that `SttError`, `LlmError` and `TtsError`
 * share. Also the error for wrong options.
 *
 * Reasons carry facts (a status, a code, a limit), never content: no URL, no
 * header, no transcript, no prompt, no audio. So they can be logged, counted
 * and published as they are.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The connection could not be opened, or was lost; `peer` is the host and the port that could not be reached. Retryable.
 *
 * @category models
 * @since 0.1.0
 */
export class Disconnected extends Schema.TaggedError<Disconnected>("effect-voice/Failure/Disconnected")(
  "Disconnected",
  { code: Schema.optionalKey(Schema.String), peer: Schema.optionalKey(Schema.String) }
) {
  readonly isRetryable = true
  override get message(): string {
    const why = [this.code, this.peer].filter((one) => one !== undefined).join(", ")
    return `the connection could not be made, or was lost${why === "" ? "" : ` (${why})`}`
  }
}

/**
 * No useful output within the deadline, in milliseconds. Retryable.
 *
 * @category models
 * @since 0.1.0
 */
export class TimedOut extends Schema.TaggedError<TimedOut>("effect-voice/Failure/TimedOut")("TimedOut", {
  afterMs: Schema.Finite
}) {
  readonly isRetryable = true
  override get message(): string {
    return `no output within ${this.afterMs} ms`
  }
}

// What is mostly to be mended where a provider refuses to answer.
const hints: ReadonlyMap<number, string> = new Map([
  [401, "check the key"],
  [402, "check the account's credit"],
  [403, "check what the key may do"],
  [404, "check the address, and the name of the model or the voice"],
  [429, "its limit is reached"]
])

/**
 * The provider answered with an HTTP status that is an error. Retryable for
 * 408, 409, 429, 499 and every 5xx.
 *
 * @category models
 * @since 0.1.0
 */
export class Rejected extends Schema.TaggedError<Rejected>("effect-voice/Failure/Rejected")("Rejected", {
  status: Schema.Int,
  retryAfterMs: Schema.optionalKey(Schema.Finite)
}) {
  get isRetryable(): boolean {
    return this.status === 408 || this.status === 409 || this.status === 429 || this.status === 499 ||
      this.status >= 500
  }
  override get message(): string {
    const hint = hints.get(this.status)
    return `the provider answered with status ${this.status}${hint === undefined ? "" : `: ${hint}`}`
  }
}

/**
 * The provider's answer could not be understood. Not retryable.
 *
 * @category models
 * @since 0.1.0
 */
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>("effect-voice/Failure/InvalidResponse")(
  "InvalidResponse",
  { detail: Schema.String }
) {
  readonly isRetryable = false
  override get message(): string {
    return `the provider's answer could not be understood: ${this.detail}`
  }
}

/**
 * The request cannot be served as it is: a missing voice, an unsupported rate,
 * a bad option. `detail` names what to change. Not retryable.
 *
 * @category models
 * @since 0.1.0
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>("effect-voice/Failure/InvalidRequest")(
  "InvalidRequest",
  { detail: Schema.String }
) {
  readonly isRetryable = false
  override get message(): string {
    return this.detail
  }
}

/**
 * The provider ended before it gave anything useful. Retryable.
 *
 * @category models
 * @since 0.1.0
 */
export class EndedEarly extends Schema.TaggedError<EndedEarly>("effect-voice/Failure/EndedEarly")("EndedEarly", {}) {
  readonly isRetryable = true
  override get message(): string {
    return "the provider ended before it gave any output"
  }
}

/**
 * The provider's own code or engine broke. Retryable.
 *
 * @category models
 * @since 0.1.0
 */
export class Broken extends Schema.TaggedError<Broken>("effect-voice/Failure/Broken")("Broken", {
  detail: Schema.optionalKey(Schema.String)
}) {
  readonly isRetryable = true
  override get message(): string {
    return `the provider broke${this.detail === undefined ? "" : `: ${this.detail}`}`
  }
}

/**
 * The circuit breaker of the provider is open: it was not asked. `retryAfterMs` is the time until
 * it may be asked; 0 means that another request tries it now. It is absent if no request will try
 * it before the breaker is reset. Retryable.
 *
 * @category models
 * @since 0.1.0
 */
export class Unavailable extends Schema.TaggedError<Unavailable>("effect-voice/Failure/Unavailable")("Unavailable", {
  retryAfterMs: Schema.optionalKey(Schema.Finite)
}) {
  readonly isRetryable = true
  override get message(): string {
    const until = this.retryAfterMs === undefined ? "until it is reset" : `for another ${this.retryAfterMs} ms`
    return `the provider is not asked while its circuit breaker is open, ${until}`
  }
}

/**
 * Every provider asked has failed; `providers` names them in the order asked.
 * Retryable when any of them was.
 *
 * @category models
 * @since 0.1.0
 */
export class Exhausted extends Schema.TaggedError<Exhausted>("effect-voice/Failure/Exhausted")("Exhausted", {
  providers: Schema.Array(Schema.String),
  isRetryable: Schema.Boolean
}) {
  override get message(): string {
    return `all providers failed: ${this.providers.join(", ")}`
  }
}

/**
 * Wrong options. It lists all of them, each with its name, such as `turn.endpointing.minDelay`, and
 * with the values that are allowed.
 *
 * **Details**
 *
 * A constructor throws it; an Effect or a layer fails with it. In the error of a noun (`SttError`
 * and others) it is a reason. Change the program: another try gives the same error.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>("effect-voice/Failure/InvalidOptions")(
  "InvalidOptions",
  { problems: Schema.NonEmptyArray(Schema.Struct({ option: Schema.String, detail: Schema.String })) }
) {
  readonly isRetryable = false
  override get message(): string {
    return this.problems.map(({ detail, option }) => `${option} ${detail}`).join("; ")
  }
}

/**
 * Schema of every reason.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  Disconnected,
  TimedOut,
  Rejected,
  InvalidResponse,
  InvalidRequest,
  EndedEarly,
  Broken,
  Unavailable,
  Exhausted
])

/**
 * Why a provider failed.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type
