/** `LiveKitRoom.Options`, checked. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Options } from "../../Layers/LiveKitRoom.ts"
import { RoomError } from "../../Room.ts"

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
  const duration = Duration.fromInput(input)
  const ms = duration._tag === "Some" && !Number.isNaN(input) ? Duration.toMillis(duration.value) : Number.NaN
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
