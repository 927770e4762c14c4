import { assert, describe, it } from "@effect/vitest"
import { Context, Data, Effect, Layer, Schema } from "effect"
import { Agent, Llm, Pipeline, Session, type Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { expectTypeOf } from "vitest"

const hello = Testing.say(500, 1500, "Hello.")
const session = <A, E>(use: (session: Session.Session["Service"]) => Effect.Effect<A, E>) => Session.Session.use(use)

class Desk extends Context.Service<Desk, { readonly note: (what: string) => Effect.Effect<void> }>()(
  "effect-voice/test/Agent.test/Desk"
) {}
class Refused extends Data.TaggedError("Refused")<{ readonly why: string }> {}

/** A tool `lookup` that answers for its agent. */
const lookup = (by: string, run: (word: string) => Effect.Effect<void> = () => Effect.void) => {
  const Kit = Toolkit.make(
    Tool.make("lookup", { parameters: Schema.Struct({ word: Schema.String }), success: Schema.String }).annotate(
      Tool.Readonly,
      true
    )
  )
  return {
    Kit,
    KitLive: Kit.toLayer({ lookup: ({ word }) => Effect.as(run(word), `${by} knows ${word}`) })
  }
}

/** An agent with one tool `go`, which hands over. */
const giver = <E>(to: () => Agent.Agent<Session.Session, E>, failed: Array<unknown> = []) => {
  const Kit = Toolkit.make(Tool.make("go", { dependencies: [Session.Session] }))
  const go = Kit.toLayer({
    go: () =>
      session((session) => Effect.catch(session.handoff(to()), (error) => Effect.sync(() => failed.push(error))))
  })
  return Agent.make({ name: "giver", instructions: "Give the call away.", tools: Kit }).pipe(Agent.provide(go))
}

const outputs = (timeline: Testing.Timeline) =>
  timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls.map(({ name, result }) => `${name}: ${result}`))

/** A model that goes over to the other agent in its first turn, and looks things up in the later ones. */
const goes = (looks: ReadonlyArray<Testing.LlmToolCall>): Testing.LlmScript => ({ prompt, step }) => {
  const asked = prompt.content.filter(({ role }) => role === "user").length
  if (step > 0) return "Done."
  return { tools: asked === 1 ? [{ name: "go" }] : looks }
}
const fox: Testing.LlmToolCall = { name: "lookup", params: { word: "fox" } }

