import { assert, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

/** What an editor shows of these is what a declaration says. */
const program = `import { Context, Effect, Layer, Schema, type Scope } from "effect"
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

it("shows the types of agents and tools by names, without the schemas of their parameters", () => {
  mkdirSync(`${root}out`, { recursive: true })
  const folder = mkdtempSync(`${root}out/hover-`)
  try {
    writeFileSync(`${folder}/program.ts`, program)
    writeFileSync(
      `${folder}/tsconfig.json`,
      JSON.stringify({
        extends: `${root}tsconfig.json`,
        compilerOptions: {
          noEmit: false,
          noUnusedLocals: false,
          declaration: true,
          emitDeclarationOnly: true,
          allowImportingTsExtensions: false,
          rewriteRelativeImportExtensions: true,
          rootDir: root,
          outDir: `${folder}/declared`,
          paths: { "effect-voice": [`${root}src/index.ts`], "effect-voice/*": [`${root}src/*.ts`] }
        },
        include: ["program.ts"]
      })
    )
    const compiler = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", folder], {
      encoding: "utf8"
    })
    assert.strictEqual(compiler.stdout + compiler.stderr, "")
    const declared = readFileSync(`${folder}/declared/${folder.slice(root.length)}/program.d.ts`, "utf8")
    const shown = declared.match(/^export declare const \w+: .*$/gm) ?? []
    const sorted = shown.map((line) =>
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
  } finally {
    rmSync(folder, { recursive: true })
  }
})
