/**
 * What noise suppression before the voice detector is worth, and costs: RNNoise, as
 * `examples/support/rnnoise.ts` has it, before Silero and before `EnergyVad`.
 *
 * - `falseStarts`: speeches a minute that were heard in noise alone
 * - `eaten`: short words of which nothing was heard, of all of them
 * - `microseconds`: processor time for a frame of 20 ms
 *
 * The words are flite's, over hiss, a fan, hum with clicks, and other people's talk, at
 * 15 and 5 dB below them. Prints JSON.
 */
import { Effect, Stream } from "effect"
import { rnnoise } from "../examples/support/rnnoise.ts"
import { Audio, Processor, Tts, Vad } from "../src/index.ts"
import * as EnergyVad from "../src/Layers/EnergyVad.ts"
import * as FliteTts from "../src/Layers/FliteTts.ts"
import * as SileroVad from "../src/Layers/SileroVad.ts"

const words = ["Yes.", "No.", "Stop.", "Two.", "Six."]

let state = 1
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2_147_483_648 - 1
}

const sound = (ms: number, at: (i: number) => number): Audio.Frame => ({
  ...Audio.speech,
  samples: Int16Array.from({ length: ms * 16 }, (_, i) => Math.round(at(i)))
})

const noiseMs = 6000
let low = 0
const noises = (talk: Audio.Frame): Readonly<Record<string, Audio.Frame>> => ({
  hiss: sound(noiseMs, () => 8000 * random()),
  fan: sound(noiseMs, () => low += (12_000 * random() - low) / 6),
  hum: sound(noiseMs, (i) => 5000 * Math.sin(i / 25) + (i % 6400 < 40 ? 12_000 * random() : 0)),
  talk: {
    ...talk,
    samples: Int16Array.from({ length: noiseMs * 16 }, (_, i) => talk.samples[i % talk.samples.length]!)
  }
})

const said = (text: string) =>
  Effect.gen(function*() {
    const tts = yield* Tts.Tts
    const spoken = yield* Stream.runCollect(tts.speak(Stream.make(text)))
    const converter = Audio.converter({ to: Audio.speech })
    return Audio.concat([...converter.push(spoken.map(({ frame }) => frame)), ...converter.flush()])
  })

const framesOf = (audio: Audio.Frame): ReadonlyArray<Audio.Frame> =>
  Array.from({ length: Math.floor(Audio.durationMs(audio) / 20) }, (_, i) => Audio.slice(audio, i * 20, (i + 1) * 20))

/** Brings noise so far below speech (dB). */
const below = (noise: Audio.Frame, speech: Audio.Frame, dB: number): Audio.Frame =>
  Audio.gain(noise, Audio.dbfs(speech) - dB - Audio.dbfs(noise))

const spent = (chain: ReadonlyArray<Processor.Processor>, frames: ReadonlyArray<Audio.Frame>) =>
  Effect.scoped(Effect.gen(function*() {
    const step = yield* Processor.chain(chain)
    for (const frame of frames.slice(0, 50)) step([frame])
    const before = process.cpuUsage()
    for (const frame of frames) step([frame])
    const { system, user } = process.cpuUsage(before)
    return Math.round((system + user) / frames.length)
  }))

const measure = (chain: ReadonlyArray<Processor.Processor>) =>
  Effect.gen(function*() {
    const starts = (audio: Audio.Frame) =>
      Stream.fromIterable(framesOf(audio)).pipe(
        Processor.process(chain),
        Vad.detect(),
        Stream.runCollect,
        Effect.map((events) => events.flatMap((event) => event._tag === "SpeechStarted" ? [event.at] : []))
      )
    const speech = yield* Effect.forEach(words, said)
    // Two seconds before each word, so that whoever adapts has adapted; and a second after it.
    const gap = 2000
    const talk = Audio.concat([yield* said("I told her that we would come, but you know how it is with him.")])
    let falseStarts = 0
    let eaten = 0
    let all = 0
    let minutes = 0
    for (const noise of Object.values(noises(talk))) {
      for (const dB of [15, 5]) {
        const [loud] = speech
        // The first half second is left out: everybody adapts in it.
        falseStarts += (yield* starts(below(noise, loud!, dB))).filter((at) => at > 500).length
        minutes += noiseMs / 60_000
        for (const word of speech) {
          const length = gap + Audio.durationMs(word) + 1000
          const noisy = Audio.mix([
            Audio.concat([Audio.silence(gap, Audio.speech), word]),
            Audio.slice(below(noise, word, dB), 0, length)
          ])
          const found = yield* starts(noisy)
          all++
          // What is heard as going on since before is no start of it: it is heard all the same.
          if (!found.some((at) => at < gap + Audio.durationMs(word))) eaten++
        }
      }
    }
    return {
      falseStarts: Number((falseStarts / minutes).toFixed(1)),
      eaten: `${eaten} of ${all}`,
      microseconds: yield* spent(chain, framesOf(noises(talk)["fan"]!))
    }
  })

const results = await Effect.runPromise(
  Effect.gen(function*() {
    const found: Record<string, unknown> = {}
    for (const [name, vad] of [["silero", SileroVad.layer()], ["energy", EnergyVad.layer()]] as const) {
      found[name] = yield* Effect.all({ plain: measure([]), rnnoise: measure([rnnoise]) }).pipe(Effect.provide(vad))
    }
    return found
  }).pipe(Effect.provide(FliteTts.layer()))
)
process.stdout.write(`${JSON.stringify({ bench: "denoise", node: process.version, ...results }, null, 2)}\n`)
