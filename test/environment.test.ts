// @effect-diagnostics multipleEffectProvide:off
// Alone: puts servers of its own in the place of `fetch` and `ws`.
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Layer, Stream } from "effect"
import { Agent, Config, Llm, type Pipeline, Tts, type Turn, Vad, Worker } from "effect-voice"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as Testing from "effect-voice/testing"
import { Prompt } from "effect/ai"
import { Socket } from "effect/socket"
import { vi } from "vitest"
import { agentInMemory, apiSecret, claims, makeJob } from "./support/agentServer.ts"
import { virtualRooms } from "./worker/support.ts"

interface Sent {
  readonly url: string
  readonly headers?: unknown
  readonly body?: Record<string, unknown>
}

const wire = vi.hoisted(() => ({ requests: [] as Array<Sent> }))

vi.mock("../src/internal/provider/fetch.ts", async () => {
  const { Effect } = await import("effect")
  const answer = async (input: unknown, init: RequestInit = {}) => {
    const { body, headers } = init
    const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : body
    wire.requests.push({
      url: String(input),
      headers: Object.fromEntries(new Headers(headers)),
      ...(typeof text === "string" ? { body: JSON.parse(text) } : {})
    })
    return Response.json({ voices: [{ voice_id: "id-of-antoni", name: "Antoni" }], has_more: false })
  }
  return { fetch: Effect.succeed(answer) }
})

vi.mock("ws", () => ({
  WebSocket: function(url: string | URL) {
    wire.requests.push({ url: String(url) })
    throw new Error("nobody is there")
  }
}))

const from = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

/** A conversation as the command and a worker hold it. */
const talk = (env: Record<string, string>, scenario: Testing.Scenario) =>
  Testing.scenario(scenario).pipe(
    Effect.provideServiceEffect(Config.Environment, Config.given),
    Effect.provide(from(env))
  )

const hello = Testing.say(1000, 3000, "Hello, how are you?")
const long = "one two three four five six seven eight nine ten."
// A room without an echo.
const dry: Turn.Options["interruption"] = { echoWarmUp: 0, backchannel: false, duck: false }
const talking = {
  options: { turn: { interruption: dry } },
  at: [{ at: 0, do: (session: { say: (text: string) => Effect.Effect<unknown> }) => session.say(long) }]
}

/** Of a variable: a conversation, what is seen where it is not set, where it is, and where code says otherwise. */
const rows: ReadonlyArray<{
  readonly name: string
  readonly value: string
  readonly scenario: Testing.Scenario
  readonly see: (timeline: Testing.Timeline) => unknown
  readonly unset: unknown
  readonly set: unknown
  readonly code: Pipeline.Options
  readonly coded: unknown
}> = [
  {
    name: "MIN_SPEECH_DURATION",
    value: "0.25",
    scenario: { user: [hello] },
    see: (timeline) => timeline.of("UserStartedSpeaking")[0]?.at,
    unset: 1050,
    set: 1250,
    code: { vad: { minSpeech: 600 } },
    coded: 1600
  },
  {
    name: "MIN_SILENCE_DURATION",
    value: "0.2",
    scenario: { user: [hello] },
    see: (timeline) => timeline.of("UserStoppedSpeaking")[0]?.at,
    unset: 3500,
    set: 3200,
    code: { vad: { minSilence: 900 } },
    coded: 3900
  },
  {
    name: "MIN_ENDPOINTING_DELAY",
    value: "1.25",
    scenario: { user: [hello] },
    see: (timeline) => timeline.of("UserSpeechCommitted")[0]?.at,
    unset: 3500,
    set: 4250,
    code: { turn: { endpointing: { minDelay: 2000 } } },
    coded: 5000
  },
  {
    // The longest delay that code allows is not above what is set.
    name: "MIN_ENDPOINTING_DELAY",
    value: "1.25",
    scenario: { user: [hello] },
    see: (timeline) => timeline.of("UserSpeechCommitted")[0]?.at,
    unset: 3500,
    set: 4250,
    code: { turn: { endpointing: { maxDelay: 1000 } } },
    coded: 4000
  },
  {
    name: "INTERRUPT_SPEECH_DURATION",
    value: "0.7",
    scenario: { ...talking, user: [Testing.cough(1000, 2500)], tts: { duration: 10_000 } },
    see: (timeline) => timeline.of("AgentPaused")[0]?.at,
    unset: 1500,
    set: 1700,
    code: { turn: { interruption: { ...dry, minDuration: 900 } } },
    coded: 1900
  },
  {
    name: "INTERRUPT_MIN_WORDS",
    value: "2",
    scenario: {
      ...talking,
      user: [Testing.say(1000, 4000, "a b c", {
        transcripts: [
          { at: 1000, text: "a", final: false },
          { at: 2000, text: "a b", final: false },
          { at: 3000, text: "a b c", final: false }
        ]
      })],
      stt: { interims: true },
      tts: { duration: 10_000 }
    },
    see: (timeline) => timeline.of("AgentPaused")[0]?.at,
    unset: 1500,
    set: 3000,
    code: { turn: { interruption: { ...dry, minWords: 3 } } },
    coded: 4000
  }
]

