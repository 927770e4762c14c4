/** What never ends holds up nobody, and fills nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Audio, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"

describe("a voice that never ends", () => {
  it.effect("is asked for no more than some minutes ahead of what is heard, and is interrupted as any other", () =>
    Effect.gen(function*() {
      const format = { sampleRate: 8000, channels: 1 }
      const frame = Audio.silence("1 second", format)
      let seconds = 0
      let closed = false
      let asked = 0
      const speak = () =>
        Stream.fromEffectRepeat(Effect.sync(() => {
          seconds += 1
          if (seconds > 20000) throw new Error("nobody waits for the listener")
          return { frame }
        })).pipe(Stream.ensuring(Effect.sync(() => void (closed = true))))
      const timeline = yield* Testing.scenario({
        layer: Layer.effect(Tts.Tts, Effect.map(Tts.Tts, (tts) => ({ ...tts, speak }))),
        at: [{ at: 15_000, do: () => Effect.sync(() => void (asked = seconds)) }, {
          at: 0,
          do: (session) => session.say("Once upon a time there was a hotel by the sea.")
        }],
        user: [Testing.say(20_000, 22_000, "Stop it right now please.")],
        until: 30_000
      })
      assert.isAbove(asked, 60)
      assert.isBelow(asked, 500)
      assert.isTrue(closed)
      assert.isTrue(timeline.playbacks[0]?.interrupted)
    }))
})
