import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, References, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { McpClient, McpProtocol, Tool, Toolkit } from "effect/ai"
import { ChildProcess } from "effect/process"
import { TestClock } from "effect/testing"
import { everything } from "./support/everything.ts"
import { answer, makeServer, mortal, type Server } from "./support/mcp.ts"

const call = (name: string, params: unknown = {}, id = "call-1"): Tools.Call => ({ id, name, params })

const quietly = Effect.provideService(References.MinimumLogLevel, "None")

const hotel = () =>
  makeServer({
    rooms: ({ nights, place }) => answer(`three rooms in ${String(place)} for ${String(nights ?? 1)}`),
    full: () => answer("no room is free", true)
  })

const source = (server: Server) =>
  Tools.discovered({ connect: server.connect, toolkit: (client) => McpClient.toolkit(client, "hotel__") })

describe("a toolkit that has its handlers", () => {
  const Kit = Toolkit.make(
    Tool.make("double", {
      parameters: Schema.Struct({ count: Schema.FiniteFromString }),
      success: Schema.BigInt,
      failure: Tools.ToolError
    })
  )
  const KitLive = Kit.toLayer({
    double: ({ count }) =>
      count < 0
        ? Effect.fail(new Tools.ToolError({ message: "less than nothing" }))
        : Effect.succeed(BigInt(count * 2))
  })

  it.effect("runs as one that gets them from a layer", () =>
    Effect.gen(function*() {
      for (const set of [yield* Tools.resolve(yield* Kit), yield* Tools.resolve(Kit)]) {
        const outputs = yield* Effect.forEach(["4", "-1", 4], (count) => Tools.execute(set, call("double", { count })))
        assert.deepStrictEqual(outputs.map(({ isFailure, output }) => [output, isFailure]), [
          ["8", false],
          ["less than nothing", true],
          ["Invalid parameters for tool double: count: Expected string", true]
        ])
      }
    }).pipe(Effect.provide(KitLive)))

  it.effect("stands beside others, and its names are its own", () =>
    Effect.gen(function*() {
      const kit = yield* Kit
      const Other = Toolkit.make(Tool.make("other", { success: Schema.String }))
      const set = yield* Effect.provide(
        Tools.resolve([kit, Other]),
        Other.toLayer({ other: () => Effect.succeed("x") })
      )
      assert.deepStrictEqual(Tools.list(set).map(({ name }) => name), ["double", "other"])
      const error = yield* Effect.flip(Tools.add(set, kit))
      assert.include(error.message, "two tools named double")
    }).pipe(Effect.provide(KitLive)))

  it.effect("writes no parameters on a span", () =>
    Effect.gen(function*() {
      const set = yield* Tools.resolve(yield* Kit)
      const span = yield* Effect.currentSpan
      yield* Tools.execute(set, call("double", { count: "4711" }))
      assert.notInclude(JSON.stringify([...span.attributes]), "4711")
      const inner = yield* Effect.gen(function*() {
        yield* Tools.execute(set, call("double", { count: "4711" }))
        return yield* Effect.currentSpan
      }).pipe(Effect.withSpan("inner"))
      assert.notInclude(JSON.stringify([...inner.attributes]), "4711")
    }).pipe(Effect.withSpan("outer"), Effect.provide(KitLive)))
})

