/** Results that come after their reply: when they are told, and what becomes of those that are not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, type History, type Pipeline, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { type Prompt, Tool, Toolkit } from "effect/ai"

const parameters = Schema.Struct({ what: Schema.String, seconds: Schema.Finite })
const Order = Tool.make("order", {
  parameters,
  success: Schema.String,
  failure: Tools.ToolError,
  failureMode: "return"
})

/** An agent that orders things, each of which takes its time, and what it has ordered. */
const bar = (
  options: Partial<Agent.Options> = {},
  voice: Tools.VoiceOptions<typeof parameters.Type, string> = {}
) => {
  const ordered: Array<string> = []
  const orphans: Array<Tools.Output> = []
  const kit = Toolkit.make(Order.annotateMerge(Tools.voice(voice)))
  return {
    ordered,
    orphans,
    handlers: kit.toLayer({
      order: ({ seconds, what }) =>
        Effect.suspend(() => {
          ordered.push(what)
          const done = what === "soup"
            ? Effect.fail(new Tools.ToolError({ message: "no soup" }))
            : Effect.succeed(`${what} is ready`)
          return Effect.delay(done, seconds * 1000)
        })
    }),
    agent: Agent.make({
      instructions: "You take orders.",
      tools: kit,
      onOrphanedResult: (result) => Effect.sync(() => void orphans.push(result)),
      ...options
    })
  }
}

const order = (what: string, seconds: number, more: object = {}): Testing.LlmToolCall => ({
  name: "order",
  params: { what, seconds, ...more }
})

const results = (prompt: Prompt.Prompt): ReadonlyArray<string> =>
  prompt.content.flatMap((message) =>
    message.role === "tool"
      ? message.content.flatMap((part) => part.type === "tool-result" ? [String(part.result)] : [])
      : []
  )

const shown = ({ prompt }: Testing.LlmRequest): string => JSON.stringify(prompt)
const tail = ({ prompt }: Testing.LlmRequest): string => String(prompt.content.at(-1)?.content)

/** A caller who has ordered at 2000 and says something else later; the agent tells what it sees. */
const waiter =
  (first: ReadonlyArray<Testing.LlmToolCall>) => (request: Testing.LlmRequest): string | Testing.LlmReply => {
    const { index, prompt } = request
    if (index === 0) return { tools: first }
    const ready = results(prompt).filter((result) => / is ready$|^no soup$/.test(result))
    return ready.length === 0 ? "I am on it." : `${ready.join(" and ")}.`
  }

const said = (timeline: Testing.Timeline) => timeline.of("AgentSpeechCommitted").map(({ text }) => text)
const startOf = (timeline: Testing.Timeline, text: string) => {
  const speech = timeline.of("AgentSpeechCommitted").find((event) => event.text === text)?.speech
  return timeline.of("AgentStartedSpeaking").find((event) => event.speech === speech)?.at
}
const fates = (timeline: Testing.Timeline) => timeline.of("ResultSettled").map(({ fate, id }) => `${id} ${fate}`)

const whole = (timeline: Testing.Timeline) => assert.deepStrictEqual(Testing.invariants(timeline), [])

const background = { background: true } as const
const please = Testing.say(500, 1500, "A coffee, please.")
/** Heard from the request to the first sample. */
const thinking = 500

const hold = (
  { agent, handlers }: Pick<ReturnType<typeof bar>, "agent" | "handlers">,
  scenario: Partial<Testing.Scenario>,
  options: Pipeline.Options = {}
) =>
  Testing.scenario({ preset: "mechanics", agent, quiet: "20 seconds", tts: { duration: 1000 }, options, ...scenario })
    .pipe(
      Effect.provide(handlers)
    )

