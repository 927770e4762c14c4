/** The end of a turn, where a detector listens for it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Audio, type Turn, TurnDetector } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { drive, final, interim, started, stopped } from "../support/turn.ts"

const paused = (voiceAt: number): Turn.Signal => ({ _tag: "VoicePaused", voiceAt })
const resumed = (voiceAt: number): Turn.Signal => ({ _tag: "VoiceResumed", voiceAt })

/** A caller who speaks from 1000 to 2000, with words that are final at 2100, and a detector that answers 40 ms after it is asked. */
const caller = (
  options: {
    readonly turn?: Turn.Options
    readonly text?: string
    /** What it thinks at each of its questions; `undefined` for no answer. */
    readonly thinks?: ReadonlyArray<number | undefined>
    /** Whether they go on at that time. */
    readonly until?: number
    readonly finalAt?: number
  } = {}
) => {
  const { finalAt = 2100, text = "I would like a room.", thinks = [], turn, until = 6000 } = options
  const driver = drive({ ears: { detector: true, listens: true }, ...(turn === undefined ? {} : { turn }) })
  driver.at(1050, started(1000)).at(2030, paused(2000))
  let answered = 0
  for (let at = 2040; at <= until; at += 10) {
    driver.until(at)
    const asked = driver.log.filter(({ action }) => action._tag === "AskDetector")
    for (; answered < asked.length && asked[answered]!.at + 40 <= at; answered++) {
      const { action } = asked[answered]!
      const probability = thinks[answered]
      if (action._tag === "AskDetector" && probability !== undefined) {
        driver.at(at, { _tag: "EndOfTurn", question: action.question, probability })
      }
    }
    if (at === finalAt) driver.at(at, final(text))
    if (at === 2500) driver.at(at, stopped(2000))
  }
  return driver
}

describe("a detector that listens", () => {
  it("is asked at 200 ms of silence, and the recogniser is asked beside it", () => {
    const driver = caller({ thinks: [0.95] })
    const asked = driver.log.find(({ action }) => action._tag === "AskDetector")
    assert.deepInclude(asked!.action, { silence: 200, length: 1200, text: "I would like a room." })
    assert.deepStrictEqual([driver.times("AskDetector"), driver.times("Finalize")], [[2200], [2150]])
  })

  it("ends a turn that it is sure of long before the voice detector does", () => {
    assert.deepStrictEqual(caller({ thinks: [0.95] }).commits(), [[2240, "I would like a room."]])
  })

  it("is believed more easily the longer the silence is", () => {
    assert.deepStrictEqual(caller({ thinks: [0.8, 0.8] }).commits().map(([at]) => at), [2540])
    assert.deepStrictEqual(caller({ thinks: [0.6, 0.6, 0.6] }).commits().map(([at]) => at), [3040])
    assert.deepStrictEqual(
      caller({ thinks: [0.8, 0.8], turn: { endpointing: { threshold: 0.75 } } }).commits().map(([at]) => at),
      [2240]
    )
  })

  it("keeps a turn open that it takes for unfinished, no longer than a second and a half", () => {
    assert.deepStrictEqual(caller({ thinks: [0.1, 0.1, 0.1] }).commits().map(([at]) => at), [3500])
  })

  it("is waited for longer while digits or letters are given", () => {
    for (const text of ["My number is 0 4 7", "It is spelled M, E, Y,"]) {
      assert.deepStrictEqual(caller({ thinks: [0.1, 0.1, 0.1], text }).commits().map(([at]) => at), [5000], text)
    }
  })

  it("is not believed where the words are not finished, until a second has passed", () => {
    const at = (text: string, ...thinks: ReadonlyArray<number>) => caller({ thinks, text }).commits().map(([at]) => at)
    assert.deepStrictEqual(at("I would like a room", 0.95, 0.95, 0.1), [2240])
    for (const text of ["I would like the", "A room and", "I would like, uh,", "It is because, because I'm"]) {
      assert.deepStrictEqual(at(text, 0.95, 0.95, 0.1), [3500], text)
      const [sure = 0] = at(text, 0.95, 0.95, 0.95)
      assert.isAtLeast(sure, 3000, text)
      assert.isAtMost(sure, 3200, text)
    }
  })

  it("that does not answer leaves the fixed delay", () => {
    const [[at]] = caller().commits() as [[number, string]]
    assert.isAtLeast(at, 2500)
    assert.isAtMost(at, 3200)
  })

  it("waits for the words that are owed", () => {
    assert.deepStrictEqual(caller({ thinks: [0.95], finalAt: 2600 }).commits(), [[2600, "I would like a room."]])
  })

  it("leaves a delay that the program has set as it is", () => {
    const [[at]] = caller({ thinks: [0.95], turn: { endpointing: { minDelay: "800 millis" } } }).commits() as [
      [number, string]
    ]
    assert.strictEqual(at, 2800)
  })

  it("was wrong where they go on at once: what follows is heard as theirs", () => {
    const driver = drive({ ears: { detector: true, listens: true } })
      .at(1050, started(1000)).at(2030, paused(2000)).at(2100, interim("I would like")).until(2240)
      .at(2240, { _tag: "EndOfTurn", question: 1, probability: 0.95 })
      .at(2300, resumed(2280)).at(3030, paused(3000)).at(3240, { _tag: "EndOfTurn", question: 2, probability: 0.95 })
      .at(3300, final("I would like a room.")).at(3500, stopped(3000)).until(8000)
    assert.deepStrictEqual(driver.commits().map(([, text]) => text), ["I would like a room."])
    assert.deepStrictEqual([driver.times("UserStartedSpeaking"), driver.times("UserStoppedSpeaking")], [[1050, 2300], [
      2240,
      3240
    ]])
  })

  it.effect("is given the audio, and one that breaks on it harms nothing", () =>
    Effect.gen(function*() {
      for (const breaks of [false, true]) {
        let heard = 0
        const detector: TurnDetector.TurnDetector = {
          name: "listener",
          open: Effect.succeed({
            push: (frames: ReadonlyArray<Audio.Frame>) => {
              heard += frames.length
              if (breaks) throw new Error("broken")
            },
            ask: () => Effect.succeed({ probability: 0.95 })
          })
        }
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          user: [Testing.say(1000, 2000, "Hello there.", { finalDelay: 100 })],
          llm: ["Hello!"]
        }).pipe(Effect.provideService(TurnDetector.TurnDetector, detector))
        assert.isAbove(heard, 0)
        assert.strictEqual(timeline.of("UserSpeechCommitted").length, 1)
        assert.strictEqual(timeline.of("Warning").length, breaks ? 1 : 0)
        assert.deepStrictEqual(Testing.invariants(timeline), [])
        assert.isAtMost(timeline.of("UserSpeechCommitted")[0]!.at, 2300)
      }
    }))
})
