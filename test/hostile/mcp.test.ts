/** Servers of MCP tools that offer and answer what nobody should: a call fails in words, the rest goes on, and what is kept is bounded. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, References, Result } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { McpClient, McpProtocol } from "effect/ai"
import { HttpClient, HttpClientResponse } from "effect/http"
import { setImmediate } from "node:timers/promises"
import { megabytesKept } from "../support/kept.ts"

const quietly = Effect.provideService(References.MinimumLogLevel, "None")

const object = { type: "object", properties: { place: { type: "string" } } }
const plain = { name: "plain", inputSchema: object }
const said = (text: string) => ({ content: [{ type: "text", text }] })

interface Answers {
  /** What `tools/list` gives, by the page that is asked for. */
  readonly list?: ((cursor: string | undefined) => unknown) | undefined
  /** What a call gives. */
  readonly call?: ((id: number) => unknown) | undefined
}

/** A server that answers so; a `Response` is given as it is, and anything else is a result. */
const connecting = ({ call = () => said("done"), list = () => ({ tools: [plain] }) }: Answers) => {
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      const { id, method, params } = JSON.parse(
        request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : "{}"
      )
      const made = method === "initialize"
        ? {
          protocolVersion: "2025-11-25",
          capabilities: { tools: {} },
          serverInfo: { name: "odd", version: "1.0.0" }
        }
        : method === "tools/list"
        ? list(params?.cursor)
        : method === "tools/call"
        ? call(id)
        : null
      const response = made instanceof Response
        ? made
        : id === undefined
        ? new Response(null, { status: 202 })
        : Response.json({ jsonrpc: "2.0", id, result: made })
      return HttpClientResponse.fromWeb(request, response)
    })
  )
  return McpClient.make({ name: "test", version: "1.0.0" }).pipe(
    Effect.provideServiceEffect(
      McpClient.Transport,
      McpClient.http({ url: "http://tools.invalid/mcp", protocol: McpProtocol.v2025_11_25 })
    ),
    Effect.provideService(HttpClient.HttpClient, client)
  )
}

const source = (answers: Answers) =>
  Tools.discovered({ connect: connecting(answers), toolkit: (client) => McpClient.toolkit(client) })

const many = <A>(count: number, of: (i: number) => A): Array<A> => Array.from({ length: count }, (_, i) => of(i))

/** The names of the tools that are found. */
const found = (tools: ReadonlyArray<unknown>) =>
  Effect.scoped(
    Effect.map(Tools.resolve(source({ list: () => ({ tools }) })), (set) => Tools.list(set).map(({ name }) => name))
  ).pipe(quietly)

const named = (i: number, more: object = {}) => ({ ...plain, name: `tool_${i}`, ...more })

const deep = (levels: number): object =>
  many(levels, (i) => i).reduce<object>((inner) => ({ type: "object", properties: { a: inner } }), object)

