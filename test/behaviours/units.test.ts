/** Options in another unit than was asked for: refused where they can be nothing else, and a warning where that is only likely. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { Agent, type Pipeline, Tts } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"

const warned = (options: Pipeline.Options, agent = Agent.make({ instructions: "" })) =>
  Effect.map(
    Testing.scenario({ agent, user: [], until: 100, options }),
    ({ logs }) => logs.flatMap(({ level, text }) => level === "Warn" ? [text] : [])
  )

const said = (effect: () => Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.exit(Effect.suspend(effect)), (exit) => exit._tag === "Failure" ? String(exit.cause) : "accepted")

describe("a value that can only be of another unit", () => {
  it.effect.each<readonly [string, Pipeline.Options, string]>([
    [
      "half a second",
      { turn: { endpointing: { minDelay: 0.5 } } },
      "turn.endpointing.minDelay must be a duration of 0 or more, such as \"500 millis\", not 0.5: a number is milliseconds, so write \"0.5 seconds\" if that is meant"
    ],
    ["a second and a half", { turn: { endpointing: { maxDelay: 1.5 } } }, "write \"1.5 seconds\""],
    ["a third", { turn: { interruption: { minDuration: 0.3 } } }, "turn.interruption.minDuration"],
    ["of a part", { results: { calm: 1.5 } }, "results.calm"],
    ["of something shorter", { filler: { after: 2.5 } }, "filler"],
    ["of attempts", { resilience: { firstOutput: 2.5 } }, "resilience.firstOutput"],
    [
      "a threshold in percent",
      { vad: { activation: 50 } },
      "activation must be a number from 0 to 1, not 50: 0.5 may be meant"
    ],
    ["a share in percent", { spending: { budget: { limit: 1, unit: "tokens", warnAt: 80 } } }, "0.8 may be meant"],
    ["a rate in kilohertz", { output: { sampleRate: 24 } }, "not 24: 24000 may be meant"],
    ["another", { output: { sampleRate: 44.1 } }, "not 44.1: 44100 may be meant"]
  ])(
    "is refused, and what may be meant is said: %s",
    ([, options, why]) =>
      Effect.map(said(() => Testing.scenario({ user: [], options })), (cause) => assert.include(cause, why))
  )

  it.effect.each<readonly [string, () => Effect.Effect<unknown, unknown>, string]>([
    ["a detector's silence", () => Effect.scoped(Layer.build(EnergyVad.layer({ minSilence: 0.5 }))), "minSilence"],
    [
      "a voice's rate",
      () => Effect.sync(() => Tts.make({ name: "a", sampleRate: 24, channels: 1, speak: () => undefined as never })),
      "24000 may be meant"
    ],
    [
      "words in a script",
      () => Testing.scenario({ user: [Testing.say(1, 2, "Hello there.")] }),
      "Testing.say(1000, 2000, …) may be meant"
    ],
    [
      "a part of a second in one",
      () => Testing.scenario({ user: [Testing.say(0.5, 2.5, "Hello there.")] }),
      "Testing.say(500, 2500, …) may be meant"
    ],
    ["a model's first word", () => Testing.scenario({ llm: [{ text: "Hi.", firstToken: 0.5 }] }), "firstToken"],
    ["a voice's speech", () => Testing.scenario({ tts: { duration: 2.5 } }), "duration"]
  ])("is refused elsewhere: %s", ([, run, why]) => Effect.map(said(run), (cause) => assert.include(cause, why)))

  it.effect.each<readonly [string, Pipeline.Options]>([
    ["nothing", { turn: { endpointing: { minDelay: 0 }, interruption: { echoWarmUp: 0 } } }],
    ["a length that says its unit", { turn: { endpointing: { minDelay: "0.5 seconds" } } }],
    ["one that is as short, and says so", { toolTimeout: Duration.micros(500n), closeTimeout: "5 millis" }],
    ["a third of a second", { turn: { endpointing: { minDelay: 1000 / 3 } } }],
    ["short ones for a test", { toolTimeout: 1000, turn: { awayAfter: 300 }, results: { calm: 100 } }],
    ["long ones", { toolTimeout: 3_600_000, timeLimits: { session: 7_200_000 } }],
    ["without end", { turn: { awayAfter: Infinity }, timeLimits: { session: Infinity } }]
  ])(
    "is not seen in what makes sense: %s",
    ([, options]) => Effect.map(warned(options), (lines) => assert.deepStrictEqual(lines, []))
  )
})

describe("a value that is likely of another unit", () => {
  it.effect.each<readonly [string, Pipeline.Options, ReadonlyArray<string>]>([
    ["a second", { turn: { endpointing: { minDelay: 1 } } }, [
      "turn.endpointing.minDelay is 1 milli, for a number is milliseconds: write \"1 second\" if that is meant"
    ]],
    ["seconds", { turn: { awayAfter: 15 } }, [
      "turn.awayAfter is 15 millis, for a number is milliseconds: write \"15 seconds\" if that is meant"
    ]],
    ["several", { toolTimeout: 60, returnTimeout: 20 }, [
      "toolTimeout is 60 millis, for a number is milliseconds: write \"60 seconds\" if that is meant",
      "returnTimeout is 20 millis, for a number is milliseconds: write \"20 seconds\" if that is meant"
    ]],
    ["minutes", { timeLimits: { session: 30 } }, [
      "timeLimits.session is 30 millis, for a number is milliseconds: write \"30 minutes\" if that is meant"
    ]],
    ["half an hour in seconds", { timeLimits: { session: 1800 } }, [
      "timeLimits.session is 1800 millis, for a number is milliseconds: write \"1800 seconds\" if that is meant"
    ]],
    ["in a part that may be a word", { filler: { after: 2 } }, [
      "filler.after is 2 millis, for a number is milliseconds: write \"2 seconds\" if that is meant"
    ]],
    ["a price for one", { spending: { prices: [{ provider: "a" }, { provider: "b", inputTokens: 0.0000025 }] } }, [
      "spending.prices.1.inputTokens is 0.0000025 for a million: 2.5 may be meant"
    ]]
  ])(
    "is told when the session begins: %s",
    ([, options, expected]) =>
      Effect.map(warned(options), (lines) => assert.deepStrictEqual([...lines].sort(), [...expected].sort()))
  )

  it.effect("is told of an agent", () =>
    Effect.gen(function*() {
      const lines = yield* warned({}, Agent.make({ instructions: "", turn: { holdFor: 45 } }))
      assert.deepStrictEqual(lines, [
        "turn.holdFor is 45 millis, for a number is milliseconds: write \"45 seconds\" if that is meant"
      ])
    }))

  it.effect("is told of a change during the call", () =>
    Effect.gen(function*() {
      const { logs } = yield* Testing.scenario({
        user: [],
        until: 200,
        at: [{ at: 100, do: (session) => session.update({ turn: { awayAfter: 30 } }) }]
      })
      assert.include(logs.map(({ text }) => text).join(), "turn.awayAfter is 30 millis")
    }))

  it.effect("is told of a script in its timeline", () =>
    Effect.gen(function*() {
      const { warnings } = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Hello?")],
        llm: [{ text: "Hi.", total: 1 }],
        tts: { duration: 3 },
        quiet: 12
      })
      assert.deepStrictEqual(warnings.map((line) => line.split(",")[0]), [
        "quiet is 12 millis",
        "tts.duration is 3 millis",
        "llm.0.total is 1 milli"
      ])
    }))
})
