import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Schema } from "effect"
import { Agent, type Event, Pipeline, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const hello = Testing.say(500, 2500, "Hello, how are you?")

const Lookup = Tool.make("lookup", {
  parameters: Schema.Struct({ word: Schema.String, times: Schema.optionalKey(Schema.Int) }),
  success: Schema.String
})
const Kit = Toolkit.make(Lookup)
const agent = Agent.make({ instructions: "Look things up.", tools: Kit })
const running = (run: (word: string) => Effect.Effect<string>) =>
  Effect.provide(Kit.toLayer({ lookup: ({ word }) => run(word) }))
const echoes = running((word) => Effect.succeed(`about ${word}`))

const services = Layer.mergeAll(
  Testing.layerRoom(),
  Testing.layerVad(),
  Testing.layerStt(),
  Testing.layerLlm(),
  Testing.layerTts()
)

/** A model that calls a tool in the first step of a turn, and then says something. */
const calls = (...tools: ReadonlyArray<Testing.LlmToolCall>): Testing.LlmScript => ({ step }) =>
  step === 0 ? { tools } : "Done."
const lookup = (params: unknown = { word: "fox" }): Testing.LlmToolCall => ({ name: "lookup", params })

const finished = (timeline: Testing.Timeline): ReadonlyArray<Event.FunctionCall> =>
  timeline.of("FunctionCallsFinished").flatMap((event) => event.calls)

/** What every conversation with tools must be like: each call once, each with one output, all of them finished. */
const whole = (timeline: Testing.Timeline) => {
  const ids = timeline.history.items.flatMap((item) => item._tag === "ToolCall" ? [item.callId] : [])
  const outputs = timeline.history.items.flatMap((item) => item._tag === "ToolOutput" ? [item.callId] : [])
  assert.deepStrictEqual([...outputs].sort(), [...ids].sort())
  assert.strictEqual(new Set(ids).size, ids.length)
  assert.strictEqual(timeline.left, "")
}

/** An agent with one tool that does what it is told. */
const doing = <E = never>(
  run: (params: unknown) => Effect.Effect<unknown, E, Session.Session>,
  annotate: (tool: Tool.Any) => Tool.Any = (tool) => tool,
  options: Partial<Agent.Options> = {}
) => {
  const tool = annotate(
    Tool.dynamic("work", { parameters: { type: "object" }, success: Schema.Unknown }).addDependency(Session.Session)
  )
  const kit = Toolkit.make(tool as never)
  const handlers = (kit as Toolkit.Toolkit<Record<string, Tool.Any>>).toLayer({ work: run } as never)
  return {
    agent: Agent.make({ instructions: "Work.", ...options, tools: kit as never }) as Agent.Agent<never>,
    handlers: handlers as Layer.Layer<never>
  }
}
const work: Testing.LlmToolCall = { name: "work" }

describe("a call that cannot be made", () => {
  it.effect("10,000 of them in one answer: 64 run, one says why no more do, and the rest fills no prompt", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(() => Effect.succeed("done"))
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: [hello, Testing.say(6000, 7000, "And now?")],
        llm: ({ step, text }) =>
          step === 0 && text !== "And now?"
            ? { tools: Array.from({ length: 10_000 }, (_, n) => ({ name: "work", params: { n } })) }
            : "Done."
      }).pipe(Effect.provide(handlers))
      const outputs = finished(timeline)
      assert.strictEqual(outputs.filter(({ isFailure }) => !isFailure).length, 64)
      assert.deepStrictEqual(
        outputs.flatMap(({ isFailure, result }) => isFailure ? [result] : []),
        ["Tool work was not run: at most 64 calls can be made together"]
      )
      assert.deepStrictEqual(timeline.warnings, [
        "the model asked for 10000 calls in one answer: more than may be made together, and the rest is left out"
      ])
      const sizes = timeline.requests.at(-1)!.prompt.content.map(({ content }) => content.length)
      assert.isBelow(Math.max(...sizes), 100)
      whole(timeline)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("names and ids that no server takes back stand nowhere", () =>
    Effect.gen(function*() {
      const odd = ["functions.lookup", "", "x".repeat(200_000), "__proto__", "looké up"]
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: [hello],
        llm: calls(...odd.map((name) => ({ name })), {
          name: "lookup",
          id: "i".repeat(100_000),
          params: { word: "fox" }
        })
      }).pipe(echoes)
      const known = timeline.history.items.flatMap((item) => item._tag === "ToolCall" ? [item] : [])
      assert.deepStrictEqual(known.map(({ name }) => name), [
        "functions_lookup",
        "unnamed",
        "x".repeat(64),
        "__proto__",
        "look__up",
        "lookup"
      ])
      for (const { callId, name } of known) {
        assert.match(name, /^[\w-]{1,64}$/)
        assert.isBelow(callId.length, 64)
      }
      assert.deepStrictEqual(finished(timeline).map(({ isFailure }) => isFailure), [
        true,
        true,
        true,
        true,
        true,
        false
      ])
      assert.include(String(finished(timeline)[0]!.result), "There is no tool named functions_lookup.")
      whole(timeline)
    }))

  it.effect("an unknown tool: the model is told its name, call and output are remembered, a reply follows", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls({ name: "get_moon" }) }).pipe(echoes)
      const [call] = finished(timeline)
      assert.deepInclude(call, { name: "get_moon", isFailure: true })
      assert.include(String(call!.result), "get_moon")
      assert.include(JSON.stringify(timeline.requests[1]!.prompt), "get_moon")
      assert.deepStrictEqual(timeline.messages.slice(1), [
        "call: get_moon",
        "output: get_moon failed",
        "assistant: Done."
      ])
      whole(timeline)
    }))

  it.effect.each(
    [
      ["a required field is missing", {}, ["lookup", "word"]],
      ["a field has the wrong type", { word: 7 }, ["lookup", "word"]],
      ["the parameters are null", null, ["lookup", "word"]],
      ["the parameters are a list", [1, 2, 3], ["expected object"]],
      ["the parameters are text", "just a string", ["expected object"]]
    ] as const
  )("%s: the model is told which, and replies", ([, params, named]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls(lookup(params)) }).pipe(echoes)
      const [call] = finished(timeline)
      assert.isTrue(call!.isFailure)
      for (const word of named) assert.include(String(call!.result), word)
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
      whole(timeline)
    }))

  it.effect.each(["{\"word\": \"fox\", \"times\": 2", "{word: 'fox'}", "{\"word\":\"fox\"}"])(
    "what the model left unfinished is repaired (%s)",
    (params) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls(lookup(params)) }).pipe(echoes)
        const [call] = finished(timeline)
        assert.deepInclude(call, { isFailure: false, result: "about fox" })
        assert.strictEqual((call!.params as { readonly word: string }).word, "fox")
      })
  )
})