describe("the tools of a server", () => {
  it.effect.each([[0, 0], [1, 1], [127, 127], [128, 128], [129, 128], [5000, 128]] as const)(
    "are told to a model up to 128: of %d, %d",
    ([offered, taken]) =>
      Effect.gen(function*() {
        const names = yield* found(many(offered, (i) => named(i)))
        assert.deepStrictEqual(names, many(taken, (i) => `tool_${i}`))
      })
  )

  const size = (description: string) => JSON.stringify(["tool_0", description, object]).length

  it.effect.each([-1, 0, 1])("are told up to 262,144 characters, and %d", (more) =>
    Effect.gen(function*() {
      const description = "x".repeat(262_144 - size("") + more)
      const names = yield* found([named(0, { description }), named(1)])
      // What does not fit is left out, and what comes after it may.
      assert.deepStrictEqual(names, more > 0 ? ["tool_1"] : ["tool_0"])
    }))

  it.effect.each<readonly [string, object]>([
    ["megabytes of description", { description: "x".repeat(2_000_000) }],
    ["megabytes of parameters", {
      inputSchema: {
        type: "object",
        properties: Object.fromEntries(many(20_000, (i) => [`p${i}`, { type: "string" }]))
      }
    }],
    ["a list of a hundred thousand choices", {
      inputSchema: { type: "object", properties: { a: { enum: many(100_000, (i) => `choice ${i}`) } } }
    }]
  ])("are without one of %s, and the others are there", ([, more]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* found([named(0), named(1, more), named(2)]), ["tool_0", "tool_2"])
    }))

  it.effect.each<readonly [string, unknown]>([
    ["a circle", { type: "object", properties: { a: { $ref: "#" } } }],
    ["a circle of definitions", {
      type: "object",
      properties: { a: { $ref: "#/$defs/b" } },
      $defs: { b: { $ref: "#/$defs/c" }, c: { $ref: "#/$defs/b" } }
    }],
    ["a reference to nowhere", { type: "object", properties: { a: { $ref: "#/$defs/none" } } }],
    ["a reference to another server", { type: "object", properties: { a: { $ref: "http://evil.example/schema" } } }],
    ["a pattern that takes for ever", {
      type: "object",
      properties: { place: { type: "string", pattern: "^(a+)+$" } }
    }],
    ["a pattern that is none", { type: "object", properties: { place: { type: "string", pattern: "(" } } }],
    [
      "names of all objects",
      JSON.parse("{\"type\":\"object\",\"properties\":{\"__proto__\":{\"type\":\"string\"},\"constructor\":{}}}")
    ],
    ["fifty levels", deep(50)],
    ["two thousand levels", deep(2000)],
    ["no type", { type: "object", properties: { place: {} } }],
    ["a type that nobody knows", { type: "object", properties: { place: { type: "picture" } } }],
    ["contradictions", { type: "object", allOf: [{ type: "string" }, { type: "number" }] }],
    ["required parameters that there are not", { type: "object", required: ["none"] }],
    ["required parameters that are numbers", { type: "object", required: [1, null] }],
    ["defaults that do not fit", { type: "object", properties: { place: { type: "number", default: "x" } } }],
    ["bounds that cannot be", { type: "object", properties: { place: { type: "number", minimum: 5, maximum: 1 } } }]
  ])("may be described by %s: they are there, or not, and the others are", ([, inputSchema]) =>
    Effect.gen(function*() {
      const set = yield* Tools.resolve(source({ list: () => ({ tools: [named(0), named(1, { inputSchema })] }) }))
      const names = Tools.list(set).map(({ name }) => name)
      assert.isTrue(names.length === 0 || names.includes("tool_0"))
      for (const params of [{ place: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" }, {}, "{", null]) {
        const output = yield* Tools.execute(set, { id: "1", name: "tool_1", params })
        assert.isBelow(JSON.stringify(output.output).length, 1000)
      }
      if (names.length === 0) return
      const output = yield* Tools.execute(set, { id: "2", name: "tool_0", params: { place: "Oslo" } })
      assert.deepStrictEqual([output.output, output.isFailure], ["done", false])
    }).pipe(Effect.scoped, quietly))

  it.effect.each<readonly [string, (cursor: string | undefined) => unknown]>([
    ["pages without an end", (cursor = "") => ({ tools: [], nextCursor: `${cursor}x` })],
    ["one page again and again", () => ({ tools: [plain], nextCursor: "same" })],
    ["two of one name", () => ({ tools: [plain, plain] })],
    ["a name that no model takes", () => ({ tools: [{ ...plain, name: "what is this?" }] })],
    ["a name without an end", () => ({ tools: [{ ...plain, name: "x".repeat(100_000) }] })],
    ["a name of no letters", () => ({ tools: [{ ...plain, name: "\u202e\u0000" }] })],
    ["no list", () => ({})],
    ["a list that is none", () => ({ tools: "plain" })],
    ["nothing", () => null],
    ["an error", () => new Response("no", { status: 500 })],
    ["a page", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
    ["bytes", () => new Response(new Uint8Array(1000).fill(255), { headers: { "content-type": "application/json" } })],
    ["a redirection", () => new Response(null, { status: 307, headers: { location: "http://evil.example/" } })],
    ["lists in lists", () => new Response("[".repeat(100_000), { headers: { "content-type": "application/json" } })],
    ["another answer", () => Response.json({ jsonrpc: "2.0", id: 999, result: { tools: [plain] } })],
    ["an answer without an id", () => Response.json({ jsonrpc: "2.0", result: { tools: [plain] } })],
    ["several answers at once", () => Response.json([{ jsonrpc: "2.0", id: 1, result: {} }])],
    ["another protocol", () => Response.json({ jsonrpc: "1.0", id: 2, result: { tools: [plain] } })]
  ])("are none where it offers %s, and the agent begins", ([, list]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: source({ list }) }),
        user: [Testing.say(1000, 2000, "Hello?")],
        llm: ["Good morning."]
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello?", "assistant: Good morning."])
      assert.deepStrictEqual(timeline.requests.map(({ tools }) => tools.length), [0])
    }))
})

const events = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream" } })

/** An answer that comes in pieces, for as long as somebody takes them. */
const pouring = (piece: string, type = "text/event-stream") =>
  new Response(
    new ReadableStream({
      pull: async (controller) => {
        // As from a socket: others have their turn.
        await setImmediate()
        controller.enqueue(new TextEncoder().encode(piece))
      },
      cancel: () => {}
    }),
    { headers: { "content-type": type } }
  )

