/**
 * Each option of each recogniser and voice is on the wire: one that is dropped changes nothing of what a server gets.
 * The tables name all options by their types, so that a new one cannot be left out.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted, type Scope, Stream } from "effect"
import { Stt, Tts } from "effect-voice"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as provider from "./support/provider.ts"
import { key, said } from "./support/transcribing.ts"

const apiKey = key

/** Header fields that are no part of what is asked. */
const passing = /^(?:host|connection|content-length|sec-websocket-|x-stainless-|x-connectionid|accept|user-agent)/

const shown = (url: URL, headers: object, body: string): string =>
  JSON.stringify({
    url: url.pathname + url.search,
    headers: Object.entries(headers).filter(([name]) => !passing.test(name)).toSorted(),
    body
  })
    .replaceAll(/-{4,}formdata-[\w-]+|-{4,}\d{5,}/g, "boundary")
    .replaceAll(/(?<=X-RequestId: |X-Timestamp: )\S+?(?=\\)/g, "")

type Ask<Options> = (url: string, options: Options) => Effect.Effect<unknown, unknown, Scope.Scope>

/** What a server of WebSockets gets with the first two messages. */
const overWebSocket = <Options>(ask: Ask<Options>, options: Options): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* provider.webSocket({
      onMessage: (_, peer) => {
        if (peer.received.length === 2) peer.socket.close(1011)
      }
    })
    yield* Effect.exit(Effect.scoped(ask(server.url, options)))
    const { headers, received, url } = yield* server.next
    return shown(url, headers, received.slice(0, 2).map(String).join("\n"))
  })

/** What a server of HTTP gets first. */
const overHttp = <Options>(ask: Ask<Options>, options: Options): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* provider.http((_, response) => void response.writeHead(500).end())
    yield* Effect.exit(Effect.scoped(ask(server.url, options)))
    const { body, headers, method, url } = yield* server.next
    return method + shown(url, headers, body.toString("latin1"))
  })

const hears = (layer: Layer.Layer<Stt.Stt, Stt.SttError>) =>
  Effect.provide(Stream.runDrain(Stt.transcribe(said)), layer)
const speaks = (layer: Layer.Layer<Tts.Tts, Tts.TtsError>) =>
  Effect.provide(Stream.runDrain(Tts.speak(Stream.make("Good morning."))), layer)

/** Another value than the default, with what else it takes to be of use; `null` for what stays in the process. */
type Table<Options, Own extends keyof Options> = {
  readonly [Name in Exclude<keyof Options, Own>]-?:
    | { readonly value: NonNullable<Options[Name]>; readonly with?: Partial<Options> }
    | null
}

const check = <Options, Own extends keyof Options>(
  name: string,
  capture: (ask: Ask<Partial<Options>>, options: Partial<Options>) => Effect.Effect<string, never, Scope.Scope>,
  ask: Ask<Partial<Options>>,
  table: Table<Options, Own>
) =>
  describe(name, () => {
    it.live("asks the same with the same options", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* capture(ask, {}), yield* capture(ask, {}))
      }))

    const entries: ReadonlyArray<readonly [string, { readonly value: unknown; readonly with?: object } | null]> = Object
      .entries(table)
    for (const [option, asked] of entries) {
      if (asked === null) continue
      it.live(`sends ${option}`, () =>
        Effect.gen(function*() {
          const without = (asked.with ?? {}) as Partial<Options>
          const bare = yield* capture(ask, without)
          assert.notStrictEqual(yield* capture(ask, { ...without, [option]: asked.value }), bare)
        }))
    }
  })

type Address = "apiKey" | "name" | "baseUrl"

check<AzureStt.Options, Address | "region">(
  "AzureStt",
  overWebSocket,
  (baseUrl, more) => hears(AzureStt.layer({ apiKey, region: "westeurope", baseUrl, ...more })),
  {
    language: { value: "de-DE" },
    mode: { value: "Dictation" },
    profanity: { value: "Raw" },
    output: { value: "Detailed" },
    phrases: { value: ["Seeblick"] },
    segmentation: { value: "300 millis" },
    endpointId: { value: "mine" },
    sampleRate: null
  }
)

check<DeepgramStt.Options, Address>(
  "DeepgramStt",
  overWebSocket,
  (baseUrl, more) => hears(DeepgramStt.layer({ apiKey, baseUrl, ...more })),
  {
    model: { value: "nova-2" },
    language: { value: "de" },
    interims: { value: false },
    endpointing: { value: false },
    smartFormat: { value: false },
    noDelay: { value: false },
    punctuate: { value: false },
    numerals: { value: true },
    fillerWords: { value: true },
    profanityFilter: { value: true },
    redact: { value: ["pci"] },
    keyterms: { value: ["Seeblick"] },
    keywords: { value: ["Seeblick:2"] },
    mipOptOut: { value: true },
    tags: { value: ["desk"] },
    parameters: { value: { replace: ["a:b", "c:d"] } },
    sampleRate: { value: 8000 }
  }
)

