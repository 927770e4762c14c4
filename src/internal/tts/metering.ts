/** Counts what a synthesiser is used for, where it is really asked. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Cost from "../../Cost.ts"
import { usage } from "../cost.ts"
import { isGuarded } from "../resilience/breaker.ts"
import type * as Tts from "./model.ts"

/** What is made of others tells what these have done. */
export const meteredSpeech = <E, R>(
  service: Tts.Service,
  text: Stream.Stream<string, E, R>,
  options: Tts.Options | undefined
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> => {
  if (isGuarded(service)) return service.speak(text, options)
  return Stream.unwrap(Effect.map(Cost.Meter, (report) => {
    let characters = 0
    let audioMs = 0
    const counted = Stream.map(text, (piece) => {
      characters += piece.length
      return piece
    })
    return service.speak(counted, options).pipe(
      Stream.map((chunk) => {
        audioMs += Audio.durationMs(chunk.frame)
        return chunk
      }),
      Stream.onExit((exit) =>
        Effect.sync(() => {
          if (characters === 0 || (Exit.isFailure(exit) && audioMs === 0 && !Exit.hasInterrupts(exit))) return
          report(usage("tts", service, { characters, audioMs }))
        })
      )
    )
  }))
}

/** For a service that claims to be resilient by itself, and that nobody has wrapped. */
export const meterTts = (tts: Tts.Service): Tts.Service =>
  isGuarded(tts) ? tts : { ...tts, speak: (text, options) => meteredSpeech(tts, text, options) }
