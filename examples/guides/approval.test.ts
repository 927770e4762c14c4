import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { McpClient } from "effect/ai"

const limit = 100

export const desk = Agent.make({
  instructions: "You refund orders.",
  tools: Tools.functions({
    refund: {
      description: "Refunds an order",
      parameters: Schema.Struct({ order: Schema.Int, euros: Schema.Finite }),
      needsApproval: ({ euros }) => euros > limit, // or `true`
      run: async ({ order }) => `order ${order} is refunded`
    }
  }),
  // Somebody of the shop decides. Without this hook the model asks the caller, and calls again after their answer.
  onApproval: async ({ params }) => askTheShop(params)
})

/** The same for the tools of a server, by their names. */
export const server = (connect: Effect.Effect<McpClient.McpClient>) =>
  Tools.discovered({
    connect,
    toolkit: (client) => McpClient.toolkit(client, "shop__"),
    needsApproval: ({ name }) => name === "shop__refund"
  })

const asked: Array<unknown> = []
const askTheShop = async (params: unknown) => {
  asked.push(params)
  return false
}

it.effect("asks about what is dear, and runs what is not", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(1000, 2000, "Refund my orders.")],
      llm: [
        {
          tools: [{ name: "refund", params: { order: 1, euros: 20 } }, {
            name: "refund",
            params: { order: 2, euros: 500 }
          }]
        },
        "Order one is refunded; the other one I may not refund."
      ]
    })
    assert.deepStrictEqual(asked, [{ order: 2, euros: 500 }])
    const calls = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls)
    assert.deepStrictEqual(calls.map(({ isFailure }) => isFailure), [false, true])
  }))
