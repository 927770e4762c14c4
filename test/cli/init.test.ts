import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { execFileSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { init } from "../../src/cli/init.ts"
import { packageFacts } from "../../src/cli/packageFacts.ts"

const made = Effect.acquireRelease(
  Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "effect-voice-init-")))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

describe("a new project", () => {
  it.effect.each(["desk", "my desk", "Ann's $HOME"])(
    "says how to go to its folder: %s",
    (name) =>
      Effect.gen(function*() {
        const folder = join(yield* made, name)
        const told = yield* init(folder, packageFacts)
        const cd = told.split("\n").find((line) => line.startsWith("  cd "))!
        assert.strictEqual(execFileSync("sh", ["-c", `${cd} && pwd`], { encoding: "utf8" }).trim(), folder)
        const { name: packed } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
        assert.match(packed, /^[a-z0-9-]+$/)
      })
  )

  it.effect.each<readonly [name: string, says: RegExp]>([
    ["", /^name a folder, such as desk, or none for this one$/],
    [" ", /^name a folder, such as desk/],
    ["file", /file: it is no folder; name another$/],
    ["toFile", /toFile: it is a link to no folder; name another$/],
    ["toNothing", /toNothing: it is a link to no folder; name another$/],
    ["node_modules", /node_modules: Node runs no TypeScript within node_modules; name another folder$/],
    ["node_modules/desk", /desk: Node runs no TypeScript within node_modules/],
    ["begun", /begun: there is agent\.ts already; name another folder/],
    ["n".repeat(300), /it cannot be written there \(ENAMETOOLONG\)$/]
  ])(
    "is made in no folder that cannot have it, and leaves nothing there: %s",
    ([name, says]) =>
      Effect.gen(function*() {
        const place = yield* made
        writeFileSync(join(place, "file"), "")
        symlinkSync(join(place, "file"), join(place, "toFile"))
        symlinkSync(join(place, "nothing"), join(place, "toNothing"))
        mkdirSync(join(place, "begun"))
        symlinkSync(join(place, "nothing"), join(place, "begun", "agent.ts"))
        const { message } = yield* Effect.flip(init(name.trim() === "" ? name : join(place, name), packageFacts))
        assert.match(message, says)
        assert.deepStrictEqual(readdirSync(place).sort(), ["begun", "file", "toFile", "toNothing"])
        assert.deepStrictEqual(readdirSync(join(place, "begun")), ["agent.ts"])
      })
  )

  it.effect("has a name that npm takes, however long that of its folder is", () =>
    Effect.gen(function*() {
      const folder = join(yield* made, `${"d".repeat(213)}-${"k".repeat(30)}`)
      yield* init(folder, packageFacts)
      assert.strictEqual(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).name, "d".repeat(213))
    }))

  it.effect("may be made through a link to a folder", () =>
    Effect.gen(function*() {
      const place = yield* made
      mkdirSync(join(place, "real"))
      symlinkSync(join(place, "real"), join(place, "link"))
      yield* init(join(place, "link"), packageFacts)
      assert.include(readdirSync(join(place, "real")), "agent.ts")
    }))

  it.effect.each([
    { agent: "npm/11.1.0 node/v24", lock: "package-lock.json", install: "npm ci --omit=dev", vite: undefined },
    { agent: "pnpm/10.0.0 npm/? node/v24", lock: "pnpm-lock.yaml", install: "pnpm install", vite: undefined },
    { agent: "yarn/1.22.22 npm/? node/v24", lock: "yarn.lock", install: "yarn install", vite: "^8.0.0" },
    { agent: "bun/1.2.0 npm/? node/v24", lock: "bun.lock", install: "bun install", vite: undefined }
  ])("is built into an image by who has made it: $agent", ({ agent, install, lock, vite }) =>
    Effect.gen(function*() {
      const folder = join(yield* made, "desk")
      yield* init(folder, packageFacts).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ npm_config_user_agent: agent })))
      )
      const read = (name: string) => readFileSync(join(folder, name), "utf8")
      assert.include(read("Dockerfile"), `COPY package.json ${lock} ./`)
      assert.match(read("Dockerfile"), new RegExp(`^RUN .*${install}.* && find node_modules`, "m"))
      assert.strictEqual(read("Dockerfile").includes("package-lock.json"), lock === "package-lock.json")
      assert.strictEqual(JSON.parse(read("package.json")).devDependencies.vite, vite)
    }))
})
