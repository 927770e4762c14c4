import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Agent, Pipeline, Room } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** A call that a supervisor may help with. They hear it as everyone in the room does; their page calls these methods. */
export const supervised = (agent: Agent.Agent) =>
  Effect.gen(function*() {
    const room = yield* Room.Room
    const session = yield* Pipeline.make(agent)
    const on = (method: string, run: (words: string) => Effect.Effect<unknown, unknown>) =>
      room.handle(method, ({ identity, payload }) =>
        Effect.gen(function*() {
          // The attribute is in a token that your server signs: a caller cannot whisper to the agent.
          const people = yield* room.participants
          const role = people.find((one) => one.identity === identity)?.attributes["role"]
          if (role !== "supervisor") return "refused"
          yield* Effect.ignore(run(payload))
          return "ok"
        }))
    // The agent knows it from its next reply on, and the caller hears nothing of it.
    yield* on("whisper", (words) =>
      Effect.flatMap(
        session.instructions,
        (now) => session.update({ instructions: `${now}\nYour supervisor tells you: ${words}` })
      ))
    // The agent says something about it now.
    yield* on("prompt", (words) => session.reply({ instructions: words }))
    // The supervisor goes on with the caller; the line stays open.
    yield* on("take", () =>
      Effect.gen(function*() {
        yield* session.interrupt({ force: true })
        yield* session.say("My colleague goes on from here.", { protected: true })
        yield* session.close({ drain: true })
      }))
    return yield* session.ended
  }).pipe(Effect.scoped)

const desk = Agent.make({
  instructions: "You sell rooms.",
  onEnter: async (session) => session.say("Sea View Hotel, how can I help?")
})

it.effect("takes a whisper from the supervisor alone, and gives the call away", () =>
  Testing.inVirtualTime(
    Effect.gen(function*() {
      const caller = yield* Testing.Caller
      const call = yield* Effect.forkChild(supervised(desk))
      yield* caller.expectReply()
      yield* caller.room.join({ identity: "boss", attributes: { role: "supervisor" } })
      const whisper = (identity: string, payload: string) => caller.room.call({ identity, method: "whisper", payload })
      assert.strictEqual(yield* whisper("caller", "All is free."), "refused")
      assert.strictEqual(yield* whisper("boss", "Offer ten percent."), "ok")
      yield* caller.says("That is too dear.")
      assert.strictEqual(yield* caller.expectReply(), "I can offer you ten percent.")
      const asked = yield* Testing.LlmCalls.use(({ requests }) => requests)
      assert.include(JSON.stringify(asked.at(-1)?.prompt), "Your supervisor tells you: Offer ten percent.")
      yield* caller.room.call({ identity: "boss", method: "take", payload: "" })
      assert.strictEqual(yield* caller.expectReply(), "My colleague goes on from here.")
      assert.strictEqual(yield* Fiber.join(call), "closed")
    }).pipe(Effect.provide(Testing.layer({ llm: ["I can offer you ten percent."] })))
  ))