describe("a result that comes after its reply", () => {
  it.effect("is told once nobody has spoken for a second and a half", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), { user: [please], llm: waiter([order("coffee", 8)]) })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "coffee is ready."])
      // Ordered at 2300, ready at 10,300.
      assert.strictEqual(startOf(timeline, "coffee is ready."), 10_300 + 1500 + thinking)
      assert.deepStrictEqual(fates(timeline), ["call-1 told"])
      whole(timeline)
    }))

  it.effect("is told after half a second where it is a failure", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), { user: [please], llm: waiter([order("soup", 8)]) })
      assert.strictEqual(startOf(timeline, "no soup."), 10_300 + 500 + thinking)
      whole(timeline)
    }))

  it.effect("is not asked for again of a model that has nothing to say of it", () =>
    Effect.gen(function*() {
      const answer = waiter([order("coffee", 8)])
      const timeline = yield* hold(bar({}, background), {
        user: [please],
        llm: (request) => tail(request).includes("has not been told") ? "" : answer(request)
      })
      assert.deepStrictEqual(said(timeline), ["I am on it."])
      assert.deepStrictEqual(fates(timeline), ["call-1 superseded"])
      assert.strictEqual(timeline.requests.length, 4, "two for the turn, one that tells and its retry")
    }))

  it.effect("is told together with others in one reply", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), {
        user: [please],
        llm: waiter([order("coffee", 8), order("tea", 9)])
      })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "coffee is ready and tea is ready."])
      assert.deepStrictEqual(fates(timeline), ["call-1 told", "call-2 told"])
      whole(timeline)
    }))

  it.effect("is told within the reply of a caller who speaks first, and not again", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), {
        user: [please, Testing.say(10_000, 11_500, "And what is the time?")],
        llm: waiter([order("coffee", 8)])
      })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "coffee is ready."])
      assert.strictEqual(timeline.requests.length, 3)
      assert.include(tail(timeline.requests[2]!), "within this reply")
      assert.deepStrictEqual(fates(timeline), ["call-1 told"])
      whole(timeline)
    }))

  it.effect("is told although the caller has said something else while its reply was waiting", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar(), {
        user: [please, Testing.say(4500, 5500, "Are you still there?")],
        llm: waiter([order("coffee", 8)])
      })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "coffee is ready."])
      whole(timeline)
    }))

  it.effect("is told when the tool has taken too long, too", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar(), {
        user: [please, Testing.say(4500, 5500, "Are you still there?")],
        llm: ({ index, prompt }) =>
          index === 0
            ? { tools: [order("coffee", 100)] }
            : results(prompt).some((result) => result.includes("did not finish"))
            ? "It takes too long."
            : "I am on it.",
        quiet: "70 seconds"
      })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "It takes too long."])
      whole(timeline)
    }))

  it.effect("is told where a second call of a tool that allows one was refused", () =>
    Effect.gen(function*() {
      const one = bar({}, { duplicate: "reject" })
      const timeline = yield* hold(one, {
        user: [please, Testing.say(4500, 5500, "Are you still there?")],
        llm: (request) => request.index === 1 ? { tools: [order("tea", 8)] } : waiter([order("coffee", 8)])(request)
      })
      assert.deepStrictEqual(one.ordered, ["coffee"])
      assert.deepStrictEqual(said(timeline), ["I am on it.", "coffee is ready."])
      whole(timeline)
    }))

  it.effect("says what it is about once it was asked for thirty seconds ago", () =>
    Effect.gen(function*() {
      for (const [seconds, expected] of [[20, false], [40, true]] as const) {
        const timeline = yield* hold(bar({}, background), {
          user: [please],
          llm: waiter([order("coffee", seconds)]),
          quiet: "60 seconds"
        })
        assert.strictEqual(tail(timeline.requests.at(-1)!).includes("begin with what it is about"), expected)
        whole(timeline)
      }
    }))

  it.effect("is not told again when the caller interrupts it, but in the reply to that", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), {
        user: [please, Testing.say(12_800, 14_500, "What did you say there?")],
        llm: waiter([order("coffee", 8)]),
        tts: { duration: 3000 }
      })
      assert.deepStrictEqual(timeline.of("AgentSpeechCommitted").map(({ interrupted }) => interrupted), [
        false,
        true,
        false
      ])
      assert.deepStrictEqual(fates(timeline), ["call-1 told"])
      whole(timeline)
    }))

  it.effect.each<readonly [string, ReadonlyArray<Testing.UserAction>]>([
    ["by voice", [Testing.say(8000, 9000, "Zero four."), Testing.say(12_600, 13_500, "One seven.")]],
    ["by voice, as numerals", [Testing.say(8000, 9000, "04"), Testing.say(12_600, 13_500, "17")]]
  ])("does not come between two digits that are given %s", ([, digits]) =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), {
        user: [please, ...digits],
        llm: (request) =>
          request.index > 0 && /four|04/i.test(request.text) && !shown(request).includes("caller has not been told")
            ? ""
            : waiter([order("coffee", 8)])(request)
      })
      const told = startOf(timeline, "coffee is ready.")!
      assert.isAbove(told, 13_500)
      whole(timeline)
    }))

  it.effect("does not come between two keys", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), {
        user: [please],
        at: [9000, 11_500, 14_000].map((at, i) => ({
          at,
          do: (_: Session.Session["Service"], caller: Testing.Caller["Service"]) =>
            caller.room.sendDtmf(caller.identity, String(i))
        })),
        llm: waiter([order("coffee", 8)])
      })
      assert.isAtLeast(startOf(timeline, "coffee is ready.")!, 18_000)
      whole(timeline)
    }))

  it.effect("makes no model run without a caller that calls again on every result", () =>
    Effect.gen(function*() {
      const one = bar({}, { ...background, duplicate: "allow" })
      const timeline = yield* hold(
        one,
        { user: [please], llm: () => ({ text: "More.", tools: [order("coffee", 2)] }) },
        {
          maxToolSteps: 3
        }
      )
      assert.strictEqual(one.ordered.length, 3)
      assert.isTrue(timeline.quiet)
      whole(timeline)
    }))

  it.effect("is told no more often than a session may", () =>
    Effect.gen(function*() {
      const one = bar({}, background)
      const timeline = yield* hold(one, {
        user: [please, Testing.type(30_000, "And now?")],
        llm: waiter([order("coffee", 5), order("tea", 10), order("cake", 15)])
      }, { results: { maxReplies: 1 } })
      assert.strictEqual(timeline.of("SpeechCreated").filter(({ source }) => source === "reply").length, 1)
      assert.deepStrictEqual(fates(timeline), ["call-1 told", "call-2 told", "call-3 told"])
      whole(timeline)
    }))

  it.effect("is tried twice with a model that fails, ever later, and then waits for the caller", () =>
    Effect.gen(function*() {
      const answer = waiter([order("coffee", 8), order("tea", 9)])
      const timeline = yield* hold(bar({}, background), {
        user: [please, Testing.type(60_000, "And now?")],
        llm: (request) => tail(request).includes("Tell the caller now") ? { fail: true } : answer(request),
        quiet: "30 seconds"
      })
      // Ready at 10,300 and 11,300.
      const replies = timeline.of("SpeechCreated").filter(({ source }) => source === "reply").map(({ at }) => at)
      const failures = timeline.of("SpeechFinished").filter(({ outcome }) => outcome === "failed").map(({ at }) => at)
      assert.deepStrictEqual(replies, [12_800, failures[0]! + 3000])
      assert.strictEqual(timeline.warnings.filter((text) => text.includes("late results cannot be told")).length, 1)
      assert.lengthOf(timeline.of("Escalated"), 0)
      assert.deepStrictEqual(said(timeline), ["I am on it.", "coffee is ready and tea is ready."])
      assert.isAbove(startOf(timeline, "coffee is ready and tea is ready.")!, 60_000)
      assert.deepStrictEqual(fates(timeline), ["call-1 told", "call-2 told"])
      assert.isTrue(timeline.quiet)
      whole(timeline)
    }))

  it.effect("is known to the model and makes nobody speak up where it is for the context alone", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, { background: true, result: "context" }), {
        user: [please, Testing.type(20_000, "And?")],
        llm: waiter([order("coffee", 8)])
      })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "coffee is ready."])
      assert.isAbove(startOf(timeline, "coffee is ready.")!, 20_000)
      whole(timeline)
    }))

  it.effect("is told by the agent to whom the call was handed over meanwhile", () =>
    Effect.gen(function*() {
      const one = bar({}, background)
      const next = Agent.make({
        name: "night",
        instructions: "You are the night shift.",
        onEnter: Session.Session.use((session) => session.say("Good evening."))
      })
      const timeline = yield* hold(one, {
        user: [please],
        at: [{ at: 5000, do: (session) => session.handoff(next) }],
        llm: waiter([order("coffee", 8)])
      })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "Good evening.", "coffee is ready."])
      assert.include(shown(timeline.requests.at(-1)!), "night shift")
      whole(timeline)
    }))
})