describe("a tool that fails", () => {
  it.effect.each(
    [
      ["dies", Effect.die(new Error("kaboom: secret 42")), "An internal error occurred"],
      ["throws what is no error", Effect.die("kaboom: secret 42"), "An internal error occurred"],
      ["fails with what it does not declare", Effect.fail({ kaboom: "secret 42" }), "An internal error occurred"],
      ["says it itself", Effect.fail(new Tools.ToolError({ message: "No rooms left" })), "No rooms left"],
      ["throws it", Effect.die(new Tools.ToolError({ message: "No rooms left" })), "No rooms left"]
    ] as const
  )("%s", ([, outcome, seen]) =>
    Effect.gen(function*() {
      const { agent, handlers } = doing((): Effect.Effect<unknown, unknown> => outcome)
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls(work) }).pipe(
        Effect.provide(handlers)
      )
      const [call] = finished(timeline)
      assert.deepInclude(call, { isFailure: true, result: seen })
      assert.notInclude(JSON.stringify([timeline.requests.map(({ prompt }) => prompt), timeline.events]), "secret")
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
      if (seen.startsWith("An internal")) {
        assert.include(timeline.logs.map(({ level }) => level), "Error")
      }
      whole(timeline)
    }))

  it.effect("one that takes too long is cut off", () =>
    Effect.gen(function*() {
      let stopped = false
      const { agent, handlers } = doing(() =>
        Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (stopped = true)))
      )
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: [hello],
        llm: calls(work),
        options: { toolTimeout: "4 seconds" }
      }).pipe(Effect.provide(handlers))
      timeline.expect(["FunctionCallsFinished", 7300])
      assert.include(String(finished(timeline)[0]!.result), "4000 ms")
      assert.isTrue(stopped)
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
    }))
})

