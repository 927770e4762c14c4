import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Stream } from "effect"
import { Agent, Audio, Pipeline, Stt } from "effect-voice"
import * as Testing from "effect-voice/testing"

const said = "Here I am, and I have something to say"

describe("what a recogniser is handed", () => {
  it.live("comes in pieces of 100 ms while nobody speaks, at once while somebody does, and all of it", () =>
    Effect.gen(function*() {
      const handed: Array<{ readonly at: number; readonly inputs: ReadonlyArray<Stt.Input> }> = []
      const ears = Layer.succeed(
        Stt.Stt,
        Stt.make({
          name: "notebook",
          transcribe: (audio) =>
            Stream.drain(
              Stream.mapEffect(Stream.chunks(audio), (inputs) =>
                Effect.map(Clock.currentTimeMillis, (at) => {
                  handed.push({ at, inputs })
                }))
            )
        })
      )
      const speaking: Array<readonly [from: number, to: number]> = []
      yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const caller = yield* Testing.Caller
          let from = 0
          const fiber = yield* Effect.forkChild(
            Pipeline.run(Agent.make({ instructions: "" }), {
              onEvent: (event) => {
                if (event._tag === "UserStartedSpeaking") from = event.at
                if (event._tag === "UserStoppedSpeaking") speaking.push([from, event.at])
              }
            }),
            { startImmediately: true }
          )
          yield* Effect.sleep(2000)
          yield* caller.says(said)
          yield* Effect.sleep(3000)
          yield* caller.leaves
          yield* Fiber.join(fiber)
        }).pipe(Effect.provide(Layer.merge(
          Testing.layer({ room: { frames: 20 } }),
          ears
        )))
      )
      assert.strictEqual(speaking.length, 1)
      const [from, to] = speaking[0]!
      const lengthOf = (inputs: ReadonlyArray<Stt.Input>) =>
        inputs.reduce((ms, input) => ms + ("samples" in input ? Audio.durationMs(input) : 0), 0)
      const before = handed.filter(({ at }) => at < from)
      const during = handed.filter(({ at }) => at > from && at < to)
      assert.isAbove(before.length, 10)
      assert.isTrue(before.every(({ inputs }) => lengthOf(inputs) === 100))
      assert.isAbove(during.length, 20)
      assert.isTrue(during.every(({ inputs }) => lengthOf(inputs) === 20))
      const frames = handed.flatMap(({ inputs }) => inputs.filter((input) => "samples" in input))
      assert.strictEqual(Testing.readSpeech(Audio.concat(frames)).text, said)
      assert.closeTo(lengthOf(frames), handed.at(-1)!.at - handed[0]!.at, 150)
    }))
})
