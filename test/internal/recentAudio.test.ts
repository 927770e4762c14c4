import { assert, describe, it } from "@effect/vitest"
import { Audio } from "effect-voice"
import { makeRecentAudio } from "../../src/internal/pipeline/recentAudio.ts"

const frame = (ms: number, value: number, sampleRate = 16_000): Audio.Frame => ({
  samples: new Int16Array((ms * sampleRate) / 1000).fill(value),
  sampleRate,
  channels: 1
})

describe("the audio that was heard lately", () => {
  it("is the last of it, in whole frames, however it came", () => {
    const recent = makeRecentAudio(100)
    assert.isUndefined(recent.frame())
    recent.push([frame(0, 1)])
    assert.isUndefined(recent.frame())
    recent.push([frame(40, 1), frame(40, 2)])
    assert.strictEqual(Audio.durationMs(recent.frame()!), 80)
    recent.push([frame(40, 3)])
    recent.push([frame(40, 4), frame(20, 5)])
    const heard = recent.frame()!
    assert.strictEqual(Audio.durationMs(heard), 100)
    assert.deepStrictEqual([heard.samples[0], heard.samples.at(-1)], [3, 5])
    recent.push([frame(1000, 6)])
    assert.strictEqual(Audio.durationMs(recent.frame()!), 1000)
  })

  it("begins anew where the format changes", () => {
    const recent = makeRecentAudio(100)
    recent.push([frame(40, 1), frame(40, 2, 8000)])
    assert.deepInclude(recent.frame(), { sampleRate: 8000 })
    assert.strictEqual(Audio.durationMs(recent.frame()!), 40)
  })
})
