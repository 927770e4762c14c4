/** Media streams that no carrier sends: a call hears what can be heard, or ends; it never throws, and holds nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Queue } from "effect"
import type { Room } from "effect-voice"
import { read } from "effect-voice/internal/telephone/protocol"
import { openStream } from "effect-voice/internal/telephone/stream"
import { TestClock } from "effect/testing"

const voice = Buffer.alloc(160, 0x10).toString("base64")
const media = (told: object = {}) => ({ event: "media", streamSid: "MZ1", media: { payload: voice, ...told } })

/** A stream that is open, and what came of its messages. */
const opened = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const seen = {
    frames: 0,
    keys: "",
    played: [] as Array<number>,
    ended: [] as Array<string>,
    sent: [] as Array<string>
  }
  const incoming = {
    joined: () => {},
    left: () => {},
    ended: (reason: string) => void seen.ended.push(reason),
    keys: (_: string, digits: string) => void (seen.keys += digits),
    played: (position: number) => void seen.played.push(position),
    audio: () => void seen.frames++
  } as unknown as Room.Incoming
  const queue = yield* Queue.unbounded<string | Uint8Array>()
  yield* openStream({
    clock,
    link: {
      pull: Queue.takeAll(queue),
      send: (text) => void seen.sent.push(text),
      close: () => {},
      early: []
    },
    start: { streamSid: "MZ1", callSid: "CA1", accountSid: undefined, parameters: {} },
    caller: { identity: "ann" },
    hangUp: Effect.void
  })(incoming)
  const offer = (message: object | string | Uint8Array): void =>
    void Queue.offerUnsafe(
      queue,
      typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message)
    )
  return { offer, seen }
})

/** What came of messages that come all at once. */
const receiving = (messages: ReadonlyArray<object | string | Uint8Array>) =>
  Effect.gen(function*() {
    const { offer, seen } = yield* opened
    for (const message of messages) offer(message)
    yield* TestClock.adjust(100)
    return seen
  })

const times = <A>(count: number, of: (i: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, i) => of(i))

const start = { event: "start", start: { streamSid: "MZ2", callSid: "CA2", customParameters: {} }, streamSid: "MZ2" }