describe("an agent that was given its layer", () => {
  it.effect("takes over with its tools", () =>
    Effect.gen(function*() {
      const { Kit, KitLive } = lookup("second")
      const second = Agent.make({ name: "second", instructions: "Look things up.", tools: Kit }).pipe(
        Agent.provide(KitLive)
      )
      const timeline = yield* Testing.scenario({
        agent: giver(() => second),
        user: [hello, Testing.say(6000, 7000, "What of the fox?")],
        llm: goes([fox])
      })
      assert.deepStrictEqual(outputs(timeline), ["go: null", "lookup: second knows fox"])
      assert.deepStrictEqual(timeline.failures, [])
      assert.strictEqual(timeline.left, "")
    }))

  it.effect("runs on the Clock of its session, whichever its handlers were taken from", () =>
    Effect.gen(function*() {
      const { Kit, KitLive } = lookup("second", () => Effect.sleep("3 seconds"))
      // What is taken here has the Clock of the test in it, which nobody moves.
      const taken = yield* Effect.provide(Effect.context<Tool.Handler<"lookup">>(), KitLive)
      const second = Agent.make({ name: "second", instructions: "Look things up.", tools: Kit }).pipe(
        Agent.provide(Layer.succeedContext(taken))
      )
      const timeline = yield* Testing.scenario({
        agent: giver(() => second),
        user: [hello, Testing.say(6000, 7000, "What of the fox?")],
        llm: goes([fox])
      })
      assert.deepStrictEqual(outputs(timeline), ["go: null", "lookup: second knows fox"])
      const [started, finished] = [timeline.of("FunctionCallStarted"), timeline.of("FunctionCallsFinished")].map(
        (events) => events.at(-1)!.at
      )
      assert.strictEqual(finished! - started!, 3000)
    }))

  it.effect("keeps its layer until the session ends, also while another speaks", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { Kit } = lookup("second")
      let uses = 0
      const KitLive = Kit.toLayer(Effect.gen(function*() {
        yield* Effect.acquireRelease(
          Effect.sync(() => log.push("opened")),
          () => Effect.sync(() => log.push("closed"))
        )
        return { lookup: () => Effect.sync(() => `${log.join()}, use ${++uses}`) }
      }))
      const second: Agent.Agent<Session.Session> = Agent.make({
        name: "second",
        instructions: "Look things up.",
        tools: Kit
      }).pipe(Agent.provide(KitLive))
      const timeline = yield* Testing.scenario({
        agent: giver(() => second),
        user: [hello, Testing.say(6000, 7000, "What of the fox?"), Testing.say(20_000, 21_000, "And now?")],
        at: [
          { at: 12_000, do: (session) => session.handoff(Agent.make({ name: "third", instructions: "Wait." })) },
          { at: 13_000, do: (session) => session.handoff(second) },
          { at: 30_000, do: (session) => session.close() }
        ],
        options: { onEvent: ({ _tag }) => void (_tag === "SessionClosed" && log.push("ended")) },
        llm: goes([fox])
      })
      assert.deepStrictEqual(outputs(timeline), [
        "go: null",
        "lookup: opened, use 1",
        "lookup: opened, use 2"
      ])
      assert.deepStrictEqual(log, ["opened", "ended", "closed"])
    }))

  it.effect("runs its own handler where another has a tool of the same name", () =>
    Effect.gen(function*() {
      const [one, two] = [lookup("first"), lookup("second")]
      const second = Agent.make({ name: "second", instructions: "Two.", tools: two.Kit }).pipe(
        Agent.provide(Layer.mergeAll(one.KitLive, two.KitLive))
      )
      const first = Agent.make({ name: "first", instructions: "One.", tools: one.Kit }).pipe(
        Agent.provide(one.KitLive)
      )
      const timeline = yield* Testing.scenario({
        agent: first,
        user: [hello, Testing.say(6000, 7000, "And you?"), Testing.say(12_000, 13_000, "And you again?")],
        at: [
          { at: 5000, do: (session) => session.handoff(second) },
          { at: 11_000, do: (session) => session.handoff(first) }
        ],
        llm: ({ step }) => step === 0 ? { tools: [fox] } : "Done."
      }).pipe(Effect.provide(two.KitLive))
      assert.deepStrictEqual(outputs(timeline), [
        "lookup: first knows fox",
        "lookup: second knows fox",
        "lookup: first knows fox"
      ])
    }))

  it.effect("makes its call, though one of another's tool of the same name is equal", () =>
    Effect.gen(function*() {
      for (const takes of [20_000, 4500]) {
        const ran: Array<string> = []
        const told = (by: string) => (word: string) =>
          Effect.sync(() => void ran.push(`${by} ${word}`)).pipe(Effect.delay(by === "first" ? takes : 0))
        const [one, two] = [lookup("first", told("first")), lookup("second", told("second"))]
        const second = Agent.make({ name: "second", instructions: "Two.", tools: two.Kit }).pipe(
          Agent.provide(two.KitLive)
        )
        const timeline = yield* Testing.scenario({
          agent: Agent.make({ name: "first", instructions: "One.", tools: one.Kit }).pipe(Agent.provide(one.KitLive)),
          user: [hello, Testing.say(4000, 5000, "And you?")],
          at: [{ at: 3500, do: (session) => session.handoff(second) }],
          // The second is asked while the first's call runs; that one ends before the second makes its own, or after.
          llm: ({ step, text }) => {
            if (step > 0) return "Done."
            return { tools: [fox], ...(text.startsWith("And") ? { total: 4000 } : {}) }
          },
          until: 40_000
        })
        assert.sameMembers(ran, ["first fox", "second fox"], `${takes}`)
        assert.isFalse(
          timeline.of("FunctionCallsFinished").some(({ calls }) => calls.some(({ isFailure }) => isFailure))
        )
      }
    }))

  it.effect("shares a layer with the other agents of its session, and with the program around it", () =>
    Effect.gen(function*() {
      for (const around of [false, true]) {
        const log: Array<string> = []
        const DeskLive = Layer.effect(
          Desk,
          Effect.acquireRelease(
            Effect.sync(() => {
              log.push("opened")
              return Desk.of({ note: (what) => Effect.sync(() => void log.push(what)) })
            }),
            () => Effect.sync(() => log.push("closed"))
          )
        )
        const noting = (name: string) =>
          Agent.make({ name, instructions: "", onEnter: Desk.use(({ note }) => note(name)) }).pipe(
            Agent.provide(DeskLive)
          )
        const scenario = Testing.scenario({
          agent: noting("a"),
          at: [
            { at: 1000, do: (session) => session.handoff(noting("b")) },
            { at: 2000, do: (session) => session.close() }
          ]
        })
        yield* around ? Effect.provide(Effect.andThen(Desk, scenario), DeskLive) : scenario
        assert.deepStrictEqual(log, ["opened", "a", "b", "closed"])
      }
    }))

  it.effect("has what its layers need of each other, and of its session", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const Kit = Toolkit.make(Tool.make("note", { success: Schema.String }))
      const KitLive = Kit.toLayer(Effect.gen(function*() {
        const [desk, session] = [yield* Desk, yield* Session.Session]
        return { note: () => Effect.as(desk.note("noted"), session.id) }
      }))
      const agent = Agent.make({ instructions: "", tools: Kit }).pipe(
        Agent.provide(KitLive),
        Agent.provide(Layer.succeed(Desk, { note: (what) => Effect.sync(() => void log.push(what)) }))
      )
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: [{ tools: [{ name: "note" }] }, "Done."] })
      assert.deepStrictEqual(outputs(timeline), ["note: scenario"])
      assert.deepStrictEqual(log, ["noted"])
    }))

  it.effect("knows its own speech in its tools, not that of the tool in which it was made", () =>
    Effect.gen(function*() {
      const waited: Array<string> = []
      const speeches: Array<Session.Speech> = []
      const Go = Toolkit.make(Tool.make("go", { dependencies: [Session.Session] }))
      const Wait = Toolkit.make(Tool.make("wait"))
      const WaitLive = Wait.toLayer({
        wait: () =>
          Effect.result(Effect.suspend(() => speeches.at(-1)!.heard)).pipe(
            Effect.map((heard) => void waited.push(heard._tag === "Failure" ? heard.failure.reason : "heard"))
          )
      })
      const second = Agent.make({
        name: "second",
        instructions: "",
        tools: Wait,
        onEnter: session((session) => Effect.map(session.reply(), (speech) => speeches.push(speech)))
      })
      const GoLive = Go.toLayer({
        go: () =>
          Effect.gen(function*() {
            const taken = yield* Effect.provide(Effect.context<Tool.Handler<"wait">>(), WaitLive)
            const session = yield* Session.Session
            yield* session.handoff(Agent.provide(second, Layer.succeedContext(taken)))
          })
      })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Go }).pipe(Agent.provide(GoLive)),
        user: [hello],
        llm: ({ index }) => ({ tools: [[{ name: "go" }], [{ name: "wait" }], []][index] ?? [] })
      })
      assert.deepStrictEqual(waited, ["OwnSpeech"])
      assert.deepStrictEqual(outputs(timeline), ["go: null", "wait: null"])
    }))

  it.effect("leaves each time that it hands over", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const first = Agent.make({
        name: "first",
        instructions: "",
        onEnter: Effect.sync(() => log.push("enters")),
        onExit: Effect.sync(() => log.push("leaves"))
      })
      const second = Agent.make({ name: "second", instructions: "" })
      yield* Testing.scenario({
        agent: first,
        at: [second, first, second].map((agent, i) => ({ at: 1000 * (i + 1), do: (session) => session.handoff(agent) }))
      })
      assert.deepStrictEqual(log, ["enters", "leaves", "enters", "leaves"])
    }))
})

