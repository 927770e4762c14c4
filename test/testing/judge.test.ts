import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, Llm, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import * as timers from "node:timers/promises"

/** A model of which only the answer counts, and what it was shown. */
const answering = (deltas: ReadonlyArray<Llm.Delta>) => {
  const asked: Array<Llm.Request> = []
  const llm = Llm.make({
    name: "judge",
    reply: (request) => {
      asked.push(request)
      return Stream.fromIterable<Llm.Delta>([...deltas, { _tag: "Finish" }])
    }
  })
  return { asked, layer: Layer.succeed(Llm.Llm, llm) }
}

const verdict = (params: unknown): ReadonlyArray<Llm.Delta> => [{ _tag: "ToolCall", id: "1", name: "verdict", params }]

const held = Testing.scenario({
  agent: Agent.make({
    instructions: "",
    tools: Tools.functions({
      book: { parameters: Schema.Struct({ nights: Schema.Int }), run: async () => ({ room: 7 }) }
    })
  }),
  user: [Testing.say(1000, 2000, "Two nights, please.")],
  llm: [{ tools: [{ name: "book", params: { nights: 2 } }] }, "Room seven is yours."]
})

describe("a judge", () => {
  it.effect("is shown the whole conversation, with its tools, and what is expected; its verdict is given", () =>
    Effect.gen(function*() {
      const { asked, layer } = answering(verdict({ passed: false, reason: "It names no price." }))
      const given = yield* Effect.provide(Testing.judge(yield* held, "The agent says what it costs."), layer)
      assert.deepStrictEqual(given, { passed: false, reason: "It names no price." })
      const [request] = asked
      const shown = JSON.stringify(request!.prompt.content)
      for (const part of ["The agent says what it costs.", "Two nights, please.", "nights", "Room seven is yours."]) {
        assert.include(shown, part)
      }
      assert.strictEqual(request!.toolChoice, "required")
      assert.deepStrictEqual(request!.tools.map(({ name }) => name), ["verdict"])
    }))

  it.effect("may write what it means as models do", () =>
    Effect.gen(function*() {
      const { layer } = answering(verdict("{\"passed\": true, \"reason\": \"It does\""))
      const { passed } = yield* Effect.provide(Testing.judge(yield* held, "It books."), layer)
      assert.isTrue(passed)
    }))

  it.effect("that gives no verdict fails, and so does one that fails", () =>
    Effect.gen(function*() {
      const timeline = yield* held
      for (const deltas of [[], [{ _tag: "Text", text: "Fine." } as const], verdict({ passed: "maybe" })]) {
        const error = yield* Effect.flip(Effect.provide(Testing.judge(timeline, "It books."), answering(deltas).layer))
        assert.strictEqual(error._tag, "Unexpected")
      }
    }))
})

describe("a real model in a scenario", () => {
  const slow = (ms: number) =>
    Layer.succeed(
      Llm.Llm,
      Llm.make({
        name: "real",
        reply: () =>
          Stream.fromEffect(Effect.as(Effect.promise(() => timers.setTimeout(ms)), {
            _tag: "Text" as const,
            text: "I am real."
          })).pipe(Stream.concat(Stream.make({ _tag: "Finish" as const })))
      })
    )

  it.live("takes no time of the conversation, however long it takes", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Are you?")],
        layer: Testing.layerRealLlm(slow(300)),
        realWait: "1 minute"
      })
      assert.deepStrictEqual(timeline.messages, ["user: Are you?", "assistant: I am real."])
      // 200 ms of the voice after the commit; none of the model.
      assert.strictEqual(timeline.playbacks[0]?.start, 2700)
      assert.deepStrictEqual(timeline.warnings, [])
    }))

  it.live("without it, time runs past the model, and the reply comes too late", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Are you?")],
        layer: slow(300)
      })
      assert.notStrictEqual(timeline.playbacks[0]?.start, 2700)
    }))
})
