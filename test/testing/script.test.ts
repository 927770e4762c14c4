import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Text, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const hello = Testing.say(500, 2500, "Hello, how are you?")
const ids = (timeline: Testing.Timeline) =>
  timeline.of("UserTranscript").map(({ participant, text }) => [participant, text])

describe("a script", () => {
  it.effect("has several callers, each with a microphone of their own", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [
          Testing.say(500, 1500, "Hello?"),
          Testing.by("bob", Testing.join(2000)),
          Testing.by("bob", Testing.say(3000, 4000, "I am here, too.")),
          Testing.by("eve", Testing.type(8000, "And I.")),
          Testing.leave(9000),
          Testing.by("bob", Testing.leave(9500))
        ],
        at: [{
          at: 8500,
          do: (session, caller) =>
            Effect.gen(function*() {
              assert.strictEqual((yield* session.participant)?.identity, "caller")
              for (const name of ["caller", "bob", "eve"]) {
                assert.isTrue(yield* (yield* caller.other(name)).isThere, name)
              }
              assert.strictEqual(yield* caller.other("caller"), caller)
            })
        }],
        llm: ["Yes."],
        tts: { duration: 500 }
      })
      assert.deepStrictEqual(timeline.failures, [])
      // The agent talks with the first; what others say at the same time is not theirs.
      assert.deepStrictEqual(ids(timeline), [["caller", "Hello?"]])
      assert.deepStrictEqual(timeline.of("SessionClosed").map(({ at, reason }) => [at, reason]), [[
        9000,
        "participant_left"
      ]])
    }))

  it.effect("answers by what the tools have given, and by what has failed", () =>
    Effect.gen(function*() {
      const tools = Tools.functions({
        book: {
          parameters: Schema.Struct({ nights: Schema.Int }),
          run: async ({ nights }) => {
            if (nights > 14) throw new Tools.ToolError({ message: "Two weeks at most." })
            return { room: 7 }
          }
        }
      })
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", tools }),
        user: [Testing.type(500, "20"), Testing.type(9000, "2")],
        llm: ({ results, text }) =>
          results.length === 0
            ? { tools: [{ name: "book", params: { nights: Number(text) } }] }
            : results.map(({ isFailure, name, result }) => `${name}, ${isFailure}: ${JSON.stringify(result)}`).join(
              ". "
            ),
        tts: { duration: 500 }
      })
      assert.deepStrictEqual(timeline.messages.filter((message) => message.startsWith("assistant")), [
        "assistant: book, true: \"Two weeks at most.\"",
        "assistant: book, false: {\"room\":7}"
      ])
    }))

  it.effect("says why somebody leaves: one who may be back is awaited, and it is not quiet until then", () =>
    Effect.gen(function*() {
      const left = (reason?: Parameters<typeof Testing.leave>[1], more: ReadonlyArray<Testing.UserAction> = []) =>
        Effect.map(
          Testing.scenario({
            user: [hello, Testing.leave(6000, reason), ...more],
            llm: ["Fine."],
            options: { returnTimeout: "20 seconds" }
          }),
          (timeline) => timeline.of("SessionClosed").map(({ at, reason }) => [at, reason])
        )
      assert.deepStrictEqual(yield* left(), [[6000, "participant_left"]])
      assert.deepStrictEqual(yield* left("connection_lost"), [[26_000, "participant_left"]])
      assert.deepStrictEqual(yield* left("connection_lost", [Testing.join(16_000)]), [[30_500, "closed"]])
    }))

  it.effect("is not quiet while a tool works or a word lasts", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(Tool.make("work", { success: Schema.String }))
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: kit }),
        user: [hello],
        llm: [{ tools: [{ name: "work" }] }, "Done."],
        tts: { duration: 15_000 }
      }).pipe(Effect.provide(kit.toLayer({ work: () => Effect.delay(Effect.succeed("done"), 20_000) })))
      assert.isTrue(timeline.quiet)
      assert.deepStrictEqual(timeline.of("FunctionCallsFinished").map(({ at, calls }) => [at, calls[0]?.isFailure]), [
        [23_000, false]
      ])
      assert.deepStrictEqual(timeline.playbacks.map(({ interrupted, playedMs }) => [playedMs, interrupted]), [
        [15_000, false]
      ])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("tells when the words of a transcript were said, also after the connection was lost", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [
          Testing.say(1000, 2000, "One two", { transcripts: [{ at: 1900, text: "One two", start: 100, end: 1150 }] }),
          Testing.say(20_000, 21_000, "Three.", { transcripts: [{ at: 1900, text: "Three.", start: 50, end: 1100 }] })
        ],
        stt: { times: true, faults: [{ end: true, afterTime: 10_000 }] },
        llm: ["Yes.", "Yes."]
      })
      const words = timeline.connections.map(({ transcripts }) => transcripts.flatMap(({ words = [] }) => words))
      // A connection counts from the first audio that it was given.
      assert.deepStrictEqual(words[0], [
        { text: "One", start: 100, end: 700 },
        { text: "two", start: 700, end: 1150 }
      ])
      assert.deepStrictEqual(timeline.turns.map(({ userStoppedAt }) => userStoppedAt), [2150, 21_100])
    }))

  it.effect("gives exact deltas, and a call before the text", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(Tool.make("look", { success: Schema.String }))
      const deltas: Testing.LlmReply = {
        deltas: [
          { at: 50, delta: { name: "look", id: "one" } },
          { at: 200, delta: "Let me " },
          { at: 450, delta: { _tag: "Text", text: "see." } },
          { at: 500, delta: { _tag: "Finish", usage: { inputTokens: 7, outputTokens: 3 } } }
        ]
      }
      for (
        const first of [deltas, {
          text: "Let me see.",
          firstToken: 200,
          total: 500,
          toolsAt: 50,
          tools: [{ name: "look" }]
        }]
      ) {
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          agent: Agent.make({ instructions: "", tools: kit }),
          user: [hello],
          llm: [first, "Sunny."]
        }).pipe(Effect.provide(kit.toLayer({ look: () => Effect.succeed("sun") })))
        assert.deepStrictEqual(timeline.messages, [
          "user: Hello, how are you?",
          "assistant: Let me see.",
          "call: look",
          "output: look",
          "assistant: Sunny."
        ])
        assert.deepStrictEqual(timeline.requests[0]?.firstOutputAt, 3050)
        assert.deepStrictEqual(timeline.requests[0]?.endedAt, 3500)
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))

  it.effect("tells whether a request was cancelled", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(5000, 6000, "No, wait."), Testing.say(12_000, 13_000, "And now?")],
        llm: [{ text: "One two three four.", total: 60_000, firstToken: 100 }, "Yes.", { fail: true }, "Now."],
        options: { resilience: { retries: 1 } }
      })
      assert.deepStrictEqual(timeline.requests.map(({ outcome }) => outcome), [
        "cancelled",
        "completed",
        "failed",
        "completed"
      ])
      assert.strictEqual(timeline.requests[0]?.endedAt, 6500)
      assert.deepStrictEqual(timeline.requests.map(({ firstOutputAt }) => firstOutputAt !== undefined), [
        true,
        true,
        false,
        true
      ])
    }))
})

