/** An option that nothing can be done with is refused by its name where it is given: none can hang or flood a process. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Redacted, Result, Stream } from "effect"
import {
  Agent,
  Audio,
  Frontend,
  History,
  Llm,
  Metrics,
  Processor,
  Resilience,
  Room,
  Stt,
  Text,
  Tools,
  Tts
} from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as CommandStt from "effect-voice/Layers/CommandStt"
import * as CommandTts from "effect-voice/Layers/CommandTts"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as Prometheus from "effect-voice/Layers/Prometheus"
import * as Telemetry from "effect-voice/Layers/Telemetry"

const apiKey = Redacted.make("key")
const words = "5 secs" as "5 seconds"
const noTimes = [Number.NaN, -5, words, { seconds: Number.NaN }, { milliseconds: Number.NaN }] as const
const noLengths = [...noTimes, 0] as const
const llm = Llm.make({ name: "a", reply: () => Stream.make<[Llm.Delta]>({ _tag: "Finish" }) })
const recognizer = (options: Partial<Stt.RecognizerOptions>) =>
  Stt.fromRecognizer({ name: "a", recognize: () => Effect.succeed({ text: "" }), ...options })
const program = { program: "true" } as const

type Case = readonly [option: string, make: () => unknown]

const each = <A>(option: string, values: ReadonlyArray<A>, make: (value: A) => unknown): ReadonlyArray<Case> =>
  values.map((value) => [option, () => make(value)])

const thrown: ReadonlyArray<Case> = [
  ...each("maxSpeech", noLengths, (maxSpeech) => recognizer({ maxSpeech })),
  ...each("interimEvery", noLengths, (interimEvery) => recognizer({ interimEvery })),
  ["vadOptions.activation", () => recognizer({ vadOptions: { activation: 7 } })],
  ["vadOptions.prefixPadding", () => recognizer({ vadOptions: { prefixPadding: Number.NaN } })],
  ["format", () => recognizer({ format: { sampleRate: 0, channels: 1 } })],
  ...each("timeToLive", noLengths, (timeToLive) => Llm.cached(llm, { timeToLive })),
  ...each("turn.awayAfter", noTimes, (awayAfter) => Agent.make({ instructions: "", turn: { awayAfter } })),
  ...each("vad.minSilence", noTimes, (minSilence) => Agent.make({ instructions: "", vad: { minSilence } })),
  ...each("capacity", [Number.NaN, -5, 0, 1.5], (capacity) => Llm.cached(llm, { capacity })),
  ...each("temperature", [Number.NaN, -1, 5], (temperature) => Llm.withSettings(llm, { temperature })),
  ...each("maxTokens", [Number.NaN, -1, 0], (maxTokens) => Llm.withSettings(llm, { maxTokens })),
  ...each(
    "sampleRate",
    [Number.NaN, 0, -1],
    (sampleRate) => Tts.make({ name: "a", sampleRate, channels: 1, speak: (text) => Stream.drain(text) })
  ),
  ["channels", () => Tts.make({ name: "a", sampleRate: 8000, channels: 0, speak: (text) => Stream.drain(text) })],
  ["dB", () => Processor.gain(Number.NaN)],
  ["dB", () => Audio.gain(Audio.silence(10, Audio.speech), Number.NaN)],
  ["thresholdDbfs", () => Processor.gate({ thresholdDbfs: Number.NaN })],
  ...each("hold", noTimes, (hold) => Processor.gate({ hold })),
  ...each("length", [Number.NaN, -5, words], (length) => Audio.silence(length, Audio.speech)),
  ...each("from", [Number.NaN, words], (from) => Audio.slice(Audio.silence(10, Audio.speech), from)),
  ...each("duration", noLengths, (duration) => Audio.rechunk(Stream.empty, { duration })),
  ...each("size", [Number.NaN, 0, -5, 0.5], (samples) => Audio.rechunk(Stream.empty, { samples })),
  ...each("minLength", [Number.NaN, -5], (minLength) => Text.segmenter({ minLength })),
  ...each("firstMinLength", [Number.NaN, -5], (firstMinLength) => Text.segmenter({ firstMinLength })),
  ...each("maxLength", [Number.NaN, -5, 0], (maxLength) => Text.splitSentences("One. Two.", { maxLength })),
  ...each("turns", [Number.NaN, -5, 1.5], (turns) => Metrics.collector({ turns })),
  ...each("maxItems", [Number.NaN, -5], (maxItems) => History.truncate(History.empty, { maxItems })),
  ...each("maxTokens", [Number.NaN, -5], (maxTokens) => History.fit(History.empty, { maxTokens })),
  ...each(
    "targetTokens",
    [Number.NaN, -5],
    (targetTokens) => History.summarize(History.empty, llm, { maxTokens: 9, targetTokens })
  ),
  ...each(
    "keepRecent",
    [Number.NaN, -5, 0.5],
    (keepRecent) => History.compact(History.empty, "truncate", { maxTokens: 9, keepRecent })
  ),
  ...each("timeout", noTimes, (timeout) => Tools.execute(Tools.empty, { id: "1", name: "a", params: {} }, { timeout })),
  ...each("attempts", [Number.NaN, 0, 1.5], (attempts) => Resilience.retryLayer(Layer.empty, { attempts })),
  ...each("retries", [Number.NaN, -1, 1.5], (retries) => Llm.resilient(llm, { retries })),
  ...each("after", noTimes, (after) => Llm.hedge([llm, llm], { after }))
]

type Layered = readonly [option: string, layer: Layer.Layer<never, unknown>]

const layers = <A>(
  option: string,
  values: ReadonlyArray<A>,
  layer: (value: A) => Layer.Layer<never, unknown>
): ReadonlyArray<Layered> => values.map((value) => [option, layer(value)])

const room = { url: "ws://127.0.0.1:1", token: Redacted.make("token") }

const failing: ReadonlyArray<Layered> = [
  ...layers("maxSpeech", noLengths, (maxSpeech) => OpenAiStt.layer({ apiKey, maxSpeech })),
  ...layers("interimEvery", noLengths, (interimEvery) => OpenAiStt.layer({ apiKey, interimEvery })),
  ["vadOptions.activation", OpenAiStt.layer({ apiKey, vadOptions: { activation: 7 } })],
  ...layers("maxSpeech", noLengths, (maxSpeech) => HttpStt.layer({ url: "http://127.0.0.1:1", maxSpeech })),
  ...layers("interimEvery", noLengths, (interimEvery) => HttpStt.layer({ url: "http://127.0.0.1:1", interimEvery })),
  ["format", HttpStt.layer({ url: "http://127.0.0.1:1", format: { sampleRate: 1, channels: 1 } })],
  ...layers("maxSpeech", noLengths, (maxSpeech) => CommandStt.layer({ ...program, maxSpeech })),
  ...layers("timeout", noLengths, (timeout) => CommandStt.layer({ ...program, timeout })),
  ...layers("padding.before", noTimes, (before) => CommandStt.layer({ ...program, padding: { before, after: 0 } })),
  ...layers("padding.after", noTimes, (after) => CommandStt.layer({ ...program, padding: { before: 0, after } })),
  ...layers("concurrency", [Number.NaN, 0, -5], (concurrency) => CommandStt.layer({ ...program, concurrency })),
  ["vadOptions.minSilence", CommandStt.layer({ ...program, vadOptions: { minSilence: -5 } })],
  ["audio", CommandTts.layer({ ...program, audio: { sampleRate: 1, channels: 1 }, sampleRate: 16_000 })],
  ["sampleRate", CommandTts.layer({ ...program, sampleRate: 1 })],
  ...layers("speed", [Number.NaN, 0, -5], (speed) => CommandTts.layer({ ...program, speed })),
  ...layers("endpointing", noTimes, (endpointing) => DeepgramStt.layer({ apiKey, endpointing })),
  ...layers("sampleRate", [Number.NaN, 0, 1], (sampleRate) => DeepgramStt.layer({ apiKey, sampleRate })),
  ...layers("endThreshold", [Number.NaN, 0.4, 2], (endThreshold) => DeepgramFluxStt.layer({ apiKey, endThreshold })),
  ...layers(
    "eagerThreshold",
    [Number.NaN, 0.2, 0.95, 0.8],
    (eagerThreshold) => DeepgramFluxStt.layer({ apiKey, eagerThreshold })
  ),
  ...layers("endTimeout", noLengths, (endTimeout) => DeepgramFluxStt.layer({ apiKey, endTimeout })),
  ["languages", DeepgramFluxStt.layer({ apiKey, languages: ["de"] })],
  ...layers("endThreshold", [Number.NaN, -0.1, 2], (endThreshold) => AssemblyAiStt.layer({ apiKey, endThreshold })),
  ...layers(
    "eagerThreshold",
    [Number.NaN, -0.1, 0.8],
    (eagerThreshold) => AssemblyAiStt.layer({ apiKey, eagerThreshold, endThreshold: 0.7 })
  ),
  ...layers("endSilence", noTimes, (endSilence) => AssemblyAiStt.layer({ apiKey, endSilence })),
  ...layers("endTimeout", noTimes, (endTimeout) => AssemblyAiStt.layer({ apiKey, endTimeout })),
  ["languages", AssemblyAiStt.layer({ apiKey, languages: ["de"], model: "universal-streaming-english" })],
  ...layers("speed", [Number.NaN, 0.5, 1.6], (speed) => CartesiaTts.layer({ apiKey, speed })),
  ...layers("maxBufferDelay", noTimes, (maxBufferDelay) => CartesiaTts.layer({ apiKey, maxBufferDelay })),
  ["model", DeepgramFluxStt.layer({ apiKey, model: "nova-3" })],
  ...layers(
    "segmentation",
    noLengths,
    (segmentation) => AzureStt.layer({ apiKey, region: "westeurope", segmentation })
  ),
  ...layers("pause", noLengths, (pause) => ElevenLabsStt.layer({ apiKey, pause })),
  ...layers("inactivityTimeout", noLengths, (inactivityTimeout) => ElevenLabsTts.layer({ apiKey, inactivityTimeout })),
  ...layers(
    "temperature",
    [Number.NaN, -1],
    (temperature) => HttpLlm.layer({ url: "http://127.0.0.1:1", temperature })
  ),
  ...layers("maxTokens", [Number.NaN, 0, 1.5], (maxTokens) => HttpLlm.layer({ url: "http://127.0.0.1:1", maxTokens })),
  ...layers("maxTokens", [Number.NaN, 0, -5], (maxTokens) => OpenAiLlm.layer({ apiKey, maxTokens })),
  ["seed", OpenAiLlm.layer({ apiKey, seed: Number.NaN })],
  ...layers("port", [70_000, -1, Number.NaN, 1.5], (port) => Prometheus.layer({ port })),
  ["path", Prometheus.layer({ port: 0, path: "metrics" as "/metrics" })],
  ...layers(
    "logsInterval",
    noLengths,
    (logsInterval) => Telemetry.layerOtlp({ url: "http://127.0.0.1:1", logsInterval })
  ),
  ...layers(
    "metricsInterval",
    noLengths,
    (metricsInterval) => Telemetry.layerOtlp({ url: "http://127.0.0.1:1", metricsInterval })
  ),
  ...layers(
    "tracesInterval",
    noLengths,
    (tracesInterval) => Telemetry.layerOtlp({ url: "http://127.0.0.1:1", tracesInterval })
  ),
  ...layers(
    "shutdownTimeout",
    noTimes,
    (shutdownTimeout) => Telemetry.layerOtlp({ url: "http://127.0.0.1:1", shutdownTimeout })
  ),
  ...layers("timeout", noTimes, (timeout) => Layer.effectDiscard(Tools.makeRunner({ timeout }))),
  ...layers(
    "runTimeout",
    noTimes,
    (runTimeout) =>
      Layer.provide(Layer.effectDiscard(Frontend.attach(undefined as never, { runTimeout })), LocalRoom.layer())
  ),
  ...layers("wait", noTimes, (wait) => Layer.effectDiscard(Frontend.preconnect(undefined as never, { wait }))),
  ...layers("maxAge", noTimes, (maxAge) => Layer.effectDiscard(Frontend.preconnect(undefined as never, { maxAge }))),
  ...layers(
    "timeout",
    noTimes,
    (timeout) => Metrics.layer({ exporters: [{ name: "a", export: () => Effect.void, timeout }] })
  ),
  ...layers("openTimeout", noTimes, (openTimeout) => Layer.effectDiscard(Processor.chain([], { openTimeout }))),
  ...layers("window", noTimes, (window) => Layer.effectDiscard(Resilience.breaker({ name: "a", window }))),
  ...layers(
    "policy.firstOutput",
    noTimes,
    (firstOutput) => Layer.effectDiscard(Llm.fallback([llm], { policy: { firstOutput } }))
  ),
  ...layers("frame", noLengths, (frame) => LocalRoom.layer({ frame })),
  ...layers("join", noTimes, (join) => LocalRoom.layer({ participants: [{ identity: "ann", join }] })),
  ...layers("frontend.runTimeout", noTimes, (runTimeout) => LiveKitRoom.layer({ ...room, frontend: { runTimeout } })),
  ...layers("preconnect.wait", noTimes, (wait) => LiveKitRoom.layer({ ...room, preconnect: { wait } })),
  ...layers("preconnect.maxAge", noTimes, (maxAge) => LiveKitRoom.layer({ ...room, preconnect: { maxAge } })),
  ...layers("ttl", noLengths, (ttl) =>
    Layer.effectDiscard(
      LiveKitRoom.token({ apiKey: "key", apiSecret: apiKey, identity: "ann", room: "desk", ttl })
    )),
  ...layers("timeout", noLengths, (timeout) =>
    Layer.effectDiscard(Effect.gen(function*() {
      yield* (yield* LocalRoom.Control).join({ identity: "ann" })
      return yield* (yield* Room.Room).call({ identity: "ann", method: "sing", payload: "", timeout })
    })).pipe(Layer.provide(LocalRoom.layer())))
]

const shown = <A>(cases: ReadonlyArray<readonly [string, A]>) =>
  cases.map(([option, make], i) => [`${option}, ${i}`, option, make] as const)

describe("an option that nothing can be done with", () => {
  it.each(shown(thrown))("is refused by the constructor, which names it (%s)", (_, option, make) => {
    const result = Result.try({ try: make, catch: (error) => error as Error & { _tag: string } })
    assert.isTrue(Result.isFailure(result))
    if (!Result.isFailure(result)) return
    assert.match(result.failure._tag, /Error$|^InvalidOptions$/)
    assert.include(result.failure.message, option)
    assert.match(result.failure.message, /must |not a |not /)
  })

  it.effect.each(shown(failing))(
    "is a failure of the layer, which names it (%s)",
    ([, option, layer]) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer)))
        assert.isTrue(Exit.isFailure(exit))
        if (!Exit.isFailure(exit)) return
        const error = Cause.findErrorOption(exit.cause)
        assert.strictEqual(error._tag, "Some", Cause.pretty(exit.cause))
        if (error._tag === "Some") assert.include((error.value as Error).message, option)
      })
  )

  it.effect("is what no cache, and no file, can be made with", () =>
    Effect.gen(function*() {
      const tts = Tts.make({ name: "a", sampleRate: 8000, channels: 1, speak: (text) => Stream.drain(text) })
      for (const maxBytes of [Number.NaN, -5]) {
        assert.include((yield* Effect.flip(Effect.scoped(Tts.cached(tts, { maxBytes })))).message, "maxBytes")
      }
    }))

  it("is a WAV file of a rate that holds no speech: hours of audio from a few bytes", () => {
    for (const sampleRate of [1, 100, 3999]) {
      const read = Audio.decodeWav(Audio.encodeWav({ sampleRate, channels: 1, samples: new Int16Array(1500) }))
      assert.isTrue(Result.isFailure(read))
      if (Result.isFailure(read)) assert.include(read.failure.message, "sampleRate")
    }
    const least = Audio.encodeWav({ sampleRate: 4000, channels: 1, samples: new Int16Array(40) })
    assert.isTrue(Result.isSuccess(Audio.decodeWav(least)))
  })
})