describe("several calls", () => {
  it.effect("both run at once, their outputs stand in the order of the calls, one reply follows", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: [hello],
        llm: calls(lookup({ word: "slow" }), lookup({ word: "fast" }))
      }).pipe(running((word) => Effect.delay(Effect.succeed(word), word === "slow" ? 2000 : 500)))
      timeline.expect(["FunctionCallsFinished", 5300])
      assert.deepStrictEqual(finished(timeline).map(({ result }) => result), ["slow", "fast"])
      assert.strictEqual(timeline.requests.length, 2)
      assert.deepStrictEqual(timeline.messages.slice(1), [
        "call: lookup",
        "output: lookup",
        "call: lookup",
        "output: lookup",
        "assistant: Done."
      ])
      const results = timeline.history.items.flatMap((item) => item._tag === "ToolOutput" ? [item.output] : [])
      assert.deepStrictEqual(results, ["slow", "fast"])
      whole(timeline)
    }))

  it.effect.each<readonly [string, ReadonlyArray<Testing.LlmToolCall>, ReadonlyArray<string>]>([
    ["of one id that are alike are one, told twice", [
      { ...lookup({ word: "fox" }), id: "a" },
      { ...lookup("{\"word\": \"fox\"}"), id: "a" }
    ], ["fox"]],
    ["of one id with other parameters are two", [
      { ...lookup({ word: "fox" }), id: "a" },
      { ...lookup({ word: "cat" }), id: "a" }
    ], ["fox", "cat"]],
    ["of two ids that are alike are two", [
      { ...lookup({ word: "fox" }), id: "a" },
      { ...lookup({ word: "fox" }), id: "b" }
    ], ["fox", "fox"]],
    ["without ids that are alike are two", [
      { ...lookup({ word: "fox" }), id: "" },
      { ...lookup({ word: "fox" }), id: "" }
    ], ["fox", "fox"]]
  ])("%s", ([, made, expected]) =>
    Effect.gen(function*() {
      const looked: Array<string> = []
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls(...made) }).pipe(
        running((word) => Effect.sync(() => (looked.push(word), word)))
      )
      assert.deepStrictEqual(looked, expected)
      whole(timeline)
    }))

  it.effect.each([[0, 1], [1, 2], [3, 4], [5, 6]] as const)(
    "after %d steps with tools the last reply may call none",
    ([maxToolSteps, requests]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          agent,
          user: [hello],
          llm: ({ toolChoice }) => toolChoice === "none" ? "That is all." : { tools: [lookup()] },
          options: { maxToolSteps }
        }).pipe(echoes)
        assert.strictEqual(timeline.requests.length, requests)
        assert.deepStrictEqual(
          timeline.requests.map(({ toolChoice }) => toolChoice ?? "auto"),
          [...Array.from({ length: requests - 1 }, () => "auto" as const), "none"]
        )
        assert.strictEqual(timeline.messages.at(-1), "assistant: That is all.")
        whole(timeline)
      })
  )

  it.effect("calls that the model makes all the same are not run", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [hello],
        llm: () => ({ tools: [lookup()] }),
        options: { maxToolSteps: 2 }
      }).pipe(echoes)
      assert.strictEqual(finished(timeline).length, 2)
      assert.strictEqual(timeline.states().at(-1)![0], "listening")
      whole(timeline)
    }))

  it.effect("a tool that is required is required once, not in every step", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        at: [{ at: 500, do: (session) => session.reply({ toolChoice: "required" }) }],
        llm: ({ toolChoice }) => toolChoice === "required" ? { tools: [lookup()] } : "That is all."
      }).pipe(echoes)
      assert.deepStrictEqual(timeline.requests.map(({ toolChoice }) => toolChoice ?? "auto"), ["required", "auto"])
    }))

  it.effect("a second call of a tool that allows one fails, and the first goes on", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(
        () => Effect.delay(Effect.succeed("done"), 2000),
        (tool) => tool.annotateMerge(Tools.voice({ duplicate: "reject" }))
      )
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls(work, work) }).pipe(
        Effect.provide(handlers)
      )
      assert.deepStrictEqual(finished(timeline).map(({ isFailure }) => isFailure), [false, true])
      assert.strictEqual(finished(timeline)[0]!.result, "done")
      whole(timeline)
    }))
})

