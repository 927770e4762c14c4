/** The contracts, held by our layers against what a provider was seen to do: captures of `effect-voice doctor`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import { type Audio, type Llm, type Stt, Tts } from "effect-voice"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as fs from "node:fs"
import { join } from "node:path"
import type { Capture } from "../../src/cli/doctor/capture.ts"
import { replay } from "../support/replay.ts"
import { contract as llmContract } from "./llm.ts"
import { contract as sttContract } from "./stt.ts"
import { contract as ttsContract } from "./tts.ts"

const apiKey = Redacted.make("none")

const tone: Audio.Frame = {
  sampleRate: 16_000,
  channels: 1,
  samples: Int16Array.from({ length: 160_000 }, (_, i) => 8000 * Math.sin(i / 5))
}

const against = <A, E>(capture: Capture, layer: (url: string) => Layer.Layer<A, E>): Layer.Layer<A, E> =>
  Layer.unwrap(Effect.map(replay(capture), layer))

/** The layer that asks by the same path. */
export const layers = {
  stt: (capture: Capture): Layer.Layer<Stt.Stt, Stt.SttError> =>
    against(capture, (url) =>
      url.startsWith("ws")
        ? DeepgramStt.layer({ apiKey, baseUrl: url })
        : OpenAiStt.layer({ apiKey, baseUrl: `${url}/v1`, name: capture.provider, words: false })),
  llm: (capture: Capture): Layer.Layer<Llm.Llm, Llm.LlmError> =>
    against(capture, (url) => OpenAiLlm.layer({ apiKey, baseUrl: `${url}/v1`, name: capture.provider, model: "any" })),
  tts: (capture: Capture): Layer.Layer<Tts.Tts, Tts.TtsError> =>
    against(
      capture,
      (url) => OpenAiTts.layer({ apiKey, baseUrl: `${url}/v1`, name: capture.provider, sampleRate: 22_050 })
    )
}

const understood = (capture: Capture): boolean =>
  capture.exchanges.some(({ path }) =>
    /^\/v1\/(?:chat\/completions|audio\/(?:transcriptions|speech)|listen)\b/.test(path)
  )

/** Whether each exchange was answered well. */
const well = ({ exchanges }: Capture): boolean =>
  exchanges.every(({ steps }) => steps.every(({ lost, status = 200 }) => lost === undefined && status < 400))

/** Reads each capture of a folder. */
export const captures = (folder: string): ReadonlyArray<Capture> =>
  fs.existsSync(folder)
    ? fs.readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) =>
      JSON.parse(fs.readFileSync(join(folder, name), "utf8")) as Capture
    )
    : []

/** Holds our layers to it. */
export const contract = (capture: Capture): void => {
  const name = `${capture.provider} as captured`
  if (!understood(capture) || !well(capture)) {
    describe.skip(`${name}: no layer of this test asks by its paths, or it failed`, () => it("is replayed", () => {}))
  } else if (capture.kind === "stt") sttContract(name, layers.stt(capture), { live: true, speech: [tone] })
  else if (capture.kind === "llm") llmContract(name, layers.llm(capture), { live: true })
  else {
    ttsContract(name, layers.tts(capture), { live: true })
    it.live(`${name} gives all of its audio`, () =>
      Effect.gen(function*() {
        const bytes = capture.exchanges[0]?.steps.reduce((sum, { bytes = 0 }) => sum + bytes, 0) ?? 0
        const chunks = yield* Stream.runCollect(Tts.speak(Stream.succeed("Hello there.")))
        assert.strictEqual(chunks.reduce((sum, { frame }) => sum + frame.samples.length * 2, 0), bytes)
      }).pipe(Effect.provide(layers.tts(capture))))
  }
}
