import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Pipeline, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const hello = Testing.say(500, 2500, "Hello, how are you?")

describe("an agent that lacks the handlers of its tools", () => {
  const book = Tool.make("book", { success: Schema.String })
  const lacking = Agent.make({ name: "desk", instructions: "", tools: Toolkit.make(book) })

  it.effect("is not handed over to: the compiler says so, and otherwise the failure of the tool", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          // @ts-expect-error the handlers of desk are missing
          tools: Tools.functions({ go: { run: async (_, { session }) => session.handoff(lacking) } })
        }),
        user: [hello],
        llm: [{ tools: [{ name: "go" }] }, "Done."]
      })
      assert.deepStrictEqual(timeline.of("AgentChanged"), [])
      assert.match(String(timeline.logs[0]?.cause), /the tool book of the agent desk has no handler.*Agent\.provide/)
    }))

  it.effect("does not begin", () =>
    Effect.gen(function*() {
      const agent = lacking as Agent.Agent
      const error = yield* Effect.flip(Effect.scoped(Pipeline.make(agent).pipe(Effect.provide(Testing.layer({})))))
      assert.match(String(error), /the tool book of the agent desk has no handler/)
    }))
})

describe("several calls of one step that give the conversation away", () => {
  const next = (name: string) => Agent.make({ name, instructions: "", onEnter: async (s) => s.say(`${name} here.`) })
  const tools = Tools.functions({
    sales: { run: async (_, { session }) => session.handoff(next("Sales")) },
    billing: { run: async (_, { session }) => session.handoff(next("Billing")) },
    goodbye: { run: async (_, { session }) => session.hangUp({ say: "Goodbye!" }) },
    onward: {
      run: async (_, { session }) => {
        await session.handoff(next("Sales"))
        await session.handoff(next("Billing"))
      }
    }
  })

  it.effect.each(
    [
      [["sales", "billing"], ["handoff: Sales"]],
      [["billing", "sales"], ["handoff: Billing"]],
      [["goodbye", "billing"], []],
      [["sales", "goodbye"], ["handoff: Sales"]],
      [["onward"], ["handoff: Sales", "handoff: Billing"]]
    ] as const
  )("%j: the first wins, and the model reads that the second did not", ([names, handoffs]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ name: "desk", instructions: "", tools }),
        user: [hello],
        llm: [{ tools: names.map((name) => ({ name })) }]
      })
      assert.deepStrictEqual(timeline.messages.filter((message) => message.startsWith("handoff")), [...handoffs])
      const results = timeline.of("FunctionCallsFinished").flatMap((event) => event.calls)
        .map(({ isFailure, result }) => isFailure ? result : "done")
      assert.deepStrictEqual(results.slice(0, 1), ["done"])
      if (names.length > 1) assert.match(String(results[1]), /another call/)
      const ended = timeline.of("SessionClosed").map(({ reason }) => reason)
      assert.deepStrictEqual(ended, names[0] === "goodbye" ? ["hang_up"] : ["closed"])
      // Whoever reads the events knows each agent, the first among them.
      const agents = [timeline.of("SessionStarted")[0]?.agent, ...timeline.of("AgentChanged").map(({ to }) => to)]
      assert.deepStrictEqual(agents, ["desk", ...handoffs.map((handoff) => handoff.replace("handoff: ", ""))])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))
})

describe("a hand-off", () => {
  const named = (name: string, options: Partial<Agent.Options> = {}): Agent.Agent =>
    Agent.make({ name, instructions: "", ...options }) as Agent.Agent
  const there = named("b", { onEnter: async (session) => session.say("B here.") })
  const when = (at: number): Pick<Testing.Scenario, "at"> => ({ at: [{ at, do: (session) => session.handoff(there) }] })
  const self: Agent.Agent = named("a", { onUserTurn: async (_, session) => session.handoff(self) })

  it.effect.each<readonly [string, Partial<Testing.Scenario>, ReadonlyArray<string>]>([
    ["in onEnter", { agent: named("a", { onEnter: async (session) => session.handoff(there) }) }, [
      "handoff: b",
      "assistant: B here.",
      "user: Hello, how are you?",
      "assistant: One."
    ]],
    ["while the caller speaks", when(1500), [
      "handoff: b",
      "user: Hello, how are you?",
      "assistant: One.",
      "assistant: B here."
    ]],
    ["while the model thinks", when(3100), [
      "user: Hello, how are you?",
      "assistant: One.",
      "handoff: b",
      "assistant: B here."
    ]],
    ["while the agent speaks", { ...when(4000), tts: { duration: 4000 } }, [
      "user: Hello, how are you?",
      "assistant: One.",
      "handoff: b",
      "assistant: B here."
    ]],
    ["to two agents in the same moment", {
      at: [{
        at: 5000,
        do: (session) => Effect.all([session.handoff(named("c")), session.handoff(there)], { concurrency: 2 })
      }]
    }, ["user: Hello, how are you?", "assistant: One.", "handoff: c", "handoff: b", "assistant: B here."]],
    ["to itself in each turn", { agent: self, llmOptions: { otherwise: "Two." } }, [
      "user: Hello, how are you?",
      "handoff: a",
      "assistant: Two."
    ]]
  ])("loses nothing and is heard once: %s", ([, script, messages]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [hello], llm: ["One."], ...script })
      assert.deepStrictEqual(timeline.messages, messages)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect(
    "of agents that pass the conversation on as they begin has an end, and the log says why",
    () =>
      Effect.gen(function*() {
        const ping: Agent.Agent = named("ping", { onEnter: async (session) => session.handoff(pong) })
        const pong: Agent.Agent = named("pong", { onEnter: async (session) => session.handoff(ping) })
        const timeline = yield* Testing.scenario({ agent: ping, user: [hello], llm: ["Fine."] })
        assert.strictEqual(timeline.of("AgentChanged").length, 32)
        assert.deepStrictEqual(timeline.messages.slice(-2), ["user: Hello, how are you?", "assistant: Fine."])
        assert.match(timeline.logs.map(({ cause }) => cause).join(), /handed over 32 times within a second/)
      }),
    5000
  )

  it.effect("by an agent in its onExit is refused at once, and holds the other one up for no moment", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: named("a", { onExit: async (session) => session.handoff(named("c")) }),
        user: [hello],
        llm: ["One."],
        ...when(6000)
      })
      timeline.expect(["AgentChanged", 6000])
      assert.deepStrictEqual(timeline.of("AgentChanged").map(({ to }) => to), ["b"])
      assert.match(
        timeline.logs.map(({ cause }) => cause).join(),
        /an agent in its onExit cannot give the conversation away/
      )
    }))
})