describe("an interruption while tools run", () => {
  const interrupted = (cancellable: boolean) =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      const Fast = Tool.make("fast", { success: Schema.String })
      const Slow = Tool.make("slow", { success: Schema.String }).annotateMerge(
        Tools.voice({ onInterruption: cancellable ? "cancel" : "finish" })
      )
      const kit = Toolkit.make(Fast, Slow)
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", tools: kit }),
        user: [hello, Testing.say(4000, 5000, "No, wait.")],
        llm: ({ text }) =>
          text.startsWith("Hello") ? { tools: [{ name: "fast" }, { name: "slow" }] } : "I am listening.",
        tts: { duration: 1000 }
      }).pipe(Effect.provide(kit.toLayer({
        fast: () => Effect.succeed("fast is done"),
        slow: () =>
          Effect.delay(Effect.succeed("slow is done"), 6000).pipe(
            Effect.onExit((exit) => Effect.sync(() => void ended.push(exit._tag)))
          )
      })))
      return { timeline, ended }
    })

  it.effect("the finished one stays, the running one runs to its end and is recorded, too", () =>
    Effect.gen(function*() {
      const { ended, timeline } = yield* interrupted(false)
      assert.deepStrictEqual(ended, ["Success"])
      assert.deepStrictEqual(finished(timeline).map(({ result }) => result), ["fast is done", "slow is done"])
      timeline.expect(["FunctionCallsFinished", 9300])
      whole(timeline)
    }))

  it.effect("unless it was declared cancellable: then its output says so", () =>
    Effect.gen(function*() {
      const { ended, timeline } = yield* interrupted(true)
      assert.deepStrictEqual(ended, ["Failure"])
      assert.deepStrictEqual(finished(timeline).map(({ isFailure }) => isFailure), [false, true])
      assert.include(String(finished(timeline)[1]!.result), "cancelled")
      timeline.expect(["FunctionCallsFinished", 5500])
      whole(timeline)
    }))

  it.effect("interrupting another speech cancels nothing of this one", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(
        () => Effect.delay(Effect.succeed("booked"), 4000),
        (tool) => tool.annotateMerge(Tools.voice({ onInterruption: "cancel" }))
      )
      const timeline = yield* Testing.scenario({
        agent,
        user: [hello],
        llm: ({ index, step }) => index === 0 ? { tools: [work] } : step === 1 ? "Done." : "Something else.",
        at: [{
          at: 4000,
          do: (session) => Effect.flatMap(session.reply(), (speech) => Effect.delay(speech.interrupt(), 100))
        }]
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(finished(timeline).map(({ result }) => result), ["booked"])
      whole(timeline)
    }))

  it.effect.each<readonly [number, number]>([
    // The calls run from 3300 to 9300, and have five seconds to finish.
    [0, 0],
    [100, 100],
    [3299, 3299],
    [3300, 3300],
    [3301, 8301],
    [5000, 9300],
    [9299, 9300],
    [9300, 9300],
    [9301, 9301]
  ])(
    "a close at %d leaves no call without an output",
    ([at, closed]) =>
      Effect.gen(function*() {
        const { agent, handlers } = doing(() => Effect.delay(Effect.succeed("x"), 6000))
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          agent,
          user: [hello],
          llm: calls(work, work),
          at: [{ at, do: (session) => session.close() }]
        }).pipe(Effect.provide(handlers))
        timeline.expect(["SessionClosed", closed])
        assert.strictEqual(
          timeline.of("FunctionCallStarted").length,
          timeline.history.items.filter(({ _tag }) => _tag === "ToolOutput").length
        )
        assert.strictEqual(timeline.of("FunctionCallStarted").length, finished(timeline).length)
        assert.strictEqual(timeline.events.at(-1)!._tag, "SessionClosed")
        whole(timeline)
      })
  )
})

