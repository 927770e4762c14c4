/** Its ears, mind and voice: OpenAI's where `OPENAI_API_KEY` is set, else stand-ins that need no key and no network. */
import { Config, Effect, Layer, Option } from "effect"
import { type Llm, Stt, type Tts } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as Testing from "effect-voice/testing"

type Providers = Layer.Layer<Stt.Stt | Llm.Llm | Tts.Tts, unknown>

const openAi: Providers = Layer.mergeAll(OpenAiStt.layerConfig(), OpenAiLlm.layerConfig(), OpenAiTts.layerConfig())

// A model of three sentences, and ears that notice a voice and understand no word: typed words are understood.
const standIns: Providers = Layer.mergeAll(
  Layer.succeed(Stt.Stt, Stt.fromRecognizer({ name: "deaf", recognize: () => Effect.succeed({ text: "(a voice)" }) })),
  Testing.layerLlm(({ results, text }) => {
    const [booked] = results
    if (booked?.isFailure === true) return `That cannot be booked. ${String(booked.result)}`
    if (booked !== undefined) return "Room seven is yours. See you soon!"
    if (text === "(a voice)") return "I hear you, but without a key I understand only what is typed."
    const [nights] = /\d+/.exec(text) ?? []
    return nights === undefined
      ? "For how many nights? A number, please."
      : { tools: [{ name: "book", params: { nights: Number(nights) } }] }
  }),
  FliteTts.layer()
)

const chosen = Layer.unwrap(Effect.map(
  Config.option(Config.String("OPENAI_API_KEY")),
  (key) => Option.isSome(key) ? openAi : standIns
))

export const providers = Layer.merge(SileroVad.layer(), chosen)
