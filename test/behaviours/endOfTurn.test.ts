/** The end of a turn, where a detector listens for it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Audio, History, Session, type Turn, TurnDetector } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { listenerOf } from "../../src/internal/pipeline/judges.ts"
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

  it("is waited for longer while an address is given, or a number in pairs", () => {
    for (
      const text of [
        "I live at 42 Elm Street",
        "zéro six, douze, trente-quatre",
        "It is M as in Mike",
        "john at sea dot"
      ]
    ) {
      assert.deepStrictEqual(caller({ thinks: [0.1, 0.1, 0.1], text }).commits().map(([at]) => at), [5000], text)
    }
  })

  it("that fails is as none: the fixed delay, at once where it is sure of nothing, whatever the threshold", () => {
    for (const threshold of [undefined, 0.3, 0.95]) {
      const driver = drive({ ears: { detector: true, listens: true }, turn: { endpointing: { threshold } } })
        .at(1050, started(1000)).at(2030, paused(2000)).at(2100, final("I would like a room."))
      for (const [question, at] of [[1, 2210], [2, 2510], [3, 3010]] as const) {
        driver.until(at).at(at, { _tag: "EndOfTurn", question, probability: undefined })
        if (at === 2210) driver.at(2500, stopped(2000))
      }
      driver.until(6000)
      assert.deepStrictEqual(driver.commits().map(([at]) => at), [2500], `threshold ${threshold}`)
      assert.deepStrictEqual(driver.times("EndOfTurnPredicted"), [])
    }
  })

  it("that fails after it has answered leaves that answer", () => {
    const driver = drive({ ears: { detector: true, listens: true } })
      .at(1050, started(1000)).at(2030, paused(2000)).at(2100, final("I would like a room."))
      .at(2240, { _tag: "EndOfTurn", question: 1, probability: 0.1 }).at(2500, stopped(2000))
      .at(2540, { _tag: "EndOfTurn", question: 2, probability: undefined })
      .at(3040, { _tag: "EndOfTurn", question: 3, probability: undefined }).until(8000)
    assert.deepStrictEqual(driver.commits().map(([at]) => at), [3500])
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

  /** What a detector of these questions makes of one sentence: when it is committed, and what is told of it. */
  const judged = (ask: TurnDetector.Detector["ask"], listens: boolean) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [Testing.say(1000, 2000, "I would like a room.", { finalDelay: 100 })],
        llm: ["Hello!"]
      }).pipe(Effect.provideService(TurnDetector.TurnDetector, {
        name: "judge",
        open: Effect.succeed(listens ? { ask, push: () => {} } : { ask })
      }))
      assert.deepStrictEqual(Testing.invariants(timeline), [])
      return {
        at: timeline.of("UserSpeechCommitted").map(({ at }) => at),
        warnings: new Set(timeline.of("Warning").map(({ message }) => message)),
        predicted: timeline.of("EndOfTurnPredicted").length
      }
    })

  it.effect("that fails, breaks or gives no probability costs nothing but a warning", () =>
    Effect.gen(function*() {
      const bad = {
        fails: [Effect.fail("secret words"), "the turn detector failed"],
        dies: [Effect.die(new Error("secret words")), "the turn detector failed"],
        "gives NaN": [Effect.succeed({ probability: Number.NaN }), "the turn detector gave no probability from 0 to 1"],
        "gives 1.2": [Effect.succeed({ probability: 1.2 }), "the turn detector gave no probability from 0 to 1"],
        "gives -1": [Effect.succeed({ probability: -1 }), "the turn detector gave no probability from 0 to 1"]
      } as const
      for (const listens of [true, false]) {
        for (const [name, [answer, message]] of Object.entries(bad)) {
          const { at, predicted, warnings } = yield* judged(() => answer, listens)
          assert.deepStrictEqual([...warnings], [message], name)
          assert.deepStrictEqual(at.length, 1, name)
          // As with the fixed delays alone.
          assert.isAtLeast(at[0]!, 2500, name)
          assert.isAtMost(at[0]!, 2600, name)
          assert.strictEqual(predicted, 0, name)
        }
      }
      const thrown = yield* judged(() => {
        throw new Error("secret words")
      }, true)
      assert.deepStrictEqual([...thrown.warnings], ["the turn detector failed"])
      assert.isAtMost(thrown.at[0]!, 2600)
    }))

  it.effect("that never answers, or too late, is done without after its deadline", () =>
    Effect.gen(function*() {
      for (const listens of [true, false]) {
        for (
          const ask of [() => Effect.never, () => Effect.delay(Effect.succeed({ probability: 0.01 }), "1500 millis")]
        ) {
          const { at } = yield* judged(ask, listens)
          assert.strictEqual(at.length, 1)
          assert.isAtMost(at[0]!, 3600)
        }
      }
    }))

  it.effect("hears what was lost as silence, and nothing from before the turn", () =>
    Effect.scoped(Effect.gen(function*() {
      let given = new Int16Array()
      const { open } = TurnDetector.fromAudio({
        name: "listener",
        window: 8000,
        predict: (samples) => Effect.sync(() => (given = samples, 0.5))
      })
      const loud = (ms: number, value: number, at?: number): Audio.Frame => ({
        ...Audio.speech,
        samples: new Int16Array(ms * 16).fill(value),
        ...(at === undefined ? {} : { at })
      })
      const { ask, push } = yield* open
      const heard = (length: number) =>
        Effect.map(
          ask({ text: "", history: History.empty, silence: 200, length }),
          () => [0, 1, 2, 3].map((value) => given.filter((sample) => sample === value).length / 16)
        )
      // A turn, seven seconds of which nothing was sent, and another one, of which a second was lost.
      push!([loud(3000, 1, 0)])
      push!([loud(1000, 2, 10_000), loud(1000, 3, 12_000)])
      assert.deepStrictEqual(yield* heard(3000), [1500, 0, 1000, 1000])
      // Another microphone, whose time begins anew.
      push!([loud(1000, 2, 500.4), loud(500, 3, 1499.8)])
      assert.deepStrictEqual(yield* heard(1500), [0, 0, 1000, 1000])
      // One that tells no times.
      push!([loud(1000, 1), loud(2000, 2)])
      assert.deepStrictEqual(yield* heard(2500), [0, 1000, 2000, 0])
      // More is missing than is kept.
      push!([loud(1000, 3, 1e9)])
      assert.deepStrictEqual(yield* heard(9000), [7000, 0, 0, 1000])
    })))

  it("hears a telephone's audio at its own rate, at its own time", () => {
    const heard: Array<Audio.Frame> = []
    const model = { ask: () => Effect.never, push: (frames: ReadonlyArray<Audio.Frame>) => void heard.push(...frames) }
    const turnDetector = { name: "listener", model }
    const listen = listenerOf({ turnDetector, overlapClassifier: undefined, failed: () => {} })!
    const samples = Int16Array.from({ length: 160 }, (_, i) => 9000 * Math.sin(i / 3))
    for (let i = 0; i < 50; i++) listen([{ sampleRate: 8000, channels: 1, samples, at: 5000 + i * 20 }])
    listen([{ sampleRate: 8000, channels: 1, samples, at: 9000 }])
    assert.deepStrictEqual([...new Set(heard.map(({ sampleRate }) => sampleRate))], [16_000])
    const ms = Audio.durationMs(Audio.concat(heard))
    assert.approximately(ms, 1020, 25)
    assert.approximately(heard[0]!.at!, 5000, 3)
    assert.approximately(heard.at(-1)!.at! + Audio.durationMs(heard.at(-1)!), 9020, 25)
  })

  it.effect("goes with the call from agent to agent, and keeps to what each says of its delays", () =>
    Effect.gen(function*() {
      for (const [minDelay, at] of [[undefined, 9200], ["800 millis", 9800]] as const) {
        const second = Agent.make({ instructions: "Second.", turn: { endpointing: { minDelay } } })
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          agent: Agent.make({
            instructions: "First.",
            onUserTurn: () => Session.Session.use((session) => session.handoff(second))
          }),
          user: [
            Testing.say(1000, 2000, "Hello there.", { finalDelay: 100 }),
            Testing.say(8000, 9000, "I would like a room.", { finalDelay: 100 })
          ],
          llm: ["One.", "Two.", "Three."]
        }).pipe(Effect.provideService(TurnDetector.TurnDetector, {
          name: "listener",
          open: Effect.succeed({ push: () => {}, ask: () => Effect.succeed({ probability: 0.95 }) })
        }))
        assert.deepStrictEqual(timeline.of("UserSpeechCommitted").map(({ at }) => at), [2200, at])
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))
})
