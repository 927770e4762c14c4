/** An agent whose provider needs a key. */
import { Effect } from "effect"
import { Worker } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"

export default Worker.define({ entry: () => Effect.void, layer: OpenAiLlm.layerConfig() })