describe("a layer that cannot be built", () => {
  const failing = (log: Array<string>, fails: () => boolean) => {
    const opened = (what: string) =>
      Effect.acquireRelease(
        Effect.sync(() => log.push(`${what} opened`)),
        () => Effect.sync(() => log.push(`${what} closed`))
      )
    const desk = Effect.gen(function*() {
      yield* opened("desk")
      if (fails()) return yield* new Refused({ why: "no desk" })
      return Desk.of({ note: (what) => Effect.sync(() => void log.push(what)) })
    })
    return Layer.provideMerge(Layer.effect(Desk, desk), Layer.effectDiscard(opened("door")))
  }
  const agent = Agent.make({ name: "noting", instructions: "", onEnter: Desk.use(({ note }) => note("entered")) })

  it.effect("fails the opening of a session with its own error, and leaves nothing open", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const error = yield* Effect.flip(Testing.scenario({ agent: Agent.provide(agent, failing(log, () => true)) }))
      assert.deepStrictEqual(error, new Refused({ why: "no desk" }))
      assert.deepStrictEqual(log, ["door opened", "desk opened", "desk closed", "door closed"])
    }))

  it.effect("fails the hand-off, all stays as it was, and it is built anew the next time", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const failed: Array<unknown> = []
      let down = true
      const second = Agent.provide(agent, failing(log, () => down))
      const hand = (session: Session.Session["Service"]) =>
        Effect.catch(session.handoff(second), (error) => Effect.sync(() => failed.push(error)))
      const first = Agent.make({
        name: "first",
        instructions: "",
        onExit: Effect.sync(() => log.push("first leaves"))
      })
      const timeline = yield* Testing.scenario({
        agent: first,
        at: [
          { at: 1000, do: hand },
          { at: 2000, do: (session) => session.send("Who are you?") },
          { at: 6000, do: (session) => Effect.andThen(Effect.sync(() => void (down = false)), hand(session)) },
          { at: 9000, do: (session) => session.close() }
        ]
      })
      assert.deepStrictEqual(failed, [new Refused({ why: "no desk" })])
      const once = ["door opened", "desk opened", "desk closed", "door closed"]
      assert.deepStrictEqual(log, once.concat("door opened", "desk opened", "first leaves", "entered", once.slice(2)))
      assert.deepStrictEqual(timeline.messages, ["user: Who are you?", "assistant: OK.", "handoff: noting"])
      assert.deepStrictEqual(timeline.of("AgentChanged").map(({ at }) => at), [6000])
    }))

  it.effect("is not waited for by whom its tool's time is over", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const slow = Layer.effect(
        Desk,
        Effect.acquireRelease(Effect.sync(() => log.push("opened")), () => Effect.sync(() => log.push("closed"))).pipe(
          Effect.andThen(Effect.never)
        )
      )
      const timeline = yield* Testing.scenario({
        agent: giver(() => Agent.provide(agent, slow)),
        user: [hello],
        options: { toolTimeout: "2 seconds" },
        llm: ({ step }) => step === 0 ? { tools: [{ name: "go" }] } : "Sorry."
      })
      assert.deepStrictEqual(log, ["opened", "closed"])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Sorry.")
      assert.deepStrictEqual(timeline.of("AgentChanged"), [])
    }))
})

