/** What every recogniser keeps, as checks that a test of any framework can run. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as assert from "node:assert/strict"
import * as Audio from "../Audio.ts"
import { leastRate } from "../internal/audio/format.ts"
import * as Check from "../internal/options.ts"
import * as Stt from "../Stt.ts"
import {
  type ContractOptions,
  disconnecting,
  fields,
  type ProviderCheck,
  type Waiting,
  waiting
} from "./providerContract.ts"

/**
 * How a recogniser is held to its contract.
 *
 * @category providers
 * @since 0.1.0
 */
export interface SttContractOptions extends ContractOptions {
  /** Audio in which somebody speaks: then a final transcript must come of it. @default a second of silence */
  readonly speech?: ReadonlyArray<Audio.Frame> | undefined
}

const contract = Check.struct<SttContractOptions>()({
  ...fields,
  speech: Check.list(Check.required(Check.such<Audio.Frame>(Audio.isFrame, "be a Frame of audio")))
})

type Service = Stt.Stt["Service"]
const transcribe = <E>(stt: Service, audio: Stream.Stream<Stt.Input, E>) =>
  audio.pipe(Stt.transcribe, Stream.provideService(Stt.Stt, stt))

type Make = (ours: {
  readonly wait: Waiting
  readonly frames: ReadonlyArray<Audio.Frame>
  readonly heard: boolean
}) => ReadonlyArray<ProviderCheck<Service>>

const ends = "the transcripts must end when the audio has ended, and they go on"
const rounding = 1

const orderly = (transcripts: ReadonlyArray<Stt.Transcript>, total: number): void => {
  let last = 0
  for (const { end, final, start, text, words = [] } of transcripts) {
    assert.notEqual(text.trim(), "", "a transcript must have words")
    if (start === undefined || end === undefined) continue
    assert.ok(start <= end, `a transcript must not begin (${start} ms) after its end (${end} ms)`)
    assert.ok(end <= total + rounding, `a transcript must end within the audio (${total} ms), not at ${end} ms`)
    for (const word of words) {
      assert.ok(word.start <= word.end, `a word must not begin (${word.start} ms) after its end (${word.end} ms)`)
    }
    if (!final) continue
    assert.ok(start >= last, `final transcripts must come in order: one of ${start} ms follows one of ${last} ms`)
    last = start
  }
}

/** As microphones of browsers are; as they are where they cannot be converted. */
const atAnotherRate = (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Audio.Frame> => {
  if (frames.some(({ sampleRate }) => sampleRate < leastRate)) return frames
  const converter = Audio.converter({ to: { sampleRate: 48_000, channels: 1 } })
  return [...converter.push(frames), ...converter.flush()]
}

const hearing: Make = ({ frames, heard, wait }) => {
  const said = Stream.concat(Stream.fromIterable<Stt.Input>(frames), Stream.succeed<Stt.Input>(Stt.Finalize))
  const total = frames.reduce((ms, frame) => ms + Audio.durationMs(frame), 0)
  return [
    {
      sentence: "ends when the audio ends",
      holds: (stt) => wait(Stream.runDrain(transcribe(stt, said)), ends)
    },
    {
      sentence: "ends on no audio at all",
      holds: (stt) =>
        Effect.gen(function*() {
          assert.deepEqual(yield* wait(Stream.runCollect(transcribe(stt, Stream.empty)), ends), [])
        })
    },
    {
      sentence: "gives transcripts with words, in order and within the audio",
      holds: (stt) =>
        Effect.gen(function*() {
          const transcripts = yield* wait(Stream.runCollect(transcribe(stt, said)), ends)
          orderly(transcripts, total)
          if (heard) assert.ok(transcripts.some(({ final }) => final), "speech must have a final transcript")
        })
    },
    {
      sentence: "hears the audio of a browser, at 48 kHz, in its own time",
      holds: (stt) =>
        Effect.gen(function*() {
          const faster = Stream.concat(
            Stream.fromIterable<Stt.Input>(atAnotherRate(frames)),
            Stream.succeed(Stt.Finalize)
          )
          const transcripts = yield* wait(Stream.runCollect(transcribe(stt, faster)), ends)
          const late = transcripts.find(({ end = 0 }) => end > total + rounding)
          assert.equal(
            late,
            undefined,
            `audio of 48 kHz (${total} ms) must not be read as another rate: a transcript of it ends at ${late?.end} ms. ` +
              "Say the rate that the provider wants: format of Stt.make"
          )
        })
    },
    {
      sentence: "serves two streams at a time",
      holds: (stt) =>
        Effect.gen(function*() {
          const texts = Stream.map(transcribe(stt, said), ({ text }) => text)
          const alone = yield* wait(Stream.runCollect(texts), ends)
          const both = yield* wait(
            Effect.all([Stream.runCollect(texts), Stream.runCollect(texts)], { concurrency: "unbounded" }),
            ends
          )
          assert.deepEqual(both, [alone, alone], "two streams at a time must each hear what one hears alone")
        })
    }
  ]
}

const ending: Make = ({ frames, wait }) => [
  {
    sentence: "passes the failure of the audio through unchanged",
    holds: (stt) =>
      Effect.gen(function*() {
        const failure = { _tag: "MicrophoneLost" } as const
        const audio = Stream.concat(Stream.fromIterable<Stt.Input>(frames), Stream.fail(failure))
        const exit = yield* wait(Effect.result(Stream.runDrain(transcribe(stt, audio))), ends)
        assert.equal(exit._tag, "Failure", "the failure of the audio must be that of the transcripts, which just end")
        if (exit._tag === "Failure") assert.equal(exit.failure, failure)
      })
  },
  {
    sentence: "lets go of the audio when it is interrupted",
    holds: (stt) =>
      Effect.gen(function*() {
        const pulled = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<void>()
        const audio = Stream.fromIterable<Stt.Input>(frames).pipe(
          Stream.concat(Stream.fromEffectDrain(Deferred.succeed(pulled, undefined))),
          Stream.concat(Stream.never),
          Stream.ensuring(Deferred.succeed(closed, undefined))
        )
        const fiber = yield* Effect.forkScoped(Stream.runDrain(transcribe(stt, audio)))
        yield* wait(Deferred.await(pulled), "the audio must be pulled as it comes, and it waits")
        yield* wait(Fiber.interrupt(fiber), "an interruption must end the stream at once, and it goes on")
        yield* wait(Deferred.await(closed), "the audio must be let go when the stream is interrupted")
      })
  }
]

/**
 * What every `Stt` keeps: one check for one test. Hold a recogniser of your own to it.
 *
 * **Example** (A recogniser on a socket)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Effect, type Layer } from "effect"
 * import { Stt } from "effect-voice"
 * import * as Testing from "effect-voice/testing"
 *
 * declare const layer: Layer.Layer<Stt.Stt>
 *
 * for (const { holds, sentence } of Testing.sttContract({ live: true })) {
 *   it.live(sentence, () => Stt.Stt.use(holds).pipe(Effect.scoped, Effect.provide(layer)))
 * }
 * ```
 *
 * @see `ttsContract` and `llmContract` for voices and models
 * @category providers
 * @since 0.1.0
 */
export const sttContract = (options: SttContractOptions = {}): ReadonlyArray<ProviderCheck<Service>> => {
  const silence = Array.from({ length: 50 }, () => Audio.silence("20 millis", Audio.speech))
  const { speech, ...waits } = Check.readOrThrow(contract, options)
  const ours = { wait: waiting(waits), frames: speech ?? silence, heard: speech !== undefined }
  return disconnecting([hearing, ending].flatMap((some) => some(ours)), waits, ours.wait)
}
