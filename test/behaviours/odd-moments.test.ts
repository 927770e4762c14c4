import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"
import { Agent, type Event, Pipeline, Room, Session, Stt, Tts, Vad } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const hello = Testing.say(500, 2500, "Hello, how are you?")
const ten = "one two three four five six seven eight nine ten."
const Look = Tool.make("look", { success: Schema.String })
const Kit = Toolkit.make(Look)
const boom = (): never => {
  throw new Error("boom")
}

describe("what users' code does at odd moments", () => {
  it.effect.each(["throws", "dies", "interrupts itself"])(
    "onUserTurn %s: the turn is answered all the same",
    (how) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          agent: Agent.make({
            instructions: "",
            onUserTurn: () => how === "throws" ? boom() : how === "dies" ? Effect.die("boom") : Effect.interrupt
          }),
          user: [hello, Testing.type(9000, "And now?")],
          llm: ["Fine.", "Still fine."]
        })
        assert.includeMembers([...timeline.messages], ["assistant: Fine.", "assistant: Still fine."])
        assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component }) => component), ["hook", "hook"])
      })
  )

  it.effect("a turn detector and a classifier that throw make nobody deaf", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello, Testing.say(9000, 10_000, "Again")],
        llm: ["Fine.", "Fine again."],
        options: { turnDetector: boom, overlapClassifier: boom, turn: { interruption: { backchannel: true } } }
      })
      assert.includeMembers([...timeline.messages], ["assistant: Fine.", "assistant: Fine again."])
    }))

  it.effect("an onEvent and an onFailure that throw harm nothing", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onFailure: boom }),
        user: [hello, Testing.say(19_000, 20_000, "Again")],
        llm: [{ fail: true }, { fail: true }, { fail: true }, { fail: true }, "Fine again."],
        options: { onEvent: boom, resilience: { retries: 3 } }
      })
      assert.include(timeline.messages, "assistant: Fine again.")
    }))

  it.effect("a recogniser that gives itself up is opened again", () =>
    Effect.gen(function*() {
      let opened = 0
      const { stt } = yield* Testing.stt()
      const timeline = yield* Testing.scenario({
        user: [Testing.say(2000, 3000, "Hello?")],
        llm: ["Fine."],
        layer: Layer.succeed(
          Stt.Stt,
          Stt.Stt.of({
            ...stt,
            resilient: true,
            transcribe: (audio) => opened++ === 0 ? Stream.fromEffect(Effect.interrupt) : stt.transcribe(audio)
          })
        )
      })
      assert.include(timeline.messages, "assistant: Fine.")
    }))

  it.effect("onExit that hangs in its clean-up does not hold the session up", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onExit: Effect.uninterruptible(Effect.never) }),
        at: [{ at: 1000, do: (session) => session.close() }]
      })
      timeline.expect(["SessionClosed", 6000])
    }))

  it.effect("a hand-off that the end of the session overtakes is none; onExit runs once", () =>
    Effect.gen(function*() {
      let exits = 0
      const slow = Effect.andThen(Effect.sync(() => exits++), Effect.sleep("3 seconds"))
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onExit: slow }),
        at: [
          { at: 1000, do: (session) => session.handoff(Agent.make({ name: "other", instructions: "" })) },
          { at: 2000, do: (session) => session.close() }
        ]
      })
      assert.strictEqual(exits, 1)
      assert.strictEqual(timeline.of("AgentChanged").length, 0)
      assert.strictEqual(timeline.events.at(-1)!._tag, "SessionClosed")
    }))

  it.effect("a tool that closes the session is recorded before its end", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Kit }),
        user: [hello],
        llm: [{ tools: [{ name: "look" }] }],
        layer: Layer.empty
      }).pipe(
        Effect.provide(Kit.toLayer({
          look: () =>
            Effect.as(
              Effect.flatMap(
                Effect.serviceOption(Session.Session),
                (session) => session._tag === "Some" ? session.value.close() : Effect.void
              ),
              "done"
            )
        }))
      )
      assert.strictEqual(timeline.events.at(-1)!._tag, "SessionClosed")
      assert.includeMembers([...timeline.messages], ["call: look", "output: look"])
    }))

  it.effect("close and say in one breath: the speech ends, too", () =>
    Effect.gen(function*() {
      const outcomes: Array<string> = []
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onUserTurn: () =>
            Session.Session.use((session) =>
              Effect.gen(function*() {
                yield* session.close()
                const speech = yield* session.say("Too late.")
                outcomes.push((yield* speech.heard).outcome)
              })
            )
        }),
        user: [hello]
      })
      assert.isTrue(outcomes.every((outcome) => outcome === "discarded"))
      assert.strictEqual(timeline.of("SpeechCreated").length, timeline.of("SpeechFinished").length)
    }))

  it.effect("a caller who joins and leaves at once leaves no session behind", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.join(1000), Testing.leave(1000)],
        room: { joins: false }
      })
      timeline.expect(["SessionClosed", 1000, { reason: "participant_left" }])
    }))
})

