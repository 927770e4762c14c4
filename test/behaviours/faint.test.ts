/** Voices that are much fainter than the user's own: somebody behind them, a television. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Audio, Processor, type Turn } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { makeLoudness } from "../../src/internal/pipeline/voiceLevel.ts"
import { drive, speaks, started, stopped } from "../support/turn.ts"

const tone = (ms: number, dB: number): Audio.Frame => ({
  samples: Int16Array.from({ length: ms * 16 }, (_, i) => Math.round(32_000 * 10 ** (dB / 20) * Math.sin(i / 3))),
  sampleRate: 16_000,
  channels: 1
})

describe("a faint voice", () => {
  const over = (below: number, interruption: Turn.Options["interruption"] = {}) =>
    drive({ turn: { interruption } }).at(0, ...speaks("a")).at(1050, started(1000))
      .at(1100, { _tag: "VoiceLevel", below }).at(2100, stopped(1900)).until(4000)

  it("interrupts nothing and lowers nothing beyond 12 dB, or what the program says", () => {
    assert.deepStrictEqual(over(12).times("Pause"), [1500])
    assert.deepStrictEqual(over(12.1).times("Pause"), [])
    assert.deepStrictEqual(over(12.1).times("Duck"), [])
    assert.deepStrictEqual(over(12.1, { faintBelow: Infinity }).times("Pause"), [1500])
    assert.deepStrictEqual(over(7, { faintBelow: 6 }).times("Pause"), [])
  })

  it("is one until it is louder", () => {
    const nearer = drive().at(0, ...speaks("a")).at(1050, started(1000)).at(1100, { _tag: "VoiceLevel", below: 20 })
      .at(2000, { _tag: "VoiceLevel", below: 3 }).until(2500)
    assert.deepStrictEqual(nearer.times("Pause"), [2000])
  })

  it("says what it says all the same", () => {
    const said = over(20).at(4100, { _tag: "Heard", text: "Is that my order?", final: true, endedAt: 1900 })
    assert.deepStrictEqual(said.until(9000).commits().map(([, text]) => text), ["Is that my order?"])
  })
})

describe("the level of a user", () => {
  const levels = (...speeches: ReadonlyArray<readonly [ms: number, dB: number]>) => {
    const told: Array<number> = []
    const loudness = makeLoudness((below) => told.push(below))
    for (const [ms, dB] of speeches) {
      told.length = 0
      loudness.begin()
      for (let at = 0; at < ms; at += 20) loudness.push([tone(20, dB)])
      loudness.end()
    }
    return told
  }

  it("is known after five seconds of their voice", () => {
    assert.deepStrictEqual(levels([4900, -20], [500, -40]), [])
    assert.approximately(levels([5000, -20], [500, -40])[0]!, 20, 0.1)
  })

  it("is told each 80 ms of a voice", () => {
    assert.strictEqual(levels([5000, -20], [400, -40]).length, 5)
  })

  it("is hardly moved by a voice that is not theirs, and becomes theirs after a while", () => {
    assert.isAbove(levels([20_000, -20], [10_000, -40], [500, -40])[0]!, 15)
    const back = Array.from({ length: 40 }, () => [10_000, -40] as const)
    assert.isBelow(levels([20_000, -20], ...back, [500, -40])[0]!, 12)
  })

  it("follows a voice that is louder at once", () => {
    assert.approximately(levels([6000, -40], [30_000, -20], [500, -20])[0]!, 0, 1)
  })

  it("is nothing where there is silence", () => {
    const told = levels([6000, -Infinity], [500, -20], [500, -Infinity])
    assert.isTrue(told.every((below) => !Number.isNaN(below)))
  })

  it.effect("keeps who speaks behind them from pausing the agent, from samples", () =>
    Effect.gen(function*() {
      const hold = (dB: number) =>
        Testing.scenario({
          at: [{ at: 9500, do: (session) => session.say("one two three four five six seven eight nine ten.") }],
          tts: { duration: 8000 },
          user: [Testing.say(1000, 7000, "This is the caller."), Testing.say(11_000, 13_000, "")],
          room: { frames: 20 },
          layer: EnergyVad.layer({ threshold: -66 }),
          options: {
            processors: [
              Processor.sync(
                "distance",
                (frames) => frames.map((frame) => (frame.at ?? 0) >= 10_000 ? Audio.gain(frame, dB) : frame)
              )
            ],
            turn: { interruption: { echoWarmUp: 0 } }
          },
          until: 22_000
        })
      assert.strictEqual((yield* hold(-9)).of("AgentPaused").length, 1)
      const far = yield* hold(-20)
      assert.deepStrictEqual(far.of("UserStartedSpeaking").length, 2)
      assert.deepStrictEqual(far.of("AgentPaused"), [])
    }))
})
