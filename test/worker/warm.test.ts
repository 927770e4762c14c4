/** What a worker does once in a process, before it says that it is ready. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Logger, Stream } from "effect"
import { Failure, Llm, Stt, Tts, Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { openInTime } from "../../src/internal/worker/executor.ts"
import { checkDefinition } from "../../src/internal/worker/options.ts"
import { Introduces, makePrewarm } from "../../src/internal/worker/prewarm.ts"
import { detector } from "../support/judges.ts"

/** Services that count what they are asked. */
const counting = () => {
  const asked: Array<string> = []
  const layer = Layer.mergeAll(
    Layer.succeed(
      Llm.Llm,
      Llm.make({
        name: "llm",
        reply: ({ prompt }) => {
          asked.push(`llm ${JSON.stringify(prompt.content.at(-1)?.content).includes("Hello")}`)
          return Stream.make<[Llm.Delta]>({ _tag: "Finish" })
        }
      })
    ),
    Layer.succeed(
      Tts.Tts,
      Tts.make({
        name: "tts",
        sampleRate: 16_000,
        channels: 1,
        speak: (text) => Stream.drain(Stream.map(text, (piece) => void asked.push(`tts ${piece}`)))
      })
    ),
    Layer.succeed(
      Stt.Stt,
      Stt.make({
        name: "stt",
        transcribe: (audio) => {
          let samples = 0
          return Stream.drain(Stream.map(audio, (input) => {
            if ("samples" in input && (samples += input.samples.length) === 16_000) asked.push("stt one second")
          }))
        }
      })
    )
  )
  return { asked, layer }
}

describe("a worker's paid warm-up", () => {
  it.effect("asks each provider for a trifle when that is wished, and nobody otherwise", () =>
    Effect.gen(function*() {
      for (const warmProviders of [true, false]) {
        const { asked, layer } = counting()
        yield* Effect.scoped(makePrewarm({ entry: () => Effect.void, layer, warmProviders }))
        assert.deepStrictEqual(asked.toSorted(), warmProviders ? ["llm true", "stt one second", "tts Hello"] : [])
      }
    }))

  it.effect("keeps no worker from its work: what fails or hangs is logged and left", () =>
    Effect.gen(function*() {
      const failing = Layer.mergeAll(
        Layer.succeed(
          Llm.Llm,
          Llm.make({
            name: "llm",
            reply: () =>
              Stream.fail(new Llm.LlmError({ provider: "llm", reason: new Failure.Rejected({ status: 401 }) }))
          })
        ),
        Layer.succeed(
          Tts.Tts,
          Tts.make({ name: "tts", sampleRate: 16_000, channels: 1, speak: () => Stream.never })
        )
      )
      yield* Effect.scoped(makePrewarm({ entry: () => Effect.void, layer: failing, warmProviders: true })).pipe(
        Testing.inVirtualTime
      )
    }))
})

describe("a worker without a turn detector", () => {
  const linesOf = (layer: Layer.Layer<never>, introduces: boolean) =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
      yield* Effect.scoped(makePrewarm({ entry: () => Effect.void, layer, warmProviders: false })).pipe(
        Effect.provideService(Introduces, introduces),
        Effect.provide(Logger.layer([logger]))
      )
      return lines
    })

  it.effect("says so once at its start, and one that has one is silent", () =>
    Effect.gen(function*() {
      const [line, ...others] = yield* linesOf(Layer.empty, true)
      assert.match(line ?? "", /^Info: no turn detector: .*SmartTurnDetector/)
      assert.deepStrictEqual(others, [])
      // The second process of a pool.
      assert.deepStrictEqual(yield* linesOf(Layer.empty, false), [])
      assert.deepStrictEqual(yield* linesOf(detector(() => Effect.succeed(1)), true), [])
    }))
})

describe("a layer that cannot be built, nor interrupted", () => {
  const stuck = Worker.define({
    entry: () => Effect.void,
    layer: Layer.effectDiscard(Effect.uninterruptible(Effect.never)),
    connect: () => Effect.never,
    prewarmTimeout: "3 seconds"
  })
  const opening = Effect.scoped(Effect.flatMap(checkDefinition(stuck), (settings) => openInTime(stuck, settings)))

  it.effect("is left behind when its time is over", () =>
    Effect.gen(function*() {
      const [taken, error] = yield* Effect.flip(opening).pipe(Effect.timed, Testing.inVirtualTime)
      assert.strictEqual(Duration.toMillis(taken), 3000)
      assert.include(error.message, "layer and prewarm took more than 3000 ms")
    }))

  it.effect("holds nobody up who does not want it any more", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(opening, { startImmediately: true })
      yield* Fiber.interrupt(fiber)
    }))
})

describe("a layer that does not close", () => {
  it.effect("is left behind after ten seconds, and that is told", () =>
    Effect.gen(function*() {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ message }) => void lines.push(message))
      const layer = Layer.effectDiscard(Effect.acquireRelease(Effect.void, () => Effect.never))
      const warming = makePrewarm({ entry: () => Effect.void, layer, warmProviders: false })
      const [taken] = yield* Effect.scoped(warming).pipe(
        Effect.timed,
        Effect.provideService(Introduces, false),
        Effect.provide(Logger.layer([logger])),
        Testing.inVirtualTime
      )
      assert.strictEqual(Duration.toMillis(taken), 10_000)
      assert.deepStrictEqual(lines.flat(), ["left behind"])
    }))
})

describe("prewarm", () => {
  it.effect("takes ten seconds, also where a provider cannot be interrupted", () =>
    Effect.gen(function*() {
      const stuck = (name: string) =>
        Llm.make({
          name,
          prewarm: Effect.uninterruptible(Effect.never),
          reply: () => Stream.make<[Llm.Delta]>({ _tag: "Finish" })
        })
      const [taken] = yield* Llm.prewarm(stuck("llm")).pipe(Effect.timed, Testing.inVirtualTime)
      // And a second for it to hang up.
      assert.strictEqual(Duration.toMillis(taken), 11_000)
    }))
})