describe("what a tool may do", () => {
  it.effect("to wait for the own speech is a typed error, and no deadlock", () =>
    Effect.gen(function*() {
      let own: Session.Speech | undefined
      let outcome = ""
      const { agent, handlers } = doing(() =>
        Effect.suspend(() => own!.heard).pipe(
          Effect.matchEffect({
            onFailure: (error) => Effect.sync(() => outcome = error.reason),
            onSuccess: () => Effect.sync(() => outcome = "heard")
          })
        )
      )
      const timeline = yield* Testing.scenario({
        agent,
        at: [{ at: 1000, do: (session) => Effect.map(session.reply(), (speech) => own = speech) }],
        llm: calls(work)
      }).pipe(Effect.provide(handlers))
      assert.strictEqual(outcome, "OwnSpeech")
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
      whole(timeline)
    }))

  it.effect("a speech of its own making can be waited for", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(() =>
        Session.Session.use((session) => session.say("One moment.")).pipe(
          Effect.flatMap((speech) => speech.heard),
          Effect.map(({ outcome }) => outcome)
        )
      )
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: [hello],
        llm: calls(work),
        tts: { duration: 1000 }
      })
        .pipe(Effect.provide(handlers))
      assert.strictEqual(finished(timeline)[0]!.result, "completed")
      assert.deepStrictEqual(timeline.playbacks.map(({ start }) => start), [3500, 5000])
      assert.includeMembers([...timeline.messages], ["assistant: One moment.", "assistant: Done."])
      whole(timeline)
    }))

  it.effect("a reply of its own making can be waited for, too, also while the call's own text is still spoken", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(() =>
        Session.Session.use((session) => session.reply({ instructions: "Fill the time.", toolChoice: "none" })).pipe(
          Effect.flatMap((speech) => speech.heard),
          Effect.map(({ text }) => text)
        )
      )
      const timeline = yield* Testing.scenario({
        agent,
        user: [hello],
        llm: ({ prompt, step }) =>
          JSON.stringify(prompt).includes("Fill the time")
            ? "It is a long list."
            : step === 0
            ? { text: "Let me see.", tools: [work] }
            : "Done.",
        tts: { duration: 3000 }
      }).pipe(Effect.provide(handlers))
      assert.strictEqual(finished(timeline)[0]!.result, "It is a long list.")
      assert.deepStrictEqual(timeline.playbacks.map(({ playedMs }) => playedMs), [3000, 3000, 3000])
      whole(timeline)
    }))

  it.effect("it may hang up: goodbye is heard, and nothing after it", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(() => Session.Session.use((session) => session.hangUp({ say: "Goodbye!" })))
      for (const reply of ["Bye then.", ""]) {
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          agent,
          user: [hello],
          llm: ({ step }) => step === 0 ? { text: "One second.", tools: [work] } : reply,
          tts: { duration: 1000 }
        }).pipe(Effect.provide(handlers))
        assert.deepStrictEqual(timeline.messages, [
          "user: Hello, how are you?",
          "assistant: One second.",
          "call: work",
          "output: work",
          "assistant: Goodbye!"
        ])
        timeline.expect(["SessionClosed", 5700, { reason: "hang_up" }])
        whole(timeline)
      }
    }))

  it.effect("a silent one has nothing said after it", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(
        () => Effect.delay(Effect.succeed("ok"), 1000),
        (tool) => tool.annotateMerge(Tools.voice({ result: "silent" }))
      )
      const timeline = yield* Testing.scenario({ preset: "mechanics", agent, user: [hello], llm: calls(work) }).pipe(
        Effect.provide(handlers)
      )
      assert.strictEqual(timeline.requests.length, 1)
      timeline.expect(["AgentStateChanged", 4300, { to: "listening" }])
      assert.deepStrictEqual(timeline.messages.slice(1), ["call: work", "output: work"])
      whole(timeline)
    }))

  it.effect("unless it failed", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(
        () => Effect.fail(new Tools.ToolError({ message: "No rooms left" })),
        (tool) => tool.annotateMerge(Tools.voice({ result: "silent" }))
      )
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls(work) }).pipe(
        Effect.provide(handlers)
      )
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
    }))

  it.effect("it may change instructions, and the reply goes on", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(
        () => Session.Session.use((session) => session.update({ instructions: "Speak French." })),
        undefined,
        { onEnter: Effect.void }
      )
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls(work) }).pipe(
        Effect.provide(handlers)
      )
      assert.include(JSON.stringify(timeline.requests[1]!.prompt), "Speak French.")
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
    }))
})