describe("a session that ends", () => {
  it.effect("lets go of who waits for an agent to be built", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const slow = Layer.effectDiscard(
        Effect.acquireRelease(Effect.sync(() => log.push("opened")), () => Effect.sync(() => log.push("closed"))).pipe(
          Effect.andThen(Effect.never)
        )
      )
      const second = Agent.make({ name: "second", instructions: "" }).pipe(Agent.provide(slow))
      yield* Testing.scenario({
        at: [
          {
            at: 1000,
            do: (session) => Effect.andThen(session.handoff(second), Effect.sync(() => log.push("went on")))
          },
          { at: 3000, do: (session) => session.close() }
        ]
      })
      assert.sameMembers(log, ["opened", "closed", "went on"])
    }))
})

describe("what an agent says of turns, voice and keys", () => {
  const plain = Agent.make({ name: "plain", instructions: "" })
  const patient = Agent.make({
    name: "patient",
    instructions: "",
    turn: { endpointing: { minDelay: 1500, maxDelay: 4000 } },
    vad: { minSilence: 900 },
    onKey: (key) => session((session) => session.say(`You pressed ${key}.`))
  })
  const commits = (timeline: Testing.Timeline) => timeline.of("UserSpeechCommitted").map(({ at }) => at)
  const ends = (timeline: Testing.Timeline) => timeline.of("UserStoppedSpeaking").map(({ at }) => at)
  const three = [
    Testing.say(1000, 2000, "One."),
    Testing.say(12_000, 13_000, "Two."),
    Testing.say(24_000, 25_000, "Three.")
  ]

  it.effect("holds from its hand-over on, and what the pipeline says again from the next one's", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: three,
        agent: plain,
        at: [
          { at: 9000, do: (session) => session.handoff(patient) },
          { at: 20_000, do: (session) => session.handoff(plain) }
        ]
      })
      assert.deepStrictEqual(commits(timeline), [2500, 14_500, 25_500])
      assert.deepStrictEqual(ends(timeline), [2500, 13_900, 25_500])
    }))

  it.effect("holds from the beginning for the first agent", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: three,
        agent: patient,
        at: [{ at: 9000, do: (session) => session.handoff(plain) }]
      })
      assert.deepStrictEqual(commits(timeline), [3500, 13_500, 25_500])
      assert.deepStrictEqual(ends(timeline), [2900, 13_500, 25_500])
    }))

  it.effect("makes a delay of the pipeline's give way that contradicts the agent's", () =>
    Effect.gen(function*() {
      const hasty = Agent.make({ name: "hasty", instructions: "", turn: { endpointing: { maxDelay: 700 } } })
      const timeline = yield* Testing.scenario({
        user: three,
        agent: plain,
        options: { turn: { endpointing: { minDelay: 900, maxDelay: 1200 } } },
        at: [
          { at: 9000, do: (session) => session.handoff(hasty) },
          { at: 20_000, do: (session) => session.handoff(patient) }
        ]
      })
      assert.deepStrictEqual(timeline.failures, [])
      assert.deepStrictEqual(commits(timeline), [2900, 13_700, 26_500])
    }))

  it.effect("gives way to what the session is told later, which stays when another takes over", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: three,
        agent: patient,
        at: [
          { at: 9000, do: (session) => session.update({ turn: { endpointing: { minDelay: 2500 } } }) },
          { at: 20_000, do: (session) => session.handoff(plain) }
        ]
      })
      assert.deepStrictEqual(commits(timeline), [3500, 15_500, 27_500])
    }))

  it.effect("does not cut a speech that is being said", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 4000, "One, two, three, four."), Testing.say(12_000, 13_000, "Five.")],
        agent: plain,
        at: [{ at: 2000, do: (session) => session.handoff(patient) }]
      })
      assert.deepStrictEqual(timeline.messages.filter((message) => message.startsWith("user")), [
        "user: One, two, three, four.",
        "user: Five."
      ])
      assert.deepStrictEqual(ends(timeline), [4500, 13_900])
    }))

  it.effect("a key is the agent's where it says so, and else the pipeline's", () =>
    Effect.gen(function*() {
      const keys: Array<string> = []
      const timeline = yield* Testing.scenario({
        agent: plain,
        options: { onKey: (key) => Effect.sync(() => void keys.push(key)) },
        at: [
          { at: 1000, do: (_, caller) => caller.presses("1") },
          { at: 2000, do: (session) => session.handoff(patient) },
          { at: 3000, do: (_, caller) => caller.presses("2") },
          { at: 6000, do: (session) => session.handoff(plain) },
          { at: 7000, do: (_, caller) => caller.presses("3") }
        ]
      })
      assert.deepStrictEqual(keys, ["1", "3"])
      assert.include(timeline.messages, "assistant: You pressed 2.")
    }))

  it("is refused where the agent is made", () => {
    assert.throws(
      () => Agent.make({ instructions: "", turn: { interruption: { minWords: -1 } }, vad: { activation: 7 } }),
      /minWords[^]*activation/
    )
  })
})

