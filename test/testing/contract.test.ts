import { Audio } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { contract as llm } from "../contract/llm.ts"
import { contract as stt } from "../contract/stt.ts"
import { contract as tts } from "../contract/tts.ts"
import { contract as vad } from "../contract/vad.ts"

const speech = Audio.concat([
  Audio.silence(1000, Audio.speech),
  Testing.speech("Hello, how are you?"),
  Audio.silence(1000, Audio.speech)
])

const frames = Array.from(
  { length: Math.ceil(Audio.durationMs(speech) / 20) },
  (_, i) => Audio.slice(speech, i * 20, i * 20 + 20)
)

stt("the scripted recogniser", Testing.layerStt({ times: true, interims: true }), { speech: frames })
stt("the scripted recogniser, in a quiet room", Testing.layerStt())
llm(
  "the scripted model",
  Testing.layerLlm(["The garden room.", { tools: [{ name: "find_room", params: { nights: 1 } }] }])
)
tts("the scripted synthesiser", Testing.layerTts())
tts("the audible scripted synthesiser", Testing.layerTts({ audio: "audible", duration: 3000, chunk: 20 }))
vad("the scripted detector", Testing.layerVad(), speech)
