import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { pictures } from "../docs/pictures/draw.ts"
import { documents, guides, snippets, tasks, tutorial } from "./support/snippets.ts"
import { modules } from "./support/source.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const read = (file: string) => readFileSync(`${root}${file}`, "utf8")

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
  ...modules().filter(({ docs, path }) => path.startsWith("Layers/") && docs.has("layer"))
    .map(({ path }) => [path, "layer"] as const)
]

describe("the hovers", () => {
  it("have an example of whatever a program begins with", () => {
    const docs = new Map(modules().map((module) => [module.path, module.docs]))
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

  it.effect("show each picture of turn-taking, as the tool draws it today", () =>
    Effect.gen(function*() {
      const page = read("docs/turn-taking.md")
      for (const [name, drawn] of Object.entries(yield* pictures)) {
        assert.include(page, `](pictures/${name})`)
        assert.strictEqual(read(`docs/pictures/${name}`), drawn, `${name} is old: npm run pictures`)
      }
    }))

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
})
