/** What a tool does that ends the call, and what is told of speeches and tools beside the history. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Agent, Metrics, type Pipeline, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Prompt, Tool, Toolkit } from "effect/ai"

const calling = (name: string) => ({ text: "Right.", tools: [{ name }] })

describe("a tool that hangs up and waits for the end", () => {
  const kit = Toolkit.make(Tool.make("hang_up", { dependencies: [Session.Session] }))
  const hold = (hangUp: (session: Session.Session["Service"]) => Effect.Effect<unknown>) =>
    Testing.scenario({
      agent: Agent.make({ instructions: "", tools: kit }),
      at: [{ at: 1000, do: (session) => session.send("Bye.") }],
      llm: [calling("hang_up")],
      tts: { duration: 1000 },
      options: { drainTimeout: "30 seconds" },
      quiet: "60 seconds"
    }).pipe(
      Effect.provide(kit.toLayer({
        hang_up: () => Session.Session.use((session) => Effect.asVoid(hangUp(session)))
      }))
    )

  it.effect.each([["after", true], ["before", false]] as const)(
    "ends the call when the goodbye has been heard, waiting for it %s hanging up",
    ([, first]) =>
      Effect.gen(function*() {
        const timeline = yield* hold((session) => {
          const hangUp = session.hangUp({ say: "Goodbye!" })
          return first
            ? Effect.andThen(hangUp, session.ended)
            : Effect.all([session.ended, Effect.andThen(Effect.sleep(100), hangUp)], { concurrency: 2 })
        })
        assert.deepStrictEqual(timeline.messages, [
          "user: Bye.",
          "assistant: Right.",
          "call: hang_up",
          "output: hang_up failed",
          "assistant: Goodbye!"
        ])
        assert.deepStrictEqual(timeline.of("SessionClosed").map(({ reason }) => reason), ["hang_up"])
        assert.strictEqual(timeline.of("SessionClosed")[0]!.at, timeline.playbacks.at(-1)!.end)
        assert.strictEqual(timeline.left, "")
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      })
  )
})

describe("a tool that runs when the session ends", () => {
  const Book = Tool.make("book", { parameters: Schema.Struct({ seconds: Schema.Finite }), success: Schema.String })
  const Watch = Tool.make("watch", { success: Schema.String }).annotateMerge(Tools.voice({ onInterruption: "cancel" }))
  const HangUp = Tool.make("hang_up", { dependencies: [Session.Session] })
  const kit = Toolkit.make(Book, Watch, HangUp)

  /** "Book it, bye.": the calls begin at 1300. */
  const hold = (
    tools: ReadonlyArray<Testing.LlmToolCall>,
    scenario: Partial<Testing.Scenario>,
    options: Pipeline.Options = {}
  ) =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const say = (what: string) => Effect.sync(() => void log.push(what))
      const ended = (name: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.onExit(effect, (exit) => say(`${name}: ${exit._tag}`))
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          tools: kit,
          onEnter: Effect.void,
          onExit: Session.Session.use((session) =>
            Effect.flatMap(session.history, ({ items }) =>
              say(`onExit: ${items.filter(({ _tag }) => _tag === "ToolOutput").length} outputs`))
          )
        }),
        llm: [{ tools }, "OK."],
        tts: { duration: 1000 },
        quiet: "30 seconds",
        ...scenario,
        at: [{
          at: 1000,
          do: (session) =>
            session.send("Book it, bye.")
        }, ...(scenario.at ?? [])],
        options
      }).pipe(Effect.provide(kit.toLayer({
        book: ({ seconds }) => Effect.delay(Effect.succeed("booked"), seconds * 1000).pipe(ended("book")),
        watch: () => Effect.never.pipe(ended("watch")),
        hang_up: () =>
          Session.Session.use((session) =>
            Effect.andThen(session.hangUp({ say: "Goodbye!" }), Effect.asVoid(session.ended))
          )
      })))
      assert.strictEqual(timeline.left, "")
      assert.strictEqual(timeline.events.at(-1)!._tag, "SessionClosed")
      return { log, timeline, closed: timeline.of("SessionClosed")[0]! }
    })
  const book = (seconds: number): Testing.LlmToolCall => ({ name: "book", params: { seconds } })

  it.effect.each<readonly [string, Partial<Testing.Scenario>]>([
    ["the caller leaves", { user: [Testing.leave(2000)] }],
    ["the session is closed", { at: [{ at: 2000, do: (session) => session.close() }] }],
    ["the room ends", { at: [{ at: 2000, do: (_, caller) => caller.room.disconnect("room_closed") }] }]
  ])("ends in its own time when %s", ([, scenario]) =>
    Effect.gen(function*() {
      const { closed, log, timeline } = yield* hold([book(4)], scenario)
      assert.strictEqual(closed.at, 5300)
      assert.deepStrictEqual(log, ["book: Success", "onExit: 1 outputs"])
      assert.deepStrictEqual(timeline.messages, ["user: Book it, bye.", "call: book", "output: book"])
      timeline.exactly(["FunctionCallsFinished", 5300])
    }))

  it.effect("is waited for, and told, before another speech hangs up", () =>
    Effect.gen(function*() {
      const { closed, log, timeline } = yield* hold([book(6)], {
        user: [Testing.say(2000, 3000, "Bye.")],
        llm: ({ index, toolChoice }) =>
          toolChoice === "none" ? "Booked." : { tools: [index === 0 ? book(6) : { name: "hang_up" }] }
      })
      const said = timeline.of("AgentSpeechCommitted").map(({ text }) => text)
      assert.deepStrictEqual(said, ["One moment, please.", "Booked.", "Goodbye!"])
      assert.strictEqual(timeline.playbacks[1]!.start, 7800)
      assert.strictEqual(closed.at, 10_000)
      assert.deepStrictEqual(log, ["book: Success", "onExit: 2 outputs"])
    }))

  it.effect("has no longer than the close timeout, and is recorded as cancelled", () =>
    Effect.gen(function*() {
      const { closed, log, timeline } = yield* hold([book(60)], { user: [Testing.leave(2000)] }, {
        closeTimeout: "3 seconds"
      })
      assert.strictEqual(closed.at, 5000)
      assert.deepStrictEqual(log, ["book: Failure", "onExit: 1 outputs"])
      assert.deepStrictEqual(timeline.messages.slice(1), ["call: book", "output: book failed"])
    }))

  it.effect("is cut at once where it may be, and the others of its step are not", () =>
    Effect.gen(function*() {
      const alone = yield* hold([{ name: "watch" }], { user: [Testing.leave(2000)] })
      assert.strictEqual(alone.closed.at, 2000)
      assert.deepStrictEqual(alone.log, ["watch: Failure", "onExit: 1 outputs"])
      const both = yield* hold([{ name: "watch" }, book(4)], { user: [Testing.leave(2000)] })
      assert.strictEqual(both.closed.at, 5300)
      assert.deepStrictEqual(both.log, ["watch: Failure", "book: Success", "onExit: 2 outputs"])
    }))

  it.effect("is not waited for where it waits for the end itself, but the others of its step are", () =>
    Effect.gen(function*() {
      const { closed, log, timeline } = yield* hold([book(4), { name: "hang_up" }], {})
      const said = timeline.of("AgentSpeechCommitted").map(({ text }) => text)
      assert.deepStrictEqual(said, ["One moment, please.", "OK.", "Goodbye!"])
      // Booked at 5300, told, and then the goodbye.
      assert.strictEqual(closed.at, 8000)
      assert.deepStrictEqual(log, ["book: Success", "onExit: 2 outputs"])
    }))

  it.effect("ends at once with the scope that holds the session, also when its time to finish has begun", () =>
    Effect.gen(function*() {
      for (const user of [[], [Testing.leave(2000)]]) {
        const { closed, log } = yield* hold([book(4)], { user, until: 3000 })
        assert.strictEqual(closed.at, 3000)
        assert.deepStrictEqual(log, ["book: Failure", "onExit: 1 outputs"])
      }
    }))
})

