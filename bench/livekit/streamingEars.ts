/**
 * Ears that hear while one speaks, as slow as a service is known to be: a final
 * transcript comes so long after it was asked for as Deepgram's nova-3 needs from the
 * end of speech, by Pipecat's `stt-benchmark` (median 247 ms, 95 % within 298 ms).
 * The latencies are drawn from a logarithmic normal distribution, the same in each run.
 */
import { Effect, Stream } from "effect"
import { Stt } from "effect-voice"

const [medianMs, sigma] = [247, Math.log(298 / 247) / 1.645]

/** A first transcript comes so long after the beginning of a voice (ms). */
const interimMs = 300

const loud = 0.01 * 32_768

let state = 1
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return (state + 1) / 4_294_967_297
}
const draw = (): number =>
  medianMs * Math.exp(sigma * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random()))

/** All latencies of final transcripts that were drawn (ms). */
export const drawn: Array<number> = []

const text = "What is the weather like today?"

export const make = (): Stt.Stt["Service"] =>
  Stt.make({
    name: "streaming",
    interims: true,
    transcribe: (audio) =>
      Stream.suspend(() => {
        /** Whether anything was said since the last mark. */
        let heard = false
        return audio.pipe(
          Stream.flatMap((input): Stream.Stream<Stt.Transcript> => {
            if (!("_tag" in input)) {
              if (heard || input.samples.every((sample) => Math.abs(sample) < loud)) return Stream.empty
              heard = true
              return Stream.fromEffect(Effect.delay(Effect.succeed({ text: "What is", final: false }), interimMs))
            }
            if (!heard) return Stream.succeed({ text: "", final: true })
            heard = false
            const ms = draw()
            drawn.push(ms)
            return Stream.fromEffect(Effect.delay(Effect.succeed({ text, final: true }), Math.round(ms)))
          }, { concurrency: "unbounded" })
        )
      })
  })
