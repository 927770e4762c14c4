/** Plain functions and servers of tools that are waited for in real time: virtual time stands still for them. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { Agent, Pipeline, type Session, Tools } from "effect-voice"
import * as native from "effect-voice/internal/native"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as Testing from "effect-voice/testing"
import { McpClient, McpProtocol } from "effect/ai"
import { FetchHttpClient } from "effect/http"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { setTimeout as delay } from "node:timers/promises"
import { answer, makeServer, mortal } from "../support/mcp.ts"

const user = [Testing.say(500, 1500, "A table, please.")]
const llm = [{ tools: [{ name: "book" }] }, "Table four is yours."]
const booking = (run: Tools.PlainTool["run"], more: Partial<Agent.Options> = {}) =>
  Agent.make({ instructions: "", tools: Tools.functions({ book: { run } }), ...more })

const listening = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer(listener)
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ).pipe(Effect.map((server) => ({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` })))

const served = listening((_, answer) => void delay(5).then(() => answer.end("table 4")))

/** What a server of one tool answers, by the method. */
const mcp = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "tables", version: "1.0.0" }
  },
  "tools/list": { tools: [{ name: "book", inputSchema: { type: "object" } }] },
  "tools/call": { content: [{ type: "text", text: "table 4" }] }
}

const never = () => Promise.withResolvers<void>().promise

const facts = (timeline: Testing.Timeline) => [
  timeline.messages,
  timeline.turns.map(({ total }) => total),
  timeline.warnings,
  timeline.endedAt
]

describe("time stands still for what a plain function awaits", () => {
  it.live.each<readonly [string, (url: string) => Promise<unknown>]>([
    ["a timer of 1 ms", () => delay(1)],
    ["a timer of 50 ms", () => delay(50)],
    ["a file", () => readFile(new URL(import.meta.url), "utf8")],
    ["a server", (url) => fetch(url).then((answer) => answer.text())],
    ["one thing after the other", async (url) => {
      await delay(5)
      await (await fetch(url)).text()
      await delay(5)
    }]
  ])("%s, in a tool and in hooks", ([, wait]) =>
    Effect.gen(function*() {
      const { url } = yield* served
      const held = (wait: (url: string) => Promise<unknown>) =>
        Testing.scenario({
          agent: booking(() => wait(url).then(() => "table 4"), {
            onEnter: async (session) => {
              await wait(url)
              await session.say("Hello!")
            },
            onUserTurn: async () => {
              await wait(url)
              return { context: "They come often." }
            }
          }),
          user,
          llm
        })
      const right = yield* held(async () => {})
      for (let run = 0; run < 3; run += 1) assert.deepStrictEqual(facts(yield* held(wait)), facts(right))
      assert.deepStrictEqual(right.turns.map(({ total }) => total), [1000])
    }))

  it.live("but not for what it has asked of the conversation, whoever gave it", () =>
    Effect.gen(function*() {
      let greeting: Session.PlainSpeech | undefined
      const outcomes: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        agent: booking(async (_, { progress, session }) => {
          await progress("nearly")
          const speech = await session.say("One moment.")
          await delay(5)
          outcomes.push((await speech.heard()).outcome, (await greeting!.heard()).outcome)
          await delay(5)
          return "table 4"
        }, {
          onEnter: async (session) => {
            greeting = await session.say("Hello!")
          }
        }),
        user: [],
        at: [{ at: 0, do: (session) => session.send("A table, please.") }],
        // It would not be waited for at all: who does never ends.
        realWait: "1 hour",
        llm,
        tts: { duration: 5000 }
      })
      assert.deepStrictEqual(outcomes, ["completed", "completed"])
      assert.deepStrictEqual(timeline.warnings, [])
    }))

  it.live("and takes the time of the conversation that it asks for, in a stand-in for a slow service", () =>
    Effect.gen(function*() {
      const slow = async () => {
        await Testing.sleep("3 seconds")
        await delay(5)
        return Testing.sleep(1500).then(() => "table 4")
      }
      const timeline = yield* Testing.scenario({ agent: booking(slow), user, llm })
      const [started, finished] = (["FunctionCallStarted", "FunctionCallsFinished"] as const).map((tag) =>
        timeline.of(tag)[0]?.at ?? 0
      )
      assert.strictEqual(finished! - started!, 4500)
      assert.deepStrictEqual(timeline.warnings, [])
    }))

  it.live("and not for ever: a warning names the tool or the hook", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: booking(never, { onEnter: never }),
        user,
        llm,
        realWait: 40
      })
      const hint = "raise realWait (40 millis now) if it only takes longer; set realWait: 0 if time must pass first"
      const passed = ["onEnter", "book"].map((name) =>
        `time ran past \`${name}\`, which waits for something real: ${hint}`
      )
      assert.deepStrictEqual(timeline.warnings.filter((warning) => warning.startsWith("time")), passed)
      assert.deepStrictEqual(
        timeline.logs.filter(({ text }) => text.startsWith("time")).map(({ text }) => text),
        passed
      )
      assert.include(timeline.messages, "output: book failed")
    }))

  // A test clock outside stands still itself.
  it.effect("and for what a layer does with a file, a model or a program, however long that takes", () =>
    Effect.gen(function*() {
      const at: Array<number> = []
      const wait = Effect.andThen(
        native.track(Effect.promise(() => delay(100))),
        Effect.map(Clock.currentTimeMillis, (now) => void at.push(now))
      )
      yield* Testing.scenario({ user: [], at: [{ at: 50, do: () => wait }, { at: 70, do: () => wait }] })
      assert.deepStrictEqual(at, [50, 70])
    }))

  it.live("in the fast mode of a local room, too", () =>
    Effect.gen(function*() {
      const at = (wait: () => Promise<unknown>) =>
        Effect.gen(function*() {
          const events: Array<readonly [string, number]> = []
          yield* Pipeline.run(booking(() => wait().then(() => "table 4")), {
            onEvent: ({ _tag, at }) => events.push([_tag, Math.round(at)])
          }).pipe(
            Effect.provide(
              Layer.mergeAll(
                Testing.layerVad(),
                Testing.layerStt(),
                Testing.layerLlm(llm),
                Testing.layerTts({ duration: 3000 })
              ).pipe(Layer.provideMerge(LocalRoom.layer({
                mode: "fast",
                participants: [{
                  identity: "ann",
                  audio: [{ at: "500 millis", audio: Testing.speech("A table, please.", { duration: 1000 }) }]
                }]
              })))
            )
          )
          return events
        })
      const right = yield* at(async () => {})
      assert.include(right.map(([tag]) => tag), "AgentSpeechCommitted")
      assert.deepStrictEqual(yield* at(() => delay(300)), right)
    }))
})

