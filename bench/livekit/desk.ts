/** The agent of the benchmark and of the soak: real ears for voice, and providers that take no time. */
import { Effect, Layer, Stream } from "effect"
import { Agent, Llm, Pipeline, Stt, Tts, Worker } from "effect-voice"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { reply } from "./reply.ts"
import { watch } from "./watch.ts"

watch()
const { BENCH_AGENT = "bench", BENCH_VAD_RATE } = process.env

const providers = Layer.mergeAll(
  SileroVad.layer({ sampleRate: BENCH_VAD_RATE === "8000" ? 8000 : 16_000 }),
  Layer.succeed(Stt.Stt, Stt.fromRecognizer({ name: "instant", recognize: () => Effect.succeed({ text: "Hello." }) })),
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
      turn: { endpointing: { minDelay: "500 millis" }, preemption: { llm: false, tts: false } }
    }),
  layer: providers
})
