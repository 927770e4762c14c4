/** What every model keeps, as checks that a test of any framework can run. */
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as assert from "node:assert/strict"
import type * as Llm from "../Llm.ts"
import { type ContractOptions, disconnecting, type ProviderCheck, waiting } from "./providerContract.ts"

type Service = Llm.Llm["Service"]

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

const ends = "a reply must end, and it goes on"

const orderly = (deltas: ReadonlyArray<Llm.Delta>): void => {
  assert.ok(deltas.some(({ _tag }) => _tag !== "Finish"), "a reply must have text or calls")
  assert.ok(!deltas.slice(0, -1).some(({ _tag }) => _tag === "Finish"), "nothing may come after Finish")
  const calls = deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta.id] : [])
  assert.equal(new Set(calls).size, calls.length, "two calls of a reply must not have one id")
  for (const delta of deltas) {
    if (delta._tag === "Text") assert.notEqual(delta.text, "", "a piece of text must not be empty")
    if (delta._tag === "ToolCall") assert.notEqual(delta.name, "", "a call must name its tool")
  }
}

/**
 * What every `Llm` keeps: one check for one test. Hold a model of your own to it. Its question is
 * "Which room is free?", and its tool `find_room`.
 *
 * **Example** (A model over HTTP)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Effect, type Layer } from "effect"
 * import { Llm } from "effect-voice"
 * import * as Testing from "effect-voice/testing"
 *
 * declare const layer: Layer.Layer<Llm.Llm>
 *
 * for (const { holds, sentence } of Testing.llmContract({ live: true })) {
 *   it.live(sentence, () => Llm.Llm.use(holds).pipe(Effect.scoped, Effect.provide(layer)))
 * }
 * ```
 *
 * @see `sttContract` and `ttsContract` for recognisers and voices
 * @category providers
 * @since 0.1.0
 */
export const llmContract = (options: ContractOptions = {}): ReadonlyArray<ProviderCheck<Service>> => {
  const wait = waiting(options)
  const checks: ReadonlyArray<ProviderCheck<Service>> = [
    {
      sentence: "replies with text or calls, and finishes at most once, at the end",
      holds: (llm) => Effect.map(wait(Stream.runCollect(llm.reply(request)), ends), orderly)
    },
    {
      sentence: "ends when nobody listens any more",
      holds: (llm) => wait(llm.reply(request).pipe(Stream.take(1), Stream.runDrain), ends)
    },
    {
      sentence: "replies to two requests at a time",
      holds: (llm) => {
        const reply = Stream.runDrain(llm.reply(request))
        return wait(Effect.all([reply, reply], { concurrency: "unbounded", discard: true }), ends)
      }
    }
  ]
  return disconnecting(checks, options, wait)
}
