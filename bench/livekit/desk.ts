/**
 * The agent of the benchmark and of the soak: real ears for voice, and providers that
 * take no time. With `BENCH_TURNS` its recogniser is one that hears while one speaks,
 * as slow as a real one; `detector` has Smart Turn beside it. Its parent is told what
 * the recogniser took and what the detector has said, when it asks.
 */
import { Effect, Layer, Stream } from "effect"
import { Agent, Llm, Pipeline, Stt, Tts, Worker } from "effect-voice"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"
import { reply } from "./reply.ts"
import * as ears from "./streamingEars.ts"
import { watch } from "./watch.ts"

watch()
const { BENCH_AGENT = "bench", BENCH_TURNS, BENCH_VAD_RATE } = process.env

/** What the turn detector has said (0–1). */
const verdicts: Array<number> = []

if (BENCH_TURNS !== undefined) {
  process.on("message", (message) => {
    if (message === "stages") process.send!({ phase: "stages", result: { finals: ears.drawn, verdicts } })
  })
}

const instantEars = Stt.fromRecognizer({ name: "instant", recognize: () => Effect.succeed({ text: "Hello." }) })

const providers = Layer.mergeAll(
  SileroVad.layer({ sampleRate: BENCH_VAD_RATE === "8000" ? 8000 : 16_000 }),
  BENCH_TURNS === "detector" ? SmartTurnDetector.layer() : Layer.empty,
  Layer.succeed(
    Stt.Stt,
    BENCH_TURNS === undefined ? instantEars : ears.make()
  ),
  Layer.succeed(
    Llm.Llm,
    Llm.make({ name: "instant", reply: () => Stream.make({ _tag: "Text", text: "Yes." }, { _tag: "Finish" }) })
  ),
  Layer.succeed(
    Tts.Tts,
    Tts.make({
      name: "instant",
      sampleRate: reply.sampleRate,
      channels: 1,
      speak: (text) => Stream.map(text, () => ({ frame: reply }))
    })
  )
)

export default Worker.define({
  agentName: BENCH_AGENT,
  entry: () =>
    Pipeline.run(Agent.make({ instructions: "Say yes." }), {
      // A delay that the program sets holds for a confident end, too.
      turn: {
        ...(BENCH_TURNS === "detector" ? {} : { endpointing: { minDelay: "500 millis" } }),
        preemption: { llm: false, tts: false }
      },
      onEvent: (event) => {
        if (event._tag === "EndOfTurnPredicted") verdicts.push(event.probability)
      }
    }),
  layer: providers
})
