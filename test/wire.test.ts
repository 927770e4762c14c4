/**
 * Each option of each recogniser and voice is on the wire: one that is dropped changes nothing of what a server gets.
 * The tables name all options by their types, so that a new one cannot be left out.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted, Stream } from "effect"
import { Stt, Tts } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { key, said } from "./support/transcribing.ts"
import { type Ask, checks, overHttp, overWebSocket } from "./support/wire.ts"

const apiKey = key

const recogniser = checks((layer: Layer.Layer<Stt.Stt, Stt.SttError>) =>
  Effect.provide(Stream.runDrain(Stt.transcribe(said)), layer)
)
const voice = checks((layer: Layer.Layer<Tts.Tts, Tts.TtsError>) =>
  Effect.provide(Stream.runDrain(Tts.speak(Stream.make("Good morning."))), layer)
)

type Address = "apiKey" | "name" | "baseUrl"

recogniser<AzureStt.Options, Address | "region">(
  "AzureStt",
  overWebSocket,
  {
    base: (baseUrl) => ({ apiKey, region: "westeurope", baseUrl }),
    layer: AzureStt.layer,
    layerConfig: AzureStt.layerConfig
  },
  {
    language: { value: "de-DE" },
    languages: { value: ["de-DE", "fr"] },
    mode: { value: "Dictation" },
    profanity: { value: "Raw" },
    output: { value: "Detailed" },
    phrases: { value: ["Seeblick"] },
    segmentation: { value: "300 millis" },
    endpointId: { value: "mine" },
    sampleRate: null
  }
)

recogniser<AssemblyAiStt.Options, Address>(
  "AssemblyAiStt",
  overWebSocket,
  {
    base: (baseUrl) => ({ apiKey, baseUrl }),
    layer: AssemblyAiStt.layer,
    layerConfig: AssemblyAiStt.layerConfig
  },
  {
    model: { value: "universal-streaming-english" },
    languages: { value: ["de-AT"] },
    detectLanguage: { value: false },
    endThreshold: { value: 0.6 },
    eagerThreshold: null,
    endSilence: { value: "200 millis" },
    endTimeout: { value: "2 seconds" },
    voiceThreshold: { value: 0.3 },
    formatTurns: { value: true },
    keyterms: { value: ["Seeblick"] },
    prompt: { value: "A hotel." },
    mode: { value: "min_latency" },
    profanityFilter: { value: true },
    parameters: { value: { voice_focus: "near-field" } },
    sampleRate: { value: 8000 }
  }
)

recogniser<DeepgramStt.Options, Address>(
  "DeepgramStt",
  overWebSocket,
  {
    base: (baseUrl) => ({ apiKey, baseUrl }),
    layer: DeepgramStt.layer,
    layerConfig: DeepgramStt.layerConfig
  },
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

recogniser<ElevenLabsStt.Options, Address>(
  "ElevenLabsStt",
  overWebSocket,
  {
    base: (baseUrl) => ({ apiKey, baseUrl }),
    layer: ElevenLabsStt.layer,
    layerConfig: ElevenLabsStt.layerConfig
  },
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

recogniser<OpenAiStt.Options, Address>(
  "OpenAiStt",
  overHttp,
  {
    base: (baseUrl) => ({ apiKey, baseUrl }),
    layer: OpenAiStt.layer,
    layerConfig: OpenAiStt.layerConfig
  },
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

recogniser<OpenAiStt.RealtimeOptions, Address>(
  "OpenAiStt live",
  overWebSocket,
  {
    base: (url) => ({ apiKey, baseUrl: url.replace("ws", "http") }),
    layer: OpenAiStt.layerRealtime,
    layerConfig: OpenAiStt.layerRealtimeConfig
  },
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

recogniser<HttpStt.Options, "url" | "name" | "model" | "answer">(
  "HttpStt",
  overHttp,
  {
    base: (url) => ({ url }),
    layer: HttpStt.layer,
    layerConfig: HttpStt.layerConfig
  },
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

voice<AzureTts.Options, Address | "region">(
  "AzureTts",
  overHttp,
  {
    base: (baseUrl) => ({ apiKey, region: "westeurope", baseUrl }),
    layer: AzureTts.layer,
    layerConfig: AzureTts.layerConfig
  },
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

voice<CartesiaTts.Options, Address>(
  "CartesiaTts",
  overWebSocket,
  {
    base: (baseUrl) => ({ apiKey, baseUrl }),
    layer: CartesiaTts.layer,
    layerConfig: CartesiaTts.layerConfig
  },
  {
    voice: { value: "anna" },
    model: { value: "sonic-3" },
    language: { value: "de" },
    speed: { value: 1.1 },
    volume: { value: 0.8 },
    emotion: { value: "content" },
    pronunciation: { value: "mine" },
    textNormalization: { value: "off" },
    maxBufferDelay: { value: "300 millis" },
    sampleRate: { value: 16_000 }
  }
)

voice<ElevenLabsTts.Options, Address>(
  "ElevenLabsTts",
  overWebSocket,
  {
    base: (url) => ({ apiKey, baseUrl: url.replace("ws", "http") }),
    layer: ElevenLabsTts.layer,
    layerConfig: ElevenLabsTts.layerConfig
  },
  {
    ...eleven,
    autoMode: { value: false },
    chunkSchedule: { value: [100, 200], with: { autoMode: false } },
    inactivityTimeout: { value: "20 seconds" }
  }
)

voice<ElevenLabsTts.Options, Address>(
  "ElevenLabsTts by HTTP",
  overHttp,
  {
    base: (baseUrl) => ({ apiKey, baseUrl, mode: "http" }),
    layer: ElevenLabsTts.layer,
    layerConfig: ElevenLabsTts.layerConfig
  },
  { ...eleven, autoMode: null, chunkSchedule: null, inactivityTimeout: null }
)

voice<OpenAiTts.Options, Address>(
  "OpenAiTts",
  overHttp,
  {
    base: (baseUrl) => ({ apiKey, baseUrl }),
    layer: OpenAiTts.layer,
    layerConfig: OpenAiTts.layerConfig
  },
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

voice<HttpTts.Options, "url" | "name" | "model">(
  "HttpTts",
  overHttp,
  {
    base: (url) => ({ url }),
    layer: HttpTts.layer,
    layerConfig: HttpTts.layerConfig
  },
  {
    headers: { value: { "x-key": Redacted.make("k") } },
    voice: { value: "anna" },
    body: { value: ({ text }) => text },
    answer: null,
    format: null,
    longest: null
  }
)

/** What one speech asks for. */
const speeches: { readonly [Name in keyof Tts.Options]-?: Tts.Options } = {
  voice: { voice: "abcdefghijklmnopqrs2" },
  speed: { speed: 1.15 }
}

