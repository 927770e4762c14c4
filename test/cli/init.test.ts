import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs"
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
})