describe("a hand-off from a tool", () => {
  const other = (onEnter?: Effect.Effect<unknown, unknown, Session.Session>) =>
    Agent.make({ name: "other", instructions: "You are the other one.", onEnter })

  it.effect("the other agent answers the same turn, when it does not begin by itself", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(() => Session.Session.use((session) => session.handoff(other())))
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: [hello],
        llm: ({ prompt, step }) =>
          step === 0 ? { tools: [work] } : JSON.stringify(prompt).includes("the other one") ? "Here is other." : "No."
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(timeline.messages.slice(1).sort(), [
        "assistant: Here is other.",
        "call: work",
        "handoff: other",
        "output: work"
      ])
      timeline.exactly(["AgentChanged", 3300, { from: "agent", to: "other" }])
      whole(timeline)
    }))

  it.effect("the other agent begins by itself, and the reply ends", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(() =>
        Session.Session.use((session) =>
          session.handoff(other(Session.Session.use((session) => session.say("This is other."))))
        )
      )
      const timeline = yield* Testing.scenario({ agent, user: [hello], llm: calls(work) }).pipe(
        Effect.provide(handlers)
      )
      assert.strictEqual(timeline.requests.length, 1)
      assert.strictEqual(timeline.messages.at(-1), "assistant: This is other.")
      whole(timeline)
    }))

  it.effect("an interrupted one is not recorded as completed", () =>
    Effect.gen(function*() {
      const { agent, handlers } = doing(
        () => Session.Session.use((session) => session.handoff(other())),
        (tool) => tool.annotateMerge(Tools.voice({ onInterruption: "cancel" })),
        { onExit: Effect.sleep(4000) }
      )
      const timeline = yield* Testing.scenario({
        agent,
        user: [hello, Testing.say(4000, 5000, "No, wait.")],
        llm: ({ text }) => text.startsWith("Hello") ? { tools: [work] } : "I am listening."
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(timeline.of("AgentChanged"), [])
      assert.notInclude(timeline.messages, "handoff: other")
      assert.deepInclude(finished(timeline)[0], { isFailure: true })
      assert.strictEqual(timeline.messages.at(-1), "assistant: I am listening.")
      whole(timeline)
    }))
})

