/**
 * What the compiler says of programs: nothing of those that pages and docstrings show; short types in a hover; and of
 * one that lacks something, which thing, and what to do. It is started once for all of them.
 */
import { assert, beforeAll, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { hovers, snippets, tasks } from "./support/snippets.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

/** What an editor shows of these is what a declaration says. */
const shown = `import { Context, Effect, Layer, Schema, type Scope } from "effect"
import { Agent, Pipeline, Session, Tools } from "effect-voice"
import { Tool, Toolkit } from "effect/ai"

export class Desk extends Context.Service<Desk, { readonly free: Effect.Effect<number> }>()("Desk") {}
const room = Tool.make("room", {
  parameters: Schema.Struct({ nights: Schema.Int, guests: Schema.Array(Schema.Struct({ name: Schema.String })) }),
  success: Schema.String,
  dependencies: [Session.Session, Desk]
})
const Rooms = Toolkit.make(room, Tool.make("price", { success: Schema.Finite }))
const Taxis = Toolkit.make(Tool.make("taxi", { parameters: Schema.Struct({ at: Schema.String }) }))
declare const RoomsLive: Layer.Layer<Tool.Handler<"room"> | Tool.Handler<"price">, "no rooms">

export const desk = Agent.make({ instructions: "", tools: Rooms, onEnter: Desk })
export const both = Agent.make({ instructions: "", tools: [Rooms, Taxis] })
export const given = desk.pipe(Agent.provide(RoomsLive))
export const opened = Pipeline.make(given)
export const tools = Tools.resolve([Rooms, Taxis])
export const more = Effect.flatMap(Tools.resolve(Rooms), (set) => Tools.add(set, Taxis))
`

const head = `import { Context, Effect, Layer, Schema } from "effect"
import { Agent, Pipeline, Session, Tools, Worker } from "effect-voice"
import { Tool, Toolkit } from "effect/ai"
class Desk extends Context.Service<Desk, { readonly free: Effect.Effect<number> }>()("Desk") {}
const Room = Tool.make("room", {
  parameters: Schema.Struct({ nights: Schema.Int, guests: Schema.Array(Schema.Struct({ name: Schema.String })) }),
  success: Schema.String,
  dependencies: [Desk]
})
const Rooms = Toolkit.make(Room)
const served = Agent.make({ instructions: "", tools: Rooms }).pipe(
  Agent.provide(Rooms.toLayer({ room: () => Effect.succeed("seven") }))
)
const bare = Agent.make({ instructions: "", tools: Rooms })
const hooked = Agent.make({ instructions: "", onEnter: Desk })
`

const lacks = "the layer lacks what entry needs: add it, as with Layer.mergeAll"
const provide = "give the agent what it needs with Agent.provide"
const handlers = "give the agent the handlers of its tools with Agent.provide"

/** A line that is wrong, the sentence that says so, and what is missing. */
const wrong: ReadonlyArray<readonly [line: string, sentence: string, missing: string]> = [
  [
    "Worker.define({ entry: () => Pipeline.run(bare), layer: Layer.empty })",
    lacks,
    "Lacks<Desk | Handler<\"room\"> | Llm | Stt | Tts | Vad>"
  ],
  [
    "Worker.define({ entry: async () => Pipeline.run(served), layer: Layer.empty })",
    lacks,
    "Lacks<Desk | Llm | Stt | Tts | Vad>"
  ],
  [
    "Worker.define({ entry: () => Pipeline.run(hooked), layer: Layer.succeed(Desk, null as never) })",
    lacks,
    "Lacks<Llm | Stt | Tts | Vad>"
  ],
  ["Session.Session.use((session) => session.handoff(bare))", provide, "Missing<Desk | Handler<\"room\">>"],
  ["Session.Session.use((session) => session.handoff(served))", provide, "Missing<Desk>"],
  ["Session.Session.use((session) => session.handoff(hooked))", provide, "Missing<Desk>"],
  [
    "Tools.functions({ go: { run: async (_, { session }) => session.handoff(bare) } })",
    handlers,
    "Lacks<Handler<\"room\">>"
  ],
  [
    "Tools.functions({ book: { parameters: { nights: Schema.Int }, run: async () => 1 } })",
    "write Schema.Struct({ … }) around the fields",
    "'Fields'"
  ],
  ["Effect.runPromise(Pipeline.run(hooked))", "'Desk' is not assignable to type 'never'", "Desk"],
  ["Agent.make({ instructions: Effect.succeed(\"\") })", "is not assignable to type 'string'", "Effect<string"]
]

/** What programs have that the table of AGENTS.md explains: each of its lines is said of one of them. */
const explained = `import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, DeepgramStt, Pipeline, Session, Stt, Tools } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
declare const services: Layer.Layer<Pipeline.Services>
const Kit = Toolkit.make(Tool.make("book", { success: Schema.String }))
const go = (agent: () => Agent.Agent) => Tools.functions({ go: { run: async (_, { session }) => session.handoff(agent()) } })
export const bare = Effect.runPromise(Pipeline.run(Agent.make({ instructions: "" })))
export const unhandled = Effect.runPromise(
  Pipeline.run(Agent.make({ instructions: "", tools: Kit })).pipe(Effect.provide(services))
)
export const uses = Kit.toLayer({ book: () => Effect.as(Session.Session.use((session) => session.say("Hi.")), "") })
export const fails = Kit.toLayer({ book: () => Effect.fail(new Error("full")) })
const greeter = Agent.make({ instructions: "", tools: go(() => booking) })
const booking = Agent.make({ instructions: "", tools: go(() => greeter) })
export const ears = Stt.make({
  name: "",
  transcribe: (audio) =>
    Stream.callback<Stt.Transcript, Stt.SttError>(() => Stream.runForEach(audio, () => Effect.void))
})
export const says = Effect.gen(function*() {
  const session = Session.Session
  yield* session.say("Hi.")
})
export const messages = Testing.scenario({ user: [] }).messages
export const caught = Effect.catchAll(Effect.void, () => Effect.void)
export const heard = DeepgramStt.layerConfig()
export const thinks = OpenAiLlm.layer({ apiKey: "sk-1", model: "" })
`

/** What a reader can take in (characters of a line). */
const longest = 400

const isOfPages = [...snippets.filter(({ code }) => !tasks.has(code)), ...hovers]

/** What it says of each file, by its path in the folder, and the declarations of what a hover shows. */
let said: { readonly problems: ReadonlyMap<string, ReadonlyArray<string>>; readonly declared: string }

/** The lines about each file: what is indented goes on about the one before. */
const byFile = (output: string): ReadonlyMap<string, ReadonlyArray<string>> => {
  const all = new Map<string, Array<string>>()
  let of = ""
  for (const line of output.split("\n").filter((line) => line !== "")) {
    of = /^(\S.*?)\(\d+,\d+\): /.exec(line)?.[1]?.replace(/^.*?(?=(?:pages|hover|messages)\/[^/]+$)/, "") ?? of
    all.set(of, [...all.get(of) ?? [], line])
  }
  return all
}

beforeAll(() => {
  mkdirSync(`${root}out`, { recursive: true })
  const folder = mkdtempSync(`${root}out/compiled-`)
  try {
    for (const name of ["pages", "hover", "messages"]) mkdirSync(`${folder}/${name}`)
    for (const { code, name } of isOfPages) writeFileSync(`${folder}/pages/${name}`, code)
    writeFileSync(`${folder}/hover/program.ts`, shown)
    writeFileSync(
      `${folder}/messages/program.ts`,
      head + wrong.map(([line], i) => `export const line${i} = ${line}`).join("\n")
    )
    writeFileSync(`${folder}/messages/explained.ts`, explained)
    writeFileSync(
      `${folder}/tsconfig.json`,
      JSON.stringify({
        extends: `${root}tsconfig.json`,
        compilerOptions: {
          noEmit: false,
          noUnusedLocals: false,
          declaration: true,
          emitDeclarationOnly: true,
          rootDir: root,
          outDir: `${folder}/declared`,
          paths: { "effect-voice": [`${root}src/index.ts`], "effect-voice/*": [`${root}src/*.ts`] }
        },
        include: ["*/*.ts"]
      })
    )
    const { stderr, stdout } = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", folder], {
      encoding: "utf8"
    })
    assert.strictEqual(stderr, "")
    const declared = `${folder}/declared/${folder.slice(root.length)}/hover/program.d.ts`
    said = { problems: byFile(stdout), declared: readFileSync(declared, "utf8") }
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 300_000)

it("lets the programs of pages and of docstrings pass", () => {
  assert.isAtLeast(snippets.length, 2)
  assert.isAtLeast(hovers.length, 50)
  assert.deepStrictEqual([...said.problems].filter(([file]) => !file.startsWith("messages/")), [])
})

it("shows the types of agents and tools by names, without the schemas of their parameters", () => {
  const types = said.declared.match(/^export declare const \w+: .*$/gm) ?? []
  const sorted = types.map((line) =>
    line.replace("export declare const ", "").replace(
      /[\w.]+(?:<"\w+">)?(?: \| [\w.]+(?:<"\w+">)?)+/g,
      (union) => union.split(" | ").sort().join("|")
    )
  )
  const handlers = "Tool.Handler<\"price\">|Tool.Handler<\"room\">|Tool.Handler<\"taxi\">"
  assert.deepStrictEqual(sorted, [
    "desk: Agent.Agent<Desk|Session.Session|Tool.Handler<\"price\">|Tool.Handler<\"room\">, never>;",
    `both: Agent.Agent<Desk|Session.Session|${handlers}, never>;`,
    "given: Agent.Agent<Desk|Session.Session, \"no rooms\">;",
    "opened: Effect.Effect<Session.Service, \"no rooms\" | Pipeline.PipelineError, Desk|Pipeline.Services|Scope.Scope>;",
    `tools: Effect.Effect<Tools.Set<Desk|Session.Session>, Tools.ToolsError, ${handlers}>;`,
    `more: Effect.Effect<Tools.Set<Desk|Session.Session>, Tools.ToolsError, ${handlers}>;`
  ])
})

it("names what is missing in a sentence, without schemas and services", () => {
  const from = head.split("\n").length
  const told = new Map<number, Array<string>>()
  let at = -1
  for (const line of said.problems.get("messages/program.ts") ?? []) {
    const found = /program\.ts\((\d+),/.exec(line)
    if (found !== null) at = Number(found[1]) - from
    told.set(at, [...told.get(at) ?? [], line.replace(/^.*?error TS\d+: /, "")])
  }
  assert.deepStrictEqual([...told.keys()].filter((line) => line >= 0), wrong.map((_, i) => i))
  for (const [i, [line, sentence, missing]] of wrong.entries()) {
    const message = told.get(i)!.join("\n")
    assert.include(message, sentence, line)
    assert.include(message, missing, line)
    assert.notMatch(message, /\$Array|readonly participants|readonly free/, line)
    assert.isAtMost(Math.max(...told.get(i)!.map(({ length }) => length)), longest, message)
  }
})

it("is explained in AGENTS.md by what it says", () => {
  const page = readFileSync(`${root}AGENTS.md`, "utf8").split("## What the compiler says")[1]!.split("\n## ")[0]!
  const sayings = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, saying]) => saying!)
  assert.isAtLeast(sayings.length, 10)
  const messages = said.problems.get("messages/explained.ts")?.join("\n") ?? ""
  for (const saying of sayings) assert.include(messages, saying)
})