describe("the tools of an MCP server", () => {
  it.effect("are taken as a toolkit by resolve and add, and run", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = hotel()
      const kit = yield* McpClient.toolkit(yield* server.connect)
      const set = yield* Tools.add(Tools.empty, kit)
      const output = yield* Tools.execute(set, call("rooms", "{\"place\":\"Oslo\",\"nights\":null}"))
      assert.deepStrictEqual([output.output, output.isFailure], ["three rooms in Oslo for 1", false])
      const wrong = yield* Tools.execute(set, call("rooms", {}))
      assert.strictEqual(wrong.output, "Invalid parameters for tool rooms: place is missing")
      const full = yield* Tools.execute(set, call("full", { place: "Oslo" }))
      assert.deepStrictEqual([full.output, full.isFailure], ["no room is free", true])
    })))

  const failing: ReadonlyArray<readonly [string, Effect.Effect<Response>, string]> = [
    ["refuses", Effect.sync(() => new Response("no", { status: 503 })), "refused the call with status 503"],
    [
      "sends no JSON",
      Effect.sync(() => new Response("{", { headers: { "content-type": "application/json" } })),
      "nobody"
    ],
    ["sends another thing", Effect.sync(() => Response.json({ hello: "world" })), "nobody understands"],
    ["sends a page", Effect.sync(() => new Response("<html>")), "nobody understands"],
    ["is slow", Effect.never, "did not finish within 2000 ms"]
  ]
  it.effect.each(failing)("fail in words when it %s", ([, instead, words]) =>
    Effect.scoped(Effect.gen(function*() {
      const server = hotel()
      const set = yield* Tools.resolve(yield* McpClient.toolkit(yield* server.connect))
      server.instead = instead
      const asking = yield* Effect.forkChild(
        Tools.execute(set, call("rooms", { place: "Oslo" }), { timeout: "2 seconds" })
      )
      if (instead === Effect.never) yield* TestClock.adjust("3 seconds")
      const output = yield* Fiber.join(asking)
      server.instead = undefined
      assert.isTrue(output.isFailure)
      assert.include(String(output.output), words)
      assert.notInclude(String(output.output), "tools.invalid")
    })).pipe(quietly))

  const error = (code: number) =>
    Effect.sync(() => Response.json({ jsonrpc: "2.0", id: null, error: { code, message: "no" } }))
  const broken = (code: string) => Effect.fail({ code })
  const [unsure, run] = ["failed in an earlier call", "three rooms in Oslo for 1"]
  const answered: ReadonlyArray<readonly [string, NonNullable<Server["instead"]>, string]> = [
    ["it may have been done", Effect.sync(() => new Response("<html>")), unsure],
    ["its server may have broken in it", Effect.sync(() => new Response("no", { status: 502 })), unsure],
    ["its server broke in it", error(-32_603), unsure],
    ["its server fails in its own way", error(-32_001), unsure],
    ["the connection broke", broken("ECONNRESET"), unsure],
    ["nobody knows why there is no answer", broken("EPIPE"), unsure],
    ["it was refused", Effect.sync(() => new Response("no", { status: 403 })), run],
    ["its parameters were refused", error(-32_602), run],
    ["its tool was not known", error(-32_601), run],
    ["nobody listened", broken("ECONNREFUSED"), run],
    ["the name of its server was not known", broken("EAI_AGAIN"), run]
  ]
  it.effect.each(answered)(
    "are called again without a confirmation, or not, where %s",
    ([, instead, words]) =>
      Effect.scoped(Effect.gen(function*() {
        const server = hotel()
        const set = yield* Tools.resolve(yield* McpClient.toolkit(yield* server.connect))
        const runner = yield* Tools.makeRunner()
        server.instead = instead
        yield* runner.run(set, [call("rooms", { place: "Oslo" })])
        server.instead = undefined
        const [output] = yield* runner.run(set, [{ ...call("rooms", { place: "Oslo" }), id: "again" }])
        assert.include(String(output?.output), words)
      })).pipe(quietly)
  )

  it.effect("are not called again without a confirmation when they were done, and their result cannot be taken", () =>
    Effect.scoped(Effect.gen(function*() {
      let done = 0
      const picture = { content: [{ type: "image", data: "AA==", mimeType: "image/png" }] }
      const server = makeServer({ draw: () => Effect.sync(() => (done++, picture)) })
      const set = yield* Tools.resolve(yield* McpClient.toolkit(yield* server.connect))
      const runner = yield* Tools.makeRunner()
      const draw = (id: string, more = {}) => runner.run(set, [call("draw", { place: "Oslo", ...more }, id)])
      yield* draw("first")
      const [again] = yield* draw("again")
      assert.include(String(again?.output), unsure)
      assert.strictEqual(done, 1)
      yield* draw("confirmed", { confirm: true })
      assert.strictEqual(done, 2)
    })))

  it.effect("are asked for again, and what is new is added, what is gone is gone", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = hotel()
      const set = yield* Tools.resolve(source(server))
      const names = (set: Tools.Set) => Tools.list(set).map(({ name }) => name)
      assert.deepStrictEqual(names(set), ["hotel__rooms", "hotel__full"])
      server.tools.delete("full")
      server.tools.set("spa", () => answer("open"))
      const after = yield* Tools.refresh(Tools.remove(set, "hotel__rooms"))
      assert.deepStrictEqual(names(after), ["hotel__spa"], "and what the program took away stays away")
      assert.deepStrictEqual(names(yield* Tools.refresh(set)), ["hotel__rooms", "hotel__spa"])
      assert.strictEqual((yield* Tools.execute(after, call("hotel__spa", { place: "Oslo" }))).output, "open")
    })))

  it.effect("stay as they were while it cannot be asked, and come back with a new connection", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = hotel()
      server.instead = Effect.sync(() => new Response("no", { status: 503 }))
      const none = yield* Tools.resolve(source(server))
      assert.deepStrictEqual(Tools.list(none), [])
      server.instead = undefined
      const set = yield* Tools.refresh(none)
      assert.strictEqual(Tools.list(set).length, 2)
      server.instead = Effect.sync(() => new Response("no", { status: 503 }))
      assert.strictEqual(yield* Tools.refresh(set), set)
      server.instead = undefined
      assert.strictEqual(Tools.list(yield* Tools.refresh(set)).length, 2)
      assert.strictEqual(server.asked.get("initialize"), 3)
    })).pipe(quietly))

  it.effect("do not keep an agent from beginning when it is silent", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = hotel()
      server.instead = Effect.never
      const resolving = yield* Effect.forkChild(Tools.resolve(source(server)))
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(resolving.pollUnsafe())
      server.instead = undefined
    })).pipe(quietly))

  it.effect("are left out where their names are taken, and the agent begins all the same", () =>
    Effect.gen(function*() {
      const own = Tools.functions({ book: { run: () => "own" } })
      const offering = (...names: ReadonlyArray<string>) => {
        const server = makeServer(Object.fromEntries(names.map((name) => [name, () => answer(name)])))
        return Tools.discovered({ connect: server.connect, toolkit: (client) => McpClient.toolkit(client) })
      }
      const warnings: Array<unknown> = []
      const logger = Logger.make(({ message }) => void warnings.push(message))
      const tools = [offering("book", "search"), own, offering("search", "map"), offering("book")]
      const set = yield* Tools.resolve(tools).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Warn")
      )
      assert.deepStrictEqual(Tools.list(set).map(({ name }) => name), ["search", "book", "map"])
      assert.strictEqual((yield* Tools.execute(set, call("book"))).output, "own")
      assert.deepStrictEqual(
        warnings.flat(),
        ["book", "search", "book"].map((name) => `Tool ${name} of a server is left out: its name is taken`)
      )
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools }),
        user: [Testing.say(500, 1500, "Book it.")],
        llm: [{ tools: [{ name: "book" }] }, "Good."]
      })
      assert.deepStrictEqual(timeline.messages.at(-1), "assistant: Good.")
      // The program's own are still not to be two of one name.
      const twice = yield* Effect.flip(Tools.resolve([own, own, offering("book")]))
      assert.strictEqual(twice.reason._tag, "DuplicateTool")
      // Nor does asking again give a server what another has.
      assert.deepStrictEqual(Tools.list(yield* Tools.refresh(set)).length, 3)
    }).pipe(Effect.scoped, quietly))

  it.effect("are there in a conversation, and renewed between its turns", () =>
    Effect.gen(function*() {
      const server = hotel()
      const offered: Array<ReadonlyArray<string>> = []
      const agent = Agent.make({ instructions: "You help.", tools: source(server) })
      const timeline = yield* Testing.scenario({
        agent,
        user: [
          Testing.say(500, 2500, "Is there a room in Oslo?"),
          Testing.say(400_000, 402_000, "And a spa?"),
          Testing.say(410_000, 412_000, "So is it open?")
        ],
        llm: ({ step, text, tools }) => {
          if (step === 0) offered.push(tools.map(({ name }) => name))
          if (step > 0) return "Yes."
          if (text.includes("room")) {
            server.tools.set("spa", () => answer("open"))
            return { tools: [{ name: "hotel__rooms", params: { place: "Oslo" } }] }
          }
          return text.includes("open") ? { tools: [{ name: "hotel__spa", params: { place: "Oslo" } }] } : "I will see."
        }
      })
      assert.deepStrictEqual(offered.map((names) => names.includes("hotel__spa")), [false, false, true])
      const results = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls.map(({ result }) => result))
      assert.deepStrictEqual(results, ["three rooms in Oslo for 1", "open"])
    }))
})

