/** Providers of one name, in what a fallback and a hedge tell of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule, type Scope, Stream } from "effect"
import { Audio, Failure, Llm, Resilience, Stt, Tts } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
import { Prompt } from "effect/ai"

const gone = new Failure.Disconnected({})

interface Given {
  readonly name: string
  readonly model?: string | undefined
}

type Options = {
  readonly breaker: object
  readonly policy: Resilience.Policy
  readonly recovery: Schedule.Schedule<unknown>
}

const llmOf = ({ model, name }: Given) =>
  Llm.make({ name, model, reply: () => Stream.fail(new Llm.LlmError({ provider: name, reason: gone })) })
const ttsOf = ({ model, name }: Given) =>
  Tts.make({
    name,
    model,
    ...Audio.speech,
    speak: () => Stream.fail(new Tts.TtsError({ provider: name, reason: gone }))
  })
const sttOf = ({ model, name }: Given) =>
  Stt.make({ name, model, transcribe: () => Stream.fail(new Stt.SttError({ provider: name, reason: gone })) })

const ask = (llm: Llm.Llm["Service"]) =>
  Stream.runDrain(llm.reply({ prompt: Prompt.make("Hello"), tools: [], toolChoice: "none" }))

type Kind = readonly [
  kind: string,
  make: (given: ReadonlyArray<Given>, options: Options) => Effect.Effect<
    readonly [service: Resilience.Fallback & { readonly name: string }, asked: Effect.Effect<unknown, unknown>],
    unknown,
    Scope.Scope
  >
]

const kinds: ReadonlyArray<Kind> = [
  ["models", (given, options) => Effect.map(Llm.fallback(given.map(llmOf) as any, options), (llm) => [llm, ask(llm)])],
  ["voices", (given, options) =>
    Effect.map(Tts.fallback(given.map(ttsOf) as any, options), (
      tts
    ) => [tts, Stream.runDrain(tts.speak(Stream.make("Hello.")))])],
  ["recognisers", (given, options) =>
    Effect.map(Stt.fallback(given.map(sttOf) as any, options), (
      stt
    ) => [stt, Stream.runDrain(stt.transcribe(Stream.make(Audio.silence(100, Audio.speech))))])]
]

const cases: ReadonlyArray<readonly [string, ReadonlyArray<Given>, ReadonlyArray<string>]> = [
  ["of two names keep theirs", [{ name: "a", model: "m" }, { name: "b", model: "m" }], ["a", "b"]],
  ["of one name tell their models", [{ name: "a", model: "m" }, { name: "a", model: "n" }, { name: "b" }], [
    "a/m",
    "a/n",
    "b"
  ]],
  ["of one model tell their numbers", [{ name: "a", model: "m" }, { name: "a", model: "m" }], ["a/m", "a/m#2"]],
  ["without models tell their numbers", [{ name: "a" }, { name: "a" }, { name: "a" }], ["a", "a#2", "a#3"]],
  ["take no name that another has", [{ name: "a" }, { name: "a#2" }, { name: "a" }], ["a", "a#2", "a#3"]]
]

const options: Options = {
  breaker: { consecutiveFailures: 1 },
  policy: { retries: 1, schedule: Schedule.spaced(0) },
  recovery: Schedule.spaced("1 hour")
}

describe.each(kinds)("in a fallback of %s, those", (_, make) => {
  it.live.each(cases)("%s", ([, given, names]) =>
    Effect.scoped(Effect.gen(function*() {
      const [service, asked] = yield* make(given, options)
      assert.deepStrictEqual(yield* service.available, [...names])
      assert.strictEqual(service.name, names.join("+"))
      const lost: Array<string> = []
      const opened: Array<string> = []
      const retried: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(service.availability, ({ provider }) => Effect.sync(() => lost.push(provider))),
        { startImmediately: true }
      )
      for (const { changes } of Resilience.breakers(service)) {
        yield* Effect.forkScoped(
          Stream.runForEach(changes, ({ provider }) => Effect.sync(() => opened.push(provider))),
          { startImmediately: true }
        )
      }
      const error = yield* Effect.flip(asked).pipe(
        Effect.provideService(Resilience.Retries, ({ provider }) => void retried.push(provider))
      )
      yield* Effect.yieldNow
      assert.deepStrictEqual(
        (error as Llm.LlmError).reason,
        new Failure.Exhausted({ providers: [...names], isRetryable: true })
      )
      assert.deepStrictEqual(lost, [...names])
      assert.deepStrictEqual(opened.toSorted(), names.toSorted())
      assert.deepStrictEqual(retried, [...names])
    })))
})

describe("two layers of OpenAI", () => {
  it.effect("are told apart where one stands in for the other", () =>
    Effect.scoped(Effect.gen(function*() {
      const apiKey = Redacted.make("key")
      const context = yield* Layer.build(Llm.layerFallback([
        OpenAiRealtime.layer({ apiKey }),
        OpenAiLlm.layer({ apiKey, model: "gpt-4.1-mini" })
      ]))
      const llm = yield* Effect.provide(Llm.Llm, context)
      assert.match(llm.name, /^openai\/gpt-realtime[^+]*\+openai\/gpt-4\.1-mini$/)
    })))
})
