/** What a provider of one's own gives in a wrong shape is refused by what to give instead, and is no failure of a server. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Stream } from "effect"
import { Audio, Llm, Stt, Tts } from "effect-voice"
import { Prompt } from "effect/ai"

const anything = (value: unknown) => value as never
const voice = { name: "ours", sampleRate: 16_000, channels: 1 }
const second = Audio.silence(1000, Audio.speech)

const hear = (stt: Stt.Stt["Service"]) =>
  Stream.runDrain(stt.transcribe(Stream.make<ReadonlyArray<Stt.Input>>(second, Stt.Finalize)))
const speak = (tts: Tts.Tts["Service"]) => Stream.runDrain(tts.speak(Stream.make("Hello.")))
const reply = (llm: Llm.Llm["Service"]) => Stream.runDrain(llm.reply({ prompt: Prompt.make("Hello?"), tools: [] }))

const transcripts = "transcribe must give transcripts, such as { text, final: true }"
const deltas = "reply must give deltas, such as { _tag: \"Text\", text } and { _tag: \"Finish\" }"
const chunks = "speak must give chunks, such as { frame: { samples, sampleRate, channels } }"
const frame = "synthesize must give a frame, such as { samples, sampleRate, channels }"

it.effect.each<readonly [string, Effect.Effect<void, Llm.LlmError | Stt.SttError | Tts.TtsError>]>([
  [`${transcripts}, not a text`, hear(Stt.make({ name: "ours", transcribe: () => Stream.make(anything("hello")) }))],
  [
    `${transcripts}, not an object`,
    hear(Stt.make({ name: "ours", transcribe: () => Stream.make(anything({ transcript: "hello" })) }))
  ],
  [
    "recognize must give what was recognised, such as { text }, not a text",
    hear(Stt.fromRecognizer({ name: "ours", recognize: () => Effect.succeed(anything("hello")) }))
  ],
  [`${deltas}, not a text`, reply(Llm.make({ name: "ours", reply: () => Stream.make(anything("Hello.")) }))],
  [
    `${deltas}, not an object`,
    reply(Llm.make({ name: "ours", reply: () => Stream.make(anything({ type: "text", text: "Hello." })) }))
  ],
  [
    `${chunks}, not an object`,
    speak(Tts.make({ ...voice, speak: (text) => Stream.map(text, () => anything(new Uint8Array(3200))) }))
  ],
  [
    `${chunks}, not an object`,
    speak(Tts.make({ ...voice, speak: (text) => Stream.map(text, () => anything(second)) }))
  ],
  [`${chunks}, not undefined`, speak(Tts.make({ ...voice, speak: () => Stream.make(anything(undefined)) }))],
  [
    `${frame}, not an object`,
    speak(Tts.fromSynthesizer({ ...voice, synthesize: () => Effect.succeed(anything(new Uint8Array(3200))) }))
  ]
])("%s", ([message, program]) =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(program)
    const [failed] = Exit.isFailure(exit) ? exit.cause.reasons : []
    const error = failed?._tag === "Fail" ? failed.error : undefined
    assert.strictEqual(error?.reason._tag, "InvalidRequest")
    assert.strictEqual(error?.message, `ours: ${message}`)
  }))
