import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import { execFile, execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { load } from "../../src/cli/loadModule.ts"
import { TypeId } from "../../src/Worker.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-modules-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const definition = `{ "${TypeId}": "${TypeId}", agentName: "desk" }`

const written = Effect.fnUntraced(function*(files: Readonly<Record<string, string>>) {
  const place = yield* folder
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true })
    writeFileSync(join(place, name), text)
  }
  return (name: string) => join(place, name)
})

interface Wrong {
  readonly name: string
  readonly text: string
  readonly others?: Readonly<Record<string, string>>
  readonly says: string
}

const wrong: ReadonlyArray<Wrong> = [
  { name: "a.js", text: "throw \"the table is gone\"", says: "it throws the text \"the table is gone\"" },
  { name: "a.js", text: "throw undefined", says: "it throws what is no Error" },
  { name: "a.js", text: "\nthrow new RangeError()", says: "it cannot be imported: RangeError (PLACE/a.js:2:7)" },
  {
    name: "a.js",
    text: "throw new AggregateError([new Error(\"one\"), new Error(\"two\")], \"both\")",
    says: "both: one; two (PLACE/a.js:1:7)"
  },
  {
    name: "a.js",
    text: "throw new Error(\"no rooms\", { cause: new Error(\"the database is away\") })",
    says: "no rooms: the database is away (PLACE/a.js:1:7)"
  },
  {
    name: "a.js",
    text: "const e = new Error(\"round\"); e.cause = e; throw e",
    says: "imported: round (PLACE/a.js:1:11)"
  },
  {
    name: "a.js",
    text: "const e = new AggregateError([], \"all\"); e.errors.push(e, new Error(\"one\")); throw e",
    says: "imported: all: one (PLACE/a.js:1:11)"
  },
  {
    name: "a.js",
    text: "const e = new AggregateError([], \"all\"); e.errors = 7; throw e",
    says: "imported: all (PLACE/a.js"
  },
  {
    name: "a.js",
    text: "let e = new Error(\"in\"); for (let i = 0; i < 20000; i++) e = new Error(\"out\", { cause: e }); throw e",
    says: "imported: out: out: out: out: out: out (PLACE"
  },
  { name: "a.js", text: "throw new Error(\"x\".repeat(5000))", says: `${"x".repeat(1000)}… (PLACE/a.js:1:7)` },
  {
    name: "a.js",
    text: "throw Object.defineProperty(new Error(), \"message\", { get() { throw new Error() } })",
    says: "it cannot be imported: what was thrown cannot be read"
  },
  {
    name: "a.cjs",
    text: "Object.defineProperty(exports, \"default\", { enumerable: true, get() { throw new Error() } })",
    says: "what it exports throws when it is read; write"
  },
  {
    name: "a.js",
    text: "export default new Proxy({}, { has() { throw new Error() } })",
    says: "what it exports throws when it is read; write"
  },
  { name: "a.ts", text: "@dec class A {}", says: "such as a decorator, build it to JavaScript, or install tsx" },
  {
    name: "a.ts",
    text: "import { B } from \"./b\"",
    others: { "b.ts": "export const B = 1" },
    says: "PLACE/b.ts is there: import it by its whole name"
  },
  {
    name: "a.ts",
    text: "import { B } from \"./b.js\"",
    others: { "b.ts": "export const B = 1" },
    says: "PLACE/b.ts is there: import it by its whole name"
  },
  {
    name: "a.ts",
    text: "import { B } from \"./b\"",
    others: { "b/index.ts": "export const B = 1" },
    says: "PLACE/b/index.ts is there"
  },
  {
    name: "a.ts",
    text: "import { B } from \"./b.ts\"\nexport const b: B = 1",
    others: { "b.ts": "export type B = number" },
    says: "if it is a type, write: import type"
  },
  { name: "a.js", text: "export const a = 1", says: "it has no default export; write: export default Worker" },
  {
    name: "a.js",
    text: `export const desk = ${definition}`,
    says: "its definition is exported as desk, not by default"
  },
  { name: "a.js", text: `export default () => (${definition})`, says: "its default export is a function; write" },
  { name: "a.js", text: `export default Promise.resolve(${definition})`, says: "its default export is a promise" },
  { name: "a.js", text: "export default { instructions: \"x\" }", says: "its default export is an agent" },
  { name: "a.js", text: "export default 7", says: "its default export is no definition of a worker" },
  { name: "a.js", text: "export default {{", says: "PLACE/a.js shows where" },
  { name: "package.json", text: "{}", says: "it cannot be imported" }
]

