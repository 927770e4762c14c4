import { assert, describe, it } from "@effect/vitest"
import { Audio } from "effect-voice"

describe("Audio", () => {
  it("knows how long a frame lasts", () => {
    assert.strictEqual(Audio.durationMs({ samples: new Int16Array(640), sampleRate: 16_000, channels: 2 }), 20)
  })
})
