/** The agent lowers its voice while the user's may become an interruption. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Audio } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { withOutput } from "../support/output.ts"
import { drive, final, paused, resumed, speaks, started, stopped } from "../support/turn.ts"

const both = (driver: ReturnType<typeof drive>) => [driver.times("Duck"), driver.times("Restore")]

describe("ducking", () => {
  const speaking = () => drive().at(0, ...speaks("a"))

  it("comes after 200 ms of voice, and the pause after 500", () => {
    const driver = speaking().at(1050, started(1000)).until(2000)
    assert.deepStrictEqual(both(driver), [[1200], []])
    assert.deepStrictEqual(driver.times("Pause"), [1500])
  })

  it("adds up the parts of a voice, and none is too short", () => {
    assert.deepStrictEqual(
      both(speaking().at(1050, started(1000)).at(1110, paused(1100)).at(1310, resumed(1300)).until(1450)),
      [[1400], []]
    )
    assert.deepStrictEqual(
      both(speaking().at(1050, started(1000)).at(1160, paused(1150)).at(1660, stopped(1150)).until(9000)),
      [[], []]
    )
  })

  it("ends when the recogniser has heard nothing, and else after what it takes", () => {
    const short = () => speaking().at(1050, started(1000)).at(1310, paused(1300)).at(1800, stopped(1300))
    assert.deepStrictEqual(both(short().at(1850, final("")).until(9000)), [[1200], [1850]])
    assert.deepStrictEqual(both(short().until(9000)), [[1200], [2600]])
  })

  it("ends with the pause that was for nothing, and with the speech", () => {
    const noise = speaking().at(1050, started(1000)).at(2100, stopped(1600)).at(2150, final("")).until(9000)
    assert.deepStrictEqual([noise.times("Resume"), noise.times("Restore")], [[2150], [2150]])
    const turn = speaking().at(1050, started(1000)).at(1900, final("wait a minute")).at(2500, stopped(2000)).until(9000)
    assert.deepStrictEqual(both(turn), [[1200], turn.times("Stop")])
  })

  it("is not for echo, for protected speech, or where it is off", () => {
    const voice = [started(1000), stopped(1600)] as const
    const options = [{ interruption: { duck: false } }, { interruption: { enabled: false } }, {
      interruption: { echoWarmUp: 3000 }
    }]
    for (const turn of options) {
      const driver = drive({ turn }).at(0, ...speaks("a")).at(1050, voice[0]).at(1700, voice[1]).until(2000)
      assert.deepStrictEqual(both(driver), [[], []])
    }
    const safe = drive().at(0, ...speaks("a", { protected: true })).at(1050, voice[0]).at(1700, voice[1])
    assert.deepStrictEqual(both(safe.until(9000)), [[], []])
  })

  const loudness = (gained: boolean) =>
    Effect.gen(function*() {
      const levels: Array<readonly [at: number, dB: number]> = []
      let written = 0
      yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("one two three four five six seven eight") }],
        user: [Testing.cough(4000, 4300)],
        tts: { duration: 8000, audio: "audible" },
        layer: withOutput((output) => ({
          gain: gained ? (dB) => Effect.sync(() => void levels.push([-1, dB])) : undefined,
          write: (frames) => {
            for (const frame of frames) {
              levels.push([written, Audio.dbfs(frame)])
              written += Audio.durationMs(frame)
            }
            return output.write(frames)
          }
        }))
      })
      return levels
    })

  it.effect("lowers the output by 15 dB in a room that can, and raises it again", () =>
    Effect.gen(function*() {
      const levels = yield* loudness(true)
      assert.deepStrictEqual(levels.filter(([at]) => at === -1).map(([, dB]) => dB), [-15, 0])
    }))

  it.effect("lowers what it hands over in a room that cannot", () =>
    Effect.gen(function*() {
      const levels = (yield* loudness(false)).filter(([, dB]) => dB > -90)
      const median = (from: number, to: number) => {
        const sorted = levels.filter(([at]) => at >= from && at < to).map(([, dB]) => dB).toSorted((a, b) => a - b)
        return sorted[Math.floor(sorted.length / 2)]!
      }
      assert.closeTo(median(4200, 4700) - median(2000, 3500), -15, 3)
      assert.closeTo(median(6000, 7500) - median(2000, 3500), 0, 3)
    }))
})
