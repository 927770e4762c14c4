/** A model that hears and speaks itself: no synthesiser is asked, and all else is as ever. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result, Schema, Stream } from "effect"
import { Agent, Audio, Failure, Llm, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Prompt, Tool, Toolkit } from "effect/ai"
import { saidMessage } from "../../src/internal/llm/heard.ts"
import { InWriting } from "../../src/internal/session.ts"

const format = { sampleRate: 24_000, channels: 1 } as const

const speech = (text: string, ms: number): Llm.Delta => ({ _tag: "Speech", text, frame: Audio.silence(ms, format) })

/** Speaks these words, each in so many milliseconds, as soon as it is asked. */
const spoken = (text: string, msPerWord = 300): Testing.LlmReply => ({
  deltas: text.split(/(?<= )/).map((word) => ({ at: 100, delta: speech(word, msPerWord) }))
})

const agent = Agent.make({ instructions: "You book rooms." })

describe("a model that speaks itself", () => {
  it.effect("is heard without a synthesiser, and its words stand in the history", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 2500, "A room, please.")],
        llm: [spoken("Room seven is yours.")]
      })
      assert.deepStrictEqual(timeline.messages, ["user: A room, please.", "assistant: Room seven is yours."])
      assert.strictEqual(timeline.playbacks[0]!.end! - timeline.playbacks[0]!.start, 1200)
      assert.deepStrictEqual(timeline.of("TtsMeasured"), [])
      const [measured] = timeline.of("TurnMeasured")
      assert.strictEqual(measured!.record.ttsMs, 0)
      assert.strictEqual(measured!.record.audioMs, 1200)
    }))

  it.effect("stands in the history as far as it was heard, when it is interrupted", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 2500, "A room, please."), Testing.say(6500, 8500, "No, stop, I want two rooms.")],
        llm: [spoken("one two three four five six seven eight nine ten", 1000), spoken("Two rooms.")],
        preset: "mechanics"
      })
      const [, heard] = timeline.messages
      assert.match(heard!, /^assistant: one two three( four)?( five)?—$/)
      assert.strictEqual(timeline.messages.at(-1), "assistant: Two rooms.")
    }))

  it.effect("calls tools between its words", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "You book rooms.", tools: Kit }),
        user: [Testing.say(500, 2500, "Two nights, please.")],
        llm: [
          {
            deltas: [
              { at: 100, delta: speech("Let me see.", 500) },
              { at: 120, delta: { _tag: "ToolCall", id: "c1", name: "book", params: { nights: 2 } } }
            ]
          },
          spoken("It is done.")
        ]
      })
      assert.deepStrictEqual(timeline.messages, [
        "user: Two nights, please.",
        "assistant: Let me see.",
        "call: book",
        "output: book",
        "assistant: It is done."
      ])
    }).pipe(Effect.provide(Kit.toLayer({ book: ({ nights }) => Effect.succeed(`${nights} nights`) }))))

  it.effect("leaves what the program says to the synthesiser", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "x", onEnter: Session.Session.use((session) => session.say("Welcome.")) }),
        user: [Testing.say(3500, 5500, "Hello?")],
        llm: [spoken("Good evening.")]
      })
      assert.deepStrictEqual(timeline.messages, [
        "assistant: Welcome.",
        "user: Hello?",
        "assistant: Good evening."
      ])
      assert.strictEqual(timeline.of("TtsMeasured").length, 1)
    }))

  it.effect("is cut where its connection is lost, with the words that were heard", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 2500, "A room, please.")],
        llm: [{ ...spoken("Room seven is yours."), fail: true, after: 2 }],
        options: { turn: { preemption: { llm: false } } }
      })
      assert.deepStrictEqual(timeline.messages.slice(0, 2), ["user: A room, please.", "assistant: Room seven—"])
    }))

  it.effect("writes in a conversation that is held in writing", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        at: [{ at: 500, do: (session) => session.send("A room, please.") }],
        llm: [spoken("Room seven is yours.", 10_000)]
      }).pipe(Effect.provideService(InWriting, true))
      const [said] = timeline.of("AgentSpeechCommitted")
      assert.strictEqual(said!.text, "Room seven is yours.")
      assert.isBelow(said!.at, 2000)
    }))

  it.effect("is told as it is spoken, where words need not wait to be heard", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 2500, "A room, please.")],
        llm: [spoken("Room seven is yours.")],
        options: { syncTranscript: false }
      })
      const told = timeline.of("AgentTranscript").map(({ text }) => text).join("")
      assert.strictEqual(told, "Room seven is yours.")
    }))
})