describe("before the agent's own goodbye", () => {
  const goodbye = (at: number): Partial<Testing.Scenario> => ({
    user: [please],
    at: [{ at, do: (session) => session.hangUp({ say: "Goodbye!" }) }]
  })

  it.effect("a result that is on its way is waited for, audibly, and told", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), { ...goodbye(6000), llm: waiter([order("coffee", 8)]) })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "One moment, please.", "coffee is ready.", "Goodbye!"])
      assert.deepStrictEqual(fates(timeline), ["call-1 told"])
      assert.deepStrictEqual(timeline.of("SessionClosed").map(({ reason }) => reason), ["hang_up"])
      whole(timeline)
    }))

  it.effect("no longer than eight seconds: then somebody else learns of it", () =>
    Effect.gen(function*() {
      const one = bar({}, background)
      const timeline = yield* hold(one, { ...goodbye(6000), llm: waiter([order("coffee", 14)]) }, {
        closeTimeout: "10 seconds"
      })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "One moment, please.", "Goodbye!"])
      assert.strictEqual(startOf(timeline, "Goodbye!"), 14_200)
      assert.deepStrictEqual(one.orphans.map(({ output }) => output), ["coffee is ready"])
      assert.deepStrictEqual(fates(timeline), ["call-1 orphaned"])
      whole(timeline)
    }))

  it.effect("what has come and was not told is told", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), { ...goodbye(10_500), llm: waiter([order("coffee", 8)]) })
      assert.deepStrictEqual(said(timeline), ["I am on it.", "coffee is ready.", "Goodbye!"])
      whole(timeline)
    }))

  it.effect("what comes while another is told is told, too", () =>
    Effect.gen(function*() {
      const one = bar({}, background)
      // The wait is over at 14,000; the tea is there at 14,100.
      const timeline = yield* hold(one, { ...goodbye(6000), llm: waiter([order("coffee", 8), order("tea", 11.8)]) })
      assert.deepStrictEqual(said(timeline), [
        "I am on it.",
        "One moment, please.",
        "coffee is ready.",
        "coffee is ready and tea is ready.",
        "Goodbye!"
      ])
      assert.deepStrictEqual(fates(timeline), ["call-1 told", "call-2 told"])
      assert.deepStrictEqual(one.orphans, [])
      whole(timeline)
    }))

  it.effect("what a reply was to tell that asked for more instead is told", () =>
    Effect.gen(function*() {
      const answer = waiter([order("coffee", 8), order("cake", 60)])
      const timeline = yield* hold(bar({}, background), {
        ...goodbye(6000),
        user: [please, Testing.say(11_000, 12_000, "And a tea.")],
        // Asked at 12,500, it calls at 14,100: the wait is over by then.
        llm: (request) => request.index === 2 ? { tools: [order("tea", 60)], total: 1600 } : answer(request)
      })
      assert.deepStrictEqual(said(timeline).slice(-2), ["coffee is ready.", "Goodbye!"])
      assert.deepStrictEqual(fates(timeline), ["call-1 told", "call-2 orphaned", "call-3 orphaned"])
      whole(timeline)
    }))

  it.effect("nothing is waited for where nothing is to be told", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, { background: true, result: "silent" }), {
        ...goodbye(6000),
        llm: waiter([order("coffee", 8)])
      })
      assert.deepStrictEqual(said(timeline), ["Goodbye!"])
      whole(timeline)
    }))
})

