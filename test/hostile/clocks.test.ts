/** The wall clock is corrected by an hour in the middle of a call over a socket or a telephone: who is there stays, who is gone is gone as soon as ever. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Queue } from "effect"
import type { Room } from "effect-voice"
import { openStream } from "effect-voice/internal/telephone/stream"
import { answering, makeCalls } from "effect-voice/internal/webSocket/calls"
import { TestClock } from "effect/testing"
import { correctable } from "../support/clock.ts"
import { serverSettings } from "../support/sockets.ts"

const hour = 3_600_000

describe.each([hour, -hour])("a wall clock that is corrected by %i ms", (ms) => {
  it.effect("costs nobody their socket, and keeps none", () =>
    Effect.gen(function*() {
      const { run, step } = yield* correctable
      const calls = yield* run(makeCalls({
        ...serverSettings,
        authorize: () => Effect.succeed({ identity: "ann" })
      }, answering(3, () => Effect.never)))
      const come = () => {
        const state = { code: 0, answers: true, told: "" }
        const reception = calls.accept({
          send: (message) => {
            state.told += String(message)
            if (state.answers && String(message).includes("\"ping\"")) {
              queueMicrotask(() => reception.receive("{\"type\":\"pong\",\"id\":1}"))
            }
          },
          unsent: () => 0,
          close: (code) => void (state.code = code)
        })
        return { state, reception }
      }
      const ann = come()
      ann.reception.receive("{\"type\":\"join\",\"sampleRate\":16000}")
      const late = come()
      yield* TestClock.adjust("5 seconds")
      step(ms)
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual([ann.state.code, late.state.code], [0, 0])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([ann.state.code, late.state.code], [0, 1008])
      step(ms)
      for (let i = 0; i < 2500; i++) ann.reception.receive("{\"type\":\"pong\",\"id\":1}")
      assert.strictEqual(ann.state.code, 1008)
      const silent = come()
      silent.reception.receive("{\"type\":\"join\",\"sampleRate\":16000}")
      yield* TestClock.adjust("1 second")
      silent.state.answers = false
      step(ms)
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual(silent.state.code, 0)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(silent.state.code, 1001)
    }))

  it.effect("ends no call of a telephone, and none later", () =>
    Effect.gen(function*() {
      const { run, step } = yield* correctable
      const clock = yield* run(Clock.Clock)
      const seen = { frames: 0, ended: [] as Array<string> }
      const queue = yield* Queue.unbounded<string>()
      yield* run(
        openStream({
          clock,
          link: { pull: Queue.takeAll(queue), send: () => {}, close: () => {}, early: [] },
          start: { streamSid: "MZ1", callSid: "CA1", accountSid: undefined, parameters: {} },
          caller: { identity: "ann" },
          hangUp: Effect.void
        })(
          {
            joined: () => {},
            left: () => {},
            ended: (reason: string) => void seen.ended.push(reason),
            audio: () => void seen.frames++
          } as unknown as Room.Incoming
        )
      )
      const payload = Buffer.alloc(160, 0x10).toString("base64")
      for (let i = 1; i <= 1000; i++) {
        Queue.offerUnsafe(queue, JSON.stringify({ event: "media", media: { chunk: `${i}`, payload } }))
        yield* TestClock.adjust(20)
        if (i % 250 === 0) step(i % 500 === 0 ? ms : -ms)
      }
      assert.deepStrictEqual(seen, { frames: 1000, ended: [] })
      step(ms)
      yield* TestClock.adjust("14 seconds")
      assert.deepStrictEqual(seen.ended, [])
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(seen.ended, ["connection_lost"])
    }))
})