const Kit = Toolkit.make(
  Tool.make("book", { parameters: Schema.Struct({ nights: Schema.Int }), success: Schema.String })
)

describe("a model that hears", () => {
  /** What of the prompts is audio: its length, and the text beside it. */
  const hearing = (heard: Array<readonly [ms: number, text: string]>, hears = true) =>
    Layer.succeed(
      Llm.Llm,
      Llm.make({
        name: "ears",
        hears,
        reply: ({ prompt }) => {
          for (const message of prompt.content) {
            if (message.role !== "user") continue
            const text = message.content.map((part) => part.type === "text" ? part.text : "").join("")
            const file = message.content.find((part) => part.type === "file")
            const frame = file === undefined ? undefined : Audio.decodeWav(file.data as Uint8Array)
            heard.push([
              frame === undefined || Result.isFailure(frame) ? 0 : Math.round(Audio.durationMs(frame.success)),
              text
            ])
          }
          return Stream.make({ _tag: "Text" as const, text: "OK." }, { _tag: "Finish" as const })
        }
      })
    )

  it.effect("gets what was said, and no silence, beside the words", () =>
    Effect.gen(function*() {
      const heard: Array<readonly [number, string]> = []
      yield* Testing.scenario({
        agent,
        user: [Testing.say(3000, 5000, "A room, please."), Testing.say(12_000, 13_000, "For two.")],
        room: { frames: 20 },
        layer: hearing(heard),
        preset: "mechanics"
      })
      assert.strictEqual(heard.length, 3)
      for (const [i, least] of [2000, 2000, 1000].entries()) {
        assert.isAtLeast(heard[i]![0], least)
        assert.isAtMost(heard[i]![0], least + 1200)
      }
    }))
})

describe("a model that hears, within a fallback,", () => {
  it.effect("is followed by one that writes, which gets the words alone, and is spoken by the synthesiser", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const shown = ({ prompt }: Llm.Request) =>
        prompt.content.flatMap((message) => message.role === "user" ? message.content.map(({ type }) => type) : [])
      const broken = Llm.make({
        name: "ears",
        hears: true,
        reply: (request) => {
          asked.push(`ears: ${shown(request).join(" ")}`)
          return Stream.fail(new Llm.LlmError({ provider: "ears", reason: new Failure.Disconnected({}) }))
        }
      })
      const writing = Llm.make({
        name: "hand",
        reply: (request) => {
          asked.push(`hand: ${shown(request).join(" ")}`)
          return Stream.make({ _tag: "Text" as const, text: "In writing." }, { _tag: "Finish" as const })
        }
      })
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(3000, 5000, "A room, please.")],
        room: { frames: 20 },
        layer: Llm.layerFallback([Layer.succeed(Llm.Llm, broken), Layer.succeed(Llm.Llm, writing)]),
        preset: "mechanics"
      })
      assert.deepStrictEqual([...new Set(asked)], ["ears: file text", "hand: text"])
      assert.deepStrictEqual(timeline.messages, ["user: A room, please.", "assistant: In writing."])
      assert.strictEqual(timeline.of("TtsMeasured").length, 1)
    }))
})

