/** A television behind the caller: a voice that never falls silent. */
import { assert, describe, it } from "@effect/vitest"
import { drive, final, interim, speaks, started, stopped } from "../support/turn.ts"

describe("a voice that never falls silent", () => {
  const television = (interims: boolean) => drive({ ears: { interims } }).at(550, started(500))

  it.each([true, false])(
    "does not keep what was said from being a turn, by the silence of words (interims: %s)",
    (interims) => {
      const driver = television(interims).at(2500, final("Are you open today?")).until(10_000)
      assert.deepStrictEqual(driver.commits(), [[6000, "Are you open today?"]])
      driver.at(20_500, final("And tomorrow?")).until(60_000)
      assert.deepStrictEqual(driver.commits(), [[6000, "Are you open today?"], [21_000, "And tomorrow?"]])
    }
  )

  it("does not pause the reply", () => {
    const driver = television(true).at(2500, final("Are you open today?")).until(7000)
      .at(7000, { _tag: "AudioReady", speech: "turn-1" }).until(60_000)
    assert.deepStrictEqual([driver.times("Play"), driver.times("Pause")], [[7000], []])
  })

  it("ends the pause that it has made", () => {
    const driver = drive().at(0, ...speaks("a")).at(1050, started(1000)).until(60_000)
    assert.deepStrictEqual([driver.times("Pause"), driver.times("Resume")], [[1500], [4500]])
  })

  it("is somebody who speaks, as long as there are words", () => {
    const driver = television(true).at(2500, final("I would like"))
    for (let at = 4000; at < 20_000; at += 2000) driver.at(at, interim(`a room ${at}`))
    driver.at(20_000, final("a room")).at(20_500, stopped(20_000)).until(60_000)
    assert.deepStrictEqual(driver.commits(), [[20_500, "I would like a room"]])
  })

  it("may speak for ten seconds where the recogniser tells nothing before the end", () => {
    const driver = drive({ ears: { interims: false } }).at(0, ...speaks("a")).at(1050, started(1000)).until(20_000)
    assert.deepStrictEqual([driver.times("Pause"), driver.times("Resume")], [[1500], [11_000]])
  })
})
