/** What never ends holds up nobody, and fills nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Audio, Llm, Tts } from "effect-voice"
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

describe("a model that never ends", () => {
  const endless = (deltas: () => Llm.Delta) => {
    const asked = { count: 0, closed: false }
    const reply = () =>
      Stream.fromEffectRepeat(Effect.sync(() => {
        asked.count += 1
        if (asked.count > 3_000_000) throw new Error("nobody waits for the listener")
        return deltas()
      })).pipe(Stream.ensuring(Effect.sync(() => void (asked.closed = true))))
    return { asked, layer: Layer.effect(Llm.Llm, Effect.map(Llm.Llm, (llm) => ({ ...llm, reply }))) }
  }
  const talk = (deltas: () => Llm.Delta) =>
    Effect.gen(function*() {
      const { asked, layer } = endless(deltas)
      const timeline = yield* Testing.scenario({
        layer,
        user: [
          Testing.say(1000, 2000, "Tell me everything you know."),
          Testing.say(20_000, 22_000, "Stop it right now please.")
        ],
        until: 30_000
      })
      return { asked, timeline }
    })

  it.effect.each<readonly [string, Llm.Delta]>([
    ["words", { _tag: "Text", text: "And then it went on. " }],
    ["nothing", { _tag: "Text", text: "" }],
    ["a word without an end", { _tag: "Text", text: "la" }],
    ["one text of megabytes", { _tag: "Text", text: "And so on, and so forth. ".repeat(100_000) }]
  ])(
    "is cut after an hour of talk, which is told, and is interrupted as any other: %s",
    ([, delta]) =>
      Effect.gen(function*() {
        const { asked, timeline } = yield* talk(() => delta)
        assert.isBelow(asked.count, 600_000)
        assert.isTrue(asked.closed)
        assert.include(timeline.warnings, "an answer is longer than any is, and ends there")
        assert.strictEqual(timeline.of("UserSpeechCommitted").length, 2)
        assert.strictEqual(timeline.of("SessionClosed").map(({ reason }) => reason).join(), "closed")
      })
  )

  it.effect("of calls is cut after some more than are run", () =>
    Effect.gen(function*() {
      let calls = 0
      const { timeline } = yield* talk(() => ({ _tag: "ToolCall", id: `call-${++calls}`, name: "none", params: {} }))
      assert.isAtMost(Math.max(...timeline.of("FunctionCallsFinished").map(({ calls }) => calls.length)), 128)
      assert.include(timeline.warnings, "an answer is longer than any is, and ends there")
    }))
})

describe("a program that never ends what it has said", () => {
  it.effect("is cut after a day of talk, which is told, and is interrupted as any other", () =>
    Effect.gen(function*() {
      let asked = 0
      const words = Stream.fromEffectRepeat(Effect.sync(() => {
        asked += 1
        if (asked > 2_000_000) throw new Error("nobody waits for the listener")
        return "And so it went on and on, and nobody knew why, and the sea was as calm as it had ever been. ".repeat(20)
      }))
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say(words) }],
        user: [Testing.say(10_000, 12_000, "Stop it right now please.")],
        until: 20_000
      })
      assert.isBelow(asked, 1000)
      assert.include(timeline.warnings, "say: longer than anyone talks, and ends there")
      assert.isTrue(timeline.playbacks[0]?.interrupted)
    }))
})
