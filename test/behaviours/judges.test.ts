import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { OverlapClassifier, TurnDetector } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { classifier, detector } from "../support/judges.ts"

const hello = Testing.say(1000, 2000, "Hello?")

const started = (timeline: Testing.Timeline) => {
  const [event] = timeline.of("SessionStarted")
  return { turnDetector: event?.turnDetector, overlapClassifier: event?.overlapClassifier }
}

describe("a turn detector and an overlap classifier", () => {
  it.effect("are named when the session starts, where they are there", () =>
    Effect.gen(function*() {
      const none = yield* Testing.scenario({ user: [hello] })
      assert.notProperty(none.of("SessionStarted")[0], "turnDetector")
      assert.notProperty(none.of("SessionStarted")[0], "overlapClassifier")
      const both = yield* Testing.scenario({
        user: [hello],
        layer: Layer.merge(detector(() => Effect.succeed(1)), classifier(() => Effect.succeed("unknown")))
      })
      assert.deepStrictEqual(started(both), { turnDetector: "detector", overlapClassifier: "classifier" })
    }))

  it.effect("a threshold for answers that nobody gives is refused, from whoever it comes", () =>
    Effect.gen(function*() {
      const threshold = { endpointing: { threshold: 0.4 } }
      const said = "endpointing.threshold is what a turn detector's answer is held against, and there is none"
      const opened = yield* Effect.flip(Testing.scenario({ user: [hello], options: { turn: threshold } }))
      assert.include(`${opened}`, `turn.${said}`)
      let updated = ""
      yield* Testing.scenario({
        user: [hello],
        at: [{
          at: 500,
          do: (session) =>
            Effect.catch(session.update({ turn: threshold }), (error) =>
              Effect.sync(() => {
                updated = error.message
              }))
        }]
      })
      assert.include(updated, `turn.${said}`)
      const judged = yield* Testing.scenario({
        user: [hello],
        options: { turn: threshold },
        layer: detector(() => Effect.succeed(0.5))
      })
      assert.strictEqual(started(judged).turnDetector, "detector")
    }))

  it.effect("a turn detector has no say beside a recogniser that decides alone, and is refused", () =>
    Effect.gen(function*() {
      const options = { turn: { detection: "stt" } } as const
      const layer = detector(() => Effect.succeed(0.5))
      const error = yield* Effect.flip(Testing.scenario({ user: [hello], options, layer }))
      assert.include(`${error}`, "turn.detection must not be \"stt\" beside a turn detector")
      yield* Testing.scenario({ user: [hello], options })
    }))

  it.effect("an overlap classifier is told what was said, to what and in which language", () =>
    Effect.gen(function*() {
      const asked: Array<OverlapClassifier.Overlap> = []
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("One two three four five six seven eight nine ten.") }],
        tts: { duration: 10_000 },
        user: [Testing.say(4000, 4800, "Tak tak.", { language: "pl" }), Testing.say(7000, 7300, "Hmm.")],
        options: { turn: { language: "cs", interruption: { backchannel: true } } },
        layer: classifier((overlap) => {
          asked.push(overlap)
          return Effect.succeed("backchannel")
        })
      })
      const [first, second] = asked
      assert.deepInclude(first, { text: "Tak tak.", language: "pl" })
      // It was paused at 4500, in the middle of a word.
      assert.deepStrictEqual(first!.agent, { said: "One two three four", next: "five six seven eight nine ten." })
      assert.strictEqual(second?.language, "cs")
      assert.deepStrictEqual(timeline.of("UserSpeechSetAside").map(({ reason, text }) => [text, reason]), [
        ["Tak tak.", "classifier"],
        ["Hmm.", "classifier"]
      ])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("an overlap classifier may hear a request to wait", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("One two three four five six seven eight nine ten.") }],
        tts: { duration: 10_000 },
        user: [Testing.say(4000, 4300, "Chwileczkę.", { language: "pl" })],
        options: { turn: { interruption: { backchannel: true } } },
        layer: classifier(() => Effect.succeed("hold")),
        until: 20_000
      })
      assert.isAtMost(timeline.playbacks[0]!.end!, 4600)
      assert.deepStrictEqual(timeline.of("UserSpeechSetAside").map(({ reason }) => reason), ["hold"])
      assert.strictEqual(timeline.requests.length, 0)
    }))

  it.effect("may be a service of whoever runs the scenario", () =>
    Effect.gen(function*() {
      const judge = OverlapClassifier.fromWords({ name: "mine", classify: () => Effect.succeed("unknown") })
      const timeline = yield* Testing.scenario({ user: [hello] }).pipe(
        Effect.provideService(OverlapClassifier.OverlapClassifier, judge)
      )
      assert.strictEqual(started(timeline).overlapClassifier, "mine")
    }))

  it.effect("are opened once for a session, and closed with it", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const note = (line: string) => Effect.sync(() => void log.push(line))
      const timeline = yield* Testing.scenario({
        user: [hello, Testing.say(6000, 7000, "And now?")],
        at: [{ at: 15_000, do: (session) => session.close() }],
        llm: ["Fine.", "Fine again."],
        layer: Layer.succeed(TurnDetector.TurnDetector, {
          name: "counted",
          open: Effect.as(
            Effect.acquireRelease(note("open"), () => note("close")),
            { ask: () => Effect.as(note("ask"), { probability: 1 }) }
          )
        })
      })
      assert.strictEqual(timeline.of("SessionClosed").length, 1)
      assert.deepStrictEqual([log[0], log.at(-1)], ["open", "close"])
      assert.deepStrictEqual(new Set(log.slice(1, -1)), new Set(["ask"]))
    }))

  it.effect.each(
    [
      ["fail to open", Effect.fail("no model"), "could not be opened"],
      ["die of it", Effect.die("no model"), "could not be opened"],
      ["never open", Effect.never, "was not opened in time"]
    ] as const
  )("that %s are done without, and that is told", ([, open, why]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(31_000, 32_000, "Hello?")],
        llm: ["Fine."],
        layer: Layer.merge(
          Layer.succeed(TurnDetector.TurnDetector, { name: "broken", open }),
          Layer.succeed(OverlapClassifier.OverlapClassifier, { name: "broken", open })
        )
      })
      assert.deepStrictEqual(timeline.warnings, [`the turn detector ${why}`, `the overlap classifier ${why}`])
      assert.deepStrictEqual(started(timeline), { turnDetector: undefined, overlapClassifier: undefined })
      timeline.exactly(["UserSpeechCommitted", 32_500])
      assert.include(timeline.messages, "assistant: Fine.")
    }))
})