describe("what a server answers to a call", () => {
  const long = "x".repeat(3_000_000)

  it.live.each<readonly [string, (id: number) => unknown, isFailure: boolean]>([
    ["nothing in it", () => ({ content: [] }), false],
    ["megabytes of text", () => said(long), false],
    [
      "a thousand pieces of text",
      () => ({ content: many(1000, () => ({ type: "text", text: "x".repeat(1000) })) }),
      false
    ],
    ["a picture", () => ({ content: [{ type: "image", data: "AAAA", mimeType: "image/png" }] }), true],
    [
      "megabytes of a picture",
      () => ({ content: [{ type: "image", data: "A".repeat(4_000_000), mimeType: "image/png" }] }),
      true
    ],
    [
      "a resource elsewhere",
      () => ({ content: [{ type: "resource_link", uri: "file:///etc/passwd", name: "x" }] }),
      false
    ],
    ["a kind that nobody knows", () => ({ content: [{ type: "hologram" }] }), true],
    ["no content", () => ({}), true],
    ["null", () => null, true],
    ["megabytes of a reason", () => ({ ...said(long), isError: true }), true],
    ["no reason", () => ({ content: [], isError: true }), true],
    [
      "structured content without an end",
      () => ({ ...said("done"), structuredContent: { a: "x".repeat(4_000_000) } }),
      false
    ],
    [
      "an error of the protocol",
      (id) => Response.json({ jsonrpc: "2.0", id, error: { code: -32000, message: "no" } }),
      true
    ],
    [
      "megabytes of an error",
      (id) => Response.json({ jsonrpc: "2.0", id, error: { code: 1e99, message: long } }),
      true
    ],
    ["an error that is none", (id) => Response.json({ jsonrpc: "2.0", id, error: "no" }), true],
    [
      "both",
      (id) => Response.json({ jsonrpc: "2.0", id, error: { code: 1, message: "no" }, result: said("done") }),
      true
    ],
    ["another answer", () => Response.json({ jsonrpc: "2.0", id: 999_999, result: said("done") }), true],
    ["a page", () => new Response("<html>", { headers: { "content-type": "text/html" } }), true],
    ["no type", (id) => new Response(JSON.stringify({ jsonrpc: "2.0", id, result: said("done") })), true],
    [
      "half of it",
      () => new Response("{\"jsonrpc\":\"2.0\",\"id\":", { headers: { "content-type": "application/json" } }),
      true
    ],
    [
      "no UTF-8",
      () => new Response(new Uint8Array([0x7b, 0xff, 0xfe]), { headers: { "content-type": "application/json" } }),
      true
    ],
    ["a status of its own", () => new Response("x".repeat(100_000), { status: 599 }), true],
    ["a redirection", () => new Response(null, { status: 302, headers: { location: "http://evil.example/" } }), true],
    [
      "a time to come back that never is",
      () => new Response(null, { status: 429, headers: { "retry-after": "1e999" } }),
      true
    ],
    ["accepted, and nothing more", () => new Response(null, { status: 202 }), true],
    ["events that are no answer", () => events("data: {}\n\ndata: 7\n\n"), true],
    ["an event of another, and then its own", (id) =>
      events(
        `event: message\ndata: ${
          JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params: {} })
        }\n\n` +
          `data: ${JSON.stringify({ jsonrpc: "2.0", id, result: said("done") })}\n\n`
      ), false],
    ["an event that is cut off", (id) => events(`data: ${JSON.stringify({ jsonrpc: "2.0", id })}`), true]
  ])("is an output in bounds, and the next call works: %s", ([, call, isFailure]) =>
    Effect.gen(function*() {
      let calls = 0
      const set = yield* Tools.resolve(source({ call: (id) => calls++ === 0 ? call(id) : said("done") }))
      const asked = { id: "1", name: "plain", params: { place: "Oslo" } }
      const output = yield* Tools.execute(set, asked, { timeout: "1 second" })
      assert.strictEqual(output.isFailure, isFailure, JSON.stringify(output.output).slice(0, 200))
      assert.isBelow(JSON.stringify(output.output).length, 70_000)
      assert.notInclude(JSON.stringify(output.output), "tools.invalid")
      const next = yield* Tools.execute(set, { id: "2", name: "plain", params: { place: "Oslo" } })
      assert.deepStrictEqual([next.output, next.isFailure], ["done", false])
    }).pipe(Effect.scoped, quietly))

  it.live.each<readonly [string, string, string]>([
    ["events of nothing", ": alive\n\n", "text/event-stream"],
    ["one event", "data: x", "text/event-stream"],
    ["events that are no answer", "data: {}\n\n", "text/event-stream"],
    ["messages that nobody asked for", "data: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n", "text/event-stream"],
    ["white space", " ".repeat(1000), "application/json"],
    ["one text", "x".repeat(100_000), "application/json"]
  ])("fails in its time, and is not kept, where it never ends: %s", ([, piece, type]) =>
    Effect.gen(function*() {
      const before = megabytesKept()
      const set = yield* Tools.resolve(source({ call: () => pouring(piece, type) }))
      const asked = Tools.execute(set, { id: "1", name: "plain", params: {} }, { timeout: "500 millis" })
      const output = yield* Effect.result(Effect.timeout(asked, "5 seconds"))
      assert.isTrue(Result.isSuccess(output) && output.success.isFailure)
      assert.isBelow(megabytesKept() - before, 60)
    }).pipe(Effect.scoped, quietly))
})
