import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { modules } from "./support/source.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const guides = readdirSync(`${root}docs`).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`)
const documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "AGENTS.md", ...guides]
const read = (file: string) => readFileSync(`${root}${file}`, "utf8")

/** The files that the tutorial builds, which import each other. */
const tutorial = new Map(
  readdirSync(`${root}examples/hotel`).map((file) => [read(`examples/hotel/${file}`), file] as const)
)

/** Those of the guides, which are compiled and run where they are. */
const tasks = new Set(readdirSync(`${root}examples/guides`).map((file) => read(`examples/guides/${file}`)))

const snippets = documents.flatMap((document) =>
  [...read(document).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code], i) => ({
    name: tutorial.get(code!) ?? `${document.replace("/", "-").replace(".md", "")}-${i + 1}.ts`,
    code: code!
  }))
)

/** The programs in docstrings, as an editor shows them. */
const hovers = modules.flatMap(({ path, text }) =>
  [...text.matchAll(/^ \* ```ts\n(.*?)^ \* ```$/gms)].map(([, code], i) => ({
    name: `hover-${path.replaceAll("/", "-").replace(".ts", "")}-${i + 1}.ts`,
    code: `${code!.replaceAll(/^ \* ?/gm, "")}\nexport {}\n`
  }))
)

/** What a program begins with: a layer's own constructor, and one of each family. */
const shown: ReadonlyArray<readonly [path: string, name: string]> = [
  ["Agent.ts", "make"],
  ["Agent.ts", "provide"],
  ["CallState.ts", "make"],
  ["History.ts", "make"],
  ["Llm.ts", "make"],
  ["OverlapClassifier.ts", "fromWords"],
  ["Pipeline.ts", "make"],
  ["Pipeline.ts", "run"],
  ["Room.ts", "make"],
  ["Session.ts", "Session"],
  ["Stt.ts", "make"],
  ["Stt.ts", "fromRecognizer"],
  ["Telephone.ts", "serve"],
  ["Tools.ts", "voice"],
  ["Tts.ts", "make"],
  ["Tts.ts", "fromSynthesizer"],
  ["Turn.ts", "step"],
  ["TurnDetector.ts", "TurnDetector"],
  ["Vad.ts", "make"],
  ["Worker.ts", "define"],
  ["testing/scenario.ts", "scenario"],
  ["Layers/TwilioRoom.ts", "accept"],
  ["Layers/WebSocketRoom.ts", "serve"],
  ...modules.filter(({ docs, path }) => path.startsWith("Layers/") && docs.has("layer"))
    .map(({ path }) => [path, "layer"] as const)
]

describe("the hovers", () => {
  it("have an example of whatever a program begins with", () => {
    const docs = new Map(modules.map((module) => [module.path, module.docs]))
    const bare = shown.filter(([path, name]) => docs.get(path)?.get(name)?.includes("```ts") !== true)
    assert.deepStrictEqual(bare, [])
    assert.isAtLeast(shown.length, 40)
  })
})

describe("the documents", () => {
  it("show a test that is run", () => {
    const test = snippets.find(({ code, name }) => name.startsWith("AGENTS") && code.includes("it.effect("))
    assert.strictEqual(test?.code, read("test/agents.test.ts"))
  })

  it("show the tutorial's files, which are compiled and tested, whole", () => {
    const shown = snippets.map(({ name }) => name)
    assert.includeMembers(shown, [...tutorial.values()])
  })

  it("show the programs of the guides whole", () => {
    const shown = new Set(snippets.map(({ code }) => code))
    assert.isAtLeast(tasks.size, 10)
    for (const task of tasks) assert.isTrue(shown.has(task), task.slice(0, 400))
  })

  it("are all in the index, and with every example in the list for assistants", () => {
    const list = read("llms.txt")
    const index = read("docs/README.md")
    for (const page of guides.filter((page) => page !== "docs/README.md")) {
      assert.include(index, `(${page.replace("docs/", "")}`)
      assert.include(list, `(${page})`)
    }
    const examples = readdirSync(`${root}examples`).filter((name) =>
      !["browser", "playground", "support"].includes(name)
    )
    for (const example of examples.filter((name) => !name.endsWith(".wav"))) {
      assert.include(list, `(examples/${example})`)
    }
    for (const [, target] of list.matchAll(/\]\(([^)]+)\)/g)) assert.isTrue(existsSync(join(root, target!)), target)
  })

  it("point to headings that are there", () => {
    const anchor = (heading: string): string =>
      heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    for (const document of documents) {
      for (const [, target, hash] of read(document).matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)) {
        const file = target === "" ? document : join(dirname(document), target!)
        const anchors = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading!))
        assert.include(anchors, hash, `${document}: ${file}#${hash}`)
      }
    }
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

  it("hold programs that compile, in pages and in hovers", () => {
    assert.isAtLeast(snippets.length, 2)
    assert.isAtLeast(hovers.length, 50)
    mkdirSync(`${root}out`, { recursive: true })
    const folder = mkdtempSync(`${root}out/snippets-`)
    try {
      for (const { code, name } of [...snippets.filter(({ code }) => !tasks.has(code)), ...hovers]) {
        writeFileSync(`${folder}/${name}`, code)
      }
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