describe("a speech that is not to be recorded", () => {
  it.effect("is told as such, and is no message of the conversation", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          { at: 1000, do: (session) => session.say("One moment.", { record: false }) },
          { at: 4000, do: (session) => session.say("Here I am.") }
        ]
      })
      assert.deepStrictEqual(
        timeline.of("AgentSpeechCommitted").map(({ recorded, text }) => [text, recorded !== false]),
        [["One moment.", false], ["Here I am.", true]]
      )
      const metrics = Metrics.collector()
      for (const event of timeline.events) metrics.push(event)
      assert.strictEqual(metrics.summary().total_messages, 1)
    }))
})

describe("a tool of effect/ai", () => {
  const Draw = Tool.make("draw", {
    success: Schema.Struct({ sheets: Schema.Int, done: Schema.Boolean })
  })
  const kit = Toolkit.make(Draw)

  it.effect("tells its preliminary results, of which the model sees none", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: kit }),
        at: [{ at: 1000, do: (session) => session.send("Draw.") }],
        llm: [calling("draw"), "There you are."]
      }).pipe(
        Effect.provide(kit.toLayer({
          draw: (_, { preliminary }) =>
            Effect.gen(function*() {
              yield* preliminary({ sheets: 1, done: false })
              yield* Effect.sleep(500)
              // What its schema does not allow is told to nobody, and harms nothing.
              yield* preliminary({ sheets: 1.5, done: false })
              return { sheets: 2, done: true }
            })
        }))
      )
      assert.deepStrictEqual(timeline.of("FunctionCallProgressed").map(({ name, result }) => [name, result]), [
        ["draw", { sheets: 1, done: false }]
      ])
      const [finished] = timeline.of("FunctionCallsFinished")
      assert.deepStrictEqual(finished!.calls.map(({ result }) => result), [{ sheets: 2, done: true }])
      assert.notInclude(JSON.stringify(timeline.requests[1]!.prompt), "\"sheets\":1,")
    }))

  it.effect("is answered to the model as its toModelOutput says", () =>
    Effect.gen(function*() {
      const Pictured = Tool.make("draw", {
        success: Draw.successSchema,
        toModelOutput: ({ sheets }) => [
          Prompt.textPart({ text: `${sheets} sheets` }),
          Prompt.filePart({ mediaType: "image/png", data: "iVBORw0KGgo=" })
        ]
      })
      const pictures = Toolkit.make(Pictured)
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: pictures }),
        at: [{ at: 1000, do: (session) => session.send("Draw.") }],
        llm: [calling("draw"), "There you are."]
      }).pipe(Effect.provide(pictures.toLayer({ draw: () => Effect.succeed({ sheets: 2, done: true }) })))
      const output = timeline.history.items.find((item) => item._tag === "ToolOutput")
      assert.strictEqual(output!.output, "2 sheets\n[image/png omitted]")
    }))
})

describe("an end in the same moment as something else", () => {
  const hello = Testing.say(500, 2500, "Hello, how are you?")
  const Look = Tool.make("look", { success: Schema.String })
  const Kit = Toolkit.make(Look)

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

  it.effect("an empty room hears no goodbye, and no exit of an agent that never entered", () =>
    Effect.gen(function*() {
      let exits = 0
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onExit: Effect.sync(() => exits++) }),
        room: { joins: false },
        at: [{ at: 1000, do: (session) => session.hangUp({ say: "Goodbye!" }) }]
      })
      assert.deepStrictEqual(timeline.messages, [])
      assert.strictEqual(exits, 0)
      timeline.expect(["SessionClosed", 1000, { reason: "hang_up" }])
    }))
})
