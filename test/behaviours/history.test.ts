import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, Audio, Failure, History, type Session, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"

const hello = Testing.say(500, 2500, "Hello, how are you?")
const message = (role: "user" | "assistant", text: string, createdAt: number) =>
  History.Message.make({ id: `${role}-${createdAt}`, role, text, createdAt })
const before = History.make([message("user", "My name is Ann.", -2000), message("assistant", "Hello Ann.", -1000)])
const questions = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    at: 1000 + 3000 * i,
    do: (session: Session.Session["Service"]) => session.send(`question number ${i}, which is a rather long one`)
  }))

describe("the history of a session", () => {
  it.effect("begins with that of the agent, and the model is shown it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "Be kind.", history: before }),
        user: [hello]
      })
      assert.deepStrictEqual(timeline.messages, [
        "user: My name is Ann.",
        "assistant: Hello Ann.",
        "user: Hello, how are you?",
        "assistant: OK."
      ])
      const prompt = JSON.stringify(timeline.requests[0]!.prompt)
      assert.include(prompt, "Be kind.")
      assert.isBelow(prompt.indexOf("Ann."), prompt.indexOf("how are you"))
    }))

  it.effect("is truncated beyond its budget, and says so", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: questions(8),
        llm: (request) => `answer number ${request.index}, which is a rather long one, too`,
        tts: { duration: 500 },
        options: { budget: { maxTokens: 80, targetTokens: 50, keepRecent: 2, strategy: "truncate" } }
      })
      assert.isNotEmpty(timeline.of("HistorySummarized"))
      assert.isBelow(timeline.messages.length, 8)
      assert.include(timeline.messages.at(-1), "answer number 7")
      assert.notInclude(timeline.messages.join("\n"), "question number 0")
    }))

  it.effect("is summarised beyond its budget, off the way of the reply", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: questions(8),
        llm: ({ prompt, text }) =>
          JSON.stringify(prompt).includes("beginning of a conversation between")
            ? { text: "They talked about numbers.", firstToken: 1000, total: 1000 }
            : `answer to ${text}`,
        tts: { duration: 500 },
        options: { budget: { maxTokens: 90, targetTokens: 50, keepRecent: 2, strategy: "summarize" } }
      })
      assert.strictEqual(timeline.messages[0], "summary: They talked about numbers.")
      assert.strictEqual(timeline.messages.filter((message) => message.startsWith("summary")).length, 1)
      assert.include(timeline.messages.at(-1), "answer to question number 7")
      for (const { total } of timeline.turns) assert.strictEqual(total, 500)
      const last = timeline.requests.findLast(({ text }) => text.startsWith("question"))
      assert.include(JSON.stringify(last!.prompt), "They talked about numbers.")
    }))

  it.effect("stays whole when it cannot be summarised, with a warning", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: questions(4),
        llm: ({ prompt, text }) =>
          JSON.stringify(prompt).includes("beginning of a conversation between")
            ? { fail: true }
            : `answer to ${text}`,
        tts: { duration: 500 },
        options: {
          resilience: { retries: 0 },
          budget: { maxTokens: 60, targetTokens: 30, keepRecent: 2, strategy: "summarize" }
        }
      })
      assert.isNotEmpty(timeline.warnings)
      assert.strictEqual(timeline.messages.length, 8)
      assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "closed")
    }))

  it.effect("can be changed by the program", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          { at: 1000, do: (session) => session.send("one") },
          { at: 4000, do: (session) => session.updateHistory((history) => History.truncate(history, { maxItems: 0 })) },
          { at: 5000, do: (session) => session.send("two") }
        ]
      })
      assert.deepStrictEqual(timeline.messages, ["user: two", "assistant: OK."])
      assert.notInclude(JSON.stringify(timeline.requests[1]!.prompt), "\"one\"")
    }))

  const zero = History.Message.make({ id: "m", createdAt: 0, role: "user", text: "zero" })
  const odd: ReadonlyArray<readonly [string, unknown, string]> = [
    ["nothing", undefined, "not undefined"],
    ["null", null, "not null"],
    ["a promise", Promise.resolve(History.empty), "a promise: was it awaited?"],
    ["a list", [zero], "not a list"],
    ["a text", "zero", "not a text"],
    ["no items", {}, "not an object"],
    ["items that are none", { items: "zero" }, "not an object"],
    ["null among them", { items: [zero, null] }, "items[1] is null"],
    ["a text among them", { items: ["zero"] }, "items[0] is a text"],
    ["an item without a kind", { items: [zero, { ...zero, _tag: undefined }] }, "items[1]"],
    ["a time that is none", { items: [{ ...zero, createdAt: Number.NaN }] }, "items[0].createdAt is not"],
    ["a text that is none", { items: [{ ...zero, text: 7 }] }, "items[0].text is not"],
    ["a role that nobody has", { items: [{ ...zero, role: "tool" }] }, "items[0].role is not"],
    ["parameters that are no JSON", {
      items: [{ _tag: "ToolCall", id: "c", createdAt: 0, callId: "c", name: "t", params: 1n }]
    }, "items[0].params is not"]
  ]
  it.effect.each(odd)("is not changed to what is none: %s", ([, given, why]) =>
    Effect.gen(function*() {
      const refused: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        at: [
          { at: 1000, do: (session) => session.send("one") },
          {
            at: 4000,
            do: (session) =>
              session.updateHistory(() => given as History.History).pipe(
                Effect.catchDefect((defect) => Effect.sync(() => void refused.push(defect)))
              )
          },
          { at: 5000, do: (session) => session.send("two") }
        ]
      })
      assert.deepStrictEqual(timeline.messages, ["user: one", "assistant: OK.", "user: two", "assistant: OK."])
      const [error] = refused
      assert.isTrue(error instanceof Failure.InvalidOptions)
      assert.include(String(error), "updateHistory must give a History")
      assert.include(String(error), why)
      assert.notInclude(String(error), "zero")
      if (given === undefined) return
      assert.throws(() => Agent.make({ instructions: "", history: given as any }), Failure.InvalidOptions, why)
    }))

  it.effect("is in order whatever the program makes of it, and keeps what it has put in", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          { at: 1000, do: (session) => session.send("one") },
          {
            at: 4000,
            do: (session) => session.updateHistory(({ items }) => ({ items: [...items.toReversed(), zero] }))
          },
          { at: 5000, do: (session) => session.send("two") },
          {
            at: 8000,
            do: (session) =>
              session.updateHistory((history) => {
                ;(history.items as Array<History.Item>).push({ ...zero, id: "n", text: "none" })
                return history
              })
          },
          { at: 9000, do: (session) => session.send("three") }
        ]
      })
      assert.deepStrictEqual(timeline.messages, [
        "user: zero",
        "user: none",
        "user: one",
        "assistant: OK.",
        "user: two",
        "assistant: OK.",
        "user: three",
        "assistant: OK."
      ])
    }))

  it.effect("stays whole where what measures it fails, and the log says why", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        options: { budget: { maxTokens: 1, strategy: "truncate", estimate: () => Number.NaN } }
      })
      assert.deepStrictEqual(timeline.messages.length, 2)
      assert.include(JSON.stringify(timeline.logs), "estimate must give a number of tokens, 0 or more, not NaN")
      assert.deepStrictEqual(timeline.warnings, ["the history could not be summarised"])
    }))

  it.effect("can be exported and read again", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(4100, 5500, "Excuse me")],
        llm: ["Let me check on that for you.", "Yes?"],
        tts: { duration: 2000 }
      })
      const json = JSON.stringify(yield* Schema.encodeEffect(History.History)(timeline.history))
      const again = yield* Schema.decodeUnknownEffect(History.History)(JSON.parse(json))
      assert.isTrue(History.equals(again, timeline.history))
      const text = (["text", "json", "markdown"] as const).map((format) =>
        History.toTranscript(timeline.history, format)
      ).join()
      for (const said of ["Hello, how are you?", "Let me check on", "Excuse me", "Yes?"]) assert.include(text, said)
      assert.notInclude(text, "for you")
    }))

  it.effect("knows who said what", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ room: { identity: "ann" }, user: [hello] })
      const [first] = timeline.history.items
      assert.deepInclude(first, { _tag: "Message", role: "user", participant: "ann" })
    }))

  it.effect("I2: holds what was heard, wherever the user cuts in", () =>
    Effect.gen(function*() {
      const text = "One thing is certain. Another thing is not so certain, is it? The third I have forgotten."
      for (let at = 3600; at < 9000; at += 450) {
        const timeline = yield* Testing.scenario({
          user: [hello],
          llm: [text],
          tts: {},
          at: [{ at, do: (session) => session.interrupt() }]
        })
        const [, reply] = timeline.history.items
        const heard = reply?._tag === "Message" ? reply.text : ""
        assert.isTrue(text.startsWith(heard), heard)
        const spoken = timeline.of("AgentTranscript").filter(({ final }) => !final).map(({ text }) => text).join("")
        assert.isTrue(spoken.trim().startsWith(heard), `${spoken} | ${heard}`)
        assert.isAtMost(Math.abs(heard.length * 60 - (timeline.playbacks[0]?.playedMs ?? 0)), 600)
      }
    }))

  it.effect.each<readonly [string, ReadonlyArray<string>]>([
    ["without spaces", ["Yeah,", "I", "can", "do", "that."]],
    ["with signs on both sides", ["Yeah,", ", I can", "can do", " that."]],
    ["without signs, in capitals", ["YEAH", "I CAN", "DO THAT"]],
    ["as it said something else", ["Yes", "I can", "do this"]],
    ["of the beginning alone", ["Yeah,", " I"]]
  ])(
    "is the text as it was spoken, at every cut, with a voice that tells its words %s",
    ([, told]) =>
      Effect.gen(function*() {
        const text = "Yeah, I can do that."
        const ms = 1000
        const tts = Tts.make({
          name: "odd",
          sampleRate: 8000,
          channels: 1,
          speak: (texts) =>
            Stream.concat(
              Stream.drain(texts),
              Stream.fromIterable(told.map((word, i) => ({
                frame: Audio.silence(ms / told.length, { sampleRate: 8000, channels: 1 }),
                alignment: [{ text: word, start: i * ms / told.length, end: (i + 1) * ms / told.length }]
              })))
            )
        })
        const cuts = new Set<string>()
        for (let at = 1000; at < 2200; at += 50) {
          const timeline = yield* Testing.scenario({
            layer: Layer.succeed(Tts.Tts, tts),
            at: [
              { at: 1000, do: (session) => session.say(text) },
              { at, do: (session) => session.interrupt() }
            ]
          })
          const [reply] = timeline.history.items
          const heard = reply?._tag === "Message" ? reply.text : ""
          const shown = timeline.of("AgentTranscript").map((event) => event.text).join("")
          assert.isTrue(text.startsWith(heard), heard)
          assert.isTrue(text.startsWith(shown) && shown.startsWith(heard), `${shown} | ${heard}`)
          cuts.add(heard)
        }
        assert.isAbove(cuts.size, 2)
        assert.include([...cuts], text)
      })
  )
})

