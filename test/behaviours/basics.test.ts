import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Audio, Llm, Metrics, Stt, Tools, Tts } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { Prompt, Tool, Toolkit } from "effect/ai"

// What the documentation of such libraries shows as tests, with its bounds.
describe("the first things that one asks of each part", () => {
  it.effect("speech is recognised with confidence above 0.8", () =>
    Effect.gen(function*() {
      const { stt } = yield* Testing.stt()
      const audio = Stream.make<[Stt.Input, Stt.Input, Stt.Input]>(
        Testing.speech("Hello, how are you?"),
        Audio.silence("1 second", Audio.speech),
        Stt.Finalize
      )
      const [heard] = yield* Testing.inVirtualTime(Stream.runCollect(stt.transcribe(audio)))
      assert.include(heard!.text.toLowerCase(), "hello")
      assert.isAbove(heard!.confidence!, 0.8)
    }))

  it.effect("a reply is not empty", () =>
    Effect.gen(function*() {
      const { llm } = yield* Testing.llm(["It is sunny."])
      const text = yield* Testing.inVirtualTime(Llm.generateText(llm, Prompt.make("What's the weather like?")))
      assert.isAbove(text.length, 0)
    }))

  it.effect("audio comes at 16 kHz when asked for", () =>
    Effect.gen(function*() {
      const { tts } = yield* Testing.tts({}, { sampleRate: 16_000 })
      const chunks = yield* Testing.inVirtualTime(
        Stream.runCollect(
          Tts.speak(Stream.make("Hello, this is a test.")).pipe(
            Stream.provideService(Tts.Tts, tts)
          )
        )
      )
      assert.isAbove(chunks.reduce((sum, { frame }) => sum + frame.samples.length, 0), 0)
      for (const { frame } of chunks) assert.strictEqual(frame.sampleRate, 16_000)
    }))

  it.effect("a function is executed with its result", () =>
    Effect.gen(function*() {
      const Weather = Tool.make("get_weather", {
        parameters: Schema.Struct({ location: Schema.String }),
        success: Schema.Struct({ temperature: Schema.Finite, condition: Schema.String })
      })
      const Kit = Toolkit.make(Weather)
      const tools = yield* Tools.resolve(Kit).pipe(
        Effect.provide(Kit.toLayer({ get_weather: () => Effect.succeed({ temperature: 25, condition: "sunny" }) }))
      )
      const { output } = yield* Tools.execute(tools, { id: "1", name: "get_weather", params: { location: "New York" } })
      assert.deepStrictEqual(output, { temperature: 25, condition: "sunny" })
    }))

  it.effect("a lost recogniser is recovered from", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 3000, "What's the weather in London?")],
        stt: { faults: [{ fail: true }] },
        llm: ["The weather is fine."]
      })
      assert.include(timeline.messages, "assistant: The weather is fine.")
    }))

  it.effect("a whole conversation, with a reply within 5 s and 2 s on average, heard from real samples", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { frames: 20 },
        user: [Testing.say(1000, 3500, "What's the weather in London?")],
        llm: ["The weather in London is fine."],
        layer: EnergyVad.layer()
      })
      assert.include(timeline.of("AgentSpeechCommitted")[0]!.text.toLowerCase(), "weather")
      assert.isBelow(timeline.of("AgentStartedSpeaking")[0]!.at - 3500, 5000)
      const collector = Metrics.collector()
      for (const event of timeline.events) collector.push(event)
      assert.isAbove(collector.summary().total_messages, 0)
      assert.isBelow(collector.summary().total_avg_latency ?? Infinity, 2000)
    }))

  it.effect("after a barge-in the agent is silent at once and replies within 2 s", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [{ at: 0, do: (session) => session.say("This is a long response that will be interrupted by the user.") }],
        user: [Testing.say(2000, 3500, "Wait, I have a question")],
        llm: ["Go ahead."],
        tts: [{ duration: 10_000 }, { duration: 500 }]
      })
      assert.strictEqual(timeline.playbacks[0]!.end, 2500)
      assert.isBelow(timeline.playbacks[1]!.start - 3500, 2000)
    }))
})
