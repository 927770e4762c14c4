import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Agent, Audio, type Event, Pipeline } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { thorough } from "../support/thorough.ts"

/** All two hundred where more is asked for than a developer waits for. */
const calls = thorough ? 200 : 40
const turns = 2

const said = (call: number, turn: number) => `Caller ${call} wants ${turn}`

/** One call in its own room, with its own providers; what was told of it and what its caller heard. */
const call = (index: number) =>
  Effect.gen(function*() {
    const told: Array<Event.Event> = []
    const caller = yield* Testing.Caller
    const fiber = yield* Effect.forkChild(
      Pipeline.run(Agent.make({ instructions: "Say it again." }), {
        turn: { preemption: { llm: false, tts: false }, interruption: { echoWarmUp: 0 } },
        onEvent: (event) => void told.push(event)
      }),
      { startImmediately: true }
    )
    // Not two at the same time.
    yield* Effect.sleep(500 + index * 7)
    for (let turn = 0; turn < turns; turn++) {
      yield* caller.says(said(index, turn))
      yield* caller.expectReply()
    }
    const [output] = yield* caller.room.outputs
    const frames = yield* output!.heard
    const converter = Audio.converter({ to: Audio.speech })
    const heard = Testing.readSpeech(
      Audio.concat([...converter.push(frames.map(({ frame }) => frame)), ...converter.flush()])
    )
    yield* caller.leaves
    yield* Fiber.join(fiber)
    return { told, heard: heard.text, open: yield* caller.room.open }
  }).pipe(Effect.provide(Layer.fresh(Testing.layer({
    room: { frames: 20 },
    llm: ({ text }) => `${text}?`,
    llmOptions: { firstToken: 100, total: 200 }
  }))))

describe("many calls in one process", () => {
  it.live("each hear and are heard by their own agent alone, and none waits for another", () =>
    Effect.gen(function*() {
      const before = process.cpuUsage()
      const held = yield* Testing.inVirtualTime(
        Effect.forEach(Array.from({ length: calls }, (_, i) => i), call, { concurrency: "unbounded" })
      )
      const { system, user } = process.cpuUsage(before)
      const delays: Array<number> = []
      for (const [index, { heard, open, told }] of held.entries()) {
        const questions = Array.from({ length: turns }, (_, turn) => said(index, turn))
        assert.deepStrictEqual(
          told.flatMap((event) => event._tag === "UserSpeechCommitted" ? [event.text] : []),
          questions
        )
        assert.strictEqual(heard, questions.map((text) => `${text}?`).join(" "))
        assert.deepStrictEqual(Object.values(open).filter((count) => count > 0), [])
        for (const event of told) if (event._tag === "TurnMeasured") delays.push(event.record.total)
      }
      delays.sort((a, b) => a - b)
      assert.strictEqual(delays.length, calls * turns)
      const p99 = delays[Math.floor(delays.length * 0.99)]!
      yield* Effect.logInfo("held").pipe(Effect.annotateLogs({
        calls,
        p99Ms: p99,
        cpuMsPerCall: Math.round((user + system) / 1000 / calls),
        megabytes: Math.round(process.memoryUsage.rss() / 2 ** 20)
      }))
      assert.isAtMost(p99, delays[0]! + 20)
    }), 180_000)
})
