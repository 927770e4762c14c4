import { assert, describe, it } from "@effect/vitest"
import { Audio } from "effect-voice"
import { makeBeginnings } from "../../src/internal/pipeline/beginnings.ts"

const frame = (value: number): Audio.Frame => ({ ...Audio.speech, samples: new Int16Array(320).fill(value) })

describe("the beginning of a speech, where the detector hears other audio", () => {
  const heard = (ms: number) => {
    let end = 0
    const beginnings = makeBeginnings({ end: () => end })
    for (let i = 0; i < ms / 20; i++) {
      end += 20
      beginnings.push([frame(i + 1)])
    }
    return beginnings
  }
  const padding = (at: number, ms: number): Audio.Frame => ({ ...Audio.silence(ms, Audio.speech), at })

  it("is the recogniser's own audio of the same time, to the sample", () => {
    const own = heard(1000).of(padding(510, 35))
    assert.strictEqual(own.at, 510)
    assert.deepStrictEqual([...own.samples], [
      ...Array(160).fill(26),
      ...Array(320).fill(27),
      ...Array(80).fill(28)
    ])
  })

  it("is the detector's where nothing is kept of that time", () => {
    const old = padding(100, 40)
    assert.strictEqual(heard(4000).of(old), old)
    const unplaced = Audio.silence(40, Audio.speech)
    assert.strictEqual(heard(1000).of(unplaced), unplaced)
  })
})
