import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref, Stream } from "effect"
import { Failure, Llm, Resilience } from "effect-voice"
import { Prompt } from "effect/ai"
import { TestClock } from "effect/testing"

const model = Llm.make({
  name: "ours",
  model: "large",
  reply: ({ settings }) =>
    settings?.model === "small"
      ? Stream.make({ _tag: "Text", text: "From the small one." } as const)
      : Stream.fail(new Llm.LlmError({ provider: "ours", reason: new Failure.Rejected({ status: 404 }) }))
})

// The same provider is asked in another way before the reply is given up.
export const recovered = Layer.effect(
  Llm.Llm,
  Llm.recovering(model, {
    recoveries: [{ name: "ours:small", change: (llm) => Llm.withSettings(llm, { model: "small", maxTokens: 100 }) }]
  })
)

it.effect("answers with other settings when the usual ones have failed", () =>
  Effect.gen(function*() {
    const reply = Stream.mkString(Llm.text(Llm.reply({ prompt: Prompt.make("Hello?"), tools: [] })))
    assert.strictEqual(yield* reply, "From the small one.")
  }).pipe(Effect.provide(recovered)))

it.effect("builds a layer again whose building has failed and may be mended", () =>
  Effect.gen(function*() {
    const attempts = yield* Ref.make(0)
    const busy = new Llm.LlmError({ provider: "ours", reason: new Failure.Disconnected({ code: "ECONNREFUSED" }) })
    const layer = Layer.effect(
      Llm.Llm,
      Effect.flatMap(Ref.updateAndGet(attempts, (n) => n + 1), (n) => n < 3 ? Effect.fail(busy) : Effect.succeed(model))
    )
    const built = yield* Effect.forkChild(Effect.scoped(Layer.build(Resilience.retryLayer(layer, { attempts: 3 }))))
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(built)
    assert.strictEqual(yield* Ref.get(attempts), 3)
  }))
