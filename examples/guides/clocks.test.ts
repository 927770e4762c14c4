import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import { Agent } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

class Rooms extends Context.Service<Rooms, { readonly free: Effect.Effect<number> }>()(
  "effect-voice/examples/guides/clocks.test/Rooms"
) {}

const Kit = Toolkit.make(Tool.make("free_rooms", { success: Schema.Int }))

// Take the services that a handler needs where its layer is built, and let it run on the Clock of whoever calls it.
// `Effect.context` and `Effect.runPromiseWith` there would capture the Clock too: under a TestClock it would sleep for ever.
const KitLive = Kit.toLayer(Effect.map(Rooms, ({ free }) => ({ free_rooms: () => Effect.delay(free, "3 seconds") })))

export const desk = Agent.make({ instructions: "You know which rooms are free.", tools: Kit })

it.effect("waits three seconds of the conversation, and none of yours", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(1000, 2000, "Is there a room?")],
      llm: [{ tools: [{ name: "free_rooms" }] }, "There are seven."]
    })
    assert.strictEqual(timeline.of("FunctionCallsFinished")[0]?.calls[0]?.result, 7)
    assert.isAbove(timeline.turns[0]?.total ?? 0, 3000)
  }).pipe(
    Effect.provide(KitLive.pipe(Layer.provide(Layer.succeed(Rooms, { free: Effect.succeed(7) }))))
  ))