/** The scripted room with another loudspeaker. */
const withOutput = (change: (output: Room.Output) => Room.Output) =>
  Layer.effect(
    Room.Room,
    Room.Room.useSync((room) =>
      Room.Room.of({ ...room, output: (options) => Effect.map(room.output(options), change) })
    )
  )

describe("a track that nobody receives yet", () => {
  it.effect.each<readonly [string, Effect.Effect<void>, Pipeline.Options, number]>([
    ["received after 1.2 s", Effect.sleep(1200), {}, 1200],
    ["never received", Effect.never, {}, 5000],
    ["never received, which matters less here", Effect.never, { subscriberTimeout: 700 }, 700]
  ])(
    "%s: the agent enters as soon as it is heard, or at the deadline",
    ([_, subscribed, options, at]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", onEnter: Session.Session.use((session) => session.say(ten)) }),
          tts: { firstByte: 0, duration: 2000 },
          options,
          layer: withOutput((output) => ({ ...output, subscribed }))
        })
        assert.strictEqual(timeline.of("AgentStartedSpeaking")[0]?.at, at)
      })
  )
})

describe("a loudspeaker that fails", () => {
  it.effect.each(["fails", "dies"])(
    "when writing %s, the speech has failed and is told to its end",
    (how) =>
      Effect.gen(function*() {
        let writes = 0
        const timeline = yield* Testing.scenario({
          at: [{ at: 100, do: (session) => session.say(ten) }],
          tts: { duration: 5000, chunk: 500 },
          layer: withOutput((output) => ({
            ...output,
            write: (frames) =>
              ++writes < 3
                ? output.write(frames)
                : how === "dies"
                ? Effect.die("cable")
                : Effect.fail(new Room.RoomError({ reason: "Disconnected", detail: "gone" }))
          }))
        })
        assert.strictEqual(timeline.of("AgentStartedSpeaking").length, 1)
        assert.strictEqual(timeline.of("AgentStoppedSpeaking").length, 1)
        assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["failed"])
        assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component }) => component), ["room"])
      })
  )

  it.effect("slow to pause, it is not left paused behind an interruption", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say(ten) }],
        user: [Testing.type(2000, "Stop")],
        llm: ["All right."],
        tts: [{ duration: 5000 }, { duration: 1000 }],
        layer: withOutput((output) => ({ ...output, pause: Effect.andThen(Effect.sleep(50), output.pause) }))
      })
      assert.deepStrictEqual(timeline.of("AgentStoppedSpeaking").map(({ playedMs }) => playedMs).at(-1), 1000)
    }))
})

describe("C16: the echo warm-up of a telephone call", () => {
  it.effect.each(
    [
      ["sip", "outbound", undefined, 0],
      ["sip", "inbound", undefined, 3000],
      ["standard", undefined, undefined, 3000],
      ["sip", "outbound", 1500, 1500],
      ["standard", undefined, 0, 0]
    ] as const
  )("%s, %s, told %s: %d ms", ([kind, direction, told, warmUp]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const events: Array<Event.Event> = []
          const fiber = yield* Effect.forkChild(
            Pipeline.run(
              Agent.make({ instructions: "", onEnter: Session.Session.use((session) => session.say(ten)) }),
              {
                onEvent: (event) => events.push(event),
                turn: { interruption: { backchannel: false, ...(told === undefined ? {} : { echoWarmUp: told }) } }
              }
            )
          )
          const caller = yield* Testing.Caller
          yield* caller.speaks(300, 6000, "")
          yield* Effect.sleep(8000)
          yield* Fiber.interrupt(fiber)
          return events
        }).pipe(
          Effect.provide(Testing.layer({ tts: { duration: 20_000 }, room: { kind, direction } }))
        )
      )
      const audible = timeline.find(({ _tag }) => _tag === "AgentStartedSpeaking")!.at
      const paused = timeline.find(({ _tag }) => _tag === "AgentPaused")!.at
      assert.strictEqual(paused, Math.max(audible + warmUp, 800))
    }))
})

