import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Audio, Llm, Tts } from "effect-voice"
import { Prompt } from "effect/ai"

const asked = { llm: 0, tts: 0 }

const model = Llm.make({
  name: "ours",
  reply: () => Stream.suspend(() => Stream.make({ _tag: "Text", text: `Answer ${++asked.llm}.` }, { _tag: "Finish" }))
})

const voice = Tts.fromSynthesizer({
  name: "ours",
  sampleRate: 16_000,
  channels: 1,
  synthesize: () => Effect.sync(() => (asked.tts++, Audio.silence(500, Audio.speech)))
})

// The same question, with the same prompt and tools before it, is answered from memory; so is a sentence said again.
export const memories = Layer.merge(
  Layer.succeed(Llm.Llm, Llm.cached(model, { timeToLive: "10 minutes" })),
  Tts.layerCached(Layer.succeed(Tts.Tts, voice), { accepts: (text) => text.startsWith("One moment") })
)

it.effect("asks once for what is asked for again", () =>
  Effect.gen(function*() {
    const ask = (text: string) => Stream.mkString(Llm.text(Llm.reply({ prompt: Prompt.make(text), tools: [] })))
    assert.deepStrictEqual(yield* Effect.forEach(["Breakfast?", "Breakfast?", "Dogs?"], ask), [
      "Answer 1.",
      "Answer 1.",
      "Answer 2."
    ])
    for (const text of ["One moment, please.", "One moment, please.", "Room seven.", "Room seven."]) {
      yield* Stream.runDrain(Tts.speak(Stream.make(text)))
    }
    assert.strictEqual(asked.tts, 3)
  }).pipe(Effect.provide(memories)))
