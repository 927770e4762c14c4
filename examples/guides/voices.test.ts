import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Agent, Audio, Tts } from "effect-voice"

const engine = (name: string, sampleRate: number) =>
  Tts.fromSynthesizer({
    name,
    sampleRate,
    channels: 1,
    voices: ["low", "high"],
    synthesize: (text, voice) =>
      Effect.as(
        Effect.sync(() => void asked.push(`${name} ${voice ?? "as it is"}: ${text}`)),
        Audio.silence(100, { sampleRate, channels: 1 })
      )
  })
const asked: Array<string> = []

// Several voices under names of your own, also of different providers; the first is that of whoever names none.
export const cast = Layer.sync(Tts.Tts, () => {
  const local = engine("local", 16_000)
  return Tts.voices({
    receptionist: local,
    manager: { tts: local, voice: "low" },
    singer: engine("studio", 48_000)
  })
})

// The voice of an agent holds while it speaks, also after a hand-off.
export const manager = Agent.make({ name: "manager", voice: "manager", instructions: "You are called for complaints." })

it.effect("speaks in the voice that is named, at one rate", () =>
  Effect.gen(function*() {
    const rates = yield* Effect.forEach([undefined, "manager", "singer"], (voice) =>
      Effect.map(
        Stream.runCollect(Tts.speak(Stream.make("Hello."), { voice })),
        (chunks) => chunks[0]?.frame.sampleRate
      ))
    assert.deepStrictEqual(rates, [16_000, 16_000, 16_000])
    assert.deepStrictEqual(asked, ["local as it is: Hello.", "local low: Hello.", "studio as it is: Hello."])
  }).pipe(Effect.provide(cast)))
