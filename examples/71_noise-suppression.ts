/**
 * @title Noise suppression before the voice detector, and not before the recogniser
 *
 * Noise makes a detector hear voices where there are none, and suppression costs a
 * recogniser words. So it stands in the detector's own chain (`detectorProcessors`).
 * Needs `@echogarden/rnnoise-wasm`, and no key. Where it is copied, the folder `support` beside it comes with it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Stream } from "effect"
import { Audio, type Pipeline, Processor, Tts, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import { rnnoise } from "./support/rnnoise.ts"

/** How a conversation would have it: everybody else hears the microphone as it is. */
export const options: Pipeline.Options = { detectorProcessors: [rnnoise] }

/** A fan beside the microphone. */
const fan = (ms: number): Audio.Frame => {
  let state = 1
  let low = 0
  const samples = Int16Array.from({ length: ms * 16 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    low += ((state / 2_147_483_648 - 1) * 9000 - low) / 4
    return Math.round(low)
  })
  return { ...Audio.speech, samples }
}

const program = Effect.gen(function*() {
  const tts = yield* Tts.Tts
  const spoken = yield* Stream.runCollect(tts.speak(Stream.make("Can you hear me?")))
  const converter = Audio.converter({ to: Audio.speech })
  const speech = Audio.concat([...converter.push(spoken.map(({ frame }) => frame)), ...converter.flush()])
  const call = Audio.mix([
    Audio.concat([Audio.silence("2 seconds", Audio.speech), speech]),
    fan(4000 + Audio.durationMs(speech))
  ])
  const frames = Stream.fromIterable(
    Array.from({ length: Math.floor(Audio.durationMs(call) / 20) }, (_, i) => Audio.slice(call, i * 20, (i + 1) * 20))
  )
  const heard = (chain: ReadonlyArray<Processor.Processor>) =>
    frames.pipe(Processor.process(chain), Vad.detect(), Stream.runCollect).pipe(
      Effect.map((events) => events.flatMap((event) => event._tag === "SpeechEnded" ? [event] : [])),
      Effect.map((ended) =>
        ended.map(({ at, startedAt }) => `${(startedAt / 1000).toFixed(1)} to ${(at / 1000).toFixed(1)} s`)
      )
    )
  yield* Console.log(`as it is: voice from ${(yield* heard([])).join(", ")}`)
  yield* Console.log(`with RNNoise: voice from ${(yield* heard([rnnoise])).join(", ")}`)
})

program.pipe(Effect.provide([FliteTts.layer(), EnergyVad.layer()]), NodeRuntime.runMain)
