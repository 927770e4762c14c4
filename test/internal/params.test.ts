import { assert, it } from "@effect/vitest"
import { longest, repair } from "effect-voice/internal/tools/params"
import process from "node:process"

const filled = (head: string, part: string): string =>
  head + part.repeat(Math.floor((longest - head.length) / part.length))

const broken: ReadonlyArray<readonly [string, string]> = [
  ["quotes that are escaped, in a string without an end", filled("{\"a\":\"", "\\\"")],
  ["a string of backslashes without an end", filled("{\"a\":\"", "\\\\")],
  ["quotes alone", filled("{", "\"")],
  ["braces that nothing closes", filled("", "{")],
  ["strings that nothing stands between", filled("{\"a\":", "\"\"")],
  ["lists in lists", filled("{\"a\":", "[")]
]

// The process has other calls meanwhile.
it.each(broken)("what a model has broken at its longest takes no time to be read: %s", (_, text) => {
  const before = process.cpuUsage()
  assert.strictEqual(repair(text)._tag, "Other")
  const { system, user } = process.cpuUsage(before)
  assert.isBelow((system + user) / 1000, 1000)
})

it("an object is found behind a quote that nothing closes, and in none of its own strings", () => {
  assert.deepStrictEqual(repair("He said \" and then {\"a\": \"}\", \"b\": 1}"), {
    _tag: "Other",
    wrong: "expected object, got string"
  })
  assert.deepStrictEqual(repair("call it: {\"a\": \"}\", \"b\": 1} please"), {
    _tag: "Object",
    object: { a: "}", b: 1 }
  })
})
