/** Answers of models as servers tell them, each in its own way, and what came of them in a line. */
import { Context, Effect, Layer, Redacted, Stream } from "effect"
import { Llm } from "effect-voice"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import { Prompt } from "effect/ai"
import * as provider from "./provider.ts"

/** What no error may tell. */
export const secret = "my secret"

/** A chunk of an answer. */
export const delta = (delta: unknown, finish_reason: unknown = null, more: object = {}) => ({
  choices: [{ index: 0, delta, finish_reason, ...more }]
})
export const text = (content: unknown) => delta({ content })
export const calls = (...tool_calls: ReadonlyArray<unknown>) => delta({ tool_calls })
export const fn = (name: unknown, args: unknown, more: object = {}) => ({
  type: "function",
  ...more,
  function: { name, arguments: args }
})
/** A last chunk that counts. */
export const usage = (usage: unknown) => ({ choices: [], usage })
export const stop = delta({}, "stop")
export const called = delta({}, "tool_calls")
export const done = "data: [DONE]\n\n"

/** An answer of events: what is text is sent as it is. */
export const sse =
  (events: ReadonlyArray<unknown>, type: string | undefined = "text/event-stream"): provider.Handler =>
  (
    _,
    response
  ) => {
    response.writeHead(200, type === "" ? {} : { "content-type": type })
    for (const event of events) {
      response.write(typeof event === "string" ? event : `data: ${JSON.stringify(event)}\n\n`)
    }
    response.end()
  }

/** An answer of JSON. */
export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): provider.Handler => (_, response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

const attached = (metadata: Llm.Metadata | undefined): string =>
  metadata === undefined ? "" : ` ${JSON.stringify(Object.values(metadata)[0])}`

const counts = ({ cachedInputTokens, inputTokens, outputTokens, reasoningTokens }: Llm.Usage): string =>
  ` ${[inputTokens, cachedInputTokens, outputTokens, reasoningTokens].map((count) => count ?? "").join("/")}`

/** What was said and called, and the end: its reason, the tokens (in, cached, out, reasoning), what is attached. */
const shown = (deltas: ReadonlyArray<Llm.Delta>): string =>
  deltas.map((delta) => {
    switch (delta._tag) {
      case "Text":
        return delta.text
      case "ToolCall":
        return `[${delta.name} ${JSON.stringify(delta.params)}${attached(delta.metadata)}]`
      case "Finish":
        return ` <${delta.reason ?? ""}${delta.usage === undefined ? "" : counts(delta.usage)}${
          attached(delta.metadata)
        }>`
      default:
        return `{${delta._tag}}`
    }
  }).join("")

const failed = ({ message, reason, stack }: Llm.LlmError): string => {
  if (`${JSON.stringify(reason)} ${message} ${stack}`.includes(secret)) return "the error quotes the provider"
  const wait = reason._tag === "Rejected" && reason.retryAfterMs !== undefined ? ` after ${reason.retryAfterMs}` : ""
  return reason._tag === "Rejected" ? `! ${reason.status}${wait}` : `! ${reason._tag}`
}

const apiKey = Redacted.make("sk-secret")

/** The layers that ask models. */
export const layers = {
  OpenAiLlm: (url: string) => OpenAiLlm.layer({ baseUrl: `${url}/v1`, apiKey }),
  HttpLlm: (url: string) => HttpLlm.layer({ url, answer: HttpLlm.chatStream }),
  "HttpLlm, whole": (url: string) => HttpLlm.layer({ url }),
  "OpenAiLlm, responses": (url: string) => OpenAiLlm.layer({ baseUrl: `${url}/v1`, apiKey, api: "responses" })
}

/** What comes of an answer: all that was given, or what it fails with. */
export const outcome = (layer: keyof typeof layers, answer: ReadonlyArray<unknown> | provider.Handler) =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* provider.http(typeof answer === "function" ? answer : sse(answer))
    const llm = Context.get(yield* Layer.build(layers[layer](server.url)), Llm.Llm)
    return yield* Stream.runCollect(llm.reply({ prompt: Prompt.make("Hello?"), tools: [] })).pipe(
      Effect.match({ onFailure: failed, onSuccess: shown })
    )
  }))
