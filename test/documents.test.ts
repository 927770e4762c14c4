import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "AGENTS.md"]

const snippets = documents.flatMap((document) =>
  [...readFileSync(`${root}${document}`, "utf8").matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code], i) => ({ name: `${document.replace(".md", "")}-${i + 1}.ts`, code: code! }))
)

describe("the documents", () => {
  it("show a test that is run", () => {
    const test = snippets.find(({ code, name }) => name.startsWith("AGENTS") && code.includes("it.effect("))
    assert.strictEqual(test?.code, readFileSync(`${root}test/agents.test.ts`, "utf8"))
  })

  it("hold programs that compile", () => {
    assert.isAtLeast(snippets.length, 2)
    mkdirSync(`${root}out`, { recursive: true })
    const folder = mkdtempSync(`${root}out/snippets-`)
    try {
      for (const { code, name } of snippets) writeFileSync(`${folder}/${name}`, code)
      writeFileSync(
        `${folder}/tsconfig.json`,
        JSON.stringify({
          extends: `${root}tsconfig.json`,
          compilerOptions: {
            noUnusedLocals: false,
            paths: { "effect-voice": [`${root}src/index.ts`], "effect-voice/*": [`${root}src/*.ts`] }
          },
          include: ["*.ts"]
        })
      )
      const compiler = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", folder], {
        encoding: "utf8"
      })
      assert.strictEqual(compiler.stdout + compiler.stderr, "")
      assert.strictEqual(compiler.status, 0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
