/** Whole conversations with every provider, of which each thing that is told is held against the keys. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Layer, Logger, Metric, Redacted, References, Tracer } from "effect"
import { Agent, type Event, type Llm, Pipeline, Session, type Stt, type Tts } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import * as openai from "./support/openai.ts"
import * as provider from "./support/provider.ts"

const key = "sk-secret-key"
const apiKey = Redacted.make(key)
const question = fileURLToPath(new URL("fixtures/weather_question.wav", import.meta.url))

type Cast = (http: string, ws: string) => Layer.Layer<
  Stt.Stt | Llm.Llm | Tts.Tts,
  Stt.SttError | Llm.LlmError | Tts.TtsError
>

const headers = { authorization: apiKey }
const azure = { apiKey, region: "westeurope" }

const casts: Readonly<Record<string, Cast>> = {
  "OpenAI": (http) =>
    Layer.mergeAll(
      OpenAiStt.layer({ apiKey, baseUrl: http }),
      OpenAiLlm.layer({ apiKey, baseUrl: http }),
      OpenAiTts.layer({ apiKey, baseUrl: http })
    ),
  "OpenAI, spoken with": (http, ws) =>
    Layer.mergeAll(
      OpenAiStt.layer({ apiKey, baseUrl: http }),
      OpenAiRealtime.layer({ apiKey, baseUrl: ws.replace("ws", "http") }),
      OpenAiTts.layer({ apiKey, baseUrl: http })
    ),
  "OpenAI live and by Responses, ElevenLabs by HTTP": (http, ws) =>
    Layer.mergeAll(
      OpenAiStt.layerRealtime({ apiKey, url: ws }),
      OpenAiLlm.layer({ apiKey, baseUrl: http, api: "responses" }),
      ElevenLabsTts.layer({ apiKey, baseUrl: http, mode: "http" })
    ),
  "Deepgram, a model of one's own, Azure": (http, ws) =>
    Layer.mergeAll(
      DeepgramStt.layer({ apiKey, baseUrl: ws }),
      HttpLlm.layer({ url: http, headers }),
      AzureTts.layer({ ...azure, baseUrl: http })
    ),
  "Deepgram's Flux": (http, ws) =>
    Layer.mergeAll(
      DeepgramFluxStt.layer({ apiKey, baseUrl: ws }),
      HttpLlm.layer({ url: http, headers }),
      AzureTts.layer({ ...azure, baseUrl: http })
    ),
  "AssemblyAI, Cartesia": (http, ws) =>
    Layer.mergeAll(
      AssemblyAiStt.layer({ apiKey, baseUrl: ws }),
      HttpLlm.layer({ url: http, headers }),
      CartesiaTts.layer({ apiKey, baseUrl: ws })
    ),
  "ElevenLabs": (http, ws) =>
    Layer.mergeAll(
      ElevenLabsStt.layer({ apiKey, baseUrl: ws }),
      HttpLlm.layer({ url: http, headers, answer: HttpLlm.chatStream }),
      ElevenLabsTts.layer({ apiKey, baseUrl: ws })
    ),
  "Azure, a recogniser of one's own": (http, ws) =>
    Layer.mergeAll(
      AzureStt.layer({ ...azure, baseUrl: ws }),
      HttpLlm.layer({ url: http, headers }),
      OpenAiTts.layer({ apiKey, baseUrl: http })
    ),
  "A recogniser of one's own": (http) =>
    Layer.mergeAll(
      HttpStt.layer({ url: http, headers }),
      OpenAiLlm.layer({ apiKey, baseUrl: http }),
      OpenAiTts.layer({ apiKey, baseUrl: http })
    )
}

/** Whoever is asked repeats the key in the refusal, as some do. */
const refusing: provider.Handler = (request, response) =>
  void response.writeHead(401, { "content-type": "application/json", "x-key": key })
    .end(JSON.stringify({ error: { message: `bad key ${key}`, code: key, param: key }, asked: request.headers }))

/** The recogniser is well, so that the others are asked. */
const hearing: provider.Handler = (request, response) =>
  request.url.pathname.includes("transcriptions")
    ? openai.transcribed("What is the weather in Paris?")(request, response)
    : refusing(request, response)

describe.concurrent("a conversation", () => {
  for (const [name, cast] of Object.entries(casts)) {
    it.live(`whose providers refuse the key tells it nowhere: ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* provider.http(hearing)
        let refused = 0
        const sockets = yield* provider.webSocket({
          refuse: () => {
            refused++
            return { status: 401, headers: { "x-key": key } }
          }
        })
        const over = yield* Deferred.make<void>()
        const told: Array<unknown> = []
        const events: Array<Event.Event> = []
        const logger = Logger.make((entry) => void told.push(entry.message, entry.cause, Cause.pretty(entry.cause)))
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            told.push({
              get it() {
                return [span.name, span.attributes, span.events, span.status]
              }
            })
            return span
          }
        })
        const agent = Agent.make({
          instructions: "You tell the weather.",
          onEnter: Session.Session.use((session) => Effect.ignore(session.say("Hello.")))
        })
        const room = LocalRoom.layer({
          participants: [{
            identity: "caller",
            audio: [{ at: "100 millis", audio: question }],
            linger: "1 minute"
          }]
        })
        const exit = yield* Pipeline.run(agent, {
          resilience: { retries: 1 },
          onEvent: (event) => {
            events.push(event)
            const speeches = events.filter(({ _tag }) => _tag === "SpeechFinished").length
            if (event._tag === "Escalated" || speeches > 1) Deferred.doneUnsafe(over, Effect.void)
          }
        }).pipe(
          Effect.raceFirst(Deferred.await(over)),
          Effect.exit,
          Effect.tap((exit) => Effect.logInfo("it is over", exit._tag === "Failure" ? exit.cause : undefined)),
          Effect.provide(Layer.mergeAll(EnergyVad.layer(), room, cast(server.url, sockets.url))),
          Effect.withTracer(tracer),
          Effect.provide(Logger.layer([logger])),
          Effect.provideService(References.MinimumLogLevel, "All")
        )
        assert.isTrue(events.some((event) => event._tag === "ProviderFailed"))
        const access = server.requests.map(({ method, url }) => `${method} ${url.href}`)
        assert.isAbove(access.length + refused, 0)
        const all = inspect([exit, events, told, access, yield* Metric.snapshot], {
          depth: 20,
          getters: true,
          maxStringLength: null,
          maxArrayLength: null
        })
        assert.notInclude(all, key)
        assert.notInclude(JSON.stringify(events), key)
      }))
  }
})