describe("what was asked for before a hand-off, or together with it", () => {
  const Look = Tool.make("look_up", { success: Schema.String })
  const Pass = Tool.make("pass", { success: Schema.Void, dependencies: [Session.Session] })
  const Kit = Toolkit.make(Look, Pass)
  const entering = {
    say: Session.Session.use((session) => session.say("Night here.")),
    "say now": Session.Session.use((session) => session.say("Night here.", { when: "now" })),
    reply: Session.Session.use((session) => session.reply({ instructions: "Greet them." })),
    "nothing": undefined
  } as const
  const told = { say: ["It is free.", "Night here."], reply: ["It is free."] }

  const hold = (enters: keyof typeof entering, steps: ReadonlyArray<ReadonlyArray<string>>, ms: number) => {
    const next = Agent.make({ name: "night", instructions: "You are the night shift.", onEnter: entering[enters] })
    return Testing.scenario({
      preset: "mechanics",
      agent: Agent.make({ name: "day", instructions: "", tools: Kit }),
      user: [Testing.say(500, 2500, "Is it free? And pass me on.")],
      // Whoever greets tells no more than they are asked to.
      llm: ({ prompt, step }) => {
        const shown = JSON.stringify(prompt)
        const names = shown.includes("night shift") ? undefined : steps[step]
        if (names !== undefined) return { tools: names.map((name) => ({ name })) }
        const asked = enters === "nothing" || shown.includes("the caller has not been told: look_up")
        return asked && shown.includes("a free room") ? "It is free." : "Night here."
      }
    }).pipe(
      Effect.provide(Kit.toLayer({
        look_up: () => Effect.delay(Effect.succeed("a free room"), ms),
        pass: () => Session.Session.use((session) => session.handoff(next))
      }))
    )
  }
  const said = (timeline: Testing.Timeline) => timeline.of("AgentSpeechCommitted").map(({ text }) => text)
  const whole = (timeline: Testing.Timeline) => assert.deepStrictEqual(Testing.invariants(timeline), [])

  const orders = [[["look_up", "pass"]], [["pass", "look_up"]], [["look_up"], ["pass"]]]
  const cases = orders.flatMap((steps) =>
    [0, 1000, 6000].flatMap((ms) => Object.keys(entering).map((enters) => ({ enters, steps, ms })))
  )
  it.effect.each(cases)(
    "is told once, before the next agent says anything else: $steps, $ms ms, $enters",
    ({ enters, ms, steps }) =>
      Effect.gen(function*() {
        const timeline = yield* hold(enters as keyof typeof entering, steps, ms)
        assert.deepStrictEqual(said(timeline), enters.startsWith("say") ? told.say : told.reply)
        assert.isBelow(timeline.playbacks[0]!.start, 3300 + ms + 1000)
        assert.isAtMost(timeline.of("ResultSettled").length, 1)
        assert.isTrue(timeline.quiet)
        whole(timeline)
      })
  )

  it.effect.each(["say", "reply"] as const)(
    "is told later where it takes longer than a goodbye would wait for it: %s",
    (enters) =>
      Effect.gen(function*() {
        const timeline = yield* hold(enters, [["pass", "look_up"]], 20_000)
        assert.deepStrictEqual(said(timeline), ["Night here.", "It is free."])
        assert.isBelow(timeline.playbacks[0]!.start, 3300 + 8000 + 1000)
        assert.deepStrictEqual(timeline.of("ResultSettled").map(({ fate }) => fate), ["told"])
        whole(timeline)
      })
  )
})
