/** What plain functions can do to a conversation, as an Effect can. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Agent, History, Pipeline, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

it.effect("lets a plain hook change the instructions, the voice and the history", () =>
  Effect.gen(function*() {
    const agent = Agent.make({
      instructions: "You greet.",
      onUserTurn: async (_, session) => {
        await session.updateHistory(() => History.empty)
        await session.update({ instructions: "You sell.", voice: "Anna" })
      }
    })
    const timeline = yield* Testing.scenario({
      agent,
      user: [Testing.say(1000, 2000, "Hello?"), Testing.say(6000, 7000, "A pizza.")],
      llm: ["Yes?", "One pizza."],
      options: { turn: { preemption: { llm: false } } }
    })
    assert.include(JSON.stringify(timeline.requests[0]?.prompt), "You sell.")
    assert.deepStrictEqual(timeline.speeches.map(({ voice }) => voice), ["Anna", "Anna"])
    assert.notInclude(JSON.stringify(timeline.requests[1]?.prompt), "Hello?")
  }))

it.effect("tells a plain hook what the call has cost, and for how long it was heard", () =>
  Effect.gen(function*() {
    const told: Array<unknown> = []
    const agent = Agent.make({
      instructions: "You greet.",
      onEnter: async (session) => told.push((await (await session.say("Hello there.")).heard()).playedMs),
      onExit: async (session) => {
        const { total } = await session.spent()
        told.push(total.characters, total.cost, await session.instructions())
      }
    })
    const prices = [{ provider: "scripted-tts", characters: 1_000_000 }]
    yield* Testing.scenario({ agent, tts: { duration: 1500 }, options: { spending: { prices } } })
    assert.deepStrictEqual(told, [1500, 12, 12, "You greet."])
  }))

it.effect("lets a plain tool see the calls that run, and end one", () =>
  Effect.gen(function*() {
    const seen: Array<unknown> = []
    const tools = Tools.functions({
      search: { voice: { background: true }, run: () => Effect.never },
      stop: {
        run: async (_, { session }) => {
          for (const { id, name } of await session.running()) seen.push(name, await session.cancel(id))
          seen.push(await session.cancel("gone"))
        }
      }
    })
    yield* Testing.scenario({
      agent: Agent.make({ instructions: "You search.", tools }),
      user: [Testing.say(500, 1500, "Search."), Testing.say(6000, 7000, "Stop searching.")],
      llm: [{ tools: [{ name: "search" }] }, "I search.", { tools: [{ name: "stop" }] }, "It is over."]
    })
    assert.deepStrictEqual(seen, ["search", true, false])
  }))

it.effect("lets a page hear of a plain tool, and ask a plain hook, until the session ends", () =>
  Testing.inVirtualTime(
    Effect.gen(function*() {
      const caller = yield* Testing.Caller
      const asked: Array<string> = []
      const agent = Agent.make({
        instructions: "You sell.",
        tools: Tools.functions({
          show: {
            run: async (_, { session: { room } }) => {
              await room.sendText({ topic: "products", text: "b1" })
              return room.call({ identity: "caller", method: "shown", payload: room.name })
            }
          }
        }),
        onEnter: async ({ room }) => {
          await room.handle("price", async ({ identity, payload }) => `${identity}, ${payload} costs ten`)
          await room.handle("broken", () => 7 as never)
          await room.handle("none", "x" as never).catch((error: Error) => asked.push(error.message))
        }
      })
      yield* caller.room.handle("caller", "shown", (payload) => Effect.sync(() => `shown in ${asked.push(payload)}`))
      const call = yield* Effect.forkChild(Pipeline.run(agent))
      yield* caller.wait("1 second")
      const price = (method: string) => caller.room.call({ identity: "caller", method, payload: "b1" })
      assert.strictEqual(yield* price("price"), "caller, b1 costs ten")
      assert.match(String(yield* Effect.flip(price("broken"))), /the handler of broken broke/)
      assert.strictEqual((yield* caller.room.open).handlers, 3)
      yield* caller.says("Show it to me.")
      yield* caller.expectReply()
      assert.deepStrictEqual(asked, ["handler must be a function, which may be async, and gives a text", "test-room"])
      const sent = yield* caller.room.sent
      assert.isTrue(sent.some((one) => "topic" in one && one.topic === "products"))
      yield* caller.leaves
      yield* Fiber.join(call)
      yield* caller.wait("1 second")
      assert.strictEqual((yield* caller.room.open).handlers, 0)
    }).pipe(Effect.scoped, Effect.provide(Testing.layer({ llm: [{ tools: [{ name: "show" }] }, "There it is."] })))
  ))
