/** How each variable is read: its name, its default, and what it may be. */
import type * as Config from "../../Config.ts"
import { elevenLabs, loopback, openAi } from "./defaults.ts"
import * as variable from "./variable.ts"

export const readings = {
  livekit: variable.struct<Config.LiveKit>({
    url: variable.optional(variable.address("LIVEKIT_URL", "The LiveKit server")),
    apiKey: variable.optional(variable.secret("LIVEKIT_API_KEY", "Key that signs LiveKit tokens")),
    apiSecret: variable.optional(variable.secret("LIVEKIT_API_SECRET", "Secret of that key"))
  }),
  openai: variable.struct<Config.OpenAi>({
    apiKey: variable.optional(variable.secret("OPENAI_API_KEY", "Key of OpenAI")),
    model: variable.withDefault(variable.text("OPENAI_MODEL", openAi.model, "Language model")),
    temperature: variable.withDefault(variable.number("OPENAI_TEMPERATURE", "0.7", 2, "Sampling temperature"))
  }),
  elevenlabs: variable.struct<Config.ElevenLabs>({
    apiKey: variable.optional(variable.secret("ELEVENLABS_API_KEY", "Key of ElevenLabs")),
    voice: variable.withDefault(variable.text("ELEVENLABS_VOICE", elevenLabs.voice, "Voice of the agent")),
    model: variable.withDefault(variable.text("ELEVENLABS_MODEL", elevenLabs.model, "Speech model"))
  }),
  vad: variable.struct<Config.Vad>({
    activation: variable.withDefault(
      variable.number("VAD_THRESHOLD", "0.5", 1, "Probability from which audio counts as voice")
    ),
    minSpeech: variable.withDefault(
      variable.seconds("MIN_SPEECH_DURATION", "0.1", "Voice needed before speech is reported")
    ),
    minSilence: variable.withDefault(variable.seconds("MIN_SILENCE_DURATION", "0.5", "Silence that ends speech"))
  }),
  turn: variable.struct<Config.Turn>({
    endpointing: variable.struct<Config.Turn["endpointing"]>({
      minDelay: variable.withDefault(
        variable.seconds("MIN_ENDPOINTING_DELAY", "0.5", "Silence after which a turn may be over")
      )
    }),
    interruption: variable.struct<Config.Turn["interruption"]>({
      minDuration: variable.withDefault(
        variable.seconds("INTERRUPT_SPEECH_DURATION", "0.3", "Voice that interrupts the agent")
      ),
      minWords: variable.withDefault(
        variable.integer("INTERRUPT_MIN_WORDS", "2", 100, "Words that interrupt the agent")
      )
    }),
    preemption: variable.map(
      variable.withDefault(
        variable.flag("PREEMPTIVE_SYNTHESIS", "true", "Answer and synthesise before the turn is committed")
      ),
      (on): Config.Turn["preemption"] => ({ llm: on, tts: on })
    )
  }),
  metrics: variable.struct<Config.Metrics>({
    enabled: variable.withDefault(variable.flag("ENABLE_METRICS", "true", "Serve metrics")),
    port: variable.withDefault(variable.integer("METRICS_PORT", "8000", 65_535, "Port of metrics and health")),
    host: variable.withDefault(variable.text("METRICS_HOST", loopback, "Address of metrics and health"))
  })
}
