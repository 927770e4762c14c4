/** An agent that answers a tone with the same tone: by it, whose audio is whose can be told. */
import { Effect, Layer, Stream } from "effect"
import { Agent, Audio, Llm, Pipeline, Stt, Tts, Worker } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import { toneOf, whoseTone } from "./tones.ts"

export const most = 40

const vad = EnergyVad.layer({ threshold: -35 })

export const services = Layer.mergeAll(
  Layer.succeed(
    Stt.Stt,
    Stt.fromRecognizer({
      name: "tones",
      recognize: (speech) => Effect.succeed({ text: String(whoseTone(speech.samples, most).who) })
    })
  ),
  Layer.succeed(
    Llm.Llm,
    Llm.make({
      name: "echo",
      reply: ({ prompt }) => {
        const last = prompt.content.findLast(({ role }) => role === "user")
        const text = last?.role === "user"
          ? last.content.map((part) => part.type === "text" ? part.text : "").join("")
          : ""
        return Stream.make({ _tag: "Text", text }, { _tag: "Finish" })
      }
    })
  ),
  Layer.succeed(
    Tts.Tts,
    Tts.fromSynthesizer({
      name: "tones",
      ...Audio.speech,
      synthesize: (text) => Effect.succeed(toneOf(Number(text), 700))
    })
  )
).pipe(Layer.provideMerge(vad))

export const agent = Agent.make({ instructions: "" })

export const options: Pipeline.Options = {
  output: Audio.speech,
  transforms: [],
  turn: { preemption: { llm: false, tts: false }, interruption: { echoWarmUp: 0 } }
}

export default Worker.define({
  agentName: "echo",
  layer: services,
  entry: () => Pipeline.run(agent, options)
})
