import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Agent, Pipeline, type Session, Vad } from "effect-voice"
import * as Testing from "effect-voice/testing"

const opened = (options: Pipeline.Options) => Effect.flip(Testing.scenario({ options }))

describe("options that no conversation can work with", () => {
  it.effect.each<readonly [string, Pipeline.Options]>([
    ["maxToolSteps", { maxToolSteps: -1 }],
    ["maxToolSteps", { maxToolSteps: 1.5 }],
    ["maxToolSteps", { maxToolSteps: Number.NaN }],
    ["minSentence", { minSentence: -3 }],
    ["mutedAfter", { mutedAfter: -1 }],
    ["closeTimeout", { closeTimeout: Number.NaN }],
    ["drainTimeout", { drainTimeout: "soon" as never }],
    ["lastWordsTimeout", { lastWordsTimeout: Number.NaN }],
    ["hookTimeout", { hookTimeout: -5 }],
    ["subscriberTimeout", { subscriberTimeout: Number.NaN }],
    ["toolTimeout", { toolTimeout: -5 }],
    ["toolTimeout", { toolTimeout: Number.NaN }],
    ["turn.detection", { turn: { detection: "psychic" as never } }],
    ["turn.endpointing.mode", { turn: { endpointing: { mode: "elastic" as never } } }],
    ["turn.endpointing.minDelay", { turn: { endpointing: { minDelay: -1 } } }],
    ["turn.endpointing.maxDelay", { turn: { endpointing: { minDelay: 900, maxDelay: 400 } } }],
    ["turn.endpointing.alpha", { turn: { endpointing: { alpha: 1.2 } } }],
    ["turn.endpointing.threshold", { turn: { endpointing: { threshold: -0.1 } } }],
    ["turn.endpointing.detectorDeadline", { turn: { endpointing: { detectorDeadline: Number.NaN } } }],
    ["turn.interruption.minDuration", { turn: { interruption: { minDuration: -500 } } }],
    ["turn.interruption.minWords", { turn: { interruption: { minWords: -2 } } }],
    ["turn.interruption.minWords", { turn: { interruption: { minWords: 0.5 } } }],
    ["turn.interruption.falseInterruptionTimeout", { turn: { interruption: { falseInterruptionTimeout: -2 } } }],
    ["turn.interruption.echoWarmUp", { turn: { interruption: { echoWarmUp: Number.NaN } } }],
    ["turn.preemption.maxTries", { turn: { preemption: { maxTries: -1 } } }],
    ["turn.preemption.maxSpeech", { turn: { preemption: { maxSpeech: -1 } } }],
    ["turn.awayAfter", { turn: { awayAfter: -1 } }],
    ["turn.transcriptionTimeout", { turn: { transcriptionTimeout: -1 } }],
    ["turn.limits.maxWords", { turn: { limits: { maxWords: 0 } } }],
    ["turn.limits.maxSpeech", { turn: { limits: { maxSpeech: -1 } } }],
    ["turn.toleratedFailures", { turn: { toleratedFailures: -1 } }],
    ["feed", { feed: "music" as never }],
    ["resilience.retries", { resilience: { retries: -1 } }],
    ["resilience.firstOutput", { resilience: { firstOutput: -1 } }],
    ["resilience.nextOutput", { resilience: { nextOutput: Number.NaN } }],
    ["budget.maxTokens", { budget: { maxTokens: -1, strategy: "truncate" } }],
    ["budget.strategy", { budget: { maxTokens: 100, strategy: "forget" as never } }]
  ])("%s: the error names it", ([option, options]) =>
    Effect.gen(function*() {
      const error = yield* opened(options)
      assert.strictEqual(error._tag, "InvalidOptions")
      assert.deepStrictEqual(error._tag === "InvalidOptions" ? error.problems.map(({ option }) => option) : [], [
        option
      ])
      assert.include(error.message, option)
    }))

  it.effect.each<readonly [string, Vad.Options]>([
    ["activation", { activation: 1.5 }],
    ["activation", { activation: Number.NaN }],
    ["deactivation", { deactivation: -0.1 }],
    ["deactivation", { activation: 0.4, deactivation: 0.6 }],
    ["minSpeech", { minSpeech: -1 }],
    ["minSilence", { minSilence: -1 }],
    ["prefixPadding", { prefixPadding: Number.NaN }],
    ["maxBufferedSpeech", { maxBufferedSpeech: -1 }]
  ])("of the detector, %s: the error names it", ([option, vad]) =>
    Effect.gen(function*() {
      const error = yield* opened({ vad })
      assert.strictEqual(error._tag, "VadError")
      assert.include(error.message, option)
    }))

  it.effect("of the output: the error names it", () =>
    Effect.gen(function*() {
      for (const output of [{ sampleRate: -1 }, { sampleRate: Number.NaN }, { channels: 0 }]) {
        const error = yield* opened({ output })
        assert.strictEqual(error._tag, "RoomError")
        assert.match(error.message, /sampleRate|channels/)
      }
    }))

  it.effect.each(
    [
      ["turn.interruption.minWords", { turn: { interruption: { minWords: -2 } } }],
      ["turn.endpointing.maxDelay", { turn: { endpointing: { maxDelay: -2 } } }]
    ] as const
  )("in mid-session, %s: refused, and nothing changes", ([option, update]) =>
    Effect.gen(function*() {
      const refused: Array<Session.SessionError> = []
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "Base." }),
        at: [
          {
            at: 1000,
            do: (session) =>
              Effect.flip(session.update({ ...update, instructions: "Changed." })).pipe(
                Effect.map((error) => refused.push(error))
              )
          },
          { at: 2000, do: (session) => session.send("Hi") }
        ]
      })
      assert.deepStrictEqual(refused.map(({ reason }) => reason), ["InvalidOption"])
      assert.include(refused[0]!.message, option)
      assert.include(JSON.stringify(timeline.requests[0]!.prompt), "Base.")
    }))

  it.effect("in mid-session, the wait of commitTurn: refused", () =>
    Effect.gen(function*() {
      const refused: Array<Session.SessionError> = []
      yield* Testing.scenario({
        at: [Number.NaN, -1, "later" as never].map((wait) => ({
          at: 1000,
          do: (session) =>
            Effect.map(Effect.flip(session.commitTurn({ wait })), (error) => {
              refused.push(error)
            })
        }))
      })
      assert.deepStrictEqual(refused.map(({ reason }) => reason), Array.from({ length: 3 }, () => "InvalidOption"))
      for (const { detail } of refused) assert.match(detail, /^wait /)
    }))

  it.effect.each(["0 millis", 0, "Infinity"] as const)(
    "the ends of what is allowed are allowed (%s)",
    (duration) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 1500, "Hello.")],
          options: {
            toolTimeout: duration,
            turn: {
              awayAfter: duration,
              endpointing: { minDelay: 0, maxDelay: duration },
              interruption: { falseInterruptionTimeout: duration, echoWarmUp: duration, minDuration: duration },
              limits: { maxSpeech: duration }
            }
          },
          until: 10_000
        })
        assert.deepStrictEqual(timeline.messages, ["user: Hello.", "assistant: OK."])
      })
  )
})