describe("a voice that fails, and tells no times", () => {
  const first = "The room that you asked for is free."
  it.effect.each([40, 60, 90, 150])(
    "has said nothing of the text that it was given after its last audio, at %d ms a character",
    (msPerCharacter) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [hello],
          llm: [{ text: `${first} It has a bath with a view. It has a bed and a desk.`, total: 3000, firstToken: 100 }],
          tts: [{ alignment: false, msPerCharacter, fail: true, after: 1 }],
          options: { failedReply: false }
        })
        const [said] = timeline.of("AgentSpeechCommitted")
        assert.isTrue(first.startsWith(said!.text), said!.text)
        assert.isTrue(said!.interrupted)
        const shown = timeline.of("AgentTranscript").map(({ text }) => text).join("").trim()
        assert.isTrue(first.startsWith(shown), shown)
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      })
  )
})

const remark = (id: string, text: string, createdAt: number) =>
  History.Message.make({ id, role: "assistant", text, createdAt })

describe("the history that an agent brings along", () => {
  it.effect("comes before the turns of the session, also where it was made later", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        agent: Agent.make({ instructions: "", history: History.make([remark("old", "Earlier.", 1_700_000_000_000)]) })
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: Earlier.", "user: Hello, how are you?", "assistant: OK."])
    }))

  it.effect("is merged at a handoff, and what follows comes after it", () =>
    Effect.gen(function*() {
      const early = remark("early", "Good morning.", 0)
      const late = remark("late", "Earlier.", 1_700_000_000_000)
      const other = Agent.make({ name: "other", instructions: "", history: History.make([early, late]) })
      const timeline = yield* Testing.scenario({
        user: [hello],
        at: [{ at: 100, do: (session) => session.handoff(other) }]
      })
      assert.deepStrictEqual(timeline.messages, [
        "assistant: Good morning.",
        "assistant: Earlier.",
        "handoff: other",
        "user: Hello, how are you?",
        "assistant: OK."
      ])
    }))
})
