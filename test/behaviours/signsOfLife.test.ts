/** Who only seems to be at work, for ever, is given up after a time, and that is told. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Schema, Stream } from "effect"
import { Agent, Audio, Llm, type Pipeline, Stt, Tts } from "effect-voice"
import { Thought } from "effect-voice/internal/llm/thinking"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const each = (ms: number) => Stream.fromSchedule(Schedule.spaced(ms))

/** Signs of life, and not one word. */
const thoughts = Stream.unwrap(
  Effect.map(Thought, (think) => Stream.filter(Stream.map(each(1000), think), (_): _ is never => false))
)
const textOf = (text: string): Llm.Delta => ({ _tag: "Text", text })
const nothing = Stream.map(each(1000), () => textOf(""))

const model = (reply: Stream.Stream<Llm.Delta, Llm.LlmError>) =>
  Layer.effect(Llm.Llm, Effect.map(Llm.Llm, (llm) => ({ ...llm, resilient: false, reply: () => reply })))

/** One that reads what it is given, and answers nothing of it. */
const recogniser = (transcripts: () => Stream.Stream<Stt.Transcript>) =>
  Layer.effect(
    Stt.Stt,
    Effect.map(Stt.Stt, (stt): Stt.Stt["Service"] => ({
      ...stt,
      resilient: false,
      transcribe: (audio) => Stream.merge(Stream.drain(audio), transcripts())
    }))
  )

const format = { sampleRate: 16_000, channels: 1 }
const voice = (chunks: Stream.Stream<Tts.Chunk, Tts.TtsError>) =>
  Layer.effect(
    Tts.Tts,
    Effect.map(Tts.Tts, (tts): Tts.Tts["Service"] => ({ ...tts, ...format, resilient: false, speak: () => chunks }))
  )
const audio = (ms: number): Tts.Chunk => ({ frame: Audio.silence(ms, format) })

const talk = (layer: Testing.Scenario<never, never, never>["layer"], options: Pipeline.Options = {}) =>
  Testing.scenario({
    layer,
    user: [Testing.say(1000, 2000, "Tell me.")],
    options,
    until: 100_000
  })

/** When somebody was given up, after which time. */
const failures = (timeline: Testing.Timeline) =>
  timeline.of("ProviderFailed").map(({ at, component, reason }) => [
    at,
    component,
    typeof reason === "object" && reason._tag === "TimedOut" ? reason.afterMs : reason
  ])

describe("a model that thinks for ever", () => {
  it.effect("is given up a minute after it was asked, which is told and apologised for", () =>
    Effect.gen(function*() {
      const timeline = yield* talk(model(thoughts))
      assert.deepStrictEqual(failures(timeline), [[62_200, "llm", 60_000]])
      assert.match(timeline.messages.at(-1)!, /^assistant: Sorry/)
    }))

  it.effect("is given up as soon as the program wants, and no sooner than one that is silent", () =>
    Effect.gen(function*() {
      const after = (thinking: number) =>
        Effect.map(talk(model(thoughts), { resilience: { thinking } }), (timeline) => failures(timeline)[0]![0])
      assert.deepStrictEqual([yield* after(15_000), yield* after(1)], [17_200, 12_200])
    }))

  it.effect("is given up a minute after its last word", () =>
    Effect.gen(function*() {
      const timeline = yield* talk(model(Stream.concat(Stream.make(textOf("I wonder. ")), thoughts)))
      assert.deepStrictEqual(failures(timeline), [[62_200, "llm", 60_000]])
      assert.include(timeline.messages, "assistant: I wonder.")
    }))
})

describe("a model that gives no word for ever", () => {
  it.effect.each([["nothing", nothing], ["blanks", Stream.map(nothing, () => textOf(" \n"))]] as const)(
    "is as silent as one that gives nothing: %s",
    ([, texts]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(failures(yield* talk(model(texts))), [[12_200, "llm", 10_000]])
        const later = yield* talk(model(Stream.concat(Stream.make(textOf("I wonder. ")), texts)))
        assert.deepStrictEqual(failures(later), [[12_200, "llm", 10_000]])
      })
  )

  it.effect("is not taken for one that has ended without a word", () =>
    Effect.gen(function*() {
      const timeline = yield* talk(model(Stream.make(textOf(" "), textOf("\n"))))
      assert.deepStrictEqual(failures(timeline), [])
      assert.deepStrictEqual(timeline.of("ReplyEmpty").map(({ reason }) => reason), ["blank", "blank"])
    }))
})

