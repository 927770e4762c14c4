/**
 * Asks one provider a few times and measures, in ms by the monotonic clock. A
 * failure is a result, too; three in a row that another try cannot mend, or that
 * came to nothing, end the asking. Interrupting one ends its request.
 */
import * as Prompt from "effect/ai/Prompt"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type * as Failure from "../../Failure.ts"
import { paceFrames } from "../../internal/audio/pace.ts"
import { wordsOf } from "../../internal/llm/words.ts"
import { monotonicMs } from "../../internal/steady.ts"
import type * as Llm from "../../Llm.ts"
import * as Stt from "../../Stt.ts"
import type * as Tts from "../../Tts.ts"
import type { Recording } from "./recordings.ts"
import { sentences } from "./sentences.ts"

/** What one question gave. */
export interface Sample {
  /** To the first transcript, token or audio. */
  readonly firstMs?: number | undefined
  /** To the final transcript after the end of speech, the end of the reply, or the end of the audio. */
  readonly lastMs?: number | undefined
  /** Share of words that were heard wrongly, 0–1 or more. */
  readonly wordErrors?: number | undefined
  /** What is odd about an answer that came. */
  readonly odd?: string | undefined
  readonly failure?: Failure.Reason | undefined
}

/** Time in ms for an answer. */
const patience = 30_000

/** Failures in a row after which nobody is asked any more. */
const maxFailures = 3

const words = (text: string): ReadonlyArray<string> => text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? []

/** Fewest words to change, in proportion to those that were said. */
export const wordErrors = (said: string, heard: string): number => {
  const to = words(heard)
  const from = words(said)
  let row = to.map((_, i) => i + 1)
  for (const [i, word] of from.entries()) {
    let diagonal = i
    let left = i + 1
    row = to.map((other, j) => {
      const above = row[j] ?? 0
      const cost = Math.min(above + 1, left + 1, diagonal + (word === other ? 0 : 1))
      diagonal = above
      return left = cost
    })
  }
  return (to.length === 0 ? from.length : row.at(-1) ?? 0) / Math.max(1, from.length)
}

const inTime = <E extends { readonly reason: Failure.Reason }>(self: Effect.Effect<Sample, E>): Effect.Effect<Sample> =>
  self.pipe(
    Effect.catch(({ reason }) => Effect.succeed<Sample>({ failure: reason })),
    Effect.timeoutOption(patience),
    Effect.map(Option.getOrElse((): Sample => ({ odd: `no answer within ${patience / 1000} s` })))
  )

const asked = <A>(things: ReadonlyArray<A>, ask: (thing: A, index: number) => Effect.Effect<Sample>) =>
  Effect.gen(function*() {
    const samples: Array<Sample> = []
    for (const [index, thing] of things.entries()) {
      samples.push(yield* ask(thing, index))
      const last = samples.slice(-maxFailures)
      if (
        last.length === maxFailures &&
        last.every(({ firstMs, lastMs }) => firstMs === undefined && lastMs === undefined)
      ) {
        break
      }
    }
    return samples as ReadonlyArray<Sample>
  })

const pieces = (frame: Audio.Frame): ReadonlyArray<Audio.Frame> =>
  Array.from({ length: Math.ceil(Audio.durationMs(frame) / 20) }, (_, i) => Audio.slice(frame, i * 20, (i + 1) * 20))

/** Speaks each recording as fast as a person does, and then is silent. */
export const stt = (service: Stt.Stt["Service"], recordings: ReadonlyArray<Recording>) =>
  asked(recordings, ({ audio, text }) =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const done = yield* Deferred.make<void>()
      const from = monotonicMs(clock)
      let first: number | undefined
      let end: number | undefined
      let last: number | undefined
      let heard = ""
      // One that is fed speech alone would take silence for more of it.
      const silence = service.wants === "speech"
        ? Stream.never
        : paceFrames(Stream.fromIterable(pieces(Audio.silence(patience, audio))))
      const microphone = Stream.concat(
        paceFrames(Stream.fromIterable(pieces(audio))),
        Stream.suspend(() => {
          end = monotonicMs(clock)
          return Stream.concat(Stream.succeed<Stt.Input>(Stt.Finalize), silence)
        })
      ).pipe(Stream.interruptWhen(Deferred.await(done)))
      yield* service.transcribe(microphone).pipe(
        Stream.runForEach((transcript) => {
          const now = monotonicMs(clock)
          first ??= now - from
          if (!transcript.final) return Effect.void
          heard += ` ${transcript.text}`
          last = now
          return end === undefined ? Effect.void : Deferred.succeed(done, undefined)
        })
      )
      return last === undefined || end === undefined
        ? { odd: "no words were heard" }
        : { firstMs: first, lastMs: Math.max(0, last - end), wordErrors: wordErrors(text, heard) }
    }).pipe(inTime))

export const llm = (service: Llm.Llm["Service"], count: number) =>
  asked(sentences.slice(0, count), (sentence) =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const from = monotonicMs(clock)
      let first: number | undefined
      let finish: string | undefined
      const prompt = Prompt.make([
        { role: "system", content: "You answer the phone. Answer in one short sentence." },
        { role: "user", content: [{ type: "text", text: sentence }] }
      ])
      yield* Stream.runForEach(service.reply({ prompt, tools: [] }), (delta) =>
        Effect.sync(() => {
          if (wordsOf(delta).trim() !== "") first ??= monotonicMs(clock) - from
          if (delta._tag === "Finish") finish = delta.reason
        }))
      const lastMs = monotonicMs(clock) - from
      return first === undefined
        ? { odd: `a reply without words${finish === undefined ? "" : ` (${finish})`}` }
        : { firstMs: first, lastMs }
    }).pipe(inTime))

export const tts = (service: Tts.Tts["Service"], count: number) =>
  asked(sentences.slice(0, count), (sentence) =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const from = monotonicMs(clock)
      let first: number | undefined
      const frames: Array<Audio.Frame> = []
      yield* Stream.runForEach(service.speak(Stream.succeed(sentence)), ({ frame }) =>
        Effect.sync(() => {
          if (frame.samples.length === 0) return
          first ??= monotonicMs(clock) - from
          frames.push(frame)
        }))
      const lastMs = monotonicMs(clock) - from
      if (first === undefined) return { odd: "no audio came" }
      const speech = Audio.concat(frames)
      const spoken = Audio.durationMs(speech)
      const odd = Audio.dbfs(speech) < -60
        ? "the audio is silent"
        : spoken < 300 || spoken > 10_000
        ? `a short sentence took ${(spoken / 1000).toFixed(1)} s: is the sample rate right?`
        : undefined
      return { firstMs: first, lastMs, odd }
    }).pipe(inTime))
