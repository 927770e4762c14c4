/**
 * @title A voice detector of your own is one function
 *
 * The function is given a window of samples between -1 and 1, and says how
 * probable a voice is in it. Rates, windows, hysteresis, padding and the audio
 * of each speech are the library's business.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Stream } from "effect"
import { Audio, Vad } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** Loud, and not a hiss: a voice crosses zero less often than noise does. */
const score = (window: Float32Array): number => {
  let energy = 0
  let crossings = 0
  for (let i = 1; i < window.length; i++) {
    const [before = 0, sample = 0] = [window[i - 1], window[i]]
    energy += sample * sample
    if (before < 0 !== sample < 0) crossings++
  }
  const level = Math.sqrt(energy / window.length)
  return crossings / window.length > 0.35 ? 0 : Math.min(1, level * 20)
}

export const vad = Vad.make({ name: "mine", sampleRate: 16_000, windowSize: 320, scorer: Effect.succeed(score) })

const hiss: Audio.Frame = {
  ...Audio.speech,
  samples: Int16Array.from({ length: 16_000 }, (_, i) => i % 2 === 0 ? 6000 : -6000)
}

const program = Effect.gen(function*() {
  const telephone = { sampleRate: 8000, channels: 1 }
  const audio = Stream.make(
    Audio.silence("1 second", Audio.speech),
    hiss,
    Audio.silence("1 second", Audio.speech),
    Testing.speech("Can you hear me?"),
    Audio.silence("1 second", Audio.speech)
  ).pipe(Audio.resample(telephone))
  yield* vad.detect(audio, { minSilence: "300 millis" }).pipe(
    Stream.runForEach((event) => Console.log(`${event._tag} at ${Math.round(event.at)} ms`))
  )
})

NodeRuntime.runMain(program)