it.effect("a reply to what was heard is not kept for who says the same", () =>
  Effect.gen(function*() {
    let asked = 0
    const llm = Llm.cached(Llm.make({
      name: "ears",
      hears: true,
      reply: () => {
        asked += 1
        return Stream.make({ _tag: "Text" as const, text: "OK." }, { _tag: "Finish" as const })
      }
    }))
    const file = Audio.encodeWav(Audio.silence("1 second", Audio.speech))
    const prompts = [
      saidMessage(file, "Hello."),
      Prompt.userMessage({ content: [Prompt.textPart({ text: "Hello." })] })
    ]
    for (const message of [...prompts, ...prompts]) {
      yield* Stream.runDrain(llm.reply({ prompt: Prompt.fromMessages([message]), tools: [] }))
    }
    assert.strictEqual(asked, 3)
  }))

describe("what was reworded", () => {
  it.effect("is told in words alone", () =>
    Effect.gen(function*() {
      const kinds: Array<string> = []
      yield* Testing.scenario({
        agent: Agent.make({
          instructions: "x",
          onUserTurn: ({ text }) => Effect.succeed({ text: text.replace("4711", "…") })
        }),
        user: [Testing.say(3000, 5000, "My number is 4711.")],
        room: { frames: 20 },
        layer: Layer.succeed(
          Llm.Llm,
          Llm.make({
            name: "ears",
            hears: true,
            reply: ({ prompt }) => {
              const last = prompt.content.at(-1)
              if (last?.role === "user") {
                kinds.push(...last.content.map((part) => part.type === "text" ? part.text : part.type))
              }
              return Stream.make({ _tag: "Text" as const, text: "OK." }, { _tag: "Finish" as const })
            }
          })
        ),
        preset: "mechanics"
      })
      assert.deepStrictEqual(kinds, ["My number is …."])
    }))
})

describe("a reply that cannot be played", () => {
  const replies: Record<string, ReadonlyArray<Llm.Delta>> = {
    "gave text in a reply that it speaks itself": [speech("a", 20), { _tag: "Text", text: "b" }],
    "spoke in a reply that it gives as text": [{ _tag: "Text", text: "b" }, speech("a", 20)],
    "gave audio of two formats in one reply": [
      speech("a", 20),
      { _tag: "Speech", frame: Audio.silence(20, Audio.speech) }
    ],
    "gave samples that are no Int16Array as audio": [
      speech("a", 20),
      { _tag: "Speech", frame: { samples: [1], ...format } as never }
    ]
  }
  for (const [detail, deltas] of Object.entries(replies)) {
    it.effect(`is told of: ${detail}`, () =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          agent,
          user: [Testing.say(500, 2500, "A room, please.")],
          llm: [{ deltas: deltas.map((delta) => ({ at: 100, delta })) }],
          options: { turn: { preemption: { llm: false } } }
        })
        const [failure] = timeline.of("ProviderFailed")
        assert.deepStrictEqual([failure?.component, failure?.reason], ["llm", new Failure.InvalidResponse({ detail })])
        assert.strictEqual(timeline.of("SpeechFinished")[0]!.outcome, "failed")
      }))
  }

  it.effect("is passed over where it holds neither words nor audio", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 2500, "A room, please.")],
        llm: [{
          deltas: [
            { at: 100, delta: { _tag: "Speech" } },
            { at: 100, delta: { _tag: "Speech", text: "", frame: Audio.silence(0, format) } },
            { at: 120, delta: speech("Yes.", 300) }
          ]
        }]
      })
      assert.deepStrictEqual(timeline.messages, ["user: A room, please.", "assistant: Yes."])
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
    }))

  it.effect("is heard where it has no words", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 2500, "A room, please.")],
        llm: [{ deltas: [{ at: 100, delta: { _tag: "Speech", frame: Audio.silence(500, format) } }] }]
      })
      assert.strictEqual(timeline.playbacks.length, 1)
      assert.deepStrictEqual(timeline.of("ReplyEmpty"), [])
    }))
})