describe("a real MCP server", () => {
  const folder = everything()
  it.live.skipIf(folder === undefined)(
    "is talked to over its standard input and output",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const connect = McpClient.make({ name: "test", version: "1.0.0" }).pipe(
          Effect.provideServiceEffect(
            McpClient.Transport,
            McpClient.stdio({
              command: ChildProcess.make(process.execPath, [folder!, "stdio"]),
              protocol: McpProtocol.v2025_11_25
            })
          )
        )
        const set = yield* Tools.resolve(
          Tools.discovered({ connect, toolkit: (client) => McpClient.toolkit(client), timeout: "30 seconds" })
        )
        const names = Tools.list(set).map(({ name }) => name)
        assert.include(names, "echo")
        const echo = yield* Tools.execute(set, call("echo", { message: "hello" }))
        assert.deepStrictEqual([echo.output, echo.isFailure], ["Echo: hello", false])
      })).pipe(Effect.provide(NodeServices.layer), quietly)
  )

  it.live(
    "that dies is a tool that fails in words, and is started again when it is asked again",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const set = yield* Tools.resolve(
          Tools.discovered({ connect: mortal, toolkit: (client) => McpClient.toolkit(client), timeout: "30 seconds" })
        )
        const before = yield* Tools.execute(set, call("pid"))
        const died = yield* Tools.execute(set, call("die"))
        assert.deepStrictEqual(
          [before.isFailure, died.isFailure, died.output],
          [false, true, "The connection to the tool's server was lost"]
        )
        const gone = yield* Tools.execute(set, call("pid"))
        assert.strictEqual(gone.output, died.output)
        const after = yield* Tools.execute(yield* Tools.refresh(set), call("pid"))
        assert.isFalse(after.isFailure)
        assert.notStrictEqual(after.output, before.output)
      })).pipe(Effect.provide(NodeServices.layer), quietly)
  )
})
