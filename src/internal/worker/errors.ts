/** Why a worker could not start, or has ended. */
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { InvalidOptions } from "../../Failure.ts"
import { notLoaded } from "../notLoaded.ts"

/**
 * The server does not accept the key and the secret; not tried again.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("effect-voice/Worker/Unauthorized")("Unauthorized", {
  status: Schema.Int
}) {
  override get message(): string {
    return `the server refuses the key (status ${this.status}): check LIVEKIT_API_KEY and LIVEKIT_API_SECRET`
  }
}

/**
 * The connection could not be opened (`status` is the answer of an HTTP server
 * that is none for workers), or was lost.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>("effect-voice/Worker/ConnectionLost")(
  "ConnectionLost",
  { code: Schema.optionalKey(Schema.Int), status: Schema.optionalKey(Schema.Int) }
) {
  override get message(): string {
    if (this.code !== undefined) return `the connection to the server was lost (code ${this.code})`
    return this.status === undefined
      ? "the server cannot be reached"
      : `the server answers, but not as one for workers (status ${this.status})`
  }
}

/**
 * The server did not do what it has to do within the time.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimedOut extends Schema.TaggedError<TimedOut>("effect-voice/Worker/TimedOut")("TimedOut", {
  waiting: Schema.Literals(["connection", "registration", "answer"]),
  afterMs: Schema.Finite
}) {
  override get message(): string {
    return `no ${this.waiting} from the server within ${this.afterMs} ms`
  }
}

/**
 * The server sent something that cannot be understood.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProtocolViolated extends Schema.TaggedError<ProtocolViolated>("effect-voice/Worker/ProtocolViolated")(
  "ProtocolViolated",
  { detail: Schema.String }
) {
  override get message(): string {
    return `the server broke the protocol: ${this.detail}`
  }
}

/**
 * What ends one connection; all but `Unauthorized` are tried again.
 *
 * @category errors
 * @since 0.1.0
 */
export const ConnectionReason = Schema.Union([Unauthorized, ConnectionLost, TimedOut, ProtocolViolated])

/**
 * @category errors
 * @since 0.1.0
 */
export type ConnectionReason = typeof ConnectionReason.Type

/**
 * The server could not be reached, however often it was tried; `last` is the
 * reason of the last attempt.
 *
 * @category errors
 * @since 0.1.0
 */
export class Exhausted extends Schema.TaggedError<Exhausted>("effect-voice/Worker/Exhausted")("Exhausted", {
  attempts: Schema.Int,
  last: ConnectionReason
}) {
  override get message(): string {
    return `no connection to the server after ${this.attempts} attempts, at last because ${this.last.message}: check LIVEKIT_URL`
  }
}

/**
 * A package that workers need is not installed, or cannot be loaded: `detail` says which, and what to do.
 *
 * @category errors
 * @since 0.1.0
 */
export class PackageMissing extends Schema.TaggedError<PackageMissing>("effect-voice/Worker/PackageMissing")(
  "PackageMissing",
  { package: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return this.detail
  }
}

/** What the system says of an address. */
const ofAddress: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"])

const hostOfHttp = "http.host (--host of the command), or METRICS_HOST"

/** How to choose another port, and another address. */
const ways = {
  port: ["the option port", "the option host"],
  "http.port": ["the option http.port", hostOfHttp],
  "http.metricsPort": ["the option http.metricsPort (false: none), or with METRICS_PORT", hostOfHttp]
} as const

/**
 * The system does not let a server listen; `code` is its reason, and `option` the
 * one that says where.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenFailed extends Schema.TaggedError<ListenFailed>("effect-voice/Worker/ListenFailed")("ListenFailed", {
  port: Schema.Int,
  code: Schema.String,
  option: Schema.Literals(["http.port", "http.metricsPort", "port"])
}) {
  override get message(): string {
    const [port, host] = ways[this.option]
    if (this.code === "EADDRINUSE") return `port ${this.port} is in use: choose another with ${port}`
    if (this.code === "EACCES") {
      return `port ${this.port} is not for this user (${this.code}): choose another with ${port}`
    }
    return ofAddress.has(this.code)
      ? `cannot listen at an address that is none of this machine's (${this.code}): check ${host}`
      : `cannot listen on port ${this.port} (${this.code}): check the option ${this.option}`
  }
}

/**
 * The definition's prewarming has failed or took too long, or a process of the
 * pool never became ready. `detail` is the message of an error of this library, or the
 * kind of failure: the log tells the rest of what others have written.
 *
 * @category errors
 * @since 0.1.0
 */
export class PrewarmFailed extends Schema.TaggedError<PrewarmFailed>("effect-voice/Worker/PrewarmFailed")(
  "PrewarmFailed",
  { detail: Schema.String }
) {
  override get message(): string {
    return `the worker could not be made ready: ${this.detail}`
  }
}

/**
 * The worker has drained because its process used more than its `memoryLimit`. A program that ends with it has
 * the exit code 75: start it again.
 *
 * @category errors
 * @since 0.1.0
 */
export class MemoryExceeded extends Schema.TaggedError<MemoryExceeded>("effect-voice/Worker/MemoryExceeded")(
  "MemoryExceeded",
  { memoryMb: Schema.Finite, limitMb: Schema.Finite }
) {
  override get message(): string {
    return `the worker has drained: its process used ${this.memoryMb} MB, and memoryLimit is ${this.limitMb}`
  }
}

/**
 * Why a worker could not start, or has ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerError extends Schema.TaggedError<WorkerError>("effect-voice/Worker/WorkerError")("WorkerError", {
  reason: Schema.Union([
    InvalidOptions,
    Unauthorized,
    ConnectionLost,
    TimedOut,
    ProtocolViolated,
    Exhausted,
    PackageMissing,
    ListenFailed,
    PrewarmFailed,
    MemoryExceeded
  ])
}) {
  override get message(): string {
    return this.reason.message
  }
}

/** An option, or the environment variable that stands for it, has a value that no worker can work with. */
export const invalid = (reason: InvalidOptions): WorkerError => new WorkerError({ reason })

/** What an import has failed with, of a package that the program installs itself. */
export const notInstalled = (name: string) => (cause: unknown): WorkerError =>
  new WorkerError({ reason: new PackageMissing({ package: name, detail: notLoaded(name, cause) }) })

/** A failure that passes when the program is started again, as sysexits.h has it. */
const tryAgain = 75

/** A program that ends with it has an exit code of its own. */
export const memoryExceeded = (used: { readonly memoryMb: number; readonly limitMb: number }): WorkerError => {
  const error = new WorkerError({ reason: new MemoryExceeded(used) })
  Reflect.defineProperty(error, Runtime.errorExitCode, { value: tryAgain })
  return error
}
