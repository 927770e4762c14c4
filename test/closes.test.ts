import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted, Stream } from "effect"
import { Stt, Tts } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as provider from "./support/provider.ts"
import { key, said } from "./support/transcribing.ts"

const apiKey = key
type Recogniser = (url: string) => Layer.Layer<Stt.Stt, Stt.SttError>

/** A recogniser, and a message of its that says nothing: after it the connection has worked. */
const recognisers: Readonly<Record<string, readonly [Recogniser, unknown]>> = {
  AssemblyAI: [(baseUrl) => AssemblyAiStt.layer({ apiKey, baseUrl }), { type: "Begin" }],
  Azure: [
    (baseUrl) => AzureStt.layer({ apiKey, region: "westeurope", baseUrl }),
    "X-RequestId:0123\r\nPath:turn.start\r\n\r\n{}"
  ],
  Deepgram: [(baseUrl) => DeepgramStt.layer({ apiKey, baseUrl }), { type: "SpeechStarted" }],
  Flux: [(baseUrl) => DeepgramFluxStt.layer({ apiKey, baseUrl }), { type: "Connected" }],
  ElevenLabs: [(baseUrl) => ElevenLabsStt.layer({ apiKey, baseUrl }), { message_type: "session_started" }],
  OpenAI: [(url) => OpenAiStt.layerRealtime({ apiKey, url }), { type: "session.created" }]
}

interface Case {
  readonly who: keyof typeof recognisers
  readonly code: number
  readonly words: string
  readonly worked?: boolean
  readonly tag: string
  readonly status?: number
  readonly retryable: boolean
}

const closing = (one: Case, hello: unknown) => {
  const done = new Set<provider.Peer>()
  return provider.webSocket({
    onMessage: (_, peer) => {
      if (done.has(peer)) return
      done.add(peer)
      if (one.worked === true) peer.send(hello)
      peer.socket.close(one.code, one.words)
    }
  })
}

const cases: ReadonlyArray<Case> = [
  {
    who: "Azure",
    code: 1007,
    words: "Quota exceeded. Cid: 81ec6fbaff1b45b48d771b0bab3a97b4",
    tag: "Rejected",
    status: 429,
    retryable: true
  },
  {
    who: "Azure",
    code: 1007,
    words: "Unsupported audio format",
    worked: true,
    tag: "InvalidRequest",
    retryable: false
  },
  { who: "Azure", code: 1007, words: "Something of tomorrow", worked: true, tag: "Disconnected", retryable: true },
  { who: "Azure", code: 1007, words: "Something of tomorrow", tag: "InvalidRequest", retryable: false },
  { who: "Azure", code: 4429, words: "", tag: "Rejected", status: 429, retryable: true },
  { who: "Azure", code: 1002, words: "", worked: true, tag: "Disconnected", retryable: true },
  { who: "ElevenLabs", code: 1008, words: "quota_exceeded", tag: "Rejected", status: 402, retryable: false },
  { who: "ElevenLabs", code: 1008, words: "subscription_required", tag: "Rejected", status: 402, retryable: false },
  { who: "ElevenLabs", code: 1008, words: "detected_unusual_activity", tag: "Rejected", status: 403, retryable: false },
  { who: "ElevenLabs", code: 1008, words: "only_for_creator+", tag: "Rejected", status: 403, retryable: false },
  { who: "ElevenLabs", code: 1008, words: "unsupported_sample_rate", tag: "InvalidRequest", retryable: false },
  { who: "ElevenLabs", code: 1008, words: "max_character_limit_exceeded", tag: "InvalidRequest", retryable: false },
  {
    who: "ElevenLabs",
    code: 1008,
    words: "This request exceeds your quota of 10000. You have 0 credits remaining.",
    worked: true,
    tag: "Rejected",
    status: 402,
    retryable: false
  },
  { who: "ElevenLabs", code: 1002, words: "auth_error", tag: "Rejected", status: 401, retryable: false },
  {
    who: "ElevenLabs",
    code: 1008,
    words: "Too many concurrent requests",
    tag: "Rejected",
    status: 429,
    retryable: true
  },
  { who: "ElevenLabs", code: 1002, words: "session_time_limit_exceeded", tag: "Disconnected", retryable: true },
  {
    who: "ElevenLabs",
    code: 1008,
    words: "We are sorry, something went wrong. You are not charged for this request.",
    tag: "Rejected",
    status: 503,
    retryable: true
  },
  { who: "ElevenLabs", code: 1008, words: "No idea", worked: true, tag: "Disconnected", retryable: true },
  {
    who: "AssemblyAI",
    code: 1008,
    words: "Unauthorized Connection: Missing Authorization header",
    tag: "Rejected",
    status: 401,
    retryable: false
  },
  {
    who: "AssemblyAI",
    code: 1008,
    words: "Unauthorized Connection: Too many concurrent sessions",
    worked: true,
    tag: "Rejected",
    status: 429,
    retryable: true
  },
  {
    who: "AssemblyAI",
    code: 1008,
    words: "Unauthorized Connection: Insufficient account balance",
    tag: "Rejected",
    status: 402,
    retryable: false
  },
  {
    who: "AssemblyAI",
    code: 1008,
    words: "Unauthorized Connection: your account is disabled",
    tag: "Rejected",
    status: 403,
    retryable: false
  },
  {
    who: "AssemblyAI",
    code: 3005,
    words: "Session Cancelled: An error occurred",
    tag: "Rejected",
    status: 503,
    retryable: true
  },
  {
    who: "AssemblyAI",
    code: 3006,
    words: "Invalid Message Type: something",
    worked: true,
    tag: "InvalidRequest",
    retryable: false
  },
  {
    who: "AssemblyAI",
    code: 3007,
    words: "Input duration violation: 20 ms. Expected between 50 and 1000 ms",
    worked: true,
    tag: "InvalidRequest",
    retryable: false
  },
  {
    who: "AssemblyAI",
    code: 3007,
    words: "Audio Transmission Rate Exceeded: Received 9 sec. audio in 1 sec",
    worked: true,
    tag: "Rejected",
    status: 429,
    retryable: true
  },
  {
    who: "AssemblyAI",
    code: 3008,
    words: "Session Expired: Maximum session duration exceeded",
    worked: true,
    tag: "Disconnected",
    retryable: true
  },
  {
    who: "AssemblyAI",
    code: 3009,
    words: "See Error message for details",
    tag: "Rejected",
    status: 429,
    retryable: true
  },
  { who: "AssemblyAI", code: 3006, words: "", worked: true, tag: "Disconnected", retryable: true },
  { who: "Deepgram", code: 1011, words: "NET-0001", tag: "Disconnected", retryable: true },
  { who: "Deepgram", code: 1008, words: "DATA-0000", worked: true, tag: "InvalidRequest", retryable: false },
  { who: "Deepgram", code: 1008, words: "INVALID_AUTH", tag: "Rejected", status: 401, retryable: false },
  { who: "Deepgram", code: 1008, words: "", worked: true, tag: "Disconnected", retryable: true },
  { who: "Flux", code: 1011, words: "NET-0001", tag: "Disconnected", retryable: true },
  { who: "Flux", code: 1008, words: "DATA-0000", worked: true, tag: "InvalidRequest", retryable: false },
  {
    who: "OpenAI",
    code: 3000,
    words: "invalid_request_error.invalid_api_key",
    tag: "Rejected",
    status: 401,
    retryable: false
  },
  {
    who: "OpenAI",
    code: 4000,
    words: "invalid_request_error.session_expired",
    worked: true,
    tag: "Disconnected",
    retryable: true
  },
  { who: "OpenAI", code: 1008, words: "insufficient_quota", tag: "Rejected", status: 402, retryable: false },
  { who: "OpenAI", code: 1008, words: "rate_limit_exceeded", tag: "Rejected", status: 429, retryable: true },
  { who: "OpenAI", code: 1008, words: "a policy of ours", worked: true, tag: "Disconnected", retryable: true }
]

