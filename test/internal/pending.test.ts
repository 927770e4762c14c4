import { assert, describe, it } from "@effect/vitest"
import { Pending, Waiting } from "../../src/internal/stt/pending.ts"

describe("the ends of speech that wait", () => {
  it("are answered each by one, and an early answer is that of the next one", () => {
    const waiting = new Waiting()
    const pending = new Pending(waiting)
    pending.answer(900)
    pending.add(1000, 1)
    assert.isUndefined(waiting.since)
    pending.add(2000, 2)
    assert.strictEqual(waiting.since, 2)
    pending.answer(undefined)
    assert.isUndefined(waiting.since)
  })

  it("wait all the same after an answer without words, which is no early one", () => {
    const waiting = new Waiting()
    const pending = new Pending(waiting)
    pending.answer(900)
    pending.add(1000, 1)
    // What has no words answers the mark that was answered before.
    pending.answer(undefined, true)
    pending.add(2000, 2)
    assert.strictEqual(waiting.since, 2)
  })
})
