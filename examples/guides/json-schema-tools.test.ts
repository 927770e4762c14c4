import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

// A tool as other systems describe theirs. Its parameters have the type `Record<string, any>`, and are checked against the schema before `run` sees them.
export const desk = Agent.make({
  instructions: "You book tables.",
  tools: Tools.functions({
    book: {
      description: "Books a table",
      parameters: {
        type: "object",
        properties: { guests: { type: "integer", minimum: 1, maximum: 12 }, terrace: { type: "boolean" } },
        required: ["guests"]
      },
      run: async (params) => `booked: ${JSON.stringify(params)}`
    }
  })
})

it.effect("gives a wrong call back to the model, and runs the right one", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(1000, 2000, "A table for two, please.")],
      llm: [
        { tools: [{ name: "book", params: { guests: "two" } }] },
        { tools: [{ name: "book", params: { guests: 2 } }] },
        "It is booked."
      ]
    })
    const calls = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls)
    assert.deepStrictEqual(calls.map(({ isFailure }) => isFailure), [true, false])
    assert.deepStrictEqual(calls[1]?.result, "booked: {\"guests\":2}")
  }))
