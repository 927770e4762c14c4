import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, type Layer, Schema, Stream } from "effect"
import { Llm } from "effect-voice"
import { Prompt, Tool } from "effect/ai"
import { TestClock } from "effect/testing"

/** What the contract needs to know of a layer. */
export interface Options {
  /** The layer works on the real clock. @default false */
  readonly live?: boolean
}

const request: Llm.Request = {
  prompt: Prompt.make("Which room is free?"),
  tools: [
    Tool.make("find_room", {
      description: "Finds a free room",
      parameters: Schema.Struct({ nights: Schema.Int }),
      success: Schema.String
    })
  ]
}

/** What every `Llm` keeps, whoever the provider is. */
export const contract = <E>(name: string, llm: Layer.Layer<Llm.Llm, E>, options: Options = {}): void => {
  const settle = <A, X, R>(effect: Effect.Effect<A, X, R>): Effect.Effect<A, X, R> =>
    options.live === true ? effect : Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(effect)
      yield* TestClock.adjust("1 minute")
      return yield* Fiber.join(fiber)
    })
  const replies = Stream.unwrap(Llm.Llm.useSync((llm) => llm.reply(request)))

  layer(llm, { excludeTestServices: options.live === true })(`${name} keeps the Llm contract`, (it) => {
    it.effect("replies with text or calls, and finishes at most once, at the end", () =>
      Effect.gen(function*() {
        const deltas = yield* settle(Stream.runCollect(replies))
        assert.isTrue(deltas.some(({ _tag }) => _tag !== "Finish"))
        assert.isFalse(deltas.slice(0, -1).some(({ _tag }) => _tag === "Finish"))
        const calls = deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta.id] : [])
        assert.strictEqual(new Set(calls).size, calls.length)
        for (const delta of deltas) {
          if (delta._tag === "Text") assert.notStrictEqual(delta.text, "")
          if (delta._tag === "ToolCall") assert.notStrictEqual(delta.name, "")
        }
      }))

    it.effect("ends when nobody listens any more", () => settle(replies.pipe(Stream.take(1), Stream.runDrain)))

    it.effect("replies to two requests at a time", () =>
      settle(Effect.all([Stream.runDrain(replies), Stream.runDrain(replies)], { concurrency: "unbounded" })))
  })
}