describe("a caller who has hung up", () => {
  it.effect("is not told: somebody else learns of the result, and the record has it", () =>
    Effect.gen(function*() {
      const one = bar({}, background)
      const timeline = yield* hold(one, {
        user: [please, Testing.leave(8000)],
        llm: waiter([order("coffee", 8), order("tea", 60)])
      })
      assert.deepStrictEqual(one.orphans.map(({ isFailure, output }) => [isFailure, output]), [
        [false, "coffee is ready"],
        [true, "Tool order was cancelled: the conversation is over"]
      ])
      assert.deepStrictEqual(fates(timeline), ["call-1 orphaned", "call-2 orphaned"])
      whole(timeline)
    }))
})

describe("another of the same", () => {
  const again = (more: object): Testing.LlmScript => (request) => {
    const { index } = request
    if (index === 0) return { tools: [order("coffee", 8)] }
    if (index === 1) return "I am on it."
    if (index === 2) return { tools: [order("coffee", 8)] }
    if (index === 3) return { tools: [order("coffee", 8, more)] }
    return waiter([])(request)
  }
  const another = [please, Testing.say(4500, 5500, "Another coffee, please.")]

  it.effect("is begun while the first runs, when the model confirms it", () =>
    Effect.gen(function*() {
      const one = bar({}, background)
      const timeline = yield* hold(one, { user: another, llm: again({ confirm: true }) })
      assert.deepStrictEqual(one.ordered, ["coffee", "coffee"])
      const refusal = results(timeline.requests[3]!.prompt).at(-1)!
      assert.include(refusal, "already running")
      assert.include(refusal, "\"confirm\": true")
      whole(timeline)
    }))

  it.effect("is not begun by a model that only says it again", () =>
    Effect.gen(function*() {
      const one = bar({}, background)
      yield* hold(one, { user: another, llm: again({}) })
      assert.deepStrictEqual(one.ordered, ["coffee"])
    }))

  it.effect("is begun once where two replies that were asked for at a time both confirm it", () =>
    Effect.gen(function*() {
      const one = bar()
      const timeline = yield* hold(one, {
        user: [please, Testing.say(2600, 3500, "Another coffee, and a tea.")],
        llm: (request) => {
          const { index } = request
          if (index === 0) return { tools: [order("coffee", 3)] }
          if (index === 1) return { tools: [order("coffee", 3), order("tea", 3.2)] }
          // One tells of the first coffee, asked at 6800; the other goes on when the tea is there, at 7500.
          if (index === 2) return { tools: [order("coffee", 3, { confirm: true })], total: 1000 }
          if (index === 3) return { tools: [order("coffee", 3, { confirm: true })] }
          return waiter([])(request)
        }
      })
      const [, , telling, going] = timeline.requests
      assert.include(tail(telling!), "has not been told: order (call-1)")
      assert.include(results(going!.prompt), "tea is ready")
      assert.deepStrictEqual(timeline.requests.slice(2, 4).map(({ at }) => at), [6800, 7500])
      assert.deepStrictEqual(one.ordered, ["coffee", "tea", "coffee"])
      const refusal = timeline.history.items.flatMap((item) => item._tag === "ToolOutput" ? [String(item.output)] : [])
      assert.strictEqual(refusal.filter((text) => text.includes("nothing was started")).length, 2)
      whole(timeline)
    }))

  it.effect("is what its key says", () =>
    Effect.gen(function*() {
      const one = bar({}, { ...background, idempotencyKey: ({ what }) => what.toLowerCase() })
      yield* hold(one, {
        user: another,
        llm: (request) =>
          request.index === 0
            ? { tools: [order("coffee", 8)] }
            : request.index === 2
            ? { tools: [order("Coffee", 9), order("tea", 9)] }
            : "I am on it."
      })
      assert.deepStrictEqual(one.ordered, ["coffee", "tea"])
    }))
})

