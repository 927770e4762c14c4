import * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"
import type * as Stt from "../../Stt.ts"
import type * as Tts from "../../Tts.ts"
import { meteredReply, meteredSpeech, meteredTranscription } from "../llm/metering.ts"
import { unless } from "./bounded.ts"

const longestMs = 10_000

/** One second at 16 kHz. */
const silence = { samples: new Int16Array(16_000), sampleRate: 16_000, channels: 1 }

const hello: Llm.Request = { prompt: Prompt.make("Hello"), tools: [], toolChoice: "none" }

interface Warm {
  readonly name: string
  readonly prewarm?: Effect.Effect<void, { readonly reason: Failure.Reason }> | undefined
}

/** What went wrong, in a word: messages and defects may hold a key. */
const tagOf = (cause: Cause.Cause<{ readonly reason: Failure.Reason }>): string => {
  const error = Cause.findErrorOption(cause)
  return error._tag === "Some" ? error.value.reason._tag : "Broken"
}

const warm = (
  service: Warm | undefined,
  request: Effect.Effect<void, { readonly reason: Failure.Reason }>
): Effect.Effect<void> => {
  if (service === undefined) return Effect.void
  const late = Effect.fail({ reason: new Failure.TimedOut({ afterMs: longestMs }) })
  return unless(
    Effect.andThen(Effect.sleep(longestMs), late),
    Effect.andThen(service.prewarm ?? Effect.void, request)
  ).pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning("a provider could not be warmed up").pipe(
        Effect.annotateLogs({ provider: service.name, reason: tagOf(cause) })
      )
    )
  )
}

export const prewarm = (services: {
  readonly stt?: Stt.Service | undefined
  readonly llm?: Llm.Llm["Service"] | undefined
  readonly tts?: Tts.Tts["Service"] | undefined
}, paid: boolean): Effect.Effect<void> => {
  const { llm, stt, tts } = services
  const when = <E>(request: Stream.Stream<unknown, E> | undefined): Effect.Effect<void, E> =>
    paid && request !== undefined ? Stream.runDrain(request) : Effect.void
  return Effect.all([
    warm(stt, Effect.suspend(() => when(stt && meteredTranscription(stt, Stream.make(silence), stt.transcribe)))),
    warm(llm, Effect.suspend(() => when(llm && meteredReply(llm, hello)))),
    warm(tts, Effect.suspend(() => when(tts && meteredSpeech(tts, Stream.make("Hello"), undefined))))
  ], { concurrency: "unbounded", discard: true })
}