describe("what a turn detector or an overlap classifier breaks on", () => {
  const kaboom = () => {
    throw new RangeError("kaboom in my own code")
  }
  const says = "One two three four five six seven eight nine ten."
  const over = (layer: Layer.Layer<never>) =>
    Testing.scenario({
      at: [{ at: 0, do: (session) => session.say(says) }],
      tts: [{ duration: 10_000 }, { duration: 1000 }, { duration: 1000 }],
      user: [
        Testing.say(4000, 4400, "Tak."),
        Testing.say(13_000, 14_000, "Hello?"),
        Testing.say(18_000, 19_000, "So?")
      ],
      llm: ["Fine.", "Good.", "Yes."],
      options: { turn: { language: "cs" } },
      layer
    })
  const causes = (timeline: Testing.Timeline) =>
    timeline.logs.flatMap(({ cause, level, text }) =>
      level === "Error" ? [[text, cause?.split("\n")[0], cause?.includes("judges.test.ts")]] : []
    )

  it.effect.each(
    [
      [
        "push",
        Layer.succeed(TurnDetector.TurnDetector, {
          name: "mine",
          open: Effect.succeed({ push: kaboom, ask: () => Effect.succeed({ probability: 1 }) })
        }),
        "the turn detector broke on the audio, and hears no more"
      ],
      ["ask", detector(kaboom), "the turn detector failed"],
      ["classify", classifier(kaboom), "the overlap classifier failed"],
      [
        "open",
        Layer.succeed(OverlapClassifier.OverlapClassifier, { name: "mine", open: Effect.sync(kaboom) }),
        "the overlap classifier could not be opened"
      ]
    ] as const
  )("in %s is told with its message and its place, once in the log", ([, layer, message]) =>
    Effect.gen(function*() {
      const timeline = yield* over(layer)
      assert.isAtLeast(timeline.warnings.length, 1)
      assert.deepStrictEqual(new Set(timeline.warnings), new Set([message]))
      assert.deepStrictEqual(causes(timeline), [
        [`${message}, for this reason`, "RangeError: kaboom in my own code", true]
      ])
      assert.include(timeline.messages, "user: Hello?")
    }))

  it.effect("is a meaning that there is none of: told, and the words count as they would without it", () =>
    Effect.gen(function*() {
      const timeline = yield* over(classifier(() => Effect.succeed("yes" as never)))
      assert.include(timeline.warnings[0], "the overlap classifier gave a meaning that there is none of")
      assert.include(timeline.messages, "user: Hello?")
    }))
})