describe("the prompt", () => {
  it.effect("is, with ten calls running and ending, the one before with more behind it", () =>
    Effect.gen(function*() {
      const one = bar({}, background)
      const timeline = yield* hold(one, {
        user: [please, ...[5, 10, 15, 20, 25, 30].map((at) => Testing.type(at * 1000, `Question ${at}?`))],
        llm: waiter(Array.from({ length: 10 }, (_, i) => order(`dish ${i}`, 4 + 3 * i))),
        quiet: "40 seconds"
      })
      assert.strictEqual(one.ordered.length, 10)
      // All but what changes, which stands last; and what a reply is still being heard of.
      const bytes = (request: Testing.LlmRequest) => {
        const { content } = request.prompt
        return content.slice(0, content.at(-1)!.role === "system" ? -1 : undefined).map((message) =>
          JSON.stringify(message)
        )
      }
      assert.isAbove(timeline.requests.length, 8)
      timeline.requests.slice(1).forEach((request, i) => {
        const before = bytes(timeline.requests[i]!)
        assert.deepStrictEqual(bytes(request).slice(0, before.length), before, `request ${i + 1}`)
      })
      // One message with the ten calls, and one with their results.
      const [calls, outputs] = timeline.requests[1]!.prompt.content.slice(2, 4)
      assert.deepStrictEqual([calls!.content.length, outputs!.content.length], [10, 10])
      assert.strictEqual(new Set(results(timeline.requests[1]!.prompt)).size, 1)
      whole(timeline)
    }))

  it.effect("has what runs, and for how long, at its tail alone", () =>
    Effect.gen(function*() {
      const timeline = yield* hold(bar({}, background), {
        user: [please, Testing.type(7300, "And?")],
        llm: waiter([order("coffee", 8)])
      })
      assert.include(tail(timeline.requests[2]!), "order (call-1) for 5 seconds")
      assert.notInclude(JSON.stringify(timeline.history as History.History), "Still running")
      whole(timeline)
    }))
})

