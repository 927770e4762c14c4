/** The maps of `ARCHITECTURE.md` against the source: its tables of folders, and its list of tasks. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Files of the source by their names without the ending: `src/internal/turn/model`. */
const files = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => `src/${file.replaceAll("\\", "/").replace(/\.ts$/, "")}`)

const named = (text: string): ReadonlyArray<string> => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)

const cellsOf = (line: string): ReadonlyArray<string> => line.split("|").slice(1, -1).map((cell) => cell.trim())

/** The tables that stand under a heading with folders. Where these are several, a part is named with its folder. */
const mapped = (page: string): ReadonlyArray<string> =>
  page.split(/^### /m).slice(1).flatMap((section) => {
    const [heading = "", ...lines] = section.split("\n")
    const folders = named(heading).filter((name) => name === "src" || name.startsWith("src/"))
    if (folders.length === 0) return []
    const base = folders.length === 1 ? folders[0]! : "src/internal"
    const end = lines.findIndex((line) => line.startsWith("## "))
    return lines.slice(0, end === -1 ? undefined : end).filter((line) => line.startsWith("| `")).flatMap((line) =>
      named(cellsOf(line)[0]!).map((part) => `${base}/${part}`)
    )
  })

/** What is wrong with the tables of a page. */
const wrongIn = (page: string, there: ReadonlyArray<string>): ReadonlyArray<string> => {
  const parts = mapped(page)
  const times = (file: string) => parts.filter((part) => part === file).length
  return [
    ...there.filter((file) => times(file) === 0).map((file) => `${file}.ts stands in no table: add it to one`),
    ...new Set(parts.filter((part) => times(part) > 1).map((part) => `${part} stands in more than one row`)),
    ...parts.filter((part) => !there.includes(part)).map((part) => `${part}.ts is not there: take it from its table`)
  ]
}

/** Rows of the tasks: which files they send one to, and for what. */
const wrongTasks = (page: string, read: (file: string) => string | undefined): ReadonlyArray<string> => {
  const from = page.indexOf("## Where do I change")
  const section = page.slice(from, page.indexOf("\n## ", from + 1))
  return section.split("\n").filter((line) => line.startsWith("| ")).map(cellsOf).flatMap(([task, where, what]) => {
    const paths = named(where ?? "").filter((name) => name.startsWith("src/"))
    const texts = paths.map((path) => [path, path.includes(".") ? read(path) : undefined] as const)
    const missing = texts.flatMap(([path, text]) => text === undefined ? [`${task}: ${path} is not there`] : [])
    const whole = texts.map(([, text]) => text ?? "").join("\n")
    return [
      ...missing,
      ...named(what ?? "").filter((name) => !new RegExp(`\\b${name}\\b`).test(whole)).map((name) =>
        `${task}: ${name} stands in none of these files`
      )
    ]
  })
}

const architecture = readFileSync(`${root}ARCHITECTURE.md`, "utf8")

describe("the maps", () => {
  it("have each file of the source in one row of one table", () => {
    assert.deepStrictEqual(wrongIn(architecture, files), [])
  })

  it("see a file that is missing, that is gone, and that stands twice", () => {
    const page = [
      "### `src/internal/turn`: rules",
      "| Part | What it owns |",
      "| `voice`, `gone` | A voice. |",
      "| `voice` | A voice. |",
      "### `src/internal/a`, `src/internal/b`: two",
      "| `a/one`, `b/two` | Both. |",
      "## Elsewhere",
      "| `words` | No part of a map. |"
    ].join("\n")
    const there = ["turn/voice", "turn/words", "a/one", "b/two"].map((file) => `src/internal/${file}`)
    assert.deepStrictEqual(wrongIn(page, there), [
      "src/internal/turn/words.ts stands in no table: add it to one",
      "src/internal/turn/voice stands in more than one row",
      "src/internal/turn/gone.ts is not there: take it from its table"
    ])
  })

  it("send one to files that are there, and to names that stand in them", () => {
    const read = (file: string) =>
      files.includes(file.replace(/\.ts$/, "")) ? readFileSync(`${root}${file}`, "utf8") : undefined
    assert.deepStrictEqual(wrongTasks(architecture, read), [])
  })

  it("see a task that leads nowhere", () => {
    const page = [
      "## Where do I change …",
      "| You want to change … | File | Look for |",
      "| one | `src/one.ts` | `first` |",
      "| two | `src/one.ts`, `src/two.ts` | `second` |",
      "",
      "## Words"
    ].join("\n")
    assert.deepStrictEqual(wrongTasks(page, (file) => file === "src/one.ts" ? "const first = 1" : undefined), [
      "two: src/two.ts is not there",
      "two: second stands in none of these files"
    ])
  })
})