describe("a detector that fails", () => {
  it.effect("when it is made: a typed error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Testing.scenario({
        vad: { fail: new Vad.ModelUnavailable({ path: "model.onnx", detail: "no such file" }) }
      }))
      assert.strictEqual(error._tag, "VadError")
    }))

  it.effect("in the call: told, counted, and the session ends when it goes on failing", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        vad: { fail: new Vad.InferenceFailed({ detail: "out of memory" }), after: 1 },
        user: [Testing.say(500, 1500, "Hello."), Testing.say(4000, 5000, "Hello again.")],
        quiet: "30 seconds"
      })
      assert.isNotEmpty(timeline.of("ProviderFailed").filter(({ component }) => component === "vad"))
      assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "provider_failures")
      assert.strictEqual(timeline.left, "")
    }))
})

describe("a detector that is slow", () => {
  it.effect("closes a speech only when the window before it has its score, whenever it stops listening", () =>
    Effect.gen(function*() {
      for (const stop of [2000, 2003, 2008, 2011]) {
        let scoring = false
        let overlaps = 0
        const begin = () => {
          if (scoring) overlaps++
          scoring = true
        }
        const slow = Layer.succeed(
          Vad.Vad,
          Vad.make({
            name: "slow",
            sampleRate: 16_000,
            windowSize: 320,
            scorer: Effect.succeed({
              score: (windows) =>
                Effect.sync(begin).pipe(
                  Effect.andThen(Effect.sleep(7)),
                  Effect.map(() => {
                    scoring = false
                    return windows.map((window) => window.some((sample) => Math.abs(sample) > 0.01) ? 1 : 0)
                  })
                ),
              reset: () => {
                if (scoring) overlaps++
              }
            })
          })
        )
        const stopped: Array<number> = []
        yield* Testing.inVirtualTime(
          Effect.gen(function*() {
            const caller = yield* Testing.Caller
            const session = yield* Pipeline.make(Agent.make({ instructions: "" }), {
              onEvent: (event) => {
                if (event._tag === "UserStoppedSpeaking") stopped.push(event.at)
              }
            })
            yield* Effect.forkScoped(caller.says("This is a long sentence of mine", { at: 1000, duration: 4000 }))
            yield* Effect.sleep(stop)
            yield* session.listen(false)
            yield* Effect.sleep(3000)
          }).pipe(Effect.provide(Layer.merge(Testing.layer({ room: { frames: 20 } }), slow)), Effect.scoped)
        )
        assert.strictEqual(overlaps, 0, `at ${stop}`)
        assert.isAtMost(stopped[0]!, stop + 20)
      }
    }))
})