describe("A recogniser whose provider closes the connection", () => {
  for (const one of cases) {
    const { code, retryable, status, tag, who, words, worked = false } = one
    it.live(`says why: ${who} ${code} "${words}"${worked ? " in the middle" : ""}`, () =>
      Effect.gen(function*() {
        const [layer, hello] = recognisers[who]!
        const server = yield* closing(one, hello)
        const error = yield* Effect.flip(Stream.runDrain(Stt.transcribe(Stream.concat(said, Stream.never)))).pipe(
          Effect.provide(layer(server.url))
        )
        const { reason } = error
        assert.deepStrictEqual([reason._tag, error.isRetryable], [tag, retryable])
        if (status !== undefined) assert.strictEqual(reason._tag === "Rejected" ? reason.status : undefined, status)
        if (words.includes(" ")) assert.notInclude(JSON.stringify(error) + error.message, words)
      }))
  }

  it.live("is asked again after words that nobody knows, and after a quota of the moment, and loses nothing", () =>
    Effect.gen(function*() {
      for (const words of ["Rate limit exceeded. Cid: 1", "Something of tomorrow"]) {
        const final = (text: string) => ({
          type: "Results",
          start: 0,
          duration: 1,
          is_final: true,
          channel: { alternatives: [{ transcript: text, words: [] }] }
        })
        const server = yield* provider.webSocket({
          onMessage: (message, peer) => {
            if (!String(message).includes("Finalize")) return
            if (server.peers.length > 1) return peer.send(final("hello"))
            peer.send({ type: "SpeechStarted" })
            peer.socket.close(1008, words)
          }
        })
        const heard = yield* Effect.gen(function*() {
          const stt = Stt.resilient(yield* Stt.Stt)
          return yield* Stream.runHead(stt.transcribe(Stream.concat(said, Stream.never)))
        }).pipe(Effect.provide(DeepgramStt.layer({ apiKey, baseUrl: server.url })))
        assert.strictEqual(heard._tag === "Some" ? heard.value.text : undefined, "hello")
        assert.strictEqual(server.peers.length, 2)
      }
    }))
})

describe("A voice whose provider closes the connection", () => {
  for (
    const [words, tag, detail] of [
      ["A voice with voice_id abc does not exist", "InvalidRequest", "voice"],
      ["A model with requested ID does not exist", "InvalidRequest", "model"],
      ["Have not received a new text input within the timeout of 20 seconds.", "Disconnected", ""],
      ["quota_exceeded", "Rejected", "402"]
    ] as const
  ) {
    it.live(`says why: "${words}"`, () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket({ onMessage: (_, peer) => peer.socket.close(1008, words) })
        const error = yield* Effect.flip(Stream.runDrain(Tts.speak(Stream.make("Good morning.")))).pipe(
          Effect.provide(ElevenLabsTts.layer({ apiKey: Redacted.make("k"), baseUrl: server.url }))
        )
        assert.strictEqual(error.reason._tag, tag)
        assert.include(error.message, detail)
      }))
  }
})
