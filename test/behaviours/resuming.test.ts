/** Where the agent goes on after an interruption that was none. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { type Audio, Tts, type Turn } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { lastSilence } from "../../src/internal/pipeline/resuming.ts"

const text = "The room is free on Monday, and it costs ninety euros a night, breakfast included."

const hold = (
  user: ReadonlyArray<Testing.UserAction>,
  interruption: Turn.Options["interruption"] = {},
  tts: Testing.Scenario["tts"] = { duration: 8000, chunk: 500 }
) =>
  Testing.scenario({
    at: [{ at: 100, do: (session) => session.say(text) }],
    tts,
    user,
    options: { turn: { interruption: { echoWarmUp: 0, ...interruption } } }
  })

const heardMs = (timeline: Testing.Timeline): number =>
  timeline.audible.reduce((sum, { from, to }) => sum + to - from, 0)

/** Where the second clause begins (ms of the speech), as the times of the words tell. */
const secondClause = 2732

describe("a pause that was for nothing", () => {
  it.effect("ends at the beginning of the clause, and nothing is in the history twice", () =>
    Effect.gen(function*() {
      const timeline = yield* hold([Testing.cough(3300, 4600)])
      timeline.expect(["AgentPaused", 3800], ["FalseInterruption", 5100])
      assert.approximately(heardMs(timeline), 8000 + 3500 - secondClause, 2)
      assert.deepStrictEqual(timeline.messages, [`assistant: ${text}`])
      const told = timeline.of("AgentTranscript").map(({ text }) => text).join("")
      assert.strictEqual(told, text)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("ends where it began where the program says so, or where it was a moment", () =>
    Effect.gen(function*() {
      const there = yield* hold([Testing.cough(3300, 4600)], { resumeFrom: "pause" })
      assert.approximately(heardMs(there), 8000, 2)
      const moment = yield* hold([Testing.cough(3300, 3850)], { falseInterruptionTimeout: 0 })
      assert.isAbove(moment.of("FalseInterruption").length, 0)
      assert.approximately(heardMs(moment), 8000, 2)
    }))

  it.effect("leaves in the history what was heard before it, though they cut in where that is said again", () =>
    Effect.gen(function*() {
      const timeline = yield* hold([Testing.cough(4900, 6200), Testing.say(6800, 7700, "Stop, please.")])
      const [paused] = timeline.of("AgentPaused")
      assert.strictEqual(paused?.at, 5400)
      const [said] = timeline.of("AgentSpeechCommitted")
      assert.isTrue(said?.interrupted)
      assert.strictEqual(said?.text, text.slice(0, text.indexOf(" a night")))
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  const tone = (ms: number, level: number): Audio.Frame => ({
    samples: Int16Array.from({ length: ms * 16 }, (_, i) => Math.round(level * Math.sin(i / 5))),
    sampleRate: 16_000,
    channels: 1
  })

  /** A cough over a voice that says no word, and no times. */
  const tones = (voice: Tts.Tts["Service"]) =>
    Testing.scenario({
      at: [{ at: 100, do: (session) => session.say("These are tones") }],
      layer: Layer.succeed(Tts.Tts, voice),
      user: [Testing.cough(3300, 4600)],
      options: { turn: { interruption: { echoWarmUp: 0 } } }
    })

  it.effect("ends behind the last silence where the times of the words are not known", () =>
    Effect.gen(function*() {
      const voice = Tts.make({
        name: "tones",
        sampleRate: 16_000,
        channels: 1,
        speak: (texts) =>
          Stream.flatMap(texts, () =>
            Stream.fromIterable([tone(2000, 9000), tone(300, 0), tone(3000, 9000)].map((frame) => ({ frame }))))
      })
      const timeline = yield* tones(voice)
      timeline.expect(["AgentPaused", 3800], ["FalseInterruption", 5100])
      // Paused 3700 ms into it; the last silence ends at 2300 ms, and what follows begins 40 ms before that.
      assert.approximately(heardMs(timeline), 5300 + 3700 - 2260, 12)
    }))

  it.effect("ends there while the voice still makes the rest", () =>
    Effect.gen(function*() {
      const pieces = [tone(2000, 9000), tone(300, 0), tone(1500, 9000), tone(1000, 7000)]
      const voice = Tts.make({
        name: "slow",
        sampleRate: 16_000,
        channels: 1,
        speak: (texts) =>
          Stream.flatMap(texts, () =>
            Stream.mapEffect(Stream.fromIterable(pieces), (frame, i) =>
              Effect.delay(Effect.succeed({ frame }), i === 3 ? 7000 : 0)))
      })
      const timeline = yield* tones(voice)
      timeline.expect(["AgentPaused", 3800], ["FalseInterruption", 5100])
      const back = 3700 - 2260
      assert.approximately(heardMs(timeline), 4800 + back, 12)
      // The last piece comes when what was said again is over: there is silence between them.
      assert.strictEqual(timeline.audible.length, 3)
      assert.approximately(timeline.audible[2]!.from, 7100, 2)
      assert.deepStrictEqual(timeline.messages, ["assistant: These are tones"])
    }))

  it("finds the last silence of at least 150 ms before a sound", () => {
    const all = (...frames: ReadonlyArray<Audio.Frame>) => ({
      ...tone(0, 0),
      samples: Int16Array.from(frames.flatMap(({ samples }) => [...samples]))
    })
    assert.strictEqual(lastSilence(all(tone(500, 9000), tone(200, 0), tone(300, 9000))), 340)
    assert.strictEqual(lastSilence(all(tone(500, 9000), tone(100, 0), tone(300, 9000))), undefined)
    assert.strictEqual(lastSilence(all(tone(500, 9000), tone(300, 0))), undefined)
    assert.strictEqual(lastSilence(all()), undefined)
  })
})
