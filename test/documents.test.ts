import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const guides = readdirSync(`${root}docs`).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`)
const documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "AGENTS.md", ...guides]
const read = (file: string) => readFileSync(`${root}${file}`, "utf8")

/** The files that the tutorial builds, which import each other. */
const tutorial = new Map(
  readdirSync(`${root}examples/hotel`).map((file) => [read(`examples/hotel/${file}`), file] as const)
)

const snippets = documents.flatMap((document) =>
  [...read(document).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code], i) => ({
    name: tutorial.get(code!) ?? `${document.replace("/", "-").replace(".md", "")}-${i + 1}.ts`,
    code: code!
  }))
)

describe("the documents", () => {
  it("show a test that is run", () => {
    const test = snippets.find(({ code, name }) => name.startsWith("AGENTS") && code.includes("it.effect("))
    assert.strictEqual(test?.code, read("test/agents.test.ts"))
  })

  it("show the tutorial's files, which are compiled and tested, whole", () => {
    const shown = snippets.map(({ name }) => name)
    assert.includeMembers(shown, [...tutorial.values()])
  })

  it("point to files that are there", () => {
    for (const document of documents) {
      for (const [, target] of read(document).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
        assert.isTrue(existsSync(join(root, dirname(document), target!)), `${document}: ${target}`)
      }
    }
  })

  it("name tests that are there, for each hazard of the native side", () => {
    const rows = [...read("ARCHITECTURE.md").matchAll(/^\| \d+ .*\| `([\w/.]+\.test\.ts)`: (.+?) +\|$/gm)]
    assert.isAtLeast(rows.length, 10)
    for (const [, file, sentence] of rows) assert.include(read(`test/${file}`), `"${sentence}"`)
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
