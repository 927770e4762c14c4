/** Everything that a pipeline needs, scripted. */
import * as Layer from "effect/Layer"
import type * as Pipeline from "../Pipeline.ts"
import { type Caller, layerRoom, type RoomOptions } from "./caller.ts"
import { layerLlm, type LlmCalls, type LlmOptions, type LlmScript } from "./llm.ts"
import { layerStt, type SttCalls, type SttOptions } from "./stt.ts"
import { layerTts, type TtsCalls, type TtsOptions, type TtsScript, type TtsSpeech } from "./tts.ts"
import { layerVad, type VadOptions } from "./vad.ts"

/**
 * Scripts of the single services.
 *
 * @category options
 * @since 0.1.0
 */
export interface Script {
  readonly llm?: LlmScript | undefined
  readonly llmOptions?: LlmOptions | undefined
  readonly tts?: TtsScript | undefined
  readonly ttsOptions?: TtsOptions | undefined
  readonly stt?: SttOptions | undefined
  readonly vad?: VadOptions | undefined
  readonly room?: RoomOptions | undefined
}

/**
 * What the scripted layers provide: the services of a pipeline, the user, and
 * what the providers were asked.
 *
 * @category services
 * @since 0.1.0
 */
export type Services = Pipeline.Services | Caller | SttCalls | LlmCalls | TtsCalls

export const servicesOf = (script: Script): Layer.Layer<Services> =>
  Layer.mergeAll(
    layerRoom(script.room),
    layerVad(script.vad),
    layerStt(script.stt),
    layerLlm(script.llm, script.llmOptions),
    layerTts(script.tts, script.ttsOptions)
  )

const isList = (script: TtsScript): script is ReadonlyArray<TtsSpeech> => Array.isArray(script)

const audible = (script: TtsScript): TtsScript => {
  if (typeof script === "function") return (call) => ({ audio: "audible", ...script(call) })
  return isList(script)
    ? script.map((speech): TtsSpeech => ({ audio: "audible", ...speech }))
    : { audio: "audible", ...script }
}

/**
 * Layer of everything that a pipeline needs, scripted, with a caller in the room.
 *
 * **When to use**
 *
 * Use to test a program that runs the pipeline by itself: fork it, let the
 * `Caller` speak, and let time pass with `Caller.wait` or `Caller.expectReply`,
 * on the test clock or `inVirtualTime`. The synthesiser is audible, so that the
 * caller can tell what was said.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (script: Script = {}): Layer.Layer<Services> =>
  servicesOf({ ...script, tts: audible(script.tts ?? {}) })