describe("what the compiler knows of an agent", () => {
  const { Kit, KitLive } = lookup("one")
  const Book = Toolkit.make(Tool.make("book", { dependencies: [Session.Session, Desk] }))
  const both = Agent.make({ instructions: "", tools: [Kit, Book], onEnter: Llm.Llm })
  const DeskLive = Layer.effect(Desk, Effect.fail(new Refused({ why: "" })))

  it("needs its tools' handlers, and what they and its hooks depend on", () => {
    expectTypeOf(both).toEqualTypeOf<
      Agent.Agent<Tool.Handler<"lookup"> | Tool.Handler<"book"> | Session.Session | Desk | Llm.Llm>
    >()
  })

  it("needs no more what it was given, but what that needs, and fails as that does", () => {
    const given = both.pipe(Agent.provide(KitLive), Agent.provide(DeskLive))
    expectTypeOf(given).toEqualTypeOf<Agent.Agent<Tool.Handler<"book"> | Session.Session | Llm.Llm, Refused>>()
    const BookLive = Layer.unwrap(Desk.useSync(() => Book.toLayer({ book: () => Effect.void })))
    expectTypeOf(Agent.provide(given, BookLive)).toEqualTypeOf<
      Agent.Agent<Desk | Session.Session | Llm.Llm, Refused>
    >()
  })

  it("asks for what is left where it runs", () => {
    const run = Pipeline.run(Agent.provide(both, KitLive))
    expectTypeOf(run).toEqualTypeOf<
      Effect.Effect<
        Effect.Success<typeof run>,
        Pipeline.PipelineError,
        Pipeline.Services | Tool.Handler<"book"> | Desk
      >
    >()
    const made = Pipeline.make(both.pipe(Agent.provide(DeskLive)))
    expectTypeOf<Effect.Error<typeof made>>().toEqualTypeOf<Pipeline.PipelineError | Refused>()
  })

  it("takes a hand-off with what a session has, and refuses it with a sentence otherwise", () => {
    const take = (session: Session.Session["Service"]) => {
      const enough = both.pipe(Agent.provide(KitLive), Agent.provide(Book.toLayer({ book: () => Effect.void })))
      // @ts-expect-error it needs a Desk
      void session.handoff(enough)
      // @ts-expect-error it needs its handlers
      void session.handoff(both)
      return session.handoff(Agent.provide(enough, DeskLive))
    }
    expectTypeOf(take).returns.toEqualTypeOf<Effect.Effect<void, Refused>>()
    expectTypeOf<Session.Ready<Desk | Session.Session, never>>().toEqualTypeOf<Session.Missing<Desk>>()
    expectTypeOf<keyof Session.Missing<Desk>>().toEqualTypeOf<"give the agent what it needs with Agent.provide">()
  })

  it("lets a session be asked in a tool without a word about failure", () => {
    const asked = (session: Session.Session["Service"]) =>
      Effect.all([
        session.say("Hello."),
        session.reply(),
        session.send("Hello."),
        session.handoff(Agent.make({ instructions: "" }))
      ])
    expectTypeOf<Effect.Error<ReturnType<typeof asked>>>().toEqualTypeOf<never>()
    expectTypeOf<Tools.HandlersOf<[typeof Kit, typeof Book]>>().toEqualTypeOf<
      Tool.Handler<"lookup"> | Tool.Handler<"book">
    >()
  })
})