const discovered = <E, R>(connect: Effect.Effect<McpClient.McpClient, E, R>) =>
  Tools.discovered({ connect, toolkit: (client) => McpClient.toolkit(client) })

describe("time stands still for a server of tools", () => {
  it.live("in another process: to connect, to ask, to call, and to start it again after it has died", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: discovered(mortal) }),
        user: [500, 20_000, 40_000].map((from) => Testing.say(from, from + 1000, "Do it.")),
        llm: [
          { tools: [{ name: "pid" }] },
          "One.",
          { tools: [{ name: "die" }] },
          "Two.",
          { tools: [{ name: "pid", params: { once: "more" } }] },
          "Three."
        ],
        realWait: "20 seconds"
      })
      assert.deepStrictEqual(timeline.messages.filter((message) => message.startsWith("output")), [
        "output: pid",
        "output: die failed",
        "output: pid"
      ])
      assert.deepStrictEqual(timeline.turns.map(({ total }) => total), [1000, 1000, 1000])
      assert.deepStrictEqual([timeline.warnings, timeline.requests[0]?.tools.length], [[], 2])
      const pids = timeline.history.items.flatMap((item) => item._tag === "ToolOutput" ? [item.output] : [])
      assert.notStrictEqual(pids[0], pids[2])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live.each(["discovered", "toolkit"] as const)("over HTTP, as one that is %s", (manner) =>
    Effect.gen(function*() {
      const { url } = yield* listening((request, answer) => {
        void text(request).then(async (body) => {
          const { id, method } = JSON.parse(body === "" ? "{}" : body)
          await delay(20)
          if (id === undefined) return answer.writeHead(202).end()
          answer.setHeader("content-type", "application/json")
          answer.end(JSON.stringify({ jsonrpc: "2.0", id, result: mcp[method as keyof typeof mcp] }))
        })
      })
      const connect = McpClient.make({ name: "test", version: "1.0.0" }).pipe(
        Effect.provideServiceEffect(
          McpClient.Transport,
          McpClient.http({ url, protocol: McpProtocol.v2025_11_25 })
        )
      )
      const tools = manner === "discovered"
        ? discovered(connect)
        : yield* Effect.flatMap(connect, (client) => McpClient.toolkit(client))
      const timeline = yield* Testing.scenario({ agent: Agent.make({ instructions: "", tools }), user, llm })
      assert.deepStrictEqual(
        [timeline.messages, timeline.turns.map(({ total }) => total), timeline.warnings],
        [
          ["user: A table, please.", "call: book", "output: book", "assistant: Table four is yours."],
          [1000],
          []
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer)))

  it.effect("but not for one that sleeps in virtual time itself", () =>
    Effect.gen(function*() {
      const server = makeServer({ book: () => Effect.delay(answer("table 4"), "20 seconds") })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: discovered(Effect.delay(server.connect, "1 second")) }),
        user: [Testing.say(1500, 2500, "A table, please.")],
        llm: [{ tools: [{ name: "book", params: { place: "by the window" } }] }, "Table four is yours."],
        // It would not be waited for at all: who does never ends.
        realWait: "1 hour"
      })
      assert.include(timeline.messages, "output: book")
      assert.deepStrictEqual([timeline.turns[0]?.total, timeline.warnings], [21_000, []])
    }))

  it.effect("and not for ever", () =>
    Effect.gen(function*() {
      const server = makeServer({ book: () => Effect.never })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: discovered(server.connect) }),
        user,
        llm: [{ tools: [{ name: "book", params: { place: "by the window" } }] }, "Something is wrong."],
        realWait: 40
      })
      assert.include(timeline.messages, "output: book failed")
      assert.lengthOf(timeline.warnings.filter((warning) => warning.startsWith("time ran past `book`")), 1)
    }))
})
