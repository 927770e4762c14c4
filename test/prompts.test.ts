/** What goes back to a model is what its server takes, by what each of them is known to refuse. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema, Stream } from "effect"
import { History, Llm } from "effect-voice"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import { Prompt, Tool } from "effect/ai"
import * as openai from "./support/openai.ts"
import * as provider from "./support/provider.ts"

type Body = { readonly [key: string]: any }
type Rule = (body: Body) => string | undefined

const step = (item: History.Item): History.Item => item._tag === "ToolCall" ? { ...item, step: { id: "s" } } : item

const call = (callId: string, createdAt: number) =>
  History.ToolCall.make({ id: `call-${callId}`, callId, name: "look", params: { at: callId }, createdAt })

const output = (callId: string, createdAt: number, output: Schema.Json = "rain") =>
  History.ToolOutput.make({ id: `output-${callId}`, callId, name: "look", output, isFailure: false, createdAt })

const said = (role: "system" | "user" | "assistant", text: string, createdAt: number) =>
  History.Message.make({ id: `${role}-${createdAt}`, role, text, createdAt })

/** A greeting, a remark before two calls of one step, a call that runs, an interruption, a summary, empty texts. */
const history = History.make([
  said("assistant", "Welcome.", 1),
  said("user", "Weather?", 2),
  said("assistant", "One moment.", 3),
  ...[call("a", 4), output("a", 4), call("b", 5), output("b", 5, { sun: true }), call("c", 6)].map(step),
  said("assistant", "It rains", 7),
  said("assistant", "and more.", 8),
  said("user", "", 9),
  { _tag: "Summary", id: "summary", text: "They like rain.", createdAt: 10 },
  said("user", "And", 11),
  said("user", "tomorrow?", 12)
])

const prompt = Prompt.concat(
  History.toPrompt(history, { instructions: "You help.", extra: "Be brief." }),
  Prompt.make([{ role: "user", content: [{ type: "text", text: " " }] }])
)

const messagesOf = ({ messages }: Body): ReadonlyArray<Body> => messages

/** Each call has one result, right after the message that calls. */
const pairs: Rule = (body) => {
  const messages = messagesOf(body)
  for (const [at, { tool_calls }] of messages.entries()) {
    const ids = (tool_calls ?? []).map(({ id }: Body) => id)
    const results = messages.slice(at + 1, at + 1 + ids.length).map(({ tool_call_id }) => tool_call_id)
    if (JSON.stringify(ids) !== JSON.stringify(results)) {
      return "An assistant message with 'tool_calls' must be followed"
    }
  }
  const results = messages.filter(({ role }) => role === "tool").length
  return results === messages.flatMap(({ tool_calls }) => tool_calls ?? []).length
    ? undefined
    : "role 'tool' must follow"
}

const texts: Rule = (body) =>
  messagesOf(body).some(({ content, role, tool_calls }) =>
      typeof content === "string"
        ? content.trim() === "" && role !== "tool"
        : content !== null || tool_calls === undefined
    )
    ? "content must be a text"
    : undefined

const argumentsAre: Rule = (body) =>
  messagesOf(body).flatMap(({ tool_calls }) => tool_calls ?? []).every(({ function: told, type }: Body) =>
      type === "function" && typeof told.arguments === "string" && typeof JSON.parse(told.arguments) === "object"
    )
    ? undefined
    : "arguments must be a string of JSON"

const turnOfCall: Rule = (body) =>
  messagesOf(body).some(({ tool_calls }, at, all) =>
      tool_calls !== undefined && !["user", "tool"].includes(all[at - 1]?.["role"])
    )
    ? "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
    : undefined

const firstSystem: Rule = (body) =>
  messagesOf(body).slice(1).some(({ role }) => role === "system")
    ? "System message must be at the beginning."
    : undefined

