import { assert, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { notLoaded } from "../../src/internal/notLoaded.ts"

const main = "effect-voice-not-loaded-main"

/** What Node says of an import of the package, which has this in it. */
const failing = async (text: string | undefined): Promise<unknown> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-voice-packages-"))
  try {
    const place = join(folder, "node_modules", main)
    if (text !== undefined) {
      mkdirSync(place, { recursive: true })
      writeFileSync(join(place, "package.json"), JSON.stringify({ name: main, type: "module", exports: "./a.js" }))
      writeFileSync(join(place, "a.js"), text)
    }
    const program = join(folder, "program.mjs")
    writeFileSync(program, `export const loaded = () => import("${main}")`)
    const { loaded }: { readonly loaded: () => Promise<unknown> } = await import(/* @vite-ignore */ program)
    return await loaded().then(() => assert.fail("it was loaded"), (cause: unknown) => cause)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

it.each<readonly [string, string | undefined, string]>([
  ["is not there", undefined, "is not installed"],
  [
    "lacks another",
    "import \"effect-voice-not-loaded-part\"",
    "is installed but cannot be loaded (ERR_MODULE_NOT_FOUND)"
  ],
  ["throws", "throw new RangeError(\"of a key: sesame\")", "is installed but cannot be loaded (RangeError)"],
  ["is broken", "export {{", "is installed but cannot be loaded (SyntaxError)"],
  [
    "is made for another system",
    "throw Object.assign(new Error(\"invalid ELF header\"), { code: \"ERR_DLOPEN_FAILED\" })",
    "is installed but cannot be loaded (ERR_DLOPEN_FAILED)"
  ]
])("a package that %s is told as that", async (_, text, says) => {
  const told = notLoaded(main, await failing(text))
  assert.include(told, `the package ${main} ${says}; install it`)
  assert.include(told, `npm install ${main}`)
  assert.notInclude(told, "sesame")
})
