import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger, References, Schedule, Stream } from "effect"
import { Agent, Audio, History, Llm, Pipeline, Session, Stt, Tts } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import { Prompt } from "effect/ai"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import { spawn } from "node:child_process"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as openai from "./support/openai.ts"
import * as provider from "./support/provider.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const key = "sk-secret-key"
const secret = "my secret question"

const tone = Buffer.from(
  Int16Array.from({ length: 24_000 }, (_, i) => Math.round(8000 * Math.sin(i / 20))).buffer
)

const speaking: provider.Handler = (_, response) =>
  void response.writeHead(200, { "content-type": "audio/pcm" }).end(tone)

const run = (example: string, env: Record<string, string>) =>
  Effect.callback<{ readonly code: number | null; readonly output: string; readonly errors: string }>((resume) => {
    const child = spawn(
      process.execPath,
      ["--conditions", "effect-voice/source", "--disable-warning=ExperimentalWarning", `examples/${example}`],
      { cwd: root, env: { ...process.env, ...env } }
    )
    let output = ""
    let errors = ""
    child.stdout.on("data", (data: Buffer) => void (output += data.toString()))
    child.stderr.on("data", (data: Buffer) => void (errors += data.toString()))
    child.on("close", (code) => resume(Effect.succeed({ code, output, errors })))
    return Effect.sync(() => child.kill())
  })

