import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Stream } from "effect"
import { Agent, Audio, Pipeline, Room } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"

const greeter = Agent.make({ instructions: "You answer the phone." })

describe("a caller", () => {
  it.effect("talks with a program on the test clock", () =>
    Effect.gen(function*() {
      const caller = yield* Testing.Caller
      yield* Effect.forkScoped(Pipeline.run(greeter, { turn: { preemption: { llm: false } } }))
      yield* caller.wait(100)
      yield* caller.says("Is anybody there?", { duration: 1000 })
      assert.strictEqual(yield* caller.expectReply(), "Yes, I am here.")
      yield* caller.types("Who is it?")
      assert.strictEqual(yield* caller.expectReply(), "It is me.")
      assert.strictEqual(yield* caller.heard, "Yes, I am here. It is me.")
      const { requests } = yield* Testing.LlmCalls
      assert.deepStrictEqual((yield* requests).map(({ text }) => text), ["Is anybody there?", "Who is it?"])
    }).pipe(Effect.provide(Testing.layer({ llm: ["Yes, I am here.", "It is me."] }))))

  it.effect("is told when no reply comes", () =>
    Effect.gen(function*() {
      const caller = yield* Testing.Caller
      yield* Effect.forkScoped(Pipeline.run(greeter))
      const error = yield* Effect.flip(caller.expectReply({ within: 500 }))
      assert.deepStrictEqual([error.started, error.message], [false, "the agent said nothing for 500 ms"])
      assert.strictEqual(yield* Clock.currentTimeMillis, 500)
    }).pipe(Effect.provide(Testing.layer())))

  it.effect("has a real voice when frames are asked for", () =>
    Testing.inVirtualTime(
      Effect.gen(function*() {
        const caller = yield* Testing.Caller
        yield* Effect.forkScoped(
          Pipeline.run(greeter, { turn: { preemption: { llm: false }, interruption: { backchannel: false } } })
        )
        yield* caller.says("Is anybody there?", { at: 500, duration: 2000 })
        assert.strictEqual(yield* caller.expectReply(), "Yes.")
        const { requests } = yield* Testing.LlmCalls
        const [request] = yield* requests
        assert.deepStrictEqual([request?.text, request?.at], ["Is anybody there?", 3000])
      }).pipe(
        Effect.provide(Layer.merge(Testing.layer({ llm: ["Yes."], room: { frames: 20 } }), EnergyVad.layer()))
      )
    ))

  it.effect("gives marks at the moments that matter, and is never silent for long", () =>
    Effect.gen(function*() {
      const caller = yield* Testing.Caller
      const room = yield* Room.Room
      const seen: Array<string> = []
      yield* room.audio("caller").pipe(
        Stream.runForEach((frame) =>
          Effect.sync(() => {
            const marked = Testing.markedFrom({ ...frame })
            seen.push(`${marked?.at} ${marked?.mark._tag}`)
            assert.strictEqual(Audio.durationMs(frame), 0)
          })
        ),
        Effect.forkScoped
      )
      yield* caller.wait(0)
      yield* caller.speaks(500, 2500, "one two three four")
      yield* caller.speaks(3000, 5000, "five six")
      yield* caller.wait(3500)
      yield* caller.says("cut in", { duration: 400 })
      yield* caller.wait(5000)
      assert.deepStrictEqual(seen, [
        "500 VoiceStarted",
        "1400 Moment",
        "2300 Moment",
        "2500 VoiceStopped",
        "3000 VoiceStarted",
        "3500 VoiceStopped",
        "3500 VoiceStarted",
        "3900 VoiceStopped",
        "4800 Moment"
      ])
    }).pipe(Effect.provide(Testing.layer())))

  it.effect("leaves, and the session ends", () =>
    Effect.gen(function*() {
      const caller = yield* Testing.Caller
      const session = yield* Effect.forkScoped(Pipeline.run(greeter))
      yield* caller.wait(100)
      yield* caller.leaves
      yield* caller.wait("10 seconds")
      assert.strictEqual(yield* Fiber.join(session), "participant_left")
    }).pipe(Effect.provide(Testing.layer())))
})