describe("a voice that gives no audio for ever", () => {
  it.effect.each<readonly [string, Stream.Stream<Tts.Chunk>]>([
    ["from the first", Stream.map(each(1000), () => audio(0))],
    ["after some", Stream.concat(Stream.make(audio(1000)), Stream.map(each(1000), () => audio(0)))],
    ["but a sample now and then", Stream.concat(Stream.make(audio(1000)), Stream.map(each(1000), () => audio(1)))]
  ])("is given up as one that is silent: %s", ([, chunks]) =>
    Effect.gen(function*() {
      const [failure, ...others] = failures(yield* talk(voice(chunks)))
      assert.deepStrictEqual([failure?.[1], others], ["tts", []])
      assert.isAtMost(Number(failure![0]), 13_500)
    }))

  it.effect("is not taken for one that is as slow as it is heard", () =>
    Effect.gen(function*() {
      const timeline = yield* talk(voice(Stream.take(Stream.map(each(20), () => audio(20)), 2000)))
      assert.deepStrictEqual(failures(timeline), [])
    }))
})

describe("a recogniser that settles nothing", () => {
  it.effect("is asked again, and told to be lost, when it says nothing for ever", () =>
    Effect.gen(function*() {
      const timeline = yield* talk(recogniser(() => Stream.map(each(500), () => ({ text: "", final: false }))))
      assert.deepStrictEqual(timeline.of("TranscriptionTimedOut").map(({ at }) => at), [7000])
      assert.deepStrictEqual(failures(timeline).map(([, component, after]) => [component, after]), [["stt", 10_000]])
    }))

  it.effect.each([["the same", "Tell me"], ["the same, said in two ways", "tell me!"]] as const)(
    "is believed what it has heard, once, when it says it for ever: %s",
    ([, other]) =>
      Effect.gen(function*() {
        let count = 0
        const timeline = yield* talk(
          recogniser(() => Stream.map(each(500), () => ({ text: count++ % 2 === 0 ? "Tell me" : other, final: false })))
        )
        assert.deepStrictEqual(timeline.messages, ["user: Tell me", "assistant: OK."])
        assert.deepStrictEqual(timeline.of("TranscriptionTimedOut").map(({ at }) => at), [7000])
      })
  )

  it.effect("is believed after a minute, when it hears ever more of a voice that is over", () =>
    Effect.gen(function*() {
      let count = 0
      const timeline = yield* talk(
        recogniser(() => Stream.map(each(500), () => ({ text: `Tell me ${"more ".repeat(++count)}`, final: false })))
      )
      const [told] = timeline.of("TranscriptionTimedOut")
      assert.strictEqual(told?.at, 62_000)
      assert.isAbove(timeline.playbacks.length, 0)
    }))
})

it.effect("a tool that tells of progress for ever is ended like one that tells nothing", () =>
  Effect.gen(function*() {
    const kit = Toolkit.make(Tool.make("draw", { success: Schema.Int }))
    const timeline = yield* Testing.scenario({
      agent: Agent.make({ instructions: "", tools: kit }),
      at: [{ at: 1000, do: (session) => session.send("Draw.") }],
      llm: [{ text: "Right.", tools: [{ name: "draw" }] }, "It takes too long."],
      until: 100_000
    }).pipe(Effect.provide(kit.toLayer({
      draw: (_, { preliminary }) => Effect.forever(Effect.andThen(Effect.sleep(500), preliminary(1)))
    })))
    const [finished] = timeline.of("FunctionCallsFinished")
    assert.include(JSON.stringify(finished!.calls[0]), "did not finish within")
    assert.isAtMost(timeline.of("FunctionCallProgressed").length, 121)
    assert.include(timeline.messages, "assistant: It takes too long.")
  }))
