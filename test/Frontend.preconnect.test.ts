import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { Audio, Room } from "effect-voice"
import * as Frontend from "effect-voice/Frontend"
import { decode } from "effect-voice/internal/frontend/preconnectAudio"
import * as Testing from "effect-voice/testing"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"

const topic = "lk.agent.pre-connect-audio-buffer"
const format = { sampleRate: 16_000, channels: 1 }
const decoder = (() => {
  try {
    return import.meta.resolve("opus-decoder") !== ""
  } catch {
    return false
  }
})()

const level = (value: number, ms: number): Audio.Frame => ({
  ...format,
  samples: new Int16Array(ms * 16).fill(value)
})

const bytesOf = ({ samples }: Audio.Frame) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)

/** Packets in Ogg, a page each. */
const ogg = (packets: ReadonlyArray<Uint8Array>): Uint8Array =>
  new Uint8Array(Buffer.concat(packets.map((packet) => {
    const head = Buffer.alloc(28)
    head.write("OggS")
    head[26] = 1
    head[27] = packet.length
    return Buffer.concat([head, packet])
  })))

/** A room with ann in it, and what is heard of her as [value, milliseconds, time]. */
const listening = (options: { readonly announced: boolean; readonly preconnect?: Frontend.PreconnectOptions }) =>
  Effect.gen(function*() {
    const { caller: { room: control }, room } = yield* Testing.room({ joins: false })
    const served = yield* Frontend.preconnect(room, options.preconnect)
    yield* control.join({ identity: "ann", preconnect: options.announced })
    const heard: Array<Audio.Frame> = []
    const listen = Effect.forkScoped(
      Stream.runForEach(served.audio("ann", format), (frame) => Effect.sync(() => void heard.push(frame))),
      { startImmediately: true }
    )
    const record = (frame: Audio.Frame, attributes?: Record<string, string>, mimeType?: string) =>
      control.sendBytes({
        identity: "ann",
        topic,
        bytes: bytesOf(frame),
        mimeType,
        attributes: attributes ?? { sampleRate: String(frame.sampleRate), channels: String(frame.channels) }
      })
    const stretches = Effect.sync(() => {
      const all: Array<{ value: number; from: number; to: number }> = []
      for (const frame of heard) {
        const value = frame.samples[0] ?? 0
        const at = frame.at ?? Number.NaN
        const last = all.at(-1)
        if (last?.value === value && Math.abs(last.to - at) < 1e-6) last.to = at + Audio.durationMs(frame)
        else all.push({ value, from: at, to: at + Audio.durationMs(frame) })
      }
      return all.map(({ from, to, value }) => [value, from, to])
    })
    const live = (at: number, ms: number) => control.feed("ann", [{ ...level(7, ms), at }])
    return { control, listen, live, record, stretches }
  })

const settle = TestClock.adjust(1)

