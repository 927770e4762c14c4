/** Ears, mind and voice: two of each, so that one may be lost. */
import { Config, Effect, Layer } from "effect"
import { Llm, Stt, Tts } from "effect-voice"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"

const settings = Config.all({
  deepgram: Config.Redacted("DEEPGRAM_API_KEY"),
  elevenlabs: Config.Redacted("ELEVENLABS_API_KEY"),
  openai: Config.Redacted("OPENAI_API_KEY")
})

export const providers = Layer.unwrap(Effect.map(settings, ({ deepgram, elevenlabs, openai }) => {
  const ears = Stt.layerFallback(
    [DeepgramStt.layer({ apiKey: deepgram }), OpenAiStt.layer({ apiKey: openai, gates: true })],
    { breaker: {} }
  )
  const mind = Llm.layerFallback(
    [
      OpenAiLlm.layer({ apiKey: openai, model: "gpt-4.1-mini", maxTokens: 200 }),
      OpenAiLlm.layer({ apiKey: openai, name: "openai-2", model: "gpt-4o-mini", maxTokens: 200 })
    ],
    { policy: { retries: 1, firstOutput: "3 seconds" }, breaker: { consecutiveFailures: 3 } }
  )
  const voice = Tts.layerFallback(
    [
      ElevenLabsTts.layer({ ...ElevenLabsTts.recommended, apiKey: elevenlabs }),
      OpenAiTts.layer({ apiKey: openai, voice: "nova" })
    ],
    { breaker: {} }
  )
  const greeting = (text: string): boolean => text === "Sea View Hotel, how can I help?"
  const listening = Layer.merge(SileroVad.layer(), SmartTurnDetector.layer())
  return Layer.mergeAll(listening, ears, mind, Tts.layerCached(voice, { accepts: greeting }))
}))