describe("the set of tools", () => {
  const Moon = Tool.make("moon", { success: Schema.String })
  const Night = Toolkit.make(Moon)
  const night = Effect.provide(Night.toLayer({ moon: () => Effect.succeed("full") }))

  it.effect("grows and shrinks during the call", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        at: [
          { at: 1000, do: (session) => session.send("one") },
          {
            at: 3000,
            do: (session) =>
              Effect.gen(function*() {
                const set = yield* Effect.flatMap(session.tools, (tools) => Tools.add(tools, Night))
                yield* session.update({ tools: set })
                yield* session.send("two")
              })
          },
          {
            at: 6000,
            do: (session) =>
              Effect.gen(function*() {
                yield* session.update({ tools: Tools.remove(yield* session.tools, "lookup") })
                yield* session.send("three")
              })
          }
        ],
        llm: ({ step, text }) =>
          text === "two" && step === 0 ? { tools: [{ name: "moon" }] } : text === "three" && step === 0
            ? { tools: [lookup()] }
            : "OK."
      }).pipe(echoes, night)
      assert.deepStrictEqual(timeline.failures, [])
      assert.deepStrictEqual(timeline.requests.map(({ tools }) => tools.map(({ name }) => name)), [
        ["lookup"],
        ["lookup", "moon"],
        ["lookup", "moon"],
        ["moon"],
        ["moon"]
      ])
      assert.deepStrictEqual(finished(timeline).map(({ isFailure, name }) => [name, isFailure]), [
        ["moon", false],
        ["lookup", true]
      ])
      whole(timeline)
    }))

  it.effect("a tool that is taken away while it runs runs to its end", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [hello],
        llm: calls(lookup()),
        at: [{ at: 4000, do: (session) => session.update({ tools: Tools.empty }) }]
      }).pipe(running((word) => Effect.delay(Effect.succeed(word), 3000)))
      assert.deepInclude(finished(timeline)[0], { isFailure: false, result: "fox" })
      assert.deepStrictEqual(timeline.requests[1]!.tools, [])
      whole(timeline)
    }))

  it.effect("a tool by plain JSON Schema", () =>
    Effect.gen(function*() {
      const Plain = Tool.dynamic("plain", {
        description: "Says how far it is.",
        parameters: {
          type: "object",
          properties: { city: { type: "string" }, km: { type: "number" } },
          required: ["city"]
        },
        success: Schema.Unknown
      })
      const kit = Toolkit.make(Plain)
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: kit }),
        user: [hello],
        llm: ({ step }) =>
          step === 0
            ? { tools: [{ name: "plain", params: { city: "Oslo" } }, { name: "plain", params: { km: 3 } }] }
            : "Done."
      }).pipe(Effect.provide(kit.toLayer({ plain: (params: unknown) => Effect.succeed({ asked: params, far: true }) })))
      const [good, bad] = finished(timeline)
      assert.deepInclude(good, { isFailure: false, result: { asked: { city: "Oslo" }, far: true } })
      assert.isTrue(bad!.isFailure)
      assert.include(String(bad!.result), "city")
      whole(timeline)
    }))

  it.effect("two tools of one name are a typed error that names them", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Testing.scenario({
        agent: Agent.make({ instructions: "", tools: [Kit, Kit] })
      })).pipe(echoes)
      assert.strictEqual(error._tag, "ToolsError")
      assert.include(error.message, "lookup")
      const made = yield* Effect.flip(Effect.scoped(Pipeline.make(Agent.make({ instructions: "", tools: [Kit, Kit] }))))
        .pipe(echoes, Effect.provide(services))
      assert.strictEqual(made._tag, "ToolsError")
    }))

  it.effect("a hand-off to an agent with two tools of one name fails, and the session stays as it is", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        at: [
          {
            at: 1000,
            do: (session) =>
              session.handoff(
                Agent.provide(
                  Agent.make({ instructions: "", tools: [Kit, Kit] }),
                  Kit.toLayer({ lookup: ({ word }) => Effect.succeed(word) })
                )
              )
          },
          { at: 2000, do: (session) => session.send("Hello?") }
        ]
      }).pipe(echoes)
      assert.include(timeline.failures[0]!.cause, "lookup")
      assert.deepStrictEqual(timeline.messages, ["user: Hello?", "assistant: OK."])
    }))
})

describe("tools and a draining session", () => {
  it.effect("a reply whose tool still runs is finished before a session that drains ends", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [hello],
        llm: calls(lookup()),
        at: [{ at: 4000, do: (session) => session.close({ drain: true }) }]
      }).pipe(running((word) => Effect.delay(Effect.succeed(word), 3000)))
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
      whole(timeline)
    }))

  it.effect("I5: calls that run in many turns at once are each recorded once", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const timeline = yield* Testing.scenario({
        agent,
        at: [
          ...[1000, 2000, 3000, 4000].map((at) => ({
            at,
            do: (session: Session.Session["Service"]) => session.send(`at ${at}`)
          })),
          { at: 9000, do: () => Deferred.succeed(gate, undefined) }
        ],
        llm: ({ step }) => step === 0 ? { tools: [lookup(), lookup({ word: "x" })] } : "Done."
      }).pipe(running((word) => Effect.as(Deferred.await(gate), word)))
      assert.strictEqual(finished(timeline).length, 8)
      whole(timeline)
    }))
})