check<ElevenLabsStt.Options, Address>(
  "ElevenLabsStt",
  overWebSocket,
  (baseUrl, more) => hears(ElevenLabsStt.layer({ apiKey, baseUrl, ...more })),
  {
    model: { value: "scribe_v3" },
    language: { value: "de" },
    secondaryLanguages: { value: ["fr-CH"] },
    keyterms: { value: ["Seeblick"] },
    noVerbatim: { value: true },
    commit: { value: "pauses" },
    pause: { value: "800 millis", with: { commit: "pauses" } },
    voiceThreshold: { value: 0.6, with: { commit: "pauses" } },
    words: { value: false },
    logging: { value: false },
    sampleRate: { value: 8000 }
  }
)

const open = {
  organization: { value: "org" },
  project: { value: "project" },
  headers: { value: { "x-team": Redacted.make("desk") } }
} as const

check<OpenAiStt.Options, Address>(
  "OpenAiStt",
  overHttp,
  (baseUrl, more) => hears(OpenAiStt.layer({ apiKey, baseUrl, ...more })),
  {
    ...open,
    model: { value: "gpt-transcribe" },
    language: { value: "de" },
    languages: { value: ["de", "fr"], with: { model: "gpt-transcribe" } },
    keywords: { value: ["Seeblick"], with: { model: "gpt-transcribe" } },
    prompt: { value: "Hotel" },
    temperature: { value: 0.3 },
    words: { value: true },
    gates: null,
    vad: null,
    vadOptions: null,
    interimEvery: null,
    maxSpeech: null
  }
)

check<OpenAiStt.RealtimeOptions, Address>(
  "OpenAiStt live",
  overWebSocket,
  (url, more) => hears(OpenAiStt.layerRealtime({ apiKey, baseUrl: url.replace("ws", "http"), ...more })),
  {
    ...open,
    url: null,
    model: { value: "gpt-transcribe" },
    language: { value: "de" },
    languages: { value: ["de", "fr"] },
    keywords: { value: ["Seeblick"] },
    prompt: { value: "Hotel" },
    delay: { value: "low", with: { model: "gpt-realtime-whisper" } },
    noiseReduction: { value: "near_field" }
  }
)

check<HttpStt.Options, "url" | "name" | "model" | "answer">(
  "HttpStt",
  overHttp,
  (url, more) => hears(HttpStt.layer({ url, ...more })),
  {
    headers: { value: { "x-key": Redacted.make("k") } },
    upload: { value: "multipart" },
    field: { value: "audio", with: { upload: "multipart" } },
    parameters: { value: { task: "transcribe" } },
    language: { value: "de", with: { parameters: (language) => ({ language: String(language) }) } },
    format: { value: { sampleRate: 8000, channels: 1 } },
    vad: null,
    vadOptions: null,
    interimEvery: null,
    maxSpeech: null
  }
)

check<AzureTts.Options, Address | "region">(
  "AzureTts",
  overHttp,
  (baseUrl, more) => speaks(AzureTts.layer({ apiKey, region: "westeurope", baseUrl, ...more })),
  {
    voice: { value: "de-DE-KatjaNeural" },
    language: { value: "de-DE" },
    rate: { value: 1.1 },
    pitch: { value: "+10%" },
    volume: { value: "+10%" },
    style: { value: "cheerful" },
    endpointId: { value: "mine" },
    sampleRate: { value: 16_000 }
  }
)

const eleven = {
  voice: { value: "abcdefghijklmnopqrs1" },
  model: { value: "eleven_flash_v2_5" },
  language: { value: "de" },
  stability: { value: 0.1 },
  similarityBoost: { value: 0.1 },
  style: { value: 0.1 },
  speakerBoost: { value: false },
  speed: { value: 1.1 },
  latency: { value: 3 },
  mode: null,
  format: { value: "pcm_16000" },
  textNormalization: { value: "on" },
  logging: { value: false }
} as const

check<ElevenLabsTts.Options, Address>(
  "ElevenLabsTts",
  overWebSocket,
  (url, more) => speaks(ElevenLabsTts.layer({ apiKey, baseUrl: url.replace("ws", "http"), ...more })),
  {
    ...eleven,
    autoMode: { value: false },
    chunkSchedule: { value: [100, 200], with: { autoMode: false } },
    inactivityTimeout: { value: "20 seconds" }
  }
)

check<ElevenLabsTts.Options, Address>(
  "ElevenLabsTts by HTTP",
  overHttp,
  (baseUrl, more) => speaks(ElevenLabsTts.layer({ apiKey, baseUrl, ...more, mode: "http" })),
  { ...eleven, autoMode: null, chunkSchedule: null, inactivityTimeout: null }
)

check<OpenAiTts.Options, Address>(
  "OpenAiTts",
  overHttp,
  (baseUrl, more) => speaks(OpenAiTts.layer({ apiKey, baseUrl, ...more })),
  {
    ...open,
    model: { value: "gpt-4o-mini-tts" },
    voice: { value: "marin" },
    speed: { value: 1.1 },
    instructions: { value: "Softly.", with: { model: "gpt-4o-mini-tts" } },
    format: { value: "wav" },
    sampleRate: null
  }
)

check<HttpTts.Options, "url" | "name" | "model">(
  "HttpTts",
  overHttp,
  (url, more) => speaks(HttpTts.layer({ url, ...more })),
  {
    headers: { value: { "x-key": Redacted.make("k") } },
    voice: { value: "anna" },
    body: { value: ({ text }) => text },
    answer: null,
    format: null,
    longest: null
  }
)
