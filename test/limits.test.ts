import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8")

/** The number that stands in a source file under a name: a product of numbers. */
const numberOf = (file: string, name: string): number | undefined => {
  const found = new RegExp(`^(?:(?:export )?const ${name} =|  ${name}:) ([0-9_ *]+?),?$`, "m").exec(
    read(`src/internal/${file}`)
  )
  return found?.[1]?.split("*").reduce((product, factor) => product * Number(factor.trim().replaceAll("_", "")), 1)
}

const rows = [
  ...read("docs/limits.md").matchAll(/^\| (.+?) +\| (\d+) (\w+) +\| `([\w/]+\.ts): (\w+)` +\| (.+?) +\|$/gm)
]

describe("the table of limits", () => {
  it("tells each limit as the source has it, and what happens beyond it", () => {
    assert.isAtLeast(rows.length, 30)
    for (const [, what, limit, , file, name, beyond] of rows) {
      assert.strictEqual(numberOf(file!, name!), Number(limit), what)
      assert.isNotEmpty(beyond)
    }
  })

  it("has a row for each bound of what is taken in from a room", () => {
    const named = new Set(rows.map(([, , , , file, name]) => `${file}: ${name}`))
    for (const file of ["room/textLimit.ts", "room/topics.ts"]) {
      for (const [, name] of read(`src/internal/${file}`).matchAll(/^const ((?:most|longest)\w+) = /gm)) {
        assert.include([...named], `${file}: ${name}`)
      }
    }
  })
})