describe("a variable that is set", () => {
  for (const { code, coded, name, scenario, see, set, unset, value } of rows) {
    it.effect(`acts in a conversation, unless code says otherwise: ${name}, ${Object.keys(code.turn?.endpointing ?? {}).join()}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(see(yield* talk({}, { ...scenario })), unset)
        assert.deepStrictEqual(see(yield* talk({ [name]: value }, { ...scenario })), set)
        assert.deepStrictEqual(see(yield* talk({ [name]: value }, { ...scenario, options: code })), coded)
      }))
  }

  it.effect("acts in a conversation, unless code says otherwise: VAD_THRESHOLD, by options, an agent or a layer", () =>
    Effect.gen(function*() {
      const env = { VAD_THRESHOLD: "0.95", MIN_SPEECH_DURATION: "0.4" }
      const asked = (given: Record<string, string>, scenario: Testing.Scenario, defaults: Vad.Options = {}) =>
        Effect.gen(function*() {
          let seen: Vad.Options | undefined
          const spied = Layer.effect(
            Vad.Vad,
            Effect.map(Vad.Vad, (vad) =>
              Vad.Vad.of({
                ...vad,
                defaults,
                detector: (options) => {
                  seen = options
                  return vad.detector({ ...defaults, ...options })
                }
              }))
          ).pipe(Layer.provide(EnergyVad.layer()))
          yield* talk(given, { ...scenario, layer: spied })
          return seen
        })
      assert.deepStrictEqual(yield* asked({}, {}), {})
      const set = yield* asked(env, {})
      assert.strictEqual(set?.activation, 0.95)
      assert.strictEqual(String(set?.minSpeech), "400 millis")
      assert.strictEqual((yield* asked(env, { options: { vad: { activation: 0.5 } } }))?.activation, 0.5)
      const agent = Agent.make({ instructions: "x", vad: { activation: 0.3 } })
      assert.strictEqual((yield* asked(env, { agent }))?.activation, 0.3)
      const layered = yield* asked(env, {}, { activation: 0.4 })
      assert.isUndefined(layered?.activation)
      assert.strictEqual(String(layered?.minSpeech), "400 millis")
    }))

  it.effect("acts in a conversation, unless code says otherwise: PREEMPTIVE_SYNTHESIS", () =>
    Effect.gen(function*() {
      const total = (env: Record<string, string>, preemption: { readonly tts?: boolean } = {}) =>
        Effect.map(
          talk(env, {
            user: [Testing.say(500, 2000, "Hello", { finalDelay: 100 })],
            llm: ["Hi there."],
            tts: { duration: 1000, firstByte: 300 },
            options: { turn: { preemption: { llm: undefined, tts: undefined, ...preemption } } }
          }),
          ({ turns }) => turns[0]?.total
        )
      const unset = yield* total({})
      const on = yield* total({ PREEMPTIVE_SYNTHESIS: "true" })
      const off = yield* total({ PREEMPTIVE_SYNTHESIS: "false" })
      assert.isBelow(on ?? Infinity, unset ?? 0)
      assert.isAbove(off ?? 0, on ?? Infinity)
      assert.strictEqual(yield* total({ PREEMPTIVE_SYNTHESIS: "true" }, { tts: false }), unset)
    }))
})

const server = { LIVEKIT_URL: "ws://livekit.example", LIVEKIT_API_KEY: "devkey", LIVEKIT_API_SECRET: apiSecret }

/** What of the environment a job finds, on a worker that is told nothing. */
const found = (env: Record<string, string>) =>
  Effect.scoped(Effect.gen(function*() {
    const agents = agentInMemory()
    const rooms = yield* virtualRooms
    const seen = yield* Deferred.make<Config.Given>()
    const definition = Worker.define({
      entry: () => Effect.flatMap(Config.Environment, (given) => Deferred.succeed(seen, given)),
      layer: Layer.empty,
      connect: rooms.connect
    })
    yield* Effect.provideService(
      Worker.make(definition, { http: false, load: () => 0.1 }),
      Socket.WebSocketConstructor,
      agents.ctor!
    )
    const connection = yield* agents.next
    yield* connection.dispatch(makeJob("AJ_1"))
    return { connection, given: yield* Deferred.await(seen) }
  })).pipe(Effect.provide(from({ ...server, ...env })))

describe("a worker", () => {
  it.effect("hands what is set to its jobs, and nothing of what is not", () =>
    Effect.gen(function*() {
      const { connection, given } = yield* found({})
      assert.deepStrictEqual(given.vad, {})
      assert.deepStrictEqual(given.turn, { endpointing: {}, interruption: {} })
      assert.include(connection.url, "ws://livekit.example/agent")
      assert.strictEqual((yield* claims(connection.authorization)).iss, "devkey")
      const env = { VAD_THRESHOLD: "0.6", INTERRUPT_MIN_WORDS: "3" }
      const set = yield* found(env)
      assert.deepStrictEqual(set.given.vad, { activation: 0.6 })
      assert.deepStrictEqual(set.given.turn?.interruption, { minWords: 3 })
    }))

  it.effect("tells all that is wrong at once: nonsense, what is missing, options, and keys of the layer", () =>
    Effect.gen(function*() {
      const keyed = Layer.merge(OpenAiLlm.layerConfig(), ElevenLabsTts.layerConfig())
      const definition = Worker.define({ entry: () => Effect.void, layer: keyed })
      const error = yield* Worker.make(definition, { maxJobs: 0 }).pipe(
        Effect.provide(from({ VAD_THRESHOLD: "loud", METRICS_PORT: "x", LIVEKIT_URL: server.LIVEKIT_URL })),
        Effect.scoped,
        Effect.flip
      )
      for (
        const part of [
          "maxJobs",
          "VAD_THRESHOLD must be",
          "METRICS_PORT must be",
          "apiKey is missing: give it, or set LIVEKIT_API_KEY",
          "LIVEKIT_API_SECRET",
          "OPENAI_API_KEY is not set",
          "ELEVENLABS_API_KEY is not set"
        ]
      ) assert.include(String(error), part)
    }))

  it.live("serves metrics where METRICS_PORT says, and none where ENABLE_METRICS says so", () =>
    Effect.gen(function*() {
      const agents = agentInMemory()
      const forever = Worker.define({
        entry: () => Effect.never,
        layer: Layer.empty,
        connect: () => Effect.never
      })
      const ports = (env: Record<string, string>) =>
        Worker.make(forever, { http: { port: 0, host: "127.0.0.1" }, load: () => 0.1 }).pipe(
          Effect.provideService(Socket.WebSocketConstructor, agents.ctor!),
          Effect.provide(from({ ...server, ...env })),
          Effect.map(({ ports }) => ports)
        )
      const status = (port: number | undefined) =>
        Effect.promise(async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).status)
      const free = yield* Effect.scoped(Effect.map(ports({ METRICS_PORT: "0" }), ([, metrics]) => metrics ?? 0))
      const [, second] = yield* Effect.scoped(ports({ METRICS_PORT: String(free) }))
      assert.strictEqual(second, free)
      const [main] = yield* ports({ METRICS_PORT: "0" })
      assert.strictEqual(yield* status(main), 200)
      const [silent] = yield* ports({ METRICS_PORT: "0", ENABLE_METRICS: "false" })
      assert.strictEqual(yield* status(silent), 404)
    }))
})

describe("a provider's layer without options", () => {
  const prompt = Prompt.make("Hello?")

  it.live("asks OpenAI with OPENAI_API_KEY for OPENAI_MODEL at OPENAI_TEMPERATURE", () =>
    Effect.gen(function*() {
      const asked = (env: Record<string, string>) =>
        Effect.gen(function*() {
          wire.requests.length = 0
          const llm = yield* Llm.Llm
          yield* Effect.exit(Stream.runDrain(llm.reply({ prompt, tools: [] })))
          return wire.requests[0]
        }).pipe(
          Effect.provide(OpenAiLlm.layerConfig()),
          Effect.provide(from({ OPENAI_API_KEY: "sk-test", ...env }))
        )
      const set = yield* asked({ OPENAI_MODEL: "gpt-4o", OPENAI_TEMPERATURE: "0.2" })
      assert.deepInclude(set?.body, { model: "gpt-4o", temperature: 0.2 })
      assert.include(JSON.stringify(set?.headers), "sk-test")
      assert.deepInclude((yield* asked({}))?.body, { model: "gpt-4o-mini", temperature: 0.7 })
    }))

  it.live("asks ElevenLabs with ELEVENLABS_API_KEY for ELEVENLABS_MODEL in ELEVENLABS_VOICE", () =>
    Effect.gen(function*() {
      wire.requests.length = 0
      const tts = yield* Tts.Tts
      yield* Effect.exit(Stream.runDrain(tts.speak(Stream.succeed("Hello."))))
      assert.include(JSON.stringify(wire.requests[0]?.headers), "xi-test")
      const dialled = wire.requests.find(({ url }) => url.startsWith("wss:"))?.url ?? ""
      assert.include(dialled, "/id-of-antoni/")
      assert.include(dialled, "model_id=eleven_v3")
    }).pipe(
      Effect.provide(ElevenLabsTts.layerConfig()),
      Effect.provide(
        from({ ELEVENLABS_API_KEY: "xi-test", ELEVENLABS_VOICE: "Antoni", ELEVENLABS_MODEL: "eleven_v3" })
      ),
      Effect.scoped
    ))
})
