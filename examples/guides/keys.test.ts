import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

export const bank = Agent.make({
  instructions: "You tell callers what is on their account.",
  tools: Tools.functions({
    balance: {
      description: "Asks for the PIN, and gives the balance",
      run: async (_, { session }) => {
        await session.say("Please enter your PIN, then press the hash key.")
        // Four keys, or fewer and a hash; neither a listener nor a record has them.
        const pin = await session.keys({ most: 4, secret: true })
        if (pin === "") throw new Tools.ToolError({ message: "The caller has entered nothing." })
        return pin === "1234" ? { euros: 10 } : { wrong: "PIN" }
      }
    }
  })
})

it.effect("asks for a PIN on the keys", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      room: { kind: "sip" },
      agent: bank,
      user: [
        Testing.say(1000, 2000, "My balance, please."),
        ...[..."1234"].map((key, i) => Testing.press(10_000 + 300 * i, key))
      ],
      llm: [{ tools: [{ name: "balance" }] }, "You have ten euros."],
      tts: { duration: 3000 }
    })
    assert.strictEqual(timeline.messages.at(-1), "assistant: You have ten euros.")
    assert.deepStrictEqual(timeline.of("UserPressedKey"), [])
  }))
