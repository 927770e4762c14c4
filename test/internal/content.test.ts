/** What ends an answer of a model, whatever a server writes there. */
import { assert, it } from "@effect/vitest"
import { finishReason } from "../../src/internal/llm/content.ts"

it.each([
  ["stop", "stop"],
  ["LENGTH", "length"],
  ["null", undefined],
  ["", undefined],
  [null, undefined],
  [0, "other"],
  [{ toString: 1 }, "other"],
  [[["stop"]], "other"],
  [true, "other"]
])("%j means %s", (told, meant) => {
  assert.strictEqual(finishReason(told), meant)
})
