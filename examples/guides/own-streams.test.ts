import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Audio, Stt, Tts } from "effect-voice"

// Ears that hear while one speaks: frames, and a wish for the final words, come in; transcripts go out.
export const ears = Stt.make({
  name: "ours",
  interims: true,
  transcribe: (input) =>
    input.pipe(
      Stream.mapAccum(() => 0, (heard: number, piece): readonly [number, ReadonlyArray<Stt.Transcript>] => {
        if (!("samples" in piece)) return [0, [{ text: `${heard} ms`, final: true, start: 0, end: heard }]]
        const ms = heard + Audio.durationMs(piece)
        return [ms, [{ text: `${ms} ms`, final: false, start: 0, end: ms }]]
      })
    )
})

// A voice that speaks while the text still comes: pieces of it in, audio with its times out.
export const voice = Tts.make({
  name: "ours",
  sampleRate: 16_000,
  channels: 1,
  speak: (text) =>
    text.pipe(
      // A text without words has no audio.
      Stream.dropWhile((piece) => piece.trim() === ""),
      Stream.mapAccum(() => 0, (start: number, piece): readonly [number, ReadonlyArray<Tts.Chunk>] => {
        const frame = Audio.silence(piece.length * 60, Audio.speech)
        const end = start + Audio.durationMs(frame)
        return [end, [{ frame, alignment: [{ text: piece, start, end }] }]]
      })
    )
})

export const layer = Layer.merge(Layer.succeed(Stt.Stt, ears), Layer.succeed(Tts.Tts, voice))

it.effect("hears and speaks as it comes", () =>
  Effect.gen(function*() {
    const second = Audio.silence(1000, Audio.speech)
    const heard = yield* Stream.make<ReadonlyArray<Stt.Input>>(second, second, Stt.Finalize).pipe(
      Stt.transcribe,
      Stream.runCollect
    )
    assert.deepStrictEqual(heard.map(({ final, text }) => [text, final]), [
      ["1000 ms", false],
      ["2000 ms", false],
      ["2000 ms", true]
    ])
    const spoken = yield* Stream.runCollect(Tts.speak(Stream.make("Good ", "evening.")))
    assert.deepStrictEqual(spoken.map(({ alignment }) => alignment?.[0]?.end), [300, 780])
  }).pipe(Effect.provide(layer)))