/** Each module in a folder of its own; what is said of it. */
const loaded = (modules: ReadonlyArray<Pick<Wrong, "name" | "text" | "others">>) =>
  Effect.gen(function*() {
    const place = yield* folder
    const files = modules.map(({ name, others, text }, index) => {
      const all = { "package.json": "{\"type\":\"module\"}", ...others, [name]: text }
      for (const [file, content] of Object.entries(all)) {
        mkdirSync(dirname(join(place, String(index), file)), { recursive: true })
        writeFileSync(join(place, String(index), file), content)
      }
      return join(place, String(index), name)
    })
    const program = fileURLToPath(new URL("./loading.ts", import.meta.url))
    // A test has its own way to import: Node's is that of users.
    const child = yield* Effect.promise(() =>
      promisify(execFile)(process.execPath, ["--conditions", "effect-voice/source", program, ...files])
    )
    const told: ReadonlyArray<string> = JSON.parse(child.stdout)
    return told.map((text, index) => text.replaceAll(join(place, String(index)), "PLACE"))
  })

describe("the module of an agent", () => {
  it.live("is found by its default export, also where a compiler has made CommonJS of it", () =>
    Effect.gen(function*() {
      const names = yield* loaded([
        { name: "a.js", text: `export default ${definition}` },
        { name: "b.cjs", text: `module.exports = ${definition}` },
        {
          name: "c.cjs",
          text: `Object.defineProperty(exports, "__esModule", { value: true }); exports.default = ${definition}`
        },
        { name: "d e#f?g%20.js", text: `export default ${definition}` }
      ])
      assert.deepStrictEqual(names, ["desk", "desk", "desk", "desk"])
    }))

  it.live("that holds none says what is wrong, and where", () =>
    Effect.gen(function*() {
      const told = yield* loaded(wrong)
      wrong.forEach(({ says, text }, index) => {
        assert.include(told[index], says, text)
        assert.notMatch(told[index] ?? "", /node:|modules\/esm|\/src\//)
      })
    }))

  it.effect("is a file", () =>
    Effect.gen(function*() {
      const path = yield* written({ "sub/a.js": "" })
      execFileSync("mkfifo", [path("pipe.js")])
      const said = (file: string) => Effect.map(Effect.flip(load(file)), ({ message }) => message)
      assert.include(yield* said(""), "name a module, such as desk.ts")
      assert.include(yield* said(path("sub")), "it is a folder: name the module in it")
      assert.include(yield* said(path("none.js")), "there is no such file")
      assert.include(yield* said(path("pipe.js")), "it is no file")
      symlinkSync(path("gone.js"), path("link.js"))
      assert.include(yield* said(path("link.js")), "it is a link to a file that is not there")
    }))

  it.effect("that never ends its import is told of after ten seconds, and given up after a minute", () =>
    Effect.gen(function*() {
      const path = yield* written({ "a.js": "await new Promise(() => {})" })
      const lines: Array<string> = []
      const loading = yield* load(path("a.js")).pipe(
        Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])),
        Effect.provideService(References.MinimumLogLevel, "Info"),
        Effect.flip,
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(lines, [])
      yield* TestClock.adjust("1 second")
      assert.match(lines.join(), /a\.js is still being imported/)
      yield* TestClock.adjust("50 seconds")
      assert.include((yield* Fiber.join(loading)).message, "it is not imported within a minute")
    }))
})