describe.concurrent("OpenAI", () => {
  it.live("11: answers a recorded question with a tool, all over one server", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((request, response) => {
        switch (request.url.pathname) {
          case "/v1/audio/transcriptions":
            return openai.transcribed("What is the weather in Paris?")(request, response)
          case "/v1/audio/speech":
            return speaking(request, response)
          case "/v1/models":
            return void response.end(`{"object":"list","data":[]}`)
          default: {
            const { messages } = JSON.parse(request.body.toString())
            const asked: boolean = messages.some(({ role }: { role: string }) => role === "tool")
            return (asked
              ? openai.saying("It is sunny in Paris, ", "at twenty-two degrees.")
              : openai.calling({ name: "get_weather", params: { city: "Paris", units: null } }))(request, response)
          }
        }
      })
      const { code, errors, output } = yield* run("11_openai.ts", {
        OPENAI_BASE_URL: `${server.url}/v1`,
        OPENAI_API_KEY: key,
        OPENAI_MODEL: "stand-in"
      })
      assert.strictEqual(code, 0, errors)
      assert.deepStrictEqual(output.trim().split("\n"), [
        "User (caller): What is the weather in Paris?",
        "Tool: get_weather called",
        "Tool: get_weather answered",
        "Assistant: It is sunny in Paris, at twenty-two degrees."
      ])
      assert.notInclude(output + errors, key)
      const chat = server.requests.find(({ url }) => url.pathname.endsWith("completions"))
      assert.strictEqual(JSON.parse(chat?.body.toString() ?? "{}").model, "stand-in")
      for (const { headers, url } of server.requests) {
        assert.strictEqual(headers.authorization, `Bearer ${key}`)
        assert.notInclude(url.href, key)
      }
    }))

  it.live(
    "holds a conversation with the live transcription, which hears each speech once",
    () =>
      Effect.gen(function*() {
        const ears = yield* provider.webSocket({ onMessage: openai.hearing("What is the weather in Paris?") })
        const server = yield* provider.http((request, response) =>
          (request.url.pathname.endsWith("/speech") ? speaking : openai.saying("Sunny."))(request, response)
        )
        const access = { apiKey: Redacted.make(key), baseUrl: server.url }
        let transcript = ""
        const agent = Agent.make({
          instructions: "You tell the weather.",
          onExit: Session.Session.use((session) =>
            Effect.map(session.history, (history) => {
              transcript = History.toTranscript(history, "text")
            })
          )
        })
        const room = LocalRoom.layer({
          participants: [{
            identity: "caller",
            audio: [{ at: "500 millis", audio: path.join(root, "test/fixtures/weather_question.wav") }],
            linger: "1 minute"
          }]
        })
        const answered = yield* Deferred.make<void>()
        yield* Pipeline.run(agent, {
          onEvent: ({ _tag }) => {
            if (_tag === "AgentSpeechCommitted") Deferred.doneUnsafe(answered, Effect.void)
          }
        }).pipe(
          Effect.raceFirst(Deferred.await(answered)),
          Effect.provide(Layer.mergeAll(
            EnergyVad.layer(),
            OpenAiStt.layerRealtime({ ...access, url: ears.url }),
            OpenAiLlm.layer(access),
            OpenAiTts.layer(access),
            room
          ))
        )
        assert.strictEqual(transcript, "User (caller): What is the weather in Paris?\nAssistant: Sunny.")
        const peer = yield* ears.next
        assert.strictEqual(yield* peer.closed, 1000)
        const commits = peer.received.filter((message) => message.toString().includes("input_audio_buffer.commit"))
        assert.strictEqual(commits.length, 1)
      })
  )

  it.live("puts neither its key nor what was said into errors, logs and spans", () =>
    Effect.gen(function*() {
      const told: Array<unknown> = []
      const logger = Logger.make(({ cause, message }) => void told.push(message, String(cause)))
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          told.push(span.name, span.attributes, span.events)
          return span
        }
      })
      const use = (handler: provider.Handler) =>
        Effect.gen(function*() {
          const { url } = yield* provider.http(handler)
          const { url: live } = yield* provider.webSocket({ refuse: () => ({ status: 401 }) })
          const access = { apiKey: Redacted.make(key), baseUrl: `${url}/${key}` }
          const layers = Layer.mergeAll(OpenAiStt.layer(access), OpenAiLlm.layer(access), OpenAiTts.layer(access))
          const speech = Audio.silence("1 second", Audio.speech)
          yield* Effect.gen(function*() {
            const realtime = yield* OpenAiStt.makeRealtime({ ...access, url: `${live}/?key=${key}` })
            const exits = yield* Effect.all([
              Effect.exit(Stream.runDrain(Stt.transcribe(Stream.make(speech)))),
              Effect.exit(Stream.runDrain(realtime.transcribe(Stream.make(speech)))),
              Effect.exit(
                Stream.runDrain(
                  Stream.unwrap(Llm.Llm.useSync((llm) => llm.reply({ prompt: Prompt.make(secret), tools: [] })))
                )
              ),
              Effect.exit(Stream.runDrain(Tts.speak(Stream.make(secret))))
            ])
            for (const exit of exits) {
              told.push(exit)
              yield* Effect.logError("it happened", exit._tag === "Failure" ? exit.cause : "nothing")
            }
          }).pipe(Effect.provide(layers))
        })
      yield* Effect.forEach(
        [...provider.httpFaults.map(([, handler]) => handler), speaking, openai.saying(secret)],
        use
      )
        .pipe(
          Effect.provide(Logger.layer([logger])),
          Effect.provideService(References.MinimumLogLevel, "All"),
          Effect.withTracer(tracer)
        )
      const text = told.map((one) => one instanceof Map ? JSON.stringify([...one]) : JSON.stringify(one) + String(one))
        .join("\n")
      assert.isAbove(text.length, 1000)
      assert.include(text, "Llm.reply")
      assert.notInclude(text, key)
      assert.notInclude(text, secret)
    }))

  it.live("leaves retries and deadlines to Resilience, which gives up a server that hangs and tells it so", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((request, response) => {
        // Before the answer, and in the middle of it.
        if (request.index % 2 === 0) return
        response.writeHead(200, { "content-type": "text/event-stream" }).write(": wait\n\n")
      })
      const { llm } = yield* OpenAiLlm.make({ baseUrl: server.url })
      const policy = { retries: 1, firstOutput: "100 millis", schedule: Schedule.recurs(1) } as const
      const patient = yield* Llm.fallback([llm], { policy })
      const error = yield* Effect.flip(Stream.runDrain(patient.reply({ prompt: Prompt.make("Hello?"), tools: [] })))
      assert.strictEqual(error.reason._tag, "Exhausted")
      for (const _ of server.requests) yield* server.aborted
    }))

  it.live("asks once for each attempt, and as soon again as the server wants", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((request, response) => {
        if (request.index > 1) return openai.saying("Yes.")(request, response)
        response.writeHead(request.index === 0 ? 503 : 429, { "retry-after-ms": "1" }).end()
      })
      const { llm } = yield* OpenAiLlm.make({ baseUrl: server.url })
      const request = { prompt: Prompt.make("Hello?"), tools: [] }
      const error = yield* Effect.flip(Stream.runDrain(llm.reply(request)))
      assert.isTrue(error.isRetryable)
      assert.strictEqual(server.requests.length, 1)
      const retrying = yield* Llm.fallback([llm])
      assert.strictEqual(yield* Llm.generateText(retrying, "Hello?"), "Yes.")
      assert.strictEqual(server.requests.length, 3)
    }))
})
