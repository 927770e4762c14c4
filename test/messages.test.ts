/** What the compiler says of a program that lacks something: which thing, and what to do; no schema, and not the whole of a service. */
import { assert, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

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

/** What a reader can take in (characters of a line). */
const longest = 400

it("name what is missing in a sentence, without schemas and services", { timeout: 300_000 }, () => {
  mkdirSync(`${root}out`, { recursive: true })
  const folder = mkdtempSync(`${root}out/messages-`)
  try {
    const lines = wrong.map(([line], i) => `export const line${i} = ${line}`)
    writeFileSync(`${folder}/program.ts`, head + lines.join("\n"))
    writeFileSync(
      `${folder}/tsconfig.json`,
      JSON.stringify({
        extends: `${root}tsconfig.json`,
        compilerOptions: {
          noEmit: true,
          paths: { "effect-voice": [`${root}src/index.ts`], "effect-voice/*": [`${root}src/*.ts`] }
        },
        include: ["program.ts"]
      })
    )
    const compiler = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", folder], {
      encoding: "utf8"
    })
    const from = head.split("\n").length
    const told = new Map<number, Array<string>>()
    let at = -1
    for (const line of compiler.stdout.split("\n")) {
      const found = /program\.ts\((\d+),/.exec(line)
      if (found !== null) at = Number(found[1]) - from
      told.set(at, [...told.get(at) ?? [], line.replace(/^.*?error TS\d+: /, "")])
    }
    assert.deepStrictEqual([...told.keys()].filter((line) => line >= 0), wrong.map((_, i) => i), compiler.stdout)
    for (const [i, [line, sentence, missing]] of wrong.entries()) {
      const message = told.get(i)!.join("\n")
      assert.include(message, sentence, line)
      assert.include(message, missing, line)
      assert.notMatch(message, /\$Array|readonly participants|readonly free/, line)
      assert.isAtMost(Math.max(...told.get(i)!.map(({ length }) => length)), longest, message)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
