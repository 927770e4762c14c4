/**
 * Stand-ins for services in the network: a recogniser that is told what was
 * said, and a real voice with the delay and the failures of a remote one.
 */
import { Clock, Duration, Effect, Layer, Stream } from "effect"
import { Audio, Failure, Stt, Tts } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import { Caller, isVoice, type Recorded } from "./caller.ts"

// From a word to its transcript, as the good ones in the network have it (ms).
const recognitionDelay = 200

/** What is known of a line, so long after its voice began: its words so far, all of them in the end. */
const heardOf = (line: Recorded, elapsed: number): Omit<Stt.Transcript, "start"> | undefined => {
  const words = line.says.split(" ")
  const length = line.to - line.from
  const count = Math.min(words.length, Math.floor((elapsed - recognitionDelay) / length * words.length))
  return count < 1 ? undefined : { text: words.slice(0, count).join(" "), final: count === words.length }
}

/**
 * Knows the caller's lines and waits for a voice: the first one that it hears
 * says the first line, and so on. How the audio comes, and when, does not matter.
 */
export const layerScriptedStt: Layer.Layer<Stt.Stt, never, Caller> = Layer.effect(
  Stt.Stt,
  Caller.useSync(({ lines }) => {
    let next = 0
    let began: number | undefined
    let last = ""
    const hear = (frame: Audio.Frame, at: number): Stt.Transcript | undefined => {
      const line = lines[next]
      if (line === undefined) return undefined
      if (began === undefined) {
        const onset = frame.samples.findIndex(isVoice)
        if (onset < 0) return undefined
        began = at + onset / frame.channels / frame.sampleRate * 1000
      }
      const heard = heardOf(line, at + Audio.durationMs(frame) - began)
      if (heard === undefined || heard.text === last) return undefined
      const transcript = { ...heard, start: began }
      last = heard.text
      if (heard.final) {
        next++
        began = undefined
        last = ""
      }
      return transcript
    }
    return Stt.make({
      name: "scripted",
      interims: true,
      transcribe: (audio) =>
        Stream.mapAccum(audio, () => 0, (now: number, input): readonly [number, ReadonlyArray<Stt.Transcript>] => {
          if ("_tag" in input) return [now, []]
          const at = input.at ?? now
          const heard = hear(input, at)
          return [at + Audio.durationMs(input), heard === undefined ? [] : [heard]]
        })
    })
  })
)

export interface VoiceOptions {
  readonly name: string
  readonly voice: FliteTts.Voice
  /** From the first text to the first audio, as if there were a network between. */
  readonly delay: Duration.Input
  /** Requests that fail as a lost connection does, counted from 1. @default none */
  readonly fails?: ReadonlyArray<number>
}

/** A voice of flite that answers, and fails, like one in the network. */
export const layerVoice = (options: VoiceOptions): Layer.Layer<Tts.Tts, Tts.TtsError> =>
  Layer.effect(
    Tts.Tts,
    Tts.Tts.useSync((flite) => {
      let requests = 0
      return Tts.make({
        ...flite,
        name: options.name,
        speak: (text, speakOptions) =>
          Stream.suspend(() => {
            if (options.fails?.includes(++requests)) {
              return Stream.fail(new Tts.TtsError({ provider: options.name, reason: new Failure.Disconnected({}) }))
            }
            let askedAt = 0
            const asked = Effect.map(Clock.currentTimeMillis, (now) => void (askedAt = now))
            const arrived = Effect.flatMap(
              Clock.currentTimeMillis,
              (now) => Effect.sleep(Math.max(0, askedAt + Duration.toMillis(options.delay) - now))
            )
            return flite.speak(Stream.onFirst(text, () => asked), speakOptions).pipe(Stream.onFirst(() => arrived))
          })
      })
    })
  ).pipe(Layer.provide(FliteTts.layer({ voice: options.voice })))
