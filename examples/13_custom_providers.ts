/**
 * @title Your own recogniser and model, each behind an HTTP endpoint
 *
 * The endpoints are a small server on loopback that this program starts itself:
 * one takes a WAV file and answers with a transcript, one takes messages and
 * answers line by line, in a shape of its own.
 *
 * The recording is in `test/fixtures` of the package: copy that folder beside `examples`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Deferred, Effect, Layer, Redacted, Schema } from "effect"
import { Agent, type Event, Pipeline } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { Tool, Toolkit } from "effect/ai"
import * as Http from "node:http"
import { fileURLToPath } from "node:url"

// ---- your recogniser: a WAV file in, { transcript, confidence } out ------------------------------------------

const recogniser = (url: string) => HttpStt.layer({ url: `${url}/recognize`, headers: { "x-key": Redacted.make("k") } })

// ---- your model: its own body, and lines of JSON that a schema describes -------------------------------------

const Line = Schema.Union([
  Schema.Struct({ say: Schema.String }),
  Schema.Struct({ call: Schema.String, with: Schema.Unknown }),
  Schema.Struct({ tokens: Schema.Finite })
])

const parts = (line: typeof Line.Type): ReadonlyArray<HttpLlm.Part> => {
  if ("say" in line) return [{ _tag: "Text", text: line.say }]
  if ("call" in line) return [{ _tag: "ToolCallPart", index: 0, name: line.call, params: line.with }]
  return [{ _tag: "Finish", usage: { inputTokens: 0, outputTokens: line.tokens } }]
}

const model = (url: string) =>
  HttpLlm.layer({
    url: `${url}/reply`,
    body: ({ messages, tools }) => ({ messages, functions: tools.map((tool) => tool.function.name) }),
    answer: HttpLlm.answer({ format: "ndjson", schema: Line, parts, finishes: true })
  })

// ---- the agent -----------------------------------------------------------------------------------------------

const GetWeather = Tool.make("get_weather", {
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const Tools = Toolkit.make(GetWeather)

const ToolsLive = Tools.toLayer({ get_weather: ({ city }) => Effect.succeed(`sunny in ${city}`) })

const agent = Agent.make({ instructions: "You tell the weather.", tools: Tools })

const tell = (event: Event.Event): ReadonlyArray<string> => {
  if (event._tag === "UserSpeechCommitted") return [`user: ${event.text}`]
  if (event._tag === "FunctionCallsFinished") return event.calls.map(({ name }) => `tool: ${name}`)
  return event._tag === "AgentSpeechCommitted" ? [`agent: ${event.text}`] : []
}

const question = fileURLToPath(new URL("../test/fixtures/weather_question.wav", import.meta.url))

// ---- the server ----------------------------------------------------------------------------------------------

const answer = (path: string | undefined, body: Buffer): string => {
  if (path === "/recognize") {
    return JSON.stringify({
      transcript: body.toString("latin1", 0, 4) === "RIFF" ? "What is the weather in Paris?" : ""
    })
  }
  const lines = body.includes("sunny in Paris")
    ? [{ say: "It is sunny " }, { say: "in Paris." }, { tokens: 5 }]
    : [{ call: "get_weather", with: { city: "Paris" } }, { tokens: 2 }]
  return lines.map((line) => JSON.stringify(line)).join("\n")
}

const server = Effect.acquireRelease(
  Effect.callback<Http.Server>((resume) => {
    const server = Http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        response.writeHead(200, { "content-type": "application/json" })
        response.end(answer(request.url, Buffer.concat(chunks)))
      })
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      server.closeAllConnections()
    })
)

const program = Effect.gen(function*() {
  const address = (yield* server).address()
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
  const lines: Array<string> = []
  const answered = yield* Deferred.make<void>()
  const listen = (event: Event.Event): void => {
    lines.push(...tell(event))
    if (event._tag === "AgentSpeechCommitted") Deferred.doneUnsafe(answered, Effect.void)
  }
  const services = Layer.mergeAll(
    LocalRoom.layer({ participants: [{ identity: "caller", audio: question, linger: "1 minute" }] }),
    SileroVad.layer(),
    recogniser(url),
    model(url),
    FliteTts.layer(),
    ToolsLive
  )
  yield* Pipeline.run(agent, { onEvent: listen }).pipe(
    Effect.raceFirst(Deferred.await(answered)),
    Effect.provide(services)
  )
  yield* Console.log(lines.join("\n"))
})

NodeRuntime.runMain(Effect.scoped(program))
