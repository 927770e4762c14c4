/** `LiveKitRoom.Options`, checked. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Options } from "../../Layers/LiveKitRoom.ts"
import { RoomError } from "../../Room.ts"
import { millisOf } from "../provider/options.ts"

export interface Checked {
  readonly url: string
  readonly token: Redacted.Redacted
  readonly admin: Redacted.Redacted | undefined
  readonly autoSubscribe: "all" | "audio" | "video" | "none"
  readonly key: Redacted.Redacted | undefined
  readonly rejoin: boolean
  readonly retries: number
  readonly retryMs: number
  readonly frameMs: number
  readonly bufferMs: number
  readonly maxMessageBytes: number
  readonly topics: { readonly texts: ReadonlyArray<string>; readonly bytes: ReadonlyArray<string> }
  readonly captureLogs: boolean
}

const invalid = (option: string, detail: string): Effect.Effect<never, RoomError> =>
  Effect.fail(new RoomError({ reason: "InvalidOption", detail: `${option}: ${detail}` }))

const modes: ReadonlyArray<string> = ["all", "audio", "video", "none"]

const millis = (
  option: string,
  input: Duration.Input,
  least: number,
  most: number
): Effect.Effect<number, RoomError> => {
  const ms = millisOf(input)
  return ms >= least && ms <= most
    ? Effect.succeed(ms)
    : invalid(option, `${ms} ms, expected ${least} to ${most} ms`)
}

const whole = (option: string, value: number, least: number): Effect.Effect<number, RoomError> =>
  Number.isInteger(value) && value >= least
    ? Effect.succeed(value)
    : invalid(option, `must be a whole number of ${least} or more, not ${value}`)

export const check = (options: Options): Effect.Effect<Checked, RoomError> =>
  Effect.gen(function*() {
    const { autoSubscribe = "audio", token, url } = options
    // Not quoted: whoever puts a key into an address by mistake should not read it in a log.
    if (!/^(?:wss?|https?):\/\/[^\s/]+/.test(url)) {
      return yield* invalid("url", "must begin with ws://, wss://, http:// or https://")
    }
    if (Redacted.value(token) === "") {
      return yield* invalid("token", "is empty")
    }
    if (!modes.includes(autoSubscribe)) return yield* invalid("autoSubscribe", `must be one of ${modes.join(", ")}`)
    const key = options.encryption?.key
    if (key !== undefined && Redacted.value(key) === "") return yield* invalid("encryption.key", "is empty")
    const frameMs = yield* millis("frame", options.frame ?? "40 millis", 10, 100)
    if (frameMs % 10 !== 0) return yield* invalid("frame", `must be a multiple of 10 ms, not ${frameMs} ms`)
    const { frontend, preconnect } = options
    const longest = Number.POSITIVE_INFINITY
    if (frontend !== false) yield* millis("frontend.runTimeout", frontend?.runTimeout ?? 0, 0, longest)
    if (preconnect !== false) {
      yield* millis("preconnect.wait", preconnect?.wait ?? 0, 0, longest)
      yield* millis("preconnect.maxAge", preconnect?.maxAge ?? 0, 0, longest)
    }
    return {
      url: url.replace(/^http/, "ws"),
      token,
      admin: options.admin,
      autoSubscribe,
      key,
      frameMs,
      rejoin: options.rejoin ?? true,
      retries: yield* whole("retries", options.retries ?? 3, 0),
      retryMs: yield* millis("retryDelay", options.retryDelay ?? "2 seconds", 0, 3_600_000),
      bufferMs: yield* millis("audioBuffer", options.audioBuffer ?? "2 seconds", 100, 60_000),
      maxMessageBytes: yield* whole("maxMessageBytes", options.maxMessageBytes ?? 16 * 1024 * 1024, 1),
      topics: {
        texts: options.topics?.texts ?? ["lk.chat"],
        bytes: options.topics?.bytes ?? ["lk.agent.pre-connect-audio-buffer", "lk.agent.session"]
      },
      captureLogs: options.nativeLogs === true
    }
  })
