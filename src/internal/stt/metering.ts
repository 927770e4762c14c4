/** Counts what a recogniser is used for, where it is really asked. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Cost from "../../Cost.ts"
import { usage } from "../cost.ts"
import { isGuarded } from "../resilience/breaker.ts"
import { shareDelays } from "./delays.ts"
import type * as Stt from "./model.ts"

/** Longest audio that is not told of (ms). */
const toldEveryMs = 15_000

/** What is made of others tells what these have done. */
export const meteredTranscription = <E, R>(
  service: Stt.Service,
  audio: Stream.Stream<Stt.Input, E, R>,
  transcribe: Stt.Service["transcribe"]
): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> => {
  if (isGuarded(service)) return transcribe(audio)
  return Stream.unwrap(Effect.map(Cost.Meter, (report) => {
    let audioMs = 0
    const tell = () => {
      if (audioMs > 0) report(usage("stt", service, { audioMs }))
      audioMs = 0
    }
    const counted = Stream.mapArray(audio, (inputs) => {
      for (const input of inputs) if ("samples" in input) audioMs += Audio.durationMs(input)
      // A line on which nobody speaks costs, too.
      if (audioMs >= toldEveryMs) tell()
      return inputs
    })
    return transcribe(counted).pipe(
      Stream.map((heard) => {
        if (heard.final) tell()
        return heard
      }),
      Stream.onExit(() => Effect.sync(tell))
    )
  }))
}

/** For a service that claims to be resilient by itself, and that nobody has wrapped. */
export const meterStt = (stt: Stt.Service): Stt.Service =>
  isGuarded(stt)
    ? stt
    : shareDelays(stt, { ...stt, transcribe: (audio) => meteredTranscription(stt, audio, stt.transcribe) })
