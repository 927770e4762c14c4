/** What every voice keeps, as checks that a test of any framework can run. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as assert from "node:assert/strict"
import * as Audio from "../Audio.ts"
import * as Tts from "../Tts.ts"
import { type ContractOptions, disconnecting, type ProviderCheck, type Waiting, waiting } from "./providerContract.ts"

type Service = Tts.Tts["Service"]
const speak = <E>(tts: Service, text: Stream.Stream<string, E>) =>
  text.pipe(Tts.speak(), Stream.provideService(Tts.Tts, tts))

type Make = (wait: Waiting) => ReadonlyArray<ProviderCheck<Service>>

const pieces = ["Good morning. ", "The room is ready,", " ", "and breakfast starts at seven."]
const text = Stream.rechunk(Stream.fromIterable(pieces), 1)
const ends = "the audio must end when the text has ended, and it goes on"
const rounding = 1

/** The pipeline finds the words in its text by these. */
const letters = (words: string): string => words.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "")

const aligned = (chunks: ReadonlyArray<Tts.Chunk>): void => {
  const alignment = chunks.flatMap((chunk) => chunk.alignment ?? [])
  if (alignment.length === 0) return
  const total = chunks.reduce((ms, { frame }) => ms + Audio.durationMs(frame), 0)
  assert.equal(
    letters(alignment.map(({ text }) => text).join("")),
    letters(pieces.join("")),
    "the words of the alignment must be what was said"
  )
  let last = 0
  for (const { end, start } of alignment) {
    assert.ok(start >= last, `the alignment must be in order: ${start} ms follows ${last} ms`)
    assert.ok(end >= start, `a text must not begin (${start} ms) after its end (${end} ms)`)
    assert.ok(end <= total + rounding, `a text must end within the audio (${total} ms), not at ${end} ms`)
    last = start
  }
}

const speaking: Make = (wait) => [
  {
    sentence: "speaks in one format, the declared one",
    holds: (tts) =>
      Effect.gen(function*() {
        const { channels, sampleRate } = tts
        const chunks = yield* wait(Stream.runCollect(speak(tts, text)), ends)
        assert.notEqual(chunks.length, 0, "a text must have audio")
        for (const { frame } of chunks) {
          assert.equal(frame.sampleRate, sampleRate, "every frame must have the declared rate")
          assert.equal(frame.channels, channels, "every frame must have the declared channels")
          assert.equal(frame.samples.length % channels, 0, "a frame must have samples of all its channels")
          assert.equal(frame.samples.byteOffset, 0, "a frame must own its samples, and not share a buffer")
        }
      })
  },
  {
    sentence: "aligns the whole text, in order and within the audio, or nothing",
    holds: (tts) => Effect.map(wait(Stream.runCollect(speak(tts, text)), ends), aligned)
  },
  {
    sentence: "says nothing for no text",
    holds: (tts) =>
      Effect.gen(function*() {
        for (const blank of [Stream.empty, Stream.make("", " ")]) {
          const chunks = yield* wait(Stream.runCollect(speak(tts, blank)), ends)
          assert.equal(chunks.length, 0, "a text without words must have no audio")
        }
      })
  }
]

const ending: Make = (wait) => [
  {
    sentence: "passes the failure of the text through unchanged",
    holds: (tts) =>
      Effect.gen(function*() {
        const failure = { _tag: "ModelLost" } as const
        const failing = Stream.concat(text, Stream.fail(failure))
        const exit = yield* wait(Effect.result(Stream.runDrain(speak(tts, failing))), ends)
        assert.equal(exit._tag, "Failure", "the failure of the text must be that of the audio, which just ends")
        if (exit._tag === "Failure") assert.equal(exit.failure, failure)
      })
  },
  {
    sentence: "speaks before the text has ended, and lets go of it when it is interrupted",
    holds: (tts) =>
      Effect.gen(function*() {
        const spoken = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        const endless = text.pipe(
          Stream.concat(Stream.never),
          Stream.ensuring(Deferred.succeed(closed, undefined))
        )
        const fiber = yield* speak(tts, endless).pipe(
          Stream.runForEach(() => Deferred.succeed(spoken, undefined)),
          Effect.forkScoped
        )
        yield* wait(Deferred.await(spoken), "the first words must be heard while the text still comes")
        yield* wait(Fiber.interrupt(fiber), "an interruption must end the speech at once, and it goes on")
        yield* wait(Deferred.await(closed), "the text must be let go when the speech is interrupted")
      })
  }
]

/**
 * What every `Tts` keeps: one check for one test. Hold a voice of your own to it.
 *
 * **Example** (A voice on a socket)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Effect, type Layer } from "effect"
 * import { Tts } from "effect-voice"
 * import * as Testing from "effect-voice/testing"
 *
 * declare const layer: Layer.Layer<Tts.Tts>
 *
 * for (const { holds, sentence } of Testing.ttsContract({ live: true })) {
 *   it.live(sentence, () => Tts.Tts.use(holds).pipe(Effect.scoped, Effect.provide(layer)))
 * }
 * ```
 *
 * @see `sttContract` and `llmContract` for recognisers and models
 * @category providers
 * @since 0.1.0
 */
export const ttsContract = (options: ContractOptions = {}): ReadonlyArray<ProviderCheck<Service>> => {
  const wait = waiting(options)
  return disconnecting([speaking, ending].flatMap((some) => some(wait)), options, wait)
}
