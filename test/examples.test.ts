import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { Event } from "effect-voice"
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { WebSocket } from "ws"
import { call } from "./support/carrier.ts"
import { available } from "./support/programs.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

/** As Node runs TypeScript by itself, against the source. */
const source = ["--conditions", "effect-voice/source", "--disable-warning=ExperimentalWarning"]

interface Run {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

const run = (example: string, ...flags: ReadonlyArray<string>): Promise<Run> => {
  const { promise, resolve } = Promise.withResolvers<Run>()
  const child = spawn(process.execPath, [...source, `examples/${example}`, ...flags], { cwd: root })
  let output = ""
  let errors = ""
  child.stdout.on("data", (data: Buffer) => void (output += data.toString()))
  child.stderr.on("data", (data: Buffer) => void (errors += data.toString()))
  child.on("close", (code) => resolve({ code, output, errors }))
  return promise
}

const lines = async (example: string): Promise<ReadonlyArray<string>> => {
  const { code, errors, output } = await run(example)
  assert.strictEqual(code, 0, errors)
  return output.trim().split("\n")
}

const numbered = fs.readdirSync(path.join(root, "examples")).filter((name) => /^\d/.test(name)).sort()

describe("examples", () => {
  it("each say what they show", () => {
    assert.isAtLeast(numbered.length, 7)
    for (const name of numbered) {
      assert.match(fs.readFileSync(path.join(root, "examples", name), "utf8"), /^\/\*\*\n \* @title \S/, name)
    }
  })

  /** What a file of TypeScript or JavaScript names by a path: imports, URLs beside itself, paths from the root. */
  const reads = (text: string): ReadonlyArray<string> =>
    Array.from(
      text.matchAll(
        /(?:from |import |import\(|new URL\(|readFileSync\(|readFile\()\s*["'`](\.{1,2}\/[^"'`]*|test\/[^"'`]*)/g
      ),
      ([, name = ""]) => name
    )

  /** The command serves them in this place, one from its own package. */
  const served = new Set(["examples/playground/livekit-client.js", "examples/playground/replies.js"])

  /** What of it would not be there for who has installed the package. */
  const missing = (name: string, text: string, packed: ReadonlyArray<string>): ReadonlyArray<string> => {
    const targets = reads(text).map((read) =>
      path.posix.join(read.startsWith(".") ? path.posix.dirname(name) : "", read)
    )
    return targets.filter((target) =>
      !served.has(target) &&
      !(packed.some((entry) => target === entry || target.startsWith(`${entry}/`)) &&
        fs.existsSync(path.join(root, target)))
    )
  }

  it("import and read nothing that is not packed with them", () => {
    const { files } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as { files: Array<string> }
    const names = fs.readdirSync(path.join(root, "examples"), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(?:ts|js|html)$/.test(name)).map((name) => `examples/${name}`)
    assert.isAbove(names.length, 30)
    const all = names.map((name) => [name, fs.readFileSync(path.join(root, name), "utf8")] as const)
    assert.deepStrictEqual(all.flatMap(([name, text]) => missing(name, text, files)), [])
    assert.isAbove(all.flatMap(([, text]) => reads(text)).length, 10)
    const wav = `new URL("../test/fixtures/jfk.wav", import.meta.url)`
    assert.deepStrictEqual(missing("examples/99.ts", wav, files), ["test/fixtures/jfk.wav"])
    assert.deepStrictEqual(missing("examples/a/b.ts", `import { x } from "../../bench/x.ts"`, files), ["bench/x.ts"])
    assert.deepStrictEqual(missing("examples/99.ts", `import "./nowhere.ts"`, files), ["examples/nowhere.ts"])
  })

  it("import the modules of Effect's platform one by one: together they bring a client of Redis, and start half a second later", () => {
    for (const name of numbered) {
      assert.notMatch(fs.readFileSync(path.join(root, "examples", name), "utf8"), /from "@effect\/platform-node"/, name)
    }
  })

  it("10: hold a whole conversation, and leave its recording and its picture", async () => {
    const out = fs.mkdtempSync(path.join(os.tmpdir(), "effect-voice-demo-"))
    try {
      const { code, errors, output } = await run("10_conversation.ts", "--fast", "--out", out)
      assert.strictEqual(code, 0, errors)
      assert.include(output, "scripted")
      const written = JSON.parse(fs.readFileSync(path.join(out, "conversation.json"), "utf8"))
      const events = Schema.decodeUnknownSync(Schema.Array(Event.Event))(written)
      const of = <Tag extends Event.Event["_tag"]>(tag: Tag) =>
        events.filter((event): event is Event.Of<Tag> => event._tag === tag)

      assert.deepStrictEqual(of("UserSpeechCommitted").map(({ text }) => text), [
        "Do you have a room for Friday night?",
        "Wait, is breakfast included?",
        "Great. Please book the double room.",
        "Thank you very much. Goodbye."
      ])
      assert.deepStrictEqual(
        of("FunctionCallsFinished").flatMap(({ calls }) => calls.map(({ name }) => name)),
        ["find_rooms", "book_room", "hang_up"]
      )
      assert.strictEqual(of("AgentSpeechCommitted").filter(({ interrupted }) => interrupted).length, 1)
      assert.deepStrictEqual(of("FalseInterruption").map(({ resumed }) => resumed), [true])
      assert.deepStrictEqual(of("ProviderAvailability").map(({ available }) => available), [false, true])
      assert.deepStrictEqual(of("SessionClosed").map(({ reason }) => reason), ["hang_up"])
      for (const { record } of of("TurnMeasured")) {
        const sum = record.endOfUtterance + record.tools + record.llmFirstToken + record.firstSentence +
          record.ttsFirstByte + record.playoutStart
        assert.closeTo(sum, record.total, 0.01)
        assert.isBelow(record.total, 2500)
      }

      const wav = fs.readFileSync(path.join(out, "conversation.wav"))
      assert.strictEqual(wav.toString("latin1", 0, 4), "RIFF")
      assert.closeTo((wav.length - 44) / 4 / 24, events.at(-1)?.at ?? 0, 50)
      const picture = fs.readFileSync(path.join(out, "conversation.svg"), "utf8")
      for (const shown of ["is breakfast", "cut off", "resumed", "find_rooms()", "first voice is lost", "hung up"]) {
        assert.include(picture, shown)
      }
    } finally {
      fs.rmSync(out, { recursive: true })
    }
  })

  it("10: refuse a flag that is not there", async () => {
    const { code, errors } = await run("10_conversation.ts", "--fats")
    assert.strictEqual(code, 1)
    assert.include(errors, "Unrecognized flag: --fats")
  })

  const engines = available("pocketsphinx_continuous", "flite")

  it.skipIf(!engines)("12: hear a real question, and hear the spoken answer again", async () => {
    const [user = "", tool, agent, again = "", ...more] = await lines("12_local_engines.ts")
    assert.match(user, /^user: .*weather/)
    assert.strictEqual(tool, "tool: get_weather")
    assert.strictEqual(agent, "agent: The weather in Paris is sunny today.")
    assert.match(again, /^heard again: .*weather.*sunny/)
    assert.deepStrictEqual(more, [])
  })

  it("13: ask a recogniser and a model behind endpoints of their own", async () => {
    assert.deepStrictEqual(await lines("13_custom_providers.ts"), [
      "user: What is the weather in Paris?",
      "tool: get_weather",
      "agent: It is sunny in Paris."
    ])
  })

  it("15: write down and interpret what is said, by streams alone", async () => {
    assert.deepStrictEqual(await lines("15_streams.ts"), [
      "guest begins to speak at 1000 ms",
      "guest: Buenos días.",
      "interpreter: Good morning.",
      "guest begins to speak at 4000 ms",
      "guest: ¿A qué hora es el desayuno? Tengo hambre.",
      "interpreter: What time is breakfast?",
      "interpreter: I am hungry."
    ])
  })

  /** An example that serves, as soon as it tells its port. */
  const serving = (example: string, env: Record<string, string>) =>
    Effect.acquireRelease(
      Effect.callback<{ readonly child: ChildProcess; readonly port: number }>((resume) => {
        const child = spawn(process.execPath, [...source, `examples/${example}`], {
          cwd: root,
          env: { ...process.env, ...env, PORT: "0", NO_COLOR: "1" }
        })
        let output = ""
        child.stdout.on("data", (data: Buffer) => {
          output += data.toString()
          const port = /port: (\d+)/.exec(output)?.[1]
          if (port !== undefined) resume(Effect.succeed({ child, port: Number(port) }))
        })
      }),
      ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
    )

  /** Asks it to end, and tells its exit code. */
  const drained = (child: ChildProcess, last: () => void) =>
    Effect.promise(() => {
      const exit = Promise.withResolvers<number | null>()
      child.once("exit", exit.resolve)
      child.kill("SIGTERM")
      last()
      return exit.promise
    })

  it("16: answer a call, speak, hear a key, and drain when they are told to", () => {
    const url = "https://voice.example.com/call"
    return Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const { child, port } = yield* serving("16_telephone.ts", { TWILIO_AUTH_TOKEN: "token", TELEPHONE_URL: url })
      const { line } = yield* call({ port, url, token: Redacted.make("token") })
      const loudMs = (): number => line.heard.filter(({ loud }) => loud).length * 20
      yield* line.until(() => loudMs() > 1000)
      const greeting = loudMs()
      line.key("1")
      yield* line.until(() => loudMs() > greeting + 1000)
      assert.strictEqual(yield* drained(child, () => line.hangUp()), 0)
    })))
  })

  it(
    "17: answer a page's socket, speak, read what is typed, and drain when they are told to",
    () =>
      Effect.runPromise(Effect.scoped(Effect.gen(function*() {
        const { child, port } = yield* serving("17_browser.ts", { CALL_ORIGIN: "https://shop.example" })
        const socket = new WebSocket(`ws://127.0.0.1:${port}/call`, { headers: { origin: "https://shop.example" } })
        const send = (message: object) => socket.send(JSON.stringify(message))
        const answered = Promise.withResolvers<void>()
        let loud = 0
        socket.on("open", () => send({ type: "join", sampleRate: 16_000 }))
        socket.on("message", (data: Buffer, isBinary) => {
          if (isBinary) {
            for (let at = 8; at < data.length; at += 2) if (Math.abs(data.readInt16LE(at)) > 1000) loud++
            return send({ type: "played", position: data.readDoubleLE(0) })
          }
          const told = JSON.parse(data.toString())
          if (told.type === "joined") send({ type: "text", topic: "lk.chat", text: "When do you close?" })
          if (String(told.text).includes("six")) answered.resolve()
        })
        yield* Effect.promise(() => answered.promise)
        assert.isAbove(loud, 1000)
        assert.strictEqual(yield* drained(child, () => send({ type: "leave" })), 0)
      })))
  )

  it("20: run three tools with their defaults", async () => {
    const [alone, ...rest] = await lines("20_tools.ts")
    assert.strictEqual(
      alone,
      `alone: {"location":"Oslo","temperature":22,"units":"celsius","condition":"sunny","humidity":65}`
    )
    const text = rest.join("\n")
    for (const tool of ["get_weather", "search_knowledge_base", "schedule_meeting"]) {
      assert.strictEqual(text.split(`call: ${tool}\n`).length, 2, tool)
      assert.strictEqual(text.split(`output: ${tool}\n`).length, 2, tool)
    }
    assert.include(text, `"status":"scheduled"`)
  })

  it("21: tell what has come of a booking when it is nobody's turn, or send it", async () => {
    assert.deepStrictEqual(await lines("23_background.ts"), [
      "user: Book room seven.",
      "call: book",
      "assistant: I am booking it.",
      "user: Hello? Are you there?",
      "assistant: I am still working on it.",
      "output: book",
      "assistant: Room seven is yours.",
      "sent as a message: room 7, as call-1",
      "user: Book room seven.",
      "call: book",
      "assistant: I am booking it.",
      "output: book"
    ])
  })

  it("24: keep an order over a hand-off, and refuse what does not fit", async () => {
    const whole = "[{\"item\":\"pizza\",\"count\":2},{\"item\":\"coffee\",\"count\":1}]"
    assert.deepStrictEqual(await lines("24_call-state.ts"), [
      "2500 [{\"item\":\"pizza\",\"count\":2}]",
      `7500 ${whole}`,
      "assistant: That is 2 pizza and 1 coffee.",
      `kept: ${whole}`
    ])
  })

  it("30: answer five callers at once, each their own, within 3 s", async () => {
    const report = await lines("30_five-callers.ts")
    assert.strictEqual(report.length, 5)
    for (const line of report) {
      const [, name = "", slowest = "", heard = ""] =
        /^(\w+): 3 replies, 0 of others, slowest after (\d+) ms: (.*)$/.exec(line) ?? []
      assert.isBelow(Number(slowest), 3000, line)
      assert.strictEqual(
        heard,
        [`My name is ${name}.`, `What is ${name} allowed to do?`, `Goodbye from ${name}.`]
          .map((text) => `You said: ${text}`).join(" ")
      )
    }
  })

  it("50: take turns by the button", async () => {
    const committed = await lines("50_push-to-talk.ts")
    assert.deepStrictEqual(committed.map((line) => line.replace(/^\d+ ms\s+/, "")), [
      "A table for four, on the terrace,",
      "Just a coffee."
    ])
  })

  it("60: hand the call over with its history", async () => {
    assert.deepStrictEqual(await lines("60_handoff.ts"), [
      "reception → billing",
      "user: I have a question about my invoice.",
      "call: to_billing",
      "output: to_billing",
      "handoff: billing",
      "assistant: This is billing. Your invoice is paid.",
      "user: Thank you!",
      "assistant: You are welcome, says billing."
    ])
  })

  it("61: pass a call through three agents and back, each with its own tools, with one booking between them", async () => {
    const told = await lines("61_three-agents.ts")
    assert.deepStrictEqual(told.slice(0, 8), [
      "greeter → reservations",
      "reservations → payment",
      "payment → greeter",
      "to_reservations: null",
      "look_up: \"The window table is free at 19:30.\"",
      "book: null",
      "look_up: \"20 euros are due.\"",
      "take_deposit: null"
    ])
    assert.include(told, "user: Four one one one. Two two two two.")
    assert.strictEqual(
      told.at(-1),
      "assistant: All is set, Ada: a table for 2 at 19:30, and 20 euros are paid. Anything else?"
    )
  })

  it("70: hear the voice and not the hiss", async () => {
    const heard = await lines("70_custom-vad.ts")
    assert.deepStrictEqual(heard.map((line) => line.split(" ")[0]), ["SpeechStarted", "VoicePaused", "SpeechEnded"])
    const at = Number(heard[0]?.split(" ")[2])
    assert.closeTo(at, 3000, 40)
  })

  it("71: noise suppression lets a detector of loudness hear the voice alone", async () => {
    assert.deepStrictEqual(await lines("71_noise-suppression.ts"), [
      "as it is: voice from 0.0 to 5.4 s",
      // It takes a tenth of a second to know the noise.
      "with RNNoise: voice from 0.0 to 0.1 s, 2.3 to 3.2 s"
    ])
  })

  it("80: sum a conversation up, for a person and for Prometheus", async () => {
    const text = (await lines("80_metrics.ts")).join("\n")
    assert.match(text, /"total_conversations": 1/)
    assert.match(text, /"llm_avg_latency": \d*[1-9]/)
    // The turns took 1 s and 1.4 s.
    assert.match(text, /agent_response_time_seconds_bucket\{[^}]*le="1"[^}]*\} 1$/m)
    assert.match(text, /agent_response_time_seconds_bucket\{[^}]*le="2"[^}]*\} 2$/m)
    assert.match(text, /agent_conversations_total(\{[^}]*\})? 1/)
  })

  it("90: find, put right and veto before the reply", async () => {
    assert.deepStrictEqual(await lines("90_retrieval.ts"), [
      "user: Is this the Harbour Hotel?",
      "assistant: Yes, it is. How can I help you?",
      "user: Just a moment, please.",
      "user: When is breakfast?",
      "assistant: From seven until ten."
    ])
  })
})
