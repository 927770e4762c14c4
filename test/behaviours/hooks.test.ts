import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Agent, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { classifier, detector } from "../support/judges.ts"

const hello = Testing.say(500, 2500, "Hello, how are you?")
const boom = (): never => {
  throw new Error("boom")
}

describe("a hook or a callback that breaks", () => {
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

  it.effect("is logged as an error, with its words and its place, and with what followed", () =>
    Effect.gen(function*() {
      const lines: Array<Testing.Timeline["logs"][number]> = []
      const rooms: Readonly<Record<string, { readonly beds: number }>> = {}
      for (
        const onUserTurn of [
          async () => void rooms["seven"]!.beds,
          async () => {
            throw new RangeError("the database is down", { cause: new Error("no route") })
          },
          async () => JSON.parse("") as never,
          () => Effect.fail({ _tag: "NoRoom", message: "none is free", guest: "Ann" })
        ]
      ) {
        const { logs } = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", onUserTurn }),
          user: [hello],
          llm: ["Fine."]
        })
        lines.push(...logs.filter(({ text }) => text === "a hook failed: the turn is answered as it was said"))
      }
      assert.deepStrictEqual(lines.map(({ level }) => level), Array(4).fill("Error"))
      assert.match(lines[0]?.cause ?? "", /^TypeError: Cannot read properties of undefined .*\n +at .*hooks\.test\.ts/)
      assert.match(lines[1]?.cause ?? "", /^RangeError: the database is down\n +at .*hooks\.test\.ts/)
      assert.match(lines[1]?.cause ?? "", /Error: no route/)
      assert.match(lines[2]?.cause ?? "", /^SyntaxError: Unexpected end of JSON input/)
      assert.match(lines[3]?.cause ?? "", /^NoRoom: none is free/)
      assert.notInclude(JSON.stringify(lines), "Ann")
    }))

  it.effect.each<readonly [what: string, given: () => unknown, told: RegExp]>([
    ["an Effect inside a promise", async () => Effect.succeed(1), /onEnter must not give an Effect.*leave out async/],
    ["a function", () => () => 1, /onEnter must not give a function, which nobody calls/],
    ["a text", () => "Hello, how can I help?", /onEnter must not give a text, which nobody says: write session\.say/],
    ["a text in a promise", async () => "Hello!", /onEnter must not give a text/],
    // oxlint-disable-next-line require-yield
    ["a generator", function*() {}, /onEnter must not give a generator.*Effect\.gen/]
  ])("is told what it gives that nobody runs: %s", ([, given, told]) =>
    Effect.gen(function*() {
      const { logs, messages } = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onEnter: given }),
        user: [hello],
        llm: ["Fine."]
      })
      assert.match(logs.map(({ cause }) => cause ?? "").join("\n"), told)
      assert.include([...messages], "assistant: Fine.")
    }))

  it.effect("is told of a text that it gives for a key, and takes what an Effect gives for no text", () =>
    Effect.gen(function*() {
      const { logs } = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onEnter: Effect.succeed("Hello!"),
          onKey: ((key: string) => `You pressed ${key}`) as never
        }),
        user: [Testing.press(1000, "5")]
      })
      const told = logs.map(({ cause }) => cause ?? "").join("\n")
      assert.match(told, /onKey must not give a text/)
      assert.notInclude(told, "onEnter")
    }))

  it.effect("a turn detector and a classifier that throw make nobody deaf", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello, Testing.say(9000, 10_000, "Again")],
        llm: ["Fine.", "Fine again."],
        layer: Layer.merge(detector(boom), classifier(boom)),
        options: { turn: { interruption: { backchannel: true } } }
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
})

describe("a hook that is at work when the caller hangs up", () => {
  const never = () => Effect.never
  it.effect.each<readonly [string, Partial<Agent.Options>]>([
    ["onEnter asks for keys", { onEnter: async (session) => void await session.keys({ most: 4 }) }],
    ["onEnter waits until it is heard", {
      onEnter: async (session) => void await (await session.say("A long greeting, I am afraid.")).heard()
    }],
    ["onEnter never ends", { onEnter: Effect.never }],
    ["onUserTurn never ends", { onUserTurn: never }],
    ["onKey never ends", { onKey: never }],
    ["onAway never ends", { onAway: never }]
  ])("has not failed: %s", ([, options]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", ...options }),
        user: [hello, Testing.press(2600, "1"), Testing.leave(3000)],
        llm: ["Fine."],
        options: { turn: { awayAfter: 400 } }
      })
      assert.deepStrictEqual(timeline.logs.filter(({ level }) => level === "Error"), [])
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
      assert.strictEqual(timeline.left, "")
    }))
})

type Sending = Agent.Options<never, never, never, Session.Session>

describe("a hook that sends what it is called for", () => {
  const session = Effect.flatMap(Session.Session, (session) => session.send("Again."))
  it.effect.each<readonly [string, Sending["onUserTurn"]]>([
    ["as an effect", () => Effect.asVoid(Effect.orDie(session))],
    ["as a function", async (_, session) => void await session.send("Again.")],
    ["in a fiber of its own", () => Effect.asVoid(Effect.forkDetach(session))]
  ])("is refused in the end, and the call goes on: %s", ([, onUserTurn]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onUserTurn }),
        user: [hello],
        llmOptions: { otherwise: "Fine." }
      })
      assert.deepStrictEqual(timeline.warnings, [
        "send in onUserTurn was refused: more than 20 texts in 10 seconds, each of which the hook is called for again"
      ])
      assert.deepStrictEqual(timeline.messages.at(-1), "assistant: Fine.")
      assert.lengthOf(timeline.messages.filter((message) => message === "user: Again."), 20)
    }))
})
