/** Each option of each model is on the wire, also what one request asks for; one that is dropped changes nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted, Schema, Stream } from "effect"
import { Llm } from "effect-voice"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
import { LanguageModel, Prompt, Tool } from "effect/ai"
import { key } from "./support/transcribing.ts"
import { type Ask, checks, overHttp, overWebSocket } from "./support/wire.ts"

const apiKey = key

const look = Tool.make("look", { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String })

const asked: Llm.Request = { prompt: Prompt.make("How is it in Paris?"), tools: [look] }

const reply = (request: Llm.Request) => Llm.Llm.use((llm) => Stream.runDrain(llm.reply(request)))

const model = checks((layer: Layer.Layer<Llm.Llm, Llm.LlmError>) => Effect.provide(reply(asked), layer))

const sampling = {
  model: { value: "gpt-5-mini" },
  temperature: { value: 0.2 },
  topP: { value: 0.4 },
  maxTokens: { value: 60 },
  // That any is asked for changes more than one field.
  reasoningEffort: { value: "low", with: { reasoningEffort: "high" } },
  parallelToolCalls: { value: false },
  strict: { value: false },
  extra: { value: { service_tier: "flex" } },
  organization: { value: "org" },
  project: { value: "project" },
  headers: { value: { "x-team": Redacted.make("desk") } }
} as const

model<OpenAiLlm.Options, "name" | "baseUrl">(
  "OpenAiLlm",
  overHttp,
  { base: (baseUrl) => ({ baseUrl }), layer: OpenAiLlm.layer, layerConfig: OpenAiLlm.layerConfig },
  {
    ...sampling,
    apiKey: { value: Redacted.make("sk-other") },
    api: { value: "responses" },
    frequencyPenalty: { value: 0.5 },
    presencePenalty: { value: 0.5 },
    seed: { value: 7 },
    stop: { value: ["\n"] },
    // It changes what the pipeline asks, and nothing of this request.
    hears: null
  }
)

model<OpenAiLlm.Options, "name" | "baseUrl">(
  "OpenAiLlm by Responses",
  overHttp,
  {
    base: (baseUrl) => ({ apiKey, baseUrl, api: "responses" }),
    layer: OpenAiLlm.layer,
    layerConfig: OpenAiLlm.layerConfig
  },
  {
    ...sampling,
    apiKey: { value: Redacted.make("sk-other") },
    api: { value: "chat" },
    // Refused when it is built: Responses has none of them.
    frequencyPenalty: null,
    presencePenalty: null,
    seed: null,
    stop: null,
    hears: null
  }
)

model<HttpLlm.Options, "url" | "name">(
  "HttpLlm",
  overHttp,
  { base: (url) => ({ url }), layer: HttpLlm.layer, layerConfig: HttpLlm.layerConfig },
  {
    headers: { value: { "x-key": Redacted.make("k") } },
    model: { value: "mine" },
    temperature: { value: 0.2 },
    maxTokens: { value: 60 },
    body: { value: ({ messages }) => ({ messages }) },
    answer: { value: HttpLlm.chatStream }
  }
)

/** What each field of a request asks for, beside the prompt. */
const requests: { readonly [Name in Exclude<keyof Llm.Settings, "prompt">]-?: Llm.Request } = {
  model: { ...asked, settings: { model: "gpt-5-mini" } },
  temperature: { ...asked, settings: { temperature: 0.2 } },
  maxTokens: { ...asked, settings: { maxTokens: 60 } }
}

/** Without anything that was said, the second message asks for the answer. */
const opening = checks((layer: Layer.Layer<Llm.Llm, Llm.LlmError>) =>
  Effect.provide(reply({ ...asked, prompt: Prompt.make([{ role: "system", content: "Greet." }]) }), layer)
)

opening<OpenAiRealtime.Options, "name" | "baseUrl">(
  "OpenAiRealtime",
  overWebSocket,
  {
    base: (url) => ({ baseUrl: url.replace("ws", "http") }),
    layer: OpenAiRealtime.layer,
    layerConfig: OpenAiRealtime.layerConfig
  },
  {
    apiKey: { value: apiKey },
    organization: { value: "org" },
    project: { value: "project" },
    headers: { value: { "x-team": Redacted.make("desk") } },
    model: { value: "gpt-realtime-mini" },
    voice: { value: "cedar" },
    speed: { value: 1.2 },
    maxTokens: { value: 60 },
    extra: { value: { tracing: "auto" } }
  }
)

const more: Readonly<Record<string, Llm.Request>> = {
  ...requests,
  tools: { ...asked, tools: [] },
  "toolChoice none": { ...asked, toolChoice: "none" },
  "toolChoice required": { ...asked, toolChoice: "required" },
  prompt: { ...asked, prompt: Prompt.make("How is it in Rome?") }
}

const minds: Readonly<Record<string, (url: string) => Layer.Layer<Llm.Llm, Llm.LlmError>>> = {
  "OpenAiLlm": (baseUrl) => OpenAiLlm.layer({ apiKey, baseUrl }),
  "OpenAiLlm by Responses": (baseUrl) => OpenAiLlm.layer({ apiKey, baseUrl, api: "responses" }),
  "HttpLlm": (url) => HttpLlm.layer({ url })
}

for (const [name, layer] of Object.entries(minds)) {
  describe(`${name}, in one request,`, () => {
    const ask: Ask<Llm.Request> = (url, request) => Effect.provide(reply(request), layer(url))
    for (const [what, request] of Object.entries(more)) {
      it.live(`sends ${what}`, () =>
        Effect.gen(function*() {
          assert.notStrictEqual(yield* overHttp(ask, request), yield* overHttp(ask, asked))
        }))
    }
  })
}

describe("the LanguageModel of OpenAiLlm", () => {
  const ask = (api: "chat" | "responses"): Ask<OpenAiLlm.Options> => (baseUrl, more) =>
    LanguageModel.generateText({ prompt: "How is it?" }).pipe(
      Effect.provide(OpenAiLlm.layer({ apiKey, baseUrl, api, ...more }))
    )
  for (const api of ["chat", "responses"] as const) {
    for (const option of ["model", "temperature", "topP", "maxTokens", "reasoningEffort", "extra"] as const) {
      it.live(`sends ${option} by ${api}, too`, () =>
        Effect.gen(function*() {
          const { value } = sampling[option]
          const bare = option === "reasoningEffort" ? { reasoningEffort: "high" as const } : {}
          assert.notStrictEqual(yield* overHttp(ask(api), { [option]: value }), yield* overHttp(ask(api), bare))
        }))
    }
  }
})