const alternating: Rule = (body) => {
  const turns = messagesOf(body).filter(({ role, tool_calls }) => !["system", "tool"].includes(role) && !tool_calls)
  return turns.some(({ role }, at) => role === turns[at - 1]?.["role"]) || turns[0]?.["role"] !== "user"
    ? "After the optional system message, conversation roles must alternate user and assistant roles."
    : undefined
}

const items: Rule = ({ input }) => {
  for (const item of input as ReadonlyArray<Body>) {
    const type = item["type"] ?? (item["role"] === "assistant" ? undefined : "message")
    if (type === undefined) return "Cannot determine type of 'item'"
    if (type === "message" && item["role"] === "assistant") {
      if (!item["content"].every((part: Body) => part["type"] === "output_text")) return "Invalid value: 'input_text'"
    }
    if (type === "message" && item["content"].length === 0) return "content must not be empty"
    if ("status" in item || ("id" in item && type !== "reasoning")) return "Item with id not found"
  }
  const ids = (type: string) => input.flatMap((item: Body) => item["type"] === type ? [item["call_id"]] : []).toSorted()
  return JSON.stringify(ids("function_call")) === JSON.stringify(ids("function_call_output"))
    ? undefined
    : "No tool output found for function call"
}

const servers: ReadonlyArray<
  readonly [name: string, rules: ReadonlyArray<Rule>, options: OpenAiLlm.Options, status?: number]
> = [
  ["OpenAI's Chat Completions", [pairs, texts, argumentsAre], {}],
  ["Azure's endpoint", [pairs, texts, argumentsAre], { model: "voice-main" }],
  ["Gemini's endpoint", [pairs, texts, argumentsAre, turnOfCall], { model: "gemini-3-flash" }],
  ["Ollama", [pairs, texts, argumentsAre], { model: "llama3.2" }],
  ["llama.cpp with a template of Qwen", [pairs, texts, argumentsAre, firstSystem], { model: "qwen" }, 500],
  ["llama.cpp with a template of Mistral", [pairs, texts, argumentsAre, firstSystem, alternating], { model: "m" }, 500],
  ["vLLM with a template of Gemma", [pairs, texts, argumentsAre, firstSystem, alternating], { model: "gemma" }, 400],
  ["OpenAI's Responses", [items], { api: "responses" }],
  ["Responses of llama.cpp", [items], { api: "responses", model: "qwen" }]
]

const tool = Tool.make("look", { parameters: Schema.Struct({ at: Schema.String }), success: Schema.String })

const judging =
  (rules: ReadonlyArray<Rule>, answer: provider.Handler, status = 400): provider.Handler => (request, response) => {
    const wrong = rules.map((rule) => rule(JSON.parse(request.body.toString()))).find((wrong) => wrong !== undefined)
    if (wrong === undefined) return answer(request, response)
    response.writeHead(status, { "content-type": "application/json" })
    response.end(JSON.stringify({ error: { message: `Jinja Exception: ${wrong}`, code: status } }))
  }

describe("a conversation with everything in it", () => {
  it.live.each(servers)("is taken by %s", ([, rules, options, status]) =>
    Effect.gen(function*() {
      const answer = options.api === "responses" ? openai.responding("Yes.") : openai.saying("Yes.")
      const { url } = yield* provider.http(judging(rules, answer, status))
      const { llm } = yield* OpenAiLlm.make({ baseUrl: url, apiKey: Redacted.make("sk"), ...options })
      const text = yield* Stream.mkString(Llm.text(llm.reply({ prompt, tools: [tool] })))
      assert.strictEqual(text, "Yes.")
    }))

  it.live("is taken from HttpLlm, too", () =>
    Effect.gen(function*() {
      const { url } = yield* provider.http(judging([pairs, texts, argumentsAre, turnOfCall], openai.saying("Yes.")))
      const llm = yield* HttpLlm.make({ url, answer: HttpLlm.chatStream })
      assert.strictEqual(yield* Stream.mkString(Llm.text(llm.reply({ prompt, tools: [tool] }))), "Yes.")
    }))
})