describe("words at odd moments", () => {
  it.effect("a pause for words without a voice ends, too", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say(ten) }],
        user: [Testing.say(1000, 2000, "", { transcripts: [{ at: 1700, text: "hold the line", final: false }] })],
        stt: { interims: true },
        tts: { duration: 10_000 },
        options: { turn: { interruption: { minWords: 2 } } }
      })
      assert.deepStrictEqual(timeline.playbacks.map(({ playedMs }) => playedMs), [10_000])
    }))

  it.effect("push to talk: the reply does not wait for the silence after what was committed", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 2000, "Hello there")],
        llm: ["Fine."],
        options: { turn: { detection: "manual" } },
        at: [{ at: 2050, do: (session) => session.commitTurn() }]
      })
      assert.strictEqual(timeline.of("UserSpeechCommitted")[0]!.at, 2200)
      assert.strictEqual(timeline.of("AgentStartedSpeaking")[0]!.at, 2700)
    }))

  it.effect("what was cleared away does not come back with its transcript", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 2000, "Forget this."), Testing.say(4000, 5000, "Keep this.")],
        options: { turn: { detection: "manual" } },
        at: [
          { at: 2100, do: (session) => session.clearTurn },
          { at: 5300, do: (session) => session.commitTurn() }
        ]
      })
      assert.strictEqual(timeline.messages[0], "user: Keep this.")
    }))

  it.effect("a guess that calls a tool stands behind the words that it answers", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Kit }),
        user: [Testing.say(500, 2000, "Look it up", { finalDelay: 100 })],
        llm: [{ text: "Let me check.", tools: [{ name: "look" }], firstToken: 10, total: 20 }, "Found."],
        options: { turn: { preemption: { llm: true } } }
      }).pipe(Effect.provide(Kit.toLayer({ look: () => Effect.succeed("it") })))
      assert.deepStrictEqual(timeline.messages, [
        "user: Look it up",
        "assistant: Let me check.",
        "call: look",
        "output: look",
        "assistant: Found."
      ])
      const roles = timeline.requests[1]!.prompt.content.map(({ role }) => role)
      assert.deepStrictEqual(roles.filter((role) => role !== "system"), ["user", "assistant", "assistant", "tool"])
    }))

  it.effect.each(["instructions", "agent"])(
    "a guess made before the %s changed is not used",
    (what) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 2000, "Who are you?", { finalDelay: 100 })],
          llm: ({ prompt }) => JSON.stringify(prompt).includes("NEW") ? "The new one." : "The old one.",
          options: { turn: { preemption: { llm: true } } },
          at: [{
            at: 2300,
            do: (session) =>
              what === "agent"
                ? session.handoff(Agent.make({ name: "b", instructions: "NEW" }))
                : session.update({ instructions: "NEW" })
          }]
        })
        assert.include(timeline.messages, "assistant: The new one.")
        assert.notInclude(timeline.messages, "assistant: The old one.")
      })
  )
})

describe("Pipeline", () => {
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

  it.effect("fails typed where the synthesiser's rate is impossible, in the session", () =>
    Effect.gen(function*() {
      const frame = { samples: new Int16Array(100), sampleRate: 0, channels: 1 }
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("Hello") }],
        layer: Layer.succeed(
          Tts.Tts,
          Tts.make({ name: "odd", sampleRate: 8000, channels: 1, speak: () => Stream.make({ frame }) })
        )
      })
      assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["failed"])
      assert.isAbove(timeline.of("ProviderFailed").length, 0)
      assert.isFunction(Pipeline.run)
    }))
})