describe("a tool that takes its time", () => {
  it.effect("has something said while its reply waits, by itself", () =>
    Effect.gen(function*() {
      const one = bar({}, { filler: { say: ({ what }) => `Making your ${what}.`, after: "3 seconds" } })
      const timeline = yield* hold(one, { user: [please], llm: waiter([order("coffee", 8)]) })
      assert.deepStrictEqual(said(timeline), ["Making your coffee.", "coffee is ready."])
      assert.strictEqual(startOf(timeline, "Making your coffee."), 2300 + 3000 + 200)
      // What the model is to answer stands last, behind what was said meanwhile.
      assert.strictEqual(timeline.requests[1]!.prompt.content.at(-1)!.role, "tool")
      whole(timeline)
    }))

  it.effect("is not spoken for by what fills any silence, where it has a filler of its own", () =>
    Effect.gen(function*() {
      const scenario = { user: [please], llm: waiter([order("coffee", 8)]) }
      const own = bar({}, { filler: { say: "Making it.", after: "3 seconds" } })
      const filler = { say: "One moment.", after: "1 second" } as const
      const timeline = yield* hold(own, scenario, { filler })
      assert.deepStrictEqual(said(timeline), ["Making it.", "coffee is ready."])
      assert.deepStrictEqual(said(yield* hold(bar(), scenario, { filler })), ["One moment.", "coffee is ready."])
    }))

  it.effect("may be bound in the background by a limit of its own, and not by that of others", () =>
    Effect.gen(function*() {
      for (const [limit, expected] of [["2 minutes", "coffee is ready."], ["20 seconds", "I am on it."]] as const) {
        const timeline = yield* hold(bar({}, { background: { limit } }), {
          user: [please],
          llm: waiter([order("coffee", 90)]),
          quiet: "3 minutes"
        }, { toolTimeout: "5 seconds" })
        assert.strictEqual(said(timeline).at(-1), expected)
        assert.strictEqual(said(timeline).length, 2)
        whole(timeline)
      }
    }))
})

