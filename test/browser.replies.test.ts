import { assert, describe, it } from "@effect/vitest"

/** As the page has it: it is no TypeScript. */
const { makeReplies } = await import(new URL("../examples/browser/replies.js", import.meta.url).href) as {
  readonly makeReplies: (show: (row: string, ms: number) => void) => {
    readonly asked: () => void
    readonly heard: (ms: number) => void
    readonly told: (row: string) => void
  }
}

type Step = readonly ["asked"] | readonly ["heard", number] | readonly ["told", string]

const shown = (steps: ReadonlyArray<Step>): Readonly<Record<string, number>> => {
  const rows: Record<string, number> = {}
  const replies = makeReplies((row, ms) => void (rows[row] = ms))
  for (const step of steps) {
    if (step[0] === "asked") replies.asked()
    else if (step[0] === "heard") replies.heard(step[1])
    else replies.told(step[1])
  }
  return rows
}

describe("how soon the page says that a reply was heard", () => {
  it.each<readonly [string, ReadonlyArray<Step>, Readonly<Record<string, number>>]>([
    ["when it is told first", [["asked"], ["told", "1"], ["heard", 800]], { 1: 800 }],
    ["when it is heard first", [["asked"], ["heard", 800], ["told", "1"]], { 1: 800 }],
    ["and not of a greeting", [["heard", 90], ["asked"], ["told", "1"], ["heard", 800]], { 1: 800 }],
    ["and not of what was said beside the turns", [
      ["asked"],
      ["told", "1"],
      ["heard", 800],
      ["heard", 5000],
      ["asked"],
      ["told", "2"],
      ["heard", 900]
    ], { 1: 800, 2: 900 }],
    ["and leaves out a turn whose reply was not heard", [
      ["asked"],
      ["told", "1"],
      ["asked"],
      ["told", "2"],
      ["heard", 900]
    ], { 2: 900 }]
  ])("%s", (_, steps, expected) => assert.deepStrictEqual(shown(steps), expected))
})