describe("what was said before the agent came", () => {
  it.effect("goes ahead of the live audio, and time goes on with it", () =>
    Effect.gen(function*() {
      const { listen, live, record, stretches } = yield* listening({ announced: true })
      yield* record(level(3, 250))
      yield* settle
      yield* listen
      yield* live(1000, 20)
      yield* live(1020, 20)
      yield* settle
      assert.deepStrictEqual(yield* stretches, [[3, 1000, 1250], [7, 1250, 1290]])
    }))

  it.effect("is waited for when it is announced, and live audio is kept meanwhile", () =>
    Effect.gen(function*() {
      const { listen, live, record, stretches } = yield* listening({ announced: true })
      yield* listen
      yield* live(0, 20)
      yield* TestClock.adjust(1000)
      yield* live(1000, 20)
      yield* settle
      assert.deepStrictEqual(yield* stretches, [])
      yield* record(level(3, 250))
      yield* settle
      yield* live(1020, 20)
      yield* settle
      assert.deepStrictEqual(yield* stretches, [[3, 0, 250], [7, 250, 270], [7, 1250, 1290]])
    }))

  it.effect("is not waited for longer than that", () =>
    Effect.gen(function*() {
      const { listen, live, record, stretches } = yield* listening({
        announced: true,
        preconnect: { wait: "500 millis" }
      })
      yield* listen
      yield* live(0, 20)
      yield* TestClock.adjust(500)
      yield* live(500, 20)
      yield* settle
      yield* record(level(3, 250))
      yield* settle
      yield* live(520, 20)
      yield* settle
      assert.deepStrictEqual(yield* stretches, [[7, 0, 20], [7, 500, 540]])
    }))

  it.effect("holds nothing up where none is announced", () =>
    Effect.gen(function*() {
      const { listen, live, stretches } = yield* listening({ announced: false })
      yield* listen
      yield* live(0, 20)
      yield* settle
      assert.deepStrictEqual(yield* stretches, [[7, 0, 20]])
    }))

  it.effect("is not heard when it is old", () =>
    Effect.gen(function*() {
      const { listen, live, record, stretches } = yield* listening({ announced: false })
      yield* record(level(3, 250))
      yield* TestClock.adjust("4 seconds")
      yield* listen
      yield* live(0, 20)
      yield* settle
      assert.deepStrictEqual(yield* stretches, [[7, 0, 20]])
    }))

  it.effect.each(
    [
      ["a rate that is none", { sampleRate: "fast" }, undefined],
      ["too many channels", { channels: "6" }, undefined],
      ["bytes that are no WebM", {}, "audio/webm;codecs=opus"],
      ["bytes that are no Ogg", {}, "audio/ogg"],
      ["bytes that are neither", {}, "audio/opus"],
      ["a format that is not known", {}, "audio/mp4"]
    ] as const
  )("%s: the live audio is heard alone", ([, attributes, mimeType]) =>
    Effect.gen(function*() {
      const { listen, live, record, stretches } = yield* listening({ announced: false })
      yield* record(level(3, 250), attributes, mimeType)
      yield* settle
      yield* listen
      yield* live(0, 20)
      yield* settle
      assert.deepStrictEqual(yield* stretches, [[7, 0, 20]])
    }))

  it.live.skipIf(!decoder)("is understood as a browser records it", () =>
    Effect.gen(function*() {
      const bytes = new Uint8Array(readFileSync(new URL("fixtures/hello_world.webm", import.meta.url)))
      const { caller: { room: control }, room } = yield* Testing.room({ joins: false })
      const served = yield* Frontend.preconnect(room)
      // The second one breaks off in the middle, as when a connection is lost.
      for (const [identity, length] of [["ann", bytes.length], ["bob", 9000]] as const) {
        yield* control.join({ identity, preconnect: true })
        const heard = yield* Effect.forkScoped(
          Stream.runCollect(Stream.takeUntil(served.audio(identity, format), ({ samples }) => samples[0] === 7)),
          { startImmediately: true }
        )
        yield* control.sendBytes({
          identity,
          topic,
          bytes: bytes.subarray(0, length),
          mimeType: "audio/webm;codecs=opus",
          attributes: { sampleRate: "48000", channels: "1" }
        })
        const feed = Effect.forever(Effect.andThen(control.feed(identity, [level(7, 20)]), Effect.sleep(20)))
        const frames = yield* Effect.raceFirst(Fiber.join(heard), feed)
        const recorded = frames.filter(({ samples }) => samples[0] !== 7)
        const ms = recorded.reduce((sum, frame) => sum + Audio.durationMs(frame), 0)
        assert.isAbove(ms, length * 0.05)
        assert.isBelow(ms, 1300)
        assert.isAbove(Audio.rms(Audio.concat(recorded)), 0.02)
        assert.isTrue(recorded.every((frame) => Audio.durationMs(frame) <= 101))
      }
    }))

  it.live.skipIf(!decoder)("has its end decoded, though a few bytes may hold an hour", () =>
    Effect.gen(function*() {
      const head = new Uint8Array(19)
      head.set(new TextEncoder().encode("OpusHead"))
      head[9] = 2
      // Twenty milliseconds of silence in three bytes; the second file is rubbish.
      const hour = Array.from({ length: 180_000 }, () => Uint8Array.of(0xfc, 0xff, 0xfe))
      const rubbish = Array.from({ length: 50 }, (_, i) =>
        Uint8Array.from({ length: 100 }, (_, j) => i * 37 + j * j * 91))
      const recording = (packets: ReadonlyArray<Uint8Array>) =>
        decode({
          identity: "ann",
          topic,
          name: "",
          mimeType: "audio/ogg",
          attributes: {},
          bytes: ogg([head, head, ...packets])
        })
      assert.isAtMost(Audio.durationMs(yield* recording(hour)), 15_000)
      const exit = yield* Effect.exit(recording(rubbish))
      assert.isTrue(Exit.isSuccess(exit) || !Cause.hasDies(exit.cause))
    }))

  it.effect("is answered to like anything else that is said", () =>
    Effect.gen(function*() {
      const said = Testing.speech("Is anybody there?")
      const layer = Layer.effect(Room.Room, Effect.flatMap(Room.Room, Frontend.preconnect))
      const timeline = yield* Testing.scenario({
        room: { joins: false, frames: "20 millis" },
        layer,
        user: [],
        at: [
          {
            at: 1000,
            do: (_, caller) =>
              Effect.andThen(
                caller.room.join({ identity: "caller", preconnect: true }),
                caller.room.sendBytes({
                  identity: "caller",
                  topic,
                  bytes: bytesOf(said),
                  attributes: { sampleRate: String(said.sampleRate), channels: String(said.channels) }
                })
              )
          }
        ],
        llm: ["Yes, I am."]
      })
      assert.deepStrictEqual(timeline.messages, ["user: Is anybody there?", "assistant: Yes, I am."])
      const [turn] = timeline.of("UserSpeechCommitted")
      assert.isBelow(turn?.at ?? Infinity, 2500)
    }))
})
