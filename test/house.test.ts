/** The rules of the house, each held to the source, and shown to catch what breaks it. */
import { assert, describe, it } from "@effect/vitest"
import { circles, type Module, modules, parse } from "./support/source.ts"

/** A noun of the barrel, a layer, or the testing kit: what a program imports. */
const isPublic = ({ path }: { readonly path: string }): boolean =>
  /^(?:Layers\/)?[A-Z]\w*\.ts$|^testing\.ts$/.test(path)

const isNoun = (path: string): boolean => /^[A-Z]\w*\.ts$/.test(path)

/** Every rule tells what breaks it. */
type Rule = (graph: ReadonlyArray<Module>) => ReadonlyArray<string>

const providersByPathAlone: Rule = (graph) =>
  graph.filter(({ path }) => !/^(?:Layers|testing|cli)\//.test(path) && path !== "testing.ts").flatMap((
    { imports, path }
  ) => imports.filter(({ from }) => from.startsWith("Layers/")).map(({ from }) => `${path} imports ${from}`))

const oneDoorToLiveKit: Rule = (graph) =>
  graph.filter(({ path }) => !path.startsWith("internal/livekit/")).flatMap(({ imports, path }) =>
    imports.filter(({ from }) => from === "@livekit/rtc-node").map(({ from }) => `${path} imports ${from}`)
  )

const circlesWithinOneNoun: Rule = (graph) =>
  circles(graph, { types: true }).filter((circle) => circle.filter(isNoun).length > 1).map((circle) =>
    `${circle.filter(isNoun).join(", ")} import each other`
  )

const noCirclesOfValues: Rule = (graph) =>
  circles(graph, { types: false }).map((circle) => `${circle.join(", ")} import each other`)

const documented: Rule = (graph) => {
  const byPath = new Map(graph.map((module) => [module.path, module]))
  const docs = (module: Module, name: string): string | undefined => {
    const found = module.exports.find((one) => one.name === name)
    if (found?.from === undefined) return module.docs.get(name)
    const there = byPath.get(found.from.path)
    return there === undefined ? undefined : docs(there, found.from.name)
  }
  const names = (module: Module): ReadonlyArray<string> =>
    module.exports.flatMap(({ from, name, star }) => {
      const there = from === undefined ? undefined : byPath.get(from.path)
      return star && name === "*" && there !== undefined ? names(there) : [name]
    })
  const docsOf = (module: Module, name: string): string | undefined => {
    if (module.exports.some((one) => one.name === name)) return docs(module, name)
    for (const { from, star } of module.exports) {
      const there = star && from !== undefined ? byPath.get(from.path) : undefined
      if (there !== undefined && names(there).includes(name)) return docsOf(there, name)
    }
    return undefined
  }
  return graph.filter(isPublic).flatMap((module) =>
    names(module).flatMap((name) => {
      const text = docsOf(module, name)
      if (text === undefined) return [`${module.path}: ${name} has no docstring`]
      return ["@category", "@since"].filter((tag) => !text.includes(tag)).map((tag) =>
        `${module.path}: ${name} lacks ${tag}`
      )
    })
  )
}

const rules: ReadonlyArray<{
  readonly name: string
  readonly rule: Rule
  /** Source that breaks it, and what is told of it. */
  readonly broken: Readonly<Record<string, string>>
  readonly told: ReadonlyArray<string>
}> = [
  {
    name: "the core never imports a layer",
    rule: providersByPathAlone,
    broken: { "Pipeline.ts": `import * as SileroVad from "./Layers/SileroVad.ts"`, "Layers/SileroVad.ts": "" },
    told: ["Pipeline.ts imports Layers/SileroVad.ts"]
  },
  {
    name: "one folder alone touches rtc-node",
    rule: oneDoorToLiveKit,
    broken: { "internal/worker/open.ts": `const rtc = await import("@livekit/rtc-node")` },
    told: ["internal/worker/open.ts imports @livekit/rtc-node"]
  },
  {
    name: "no circle of imports, types included, spans two public nouns",
    rule: circlesWithinOneNoun,
    broken: {
      "Room.ts": `import type { Session } from "./internal/session.ts"`,
      "internal/session.ts": `export type { Session } from "../Session.ts"`,
      "Session.ts": `import { Room } from "./Room.ts"\nexport type Session = Room`
    },
    told: ["Room.ts, Session.ts import each other"]
  },
  {
    name: "no two modules import values of each other",
    rule: noCirclesOfValues,
    broken: {
      "internal/a.ts": `import { b } from "./b.ts"\nexport const a = () => b`,
      "internal/b.ts": `import { a } from "./a.ts"\nexport const b = () => a`
    },
    told: ["internal/a.ts, internal/b.ts import each other"]
  },
  {
    name: "everything public has a docstring with a category and a version, re-exports too",
    rule: documented,
    broken: {
      "Vad.ts":
        `/** Whole. @category models @since 0.1.0 */\nexport const whole = 1\nexport const bare = 1\nexport { inner as outer } from "./internal/vad/inner.ts"`,
      "internal/vad/inner.ts": `/** No category. @since 0.1.0 */\nexport const inner = 1`
    },
    told: ["Vad.ts: bare has no docstring", "Vad.ts: outer lacks @category"]
  }
]

describe("the house", () => {
  for (const { broken, name, rule, told } of rules) {
    it(`keeps its rule: ${name}`, () => {
      assert.deepStrictEqual(rule(modules), [])
    })

    it(`sees when its rule is broken: ${name}`, () => {
      assert.deepStrictEqual(rule(Object.entries(broken).map(([path, text]) => parse(path, text))), told)
    })
  }
})