describe("a goodbye in the same breath as the result", () => {
  const tools = (hangUp: (session: Session.Session["Service"]) => Effect.Effect<unknown>, silent = false) => {
    const kit = Toolkit.make(
      Tool.make("book", { success: Schema.String }).annotateMerge(Tools.voice(silent ? { result: "silent" } : {})),
      Tool.make("ask", { success: Schema.String }),
      Tool.make("look", { success: Schema.String }),
      Tool.make("note", { success: Schema.String }),
      Tool.make("leave", { dependencies: [Session.Session] })
    )
    const orphans: Array<string> = []
    return {
      orphans,
      agent: Agent.make({
        instructions: "",
        tools: kit,
        onOrphanedResult: ({ name }) => Effect.sync(() => void orphans.push(name))
      }),
      handlers: kit.toLayer({
        book: () => Effect.succeed("table 4"),
        ask: () => Effect.succeed("yes"),
        look: () => Effect.delay(Effect.succeed("soup"), 4000),
        note: () => Effect.delay(Effect.succeed("noted"), 200),
        leave: () => Session.Session.use((session) => Effect.asVoid(hangUp(session)))
      })
    }
  }
  const goodbye = (session: Session.Session["Service"]) => session.hangUp({ say: "Goodbye!" })
  const call = (...names: ReadonlyArray<string>) => names.map((name) => ({ name }))
  const told = { text: "Table four is yours.", tools: call("leave") }

  const hold = (
    llm: Testing.LlmScript,
    leave = goodbye,
    { silent, ...more }: Partial<Testing.Scenario> & { readonly silent?: boolean } = {}
  ) => {
    const { agent, handlers, orphans } = tools(leave, silent)
    return Testing.scenario({
      agent,
      user: [Testing.say(500, 1500, "A table, please.")],
      llm,
      tts: { duration: 1500 },
      ...more
    }).pipe(
      Effect.provide(handlers),
      Effect.map((timeline) => ({ timeline, orphans, requests: timeline.requests.length, said: said(timeline) }))
    )
  }
  const whole = (timeline: Testing.Timeline) => {
    assert.deepStrictEqual(Testing.invariants(timeline), [])
    assert.strictEqual(timeline.of("SessionClosed").length, 1)
  }

  it.effect.each<readonly [string, Testing.LlmScript, typeof goodbye, boolean, number]>([
    ["one tool", [{ tools: call("book") }, told], goodbye, false, 2],
    ["two tools in one step", [{ tools: call("book", "ask") }, told], goodbye, false, 2],
    ["two tools in two steps", [{ tools: call("book") }, { tools: call("ask") }, told], goodbye, false, 3],
    ["a silent tool", [{ tools: call("book", "ask") }, told], goodbye, true, 2],
    [
      "a tool that waits for the end",
      [{ tools: call("book") }, told],
      (session) => Effect.andThen(goodbye(session), session.ended),
      false,
      2
    ]
  ])("asks for no more after %s", ([, llm, leave, silent, requests]) =>
    Effect.gen(function*() {
      const held = yield* hold(llm, leave, { silent })
      assert.deepStrictEqual(held.said, ["Table four is yours.", "Goodbye!"])
      assert.deepStrictEqual([held.requests, held.orphans], [requests, []])
      assert.strictEqual(held.timeline.of("SessionClosed")[0]!.reason, "hang_up")
      whole(held.timeline)
    }))

  it.effect.each([["note", 0], ["look", 1]] as const)(
    "asks the caller to wait for a call beside it only where that takes a while: %s",
    ([name, asked]) =>
      Effect.gen(function*() {
        const held = yield* hold([{ tools: call(name, "leave") }, "It is done."])
        assert.strictEqual(held.said.filter((text) => text === "One moment, please.").length, asked)
        assert.strictEqual(held.said.at(-1), "Goodbye!")
        whole(held.timeline)
      })
  )

  it.effect("is told once where the session drains", () =>
    Effect.gen(function*() {
      const held = yield* hold([{ tools: call("book") }, told, "Bye."], (session) => session.close({ drain: true }))
      assert.deepStrictEqual([held.said, held.orphans], [["Table four is yours.", "Bye."], []])
      whole(held.timeline)
    }))

  it.effect("tells what was not said", () =>
    Effect.gen(function*() {
      const held = yield* hold([{ tools: call("book") }, { tools: call("leave") }, "Table four is yours."])
      assert.deepStrictEqual([held.said, held.requests], [["Table four is yours.", "Goodbye!"], 3])
      whole(held.timeline)
    }))

  it.effect("tells again what was cut off before it was heard", () =>
    Effect.gen(function*() {
      const held = yield* hold([{ tools: call("book") }, told, "It is table four."], goodbye, {
        preset: "mechanics",
        // Heard from 2800 to 4300.
        at: [{ at: 3000, do: (session) => session.interrupt({ force: true }) }]
      })
      assert.deepStrictEqual([held.said, held.requests], [["It is table four.", "Goodbye!"], 3])
      whole(held.timeline)
    }))

  it.effect("does not tell again what was heard when another tool was cut off", () =>
    Effect.gen(function*() {
      const more = { text: "Table four is yours.", tools: call("look") }
      const held = yield* hold([{ tools: call("book") }, more, "There is soup."], goodbye, {
        // Heard from 2800 to 4300; the other tool is done at 6600.
        at: [{ at: 5000, do: (session) => session.interrupt({ force: true }) }, { at: 15_000, do: goodbye }]
      })
      assert.deepStrictEqual(held.said, ["Table four is yours.", "There is soup.", "Goodbye!"])
      const telling = tail(held.timeline.requests[2]!)
      assert.deepStrictEqual([telling.includes("book"), telling.includes("look")], [false, true])
      whole(held.timeline)
    }))
})
