/** Counts what a synthesiser is used for, where it is really asked. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Cost from "../../Cost.ts"
import { usage } from "../cost.ts"
import { isGuarded } from "../resilience/breaker.ts"
import { beside, watched, type Watcher } from "../streams.ts"
import type * as Tts from "./model.ts"

/** What is made of others tells what these have done. */
export const meteredSpeech = <E, R>(
  service: Tts.Service,
  text: Stream.Stream<string, E, R>,
  options: Tts.Options | undefined
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> => {
  if (isGuarded(service)) return service.speak(text, options)
  return Stream.suspend(() => {
    let characters = 0
    let audioMs = 0
    const counted = beside<string>((pieces) => {
      for (const piece of pieces) characters += piece.length
    })(text)
    const watcher = Effect.map(Cost.Meter, (report): Watcher<Tts.Chunk, E | Tts.TtsError> => ({
      saw: (chunks) => {
        for (const { frame } of chunks) audioMs += Audio.durationMs(frame)
      },
      ended: (exit) => {
        if (characters === 0 || (Exit.isFailure(exit) && audioMs === 0 && !Exit.hasInterrupts(exit))) return
        report(usage("tts", service, { characters, audioMs }))
      }
    }))
    return watched(watcher)(service.speak(counted, options))
  })
}

/** For a service that claims to be resilient by itself, and that nobody has wrapped. */
export const meterTts = (tts: Tts.Service): Tts.Service =>
  isGuarded(tts) ? tts : { ...tts, speak: (text, options) => meteredSpeech(tts, text, options) }