const voices: Readonly<Record<string, (url: string) => Layer.Layer<Tts.Tts, Tts.TtsError>>> = {
  AzureTts: (baseUrl) => AzureTts.layer({ apiKey, region: "westeurope", baseUrl }),
  CartesiaTts: (baseUrl) => CartesiaTts.layer({ apiKey, baseUrl }),
  ElevenLabsTts: (url) => ElevenLabsTts.layer({ apiKey, baseUrl: url.replace("ws", "http") }),
  "ElevenLabsTts by HTTP": (baseUrl) => ElevenLabsTts.layer({ apiKey, baseUrl, mode: "http" }),
  OpenAiTts: (baseUrl) => OpenAiTts.layer({ apiKey, baseUrl }),
  HttpTts: (url) => HttpTts.layer({ url })
}

for (const [name, layer] of Object.entries(voices)) {
  describe(`${name}, for one speech,`, () => {
    const ask: Ask<Tts.Options> = (url, options) =>
      Effect.provide(Stream.runDrain(Tts.speak(Stream.make("Good morning."), options)), layer(url))
    const over = name === "ElevenLabsTts" || name === "CartesiaTts" ? overWebSocket : overHttp
    for (const [option, options] of Object.entries(speeches)) {
      it.live(`sends ${option}`, () =>
        Effect.gen(function*() {
          assert.notStrictEqual(yield* over(ask, options), yield* over(ask, {}))
        }))
    }
  })
}