const rich = [
  "**Bold** and _thin_, `code`, ~~gone~~ 👍.",
  "# Head\n\n- one\n- two 🎉\n\n1. first\n2. second",
  "See [the page](https://example.com/a_b?c=*d*) 🙂 now, please, and not [the other one](https://example.org/x).",
  "| a | b |\n|---|---|\n| one | two |\n\nThat is all.",
  "A family 👨‍👩‍👧 of *three* words & <b>more</b>. Then 5 * 3 = 15 and snake_case_name."
]

describe("the invariants", () => {
  it.effect.each(rich)("hold of a reply with signs that are not spoken (%j)", (text) =>
    Effect.gen(function*() {
      const whole = yield* Testing.scenario({ user: [hello], llm: [text], tts: { duration: 8000 } })
      assert.deepStrictEqual(Testing.invariants(whole), [])
      assert.strictEqual(whole.messages.length, 2)
      // Wherever it is cut, with every kind of alignment.
      for (const alignment of ["word", "piece", false] as const) {
        for (let at = 3300; at < 11_000; at += 690) {
          const cut = yield* Testing.scenario({
            user: [hello],
            at: [{ at, do: (session) => session.interrupt() }],
            llm: [text],
            tts: { duration: 8000, alignment }
          })
          assert.deepStrictEqual(Testing.invariants(cut), [], `${alignment} ${at}`)
        }
      }
    }))

  it.effect("miss words that were never said (I2)", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [hello], llm: ["**One** two three. 👍"] })
      const items = timeline.history.items.map((item) =>
        item._tag === "Message" && item.role === "assistant" ? { ...item, text: "**One** two four. 👍" } : item
      )
      assert.deepStrictEqual(
        Testing.invariants({ ...timeline, history: { items } }).map(({ invariant }) => invariant),
        ["I2"]
      )
    }))

  it.effect("compare by the transforms of the program", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        llm: ["Dr. Who is *in*."],
        options: { transforms: [Text.replace({ "Dr.": "Doctor" }), Text.markdown] }
      })
      assert.deepStrictEqual(timeline.speeches.map(({ pieces }) => pieces.join("").trim()), ["Doctor Who is in."])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))
})