describe("a media stream", () => {
  it.effect.each<readonly [string, ReadonlyArray<object | string | Uint8Array>, number]>([
    ["a second beginning, and a third", [media(), start, { event: "connected" }, start, media()], 2],
    ["one huge number among the others", [1, 2, 9_007_199_254_740_991, 3, 4, 5].map((chunk) => media({ chunk })), 6],
    ["numbers that begin again", [5000, 5001, 1, 2, 3].map((chunk) => media({ chunk })), 5],
    ["numbers backwards", [9, 8, 7, 10].map((chunk) => media({ chunk: String(chunk) })), 2],
    [
      "times that are none",
      ["x", -1, "1e309", "١٢", {}, null, Number.MAX_SAFE_INTEGER].map((timestamp) => media({ timestamp })),
      7
    ],
    ["what is no base64", ["", "====", "\u0000", "ж", 7, null, {}, []].map((payload) => media({ payload })), 0],
    [
      "one byte, and as many as a second has, and more",
      [1, 8000, 8001].map((length) => media({ payload: Buffer.alloc(length).toString("base64") })),
      2
    ],
    ["the agent's own voice", [media({ track: "outbound" }), media({ track: {} }), media()], 1],
    ["no media at all", [{ event: "media" }, { event: "media", media: 7 }, { event: "media", media: [] }], 0],
    ["lists in lists", ["[".repeat(30_000), `{"event":"media","media":${"[".repeat(15_000)}${"]".repeat(15_000)}}`], 0],
    ["bytes that are no text", [Uint8Array.from([0xff, 0xfe]), new Uint8Array(0)], 0],
    ["names that all objects have", [
      "{\"__proto__\":{\"event\":\"stop\"}}",
      "{\"event\":\"media\",\"media\":{\"__proto__\":{\"payload\":\"AAAA\"}}}",
      "{\"event\":\"constructor\"}"
    ], 0]
  ])("goes on after %s", ([, messages, frames]) =>
    Effect.gen(function*() {
      const seen = yield* receiving([...messages, media({ track: "inbound" }), { event: "dtmf", dtmf: { digit: "7" } }])
      assert.deepStrictEqual([seen.frames, seen.keys, seen.ended, seen.played], [frames + 1, "7", [], []])
    }))

  it.effect.each<readonly [string, ReadonlyArray<object | string>, string]>([
    ["marks that nobody asked for", times(5000, (i) => ({ event: "mark", mark: { name: `${i}` } })), "removed"],
    ["keys", times(5000, () => ({ event: "dtmf", dtmf: { digit: "1" } })), "removed"],
    ["clears", times(5000, () => ({ event: "clear" })), "removed"],
    ["beginnings", times(5000, () => start), "removed"],
    ["audio faster than time", times(2000, () => media()), "removed"],
    ["what is no message", times(200, () => "{"), "removed"],
    ["large messages", times(20, () => ({ event: "other", of: "x".repeat(60_000) })), "removed"],
    ["its end, twice, and more behind it", [{ event: "stop" }, { event: "stop" }, media(), start], "room_closed"]
  ])("ends once with %s", ([, messages, reason]) =>
    Effect.gen(function*() {
      const seen = yield* receiving(messages)
      assert.deepStrictEqual(seen.ended, [reason])
      assert.isBelow(seen.keys.length, 2600)
      assert.deepStrictEqual(seen.sent, [])
    }))

  it.effect("lets a caller speak for hours whose clock is a little faster than ours, and none who is faster than time", () =>
    Effect.gen(function*() {
      for (const [faster, ends] of [[1.001, []], [1.5, ["removed"]]] as const) {
        const { offer, seen } = yield* opened
        // Four hours, ten seconds at a time, in pieces of 200 ms.
        let told = 0
        for (let part = 1; part <= 1440 && seen.ended.length === 0; part++) {
          for (; told < part * 50 * faster; told++) offer(media({ payload: Buffer.alloc(1600).toString("base64") }))
          yield* TestClock.adjust("10 seconds")
        }
        assert.deepStrictEqual(seen.ended, [...ends])
      }
    }))

  it.each<readonly [string, unknown, string]>([
    ["a digit", "5", "5"],
    ["a star", "*", "*"],
    ["a letter of the fourth column", "D", "D"],
    ["a small letter", "a", "A"],
    ["two at once", "12", "12"],
    ["a letter that is no key", "e", ""],
    ["a digit of another script", "٣", ""],
    ["a number", 5, "5"],
    ["nothing", "", ""],
    ["none", null, ""]
  ])("tells of a key, or of none: %s", (_, digit, key) => {
    const message = read(JSON.stringify({ event: "dtmf", dtmf: { digit } }))
    assert.strictEqual(message?._tag === "Keys" ? message.digits : "", key)
  })

  it.each<readonly [string, object, string | undefined]>([
    ["what carriers have", { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 }, undefined],
    ["its numbers as texts", { encoding: "audio/x-mulaw", sampleRate: "8000", channels: "1" }, undefined],
    ["capitals", { encoding: "audio/X-MULAW" }, undefined],
    ["nothing", {}, undefined],
    ["A-law", { encoding: "audio/x-alaw", sampleRate: 8000 }, "audio/x-alaw at 8000 Hz"],
    ["L16", { encoding: "audio/l16", sampleRate: 16_000 }, "audio/l16 at 16000 Hz"],
    ["another rate", { encoding: "audio/x-mulaw", sampleRate: 16_000 }, "audio/x-mulaw at 16000 Hz"],
    ["no rate", { sampleRate: "fast" }, "audio/x-mulaw at another number of Hz"],
    ["two channels", { channels: 2 }, "audio/x-mulaw at 8000 Hz, 2 channels"],
    ["no word", { encoding: "+15550001111 <x>" }, "another coding at 8000 Hz"],
    ["a list", { encoding: ["audio/x-mulaw"] }, "another coding at 8000 Hz"]
  ])("is audio that can be played, or named: %s", (_, mediaFormat, coding) => {
    const message = read(JSON.stringify({ ...start, start: { ...start.start, mediaFormat } }))
    assert.strictEqual(message?._tag === "Unplayable" ? message.coding : undefined, coding)
    assert.strictEqual(message?._tag, coding === undefined ? "Start" : "Unplayable")
  })

  it("has names of calls and streams that are names, and as many parameters as it may", () => {
    const begin = (told: object, more: object = {}) =>
      read(JSON.stringify({ ...start, ...more, start: { ...start.start, ...told } }))
    assert.strictEqual(begin({})?._tag, "Start")
    for (
      const told of [
        { callSid: "../x" },
        { callSid: "x".repeat(65) },
        { callSid: 7 },
        { customParameters: "x" },
        { customParameters: { a: "x".repeat(2049) } },
        { customParameters: Object.fromEntries(times(65, (i) => [`a${i}`, ""])) }
      ]
    ) assert.isUndefined(begin(told), JSON.stringify(told).slice(0, 60))
    const own = read(
      "{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ\",\"callSid\":\"CA\",\"customParameters\":{\"__proto__\":\"x\"}}}"
    )
    assert.isTrue(own?._tag === "Start" && Object.hasOwn(own.start.parameters, "__proto__"))
  })
})
