/** What anyone in a room can send: it costs little, whatever it is. Work is counted, not timed. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FiberSet, Layer, Queue, Stream } from "effect"
import { Agent, type Audio, type Pipeline, Room, Stt } from "effect-voice"
import * as Frontend from "effect-voice/Frontend"
import { oggPackets } from "effect-voice/internal/frontend/ogg"
import { makeTail } from "effect-voice/internal/frontend/opusTail"
import { load } from "effect-voice/internal/frontend/protocol"
import { webmPackets } from "effect-voice/internal/frontend/webm"
import { makeMessages } from "effect-voice/internal/livekit/messages"
import { makeReceiveLimits } from "effect-voice/internal/livekit/receiveLimits"
import { makeRpc } from "effect-voice/internal/livekit/rpc"
import type { Rtc, RtcRoom } from "effect-voice/internal/livekit/rtc"
import * as Testing from "effect-voice/testing"
import { TestClock } from "effect/testing"
import { setImmediate } from "node:timers/promises"

const MiB = 1024 * 1024
const preconnect = "lk.agent.pre-connect-audio-buffer"
const format = { sampleRate: 16_000, channels: 1 }

const opusHead = (() => {
  const head = new Uint8Array(19)
  head.set(new TextEncoder().encode("OpusHead"))
  head[9] = 1
  return head
})()

/** A page of Ogg by its segments. */
const page = (segments: ReadonlyArray<number>, content: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(27 + segments.length + content.length)
  bytes.set(new TextEncoder().encode("OggS"))
  bytes[26] = segments.length
  bytes.set(segments, 27)
  bytes.set(content, 27 + segments.length)
  return bytes
}

const filled = (length: number, head: ReadonlyArray<Uint8Array>, unit: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of head) {
    bytes.set(part, at)
    at += part.length
  }
  for (; at + unit.length <= length; at += unit.length) bytes.set(unit, at)
  return bytes.subarray(0, at)
}

const oggOf = (length: number, unit: Uint8Array) => filled(length, [page([19], opusHead), page([19], opusHead)], unit)

// An EBML head, a segment of open length, tracks with the head of the stream; then one block after the other.
const webmOf = (length: number, block: ReadonlyArray<number>) => {
  const codec = [0x63, 0xa2, 0x80 + opusHead.length, ...opusHead]
  const start = [0x1a, 0x45, 0xdf, 0xa3, 0x80, 0x18, 0x53, 0x80, 0x67, 0xff, ...codec]
  return filled(length, [Uint8Array.from(start)], Uint8Array.from(block))
}

const drive = <A>(steps: Generator<void, A>) => {
  let count = 1
  let step = steps.next()
  while (step.done !== true) {
    count += 1
    step = steps.next()
  }
  return { value: step.value, steps: count }
}

// Twenty milliseconds of silence, and two and a half.
const silence = [0xfc, 0xff, 0xfe]
const short = [0x80, 0xff, 0xfe]

describe("a recording from before the agent came", () => {
  it.each<readonly [string, Uint8Array, number]>([
    ["Ogg of empty packets", oggOf(2 * MiB, page(new Array<number>(255).fill(0), new Uint8Array(0))), 0],
    [
      "Ogg of silence",
      oggOf(2 * MiB, page(new Array<number>(255).fill(3), new Uint8Array(765).map((_, i) => silence[i % 3]!))),
      750
    ],
    [
      "Ogg of the shortest packets",
      oggOf(2 * MiB, page(new Array<number>(255).fill(3), new Uint8Array(765).map((_, i) => short[i % 3]!))),
      6000
    ],
    [
      "Ogg of one packet without an end",
      oggOf(2 * MiB, page(new Array<number>(255).fill(255), new Uint8Array(255 * 255))),
      0
    ],
    ["WebM of empty blocks", webmOf(2 * MiB, [0xa3, 0x84, 0x81, 0, 0, 0]), 0],
    ["WebM of the shortest packets", webmOf(2 * MiB, [0xa3, 0x87, 0x81, 0, 0, 0, ...short]), 6000],
    ["WebM of elements without content", webmOf(2 * MiB, [0xec, 0x80]), 0]
  ])("is read in slices, and fifteen seconds of it are held: %s", (name, bytes, packets) => {
    const { steps, value } = drive(name.startsWith("Ogg") ? oggPackets(bytes) : webmPackets(bytes))
    assert.isAtLeast(steps, Math.floor(bytes.length / 131_072))
    assert.strictEqual(value?.packets.length, packets)
  })

  it("that is none is left at its first packet", () => {
    const bytes = filled(2 * MiB, [], page(new Array<number>(255).fill(0), new Uint8Array(0)))
    assert.deepStrictEqual(drive(oggPackets(bytes)), { value: undefined, steps: 1 })
  })

  it("never holds more than fifteen seconds, however much is read", () => {
    const tail = makeTail()
    for (let i = 0; i < 500_000; i++) tail.add(Uint8Array.from([0x80, i & 255, (i >> 8) & 255]))
    assert.strictEqual(tail.most(), 6000 + 1023)
    assert.strictEqual(tail.packets().length, 6000)
    assert.deepStrictEqual([...tail.packets().at(-1)!], [0x80, 499_999 & 255, (499_999 >> 8) & 255])
    tail.add(new Uint8Array(0))
    tail.add(new Uint8Array(200_000))
    assert.strictEqual(tail.packets().length, 6000)
  })

  /** Messages on the topic, and of whom each was looked at. */
  const received = (
    messages: ReadonlyArray<readonly [identity: string, value: number, bytes: number]>
  ) =>
    Effect.gen(function*() {
      const looked: Array<string> = []
      const queue = yield* Queue.unbounded<Room.ByteMessage>()
      const { caller: { room: control }, room } = yield* Testing.room({ joins: false })
      const served = yield* Frontend.preconnect({ ...room, bytes: () => Stream.fromQueue(queue) })
      yield* control.join({ identity: "ann" })
      for (const [identity, value, length] of messages) {
        const samples = new Int16Array(length / 2).fill(value)
        Queue.offerUnsafe(queue, {
          identity,
          topic: preconnect,
          attributes: { sampleRate: "16000", channels: "1" },
          bytes: new Uint8Array(samples.buffer),
          get mimeType() {
            looked.push(identity)
            return undefined
          }
        })
      }
      yield* TestClock.adjust(1)
      const heard: Array<Audio.Frame> = []
      yield* Effect.forkScoped(
        Stream.runForEach(served.audio("ann", format), (frame) => Effect.sync(() => void heard.push(frame))),
        { startImmediately: true }
      )
      yield* control.feed("ann", [{ ...format, samples: new Int16Array(320).fill(7), at: 0 }])
      yield* TestClock.adjust(1)
      yield* TestClock.adjust(1)
      return { looked, values: [...new Set(heard.map(({ samples }) => samples[0]))] }
    })

  it.effect("is decoded for the one who is listened to, and for nobody else", () =>
    Effect.gen(function*() {
      const strangers = Array.from({ length: 10 }, (_, i) => [`stranger-${i}`, 3, 64_000] as const)
      const { looked, values } = yield* received([...strangers, ["ann", 5, 32_000]])
      assert.deepStrictEqual([looked, values], [["ann"], [5, 7]])
    }))

  it.effect("is taken once of each, and never when it is too long", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* received([["ann", 3, 32_000], ["ann", 5, 32_000]]), {
        looked: ["ann"],
        values: [3, 7]
      })
      assert.deepStrictEqual(yield* received([["ann", 3, 14 * MiB]]), { looked: [], values: [7] })
    }))
})

describe("typed texts", () => {
  const typing = (texts: ReadonlyArray<readonly [at: number, text: string]>, options?: Pipeline.Options) =>
    Testing.scenario({
      agent: Agent.make({ instructions: "", onUserTurn: () => Effect.succeed({ reply: false }) }),
      at: texts.map(([at, text]) => ({
        at,
        do: (_: unknown, caller: Testing.Caller["Service"]) => caller.types(text)
      })),
      ...(options === undefined ? {} : { options })
    })

  it.effect("that nobody types are refused, which is told once, and the next is taken", () =>
    Effect.gen(function*() {
      const long = "x".repeat(15 * MiB)
      const timeline = yield* typing([
        [1000, "x".repeat(16_384)],
        ...Array.from({ length: 130 }, (_, i) => [2000 + i, long] as const),
        [3000, "Hello"],
        [4000, long]
      ])
      assert.deepStrictEqual(timeline.of("UserSpeechCommitted").map(({ text }) => text.length), [16_384, 5])
      assert.deepStrictEqual(timeline.of("Warning").map(({ at, component, message }) => [at, component, message]), [
        [2000, "room", "a typed text was refused: longer than 16384 characters"],
        [4000, "room", "a typed text was refused: longer than 16384 characters"]
      ])
    }))

  it.effect("that come faster than anyone types are refused beyond twenty in ten seconds, for the program, too", () =>
    Effect.gen(function*() {
      const taken: Array<string> = []
      const timeline = yield* typing([
        ...Array.from({ length: 500 }, (_, i) => [1000 + i, `text ${i}`] as const),
        [11_100, "later"]
      ], { onText: ({ text }) => Effect.sync(() => void taken.push(text)) })
      assert.deepStrictEqual(taken, [...Array.from({ length: 20 }, (_, i) => `text ${i}`), "later"])
      assert.deepStrictEqual(timeline.of("Warning").map(({ message }) => message), [
        "a typed text was refused: more than 20 texts in 10 seconds"
      ])
    }))
})

describe("what is heard", () => {
  const transcribing = (transcripts: ReadonlyArray<Stt.Transcript>) =>
    Layer.effect(
      Stt.Stt,
      Effect.map(Stt.Stt, (stt) => ({
        ...stt,
        transcribe: (): Stream.Stream<Stt.Transcript> =>
          Stream.concat(
            Stream.fromEffectDrain(Effect.sleep(1000)),
            Stream.concat(Stream.fromIterable(transcripts), Stream.never)
          )
      }))
    )
  const hear = (transcripts: ReadonlyArray<Stt.Transcript>) =>
    Testing.scenario({
      agent: Agent.make({ instructions: "", onUserTurn: () => Effect.succeed({ reply: false }) }),
      layer: transcribing(transcripts),
      at: [{ at: 2000, do: (session) => session.commitTurn({ wait: 0 }) }],
      until: 20_000
    })

  it.effect("is taken in up to what can be said, of one transcript and of a turn, which is told once of each", () =>
    Effect.gen(function*() {
      const timeline = yield* hear(
        Array.from({ length: 10 }, (_, i) => ({ text: `w${i} `.repeat(1_000_000), final: true }))
      )
      const heard = timeline.of("UserTranscript").map(({ text }) => text.length)
      assert.deepStrictEqual(heard, Array.from({ length: 10 }, () => 16_384))
      const said = timeline.of("UserSpeechCommitted").map(({ text }) => text.length)
      assert.isAtMost(Math.max(...said), 16_384)
      assert.deepStrictEqual(timeline.of("Warning").map(({ message }) => message), [
        "a transcript is longer than 16384 characters, and is cut there",
        "a turn has more words than are kept of one"
      ])
    }))

  it.effect("in very many pieces is as much as some hundreds of them", () =>
    Effect.gen(function*() {
      const timeline = yield* hear(Array.from({ length: 5000 }, (_, i) => ({ text: `word${i}`, final: true })))
      const words = timeline.of("UserSpeechCommitted").map(({ text }) => text.split(" ").length)
      assert.deepStrictEqual(words, [500])
    }))
})

describe("what a program gives for the user", () => {
  it.effect("is cut where it is longer than any text is, which is told", () =>
    Effect.gen(function*() {
      const long = "🙂".repeat(MiB)
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onUserTurn: ({ text }) => Effect.succeed(text === "short" ? { text: long, context: long } : undefined)
        }),
        at: [
          { at: 1000, do: (session) => session.send(`x${long}`) },
          { at: 9000, do: (session) => session.send("short") }
        ],
        llm: [{ text: "Fine." }, { text: "Good." }]
      })
      const texts = timeline.history.items.flatMap((item) =>
        item._tag === "Message" && item.role === "user" ? [item.text] : []
      )
      assert.deepStrictEqual(texts.map(({ length }) => length), [65_535, 65_536])
      assert.isTrue(texts.every((text) => text.isWellFormed()))
      assert.deepStrictEqual(timeline.of("Warning").map(({ message }) => message), [
        "send: longer than 65536 characters, and is cut there",
        "onUserTurn: longer than 65536 characters, and is cut there",
        "onUserTurn: longer than 65536 characters, and is cut there"
      ])
      for (const { prompt } of timeline.requests) assert.isBelow(JSON.stringify(prompt.content).length, 250_000)
    }))
})

describe("a listener of messages who lags behind", () => {
  it.effect("has the newest of them, two of the longest or many short ones", () =>
    Effect.gen(function*() {
      const { caller: { room: control }, room } = yield* Testing.room({ joins: false })
      yield* control.join({ identity: "ann" })
      const bytes = new Uint8Array(15 * MiB)
      const taken = yield* Effect.forkScoped(
        Stream.runCollect(Stream.tap(room.bytes("files"), () => Effect.sleep(1000))),
        { startImmediately: true }
      )
      const short = yield* Effect.forkScoped(Stream.runCollect(room.texts("notes")), { startImmediately: true })
      for (let i = 0; i < 20; i++) yield* control.sendBytes({ identity: "ann", topic: "files", bytes, name: `${i}` })
      for (let i = 0; i < 1000; i++) yield* control.sendText({ identity: "ann", topic: "notes", text: `${i}` })
      yield* TestClock.adjust("1 minute")
      yield* control.disconnect("room_closed")
      yield* TestClock.adjust("1 minute")
      const names = (yield* Fiber.join(taken)).map(({ name }) => name)
      assert.isAtMost(names.length, 3)
      assert.deepStrictEqual(names.slice(-2), ["18", "19"])
      assert.strictEqual((yield* Fiber.join(short)).length, 1000)
    }))
})

describe("streams of a LiveKit room", () => {
  it("are bounded in number and size, for one sender and for all", () => {
    const intake = makeReceiveLimits(16 * MiB)
    const fifteen = (identity: string) => {
      const stream = intake.open(identity, 16 * MiB)
      let taken = 0
      while (taken < 15 * MiB && stream?.take(15_000) === true) taken += 15_000
      return { stream, taken }
    }
    const hostile = Array.from({ length: 20 }, () => fifteen("eve"))
    assert.strictEqual(hostile.filter(({ stream }) => stream !== undefined).length, 16)
    assert.isAtMost(intake.held(), 32 * MiB)
    // Another is not concerned.
    assert.isAtLeast(fifteen("ann").taken, 15 * MiB)
    for (let i = 0; i < 1000; i++) fifteen(`eve-${i}`)
    assert.isAtMost(intake.held(), 64 * MiB)
    assert.isAtMost(intake.streams(), 256)
    for (const { stream } of hostile) stream?.close()
    const free = intake.held()
    assert.isAtLeast(fifteen("ann").taken, 15 * MiB)
    assert.isAtLeast(intake.held() - free, 15 * MiB)
    assert.isFalse(intake.open("bob", 1000)?.take(1001))
  })

  type Handler = (reader: unknown, sender: { readonly identity: string }) => void

  /** A room whose streams are made by hand. */
  const byHand = (topics: { readonly texts: ReadonlyArray<string>; readonly bytes: ReadonlyArray<string> }) =>
    Effect.gen(function*() {
      const handlers = new Map<string, Handler>()
      const register = (topic: string, handler: Handler) => void handlers.set(topic, handler)
      const fake = { registerTextStreamHandler: register, registerByteStreamHandler: register }
      const refused: Array<string> = []
      const run = yield* FiberSet.makeRuntime<never, void>()
      const clock = yield* TestClock.testClockWith(Effect.succeed)
      const messages = makeMessages({
        ...topics,
        room: () => undefined,
        longest: 16 * MiB,
        now: () => clock.currentTimeMillisUnsafe(),
        run,
        onRefused: (identity, topic) => void refused.push(`${identity} ${topic}`),
        onLagged: () => {}
      })
      messages.register(fake as unknown as RtcRoom)
      const closed: Array<string> = []
      /** Sends a stream: its pieces, and its end if it has one. */
      const send = (identity: string, topic: string, pieces: ReadonlyArray<string | Uint8Array>, ends = true) =>
        Effect.promise(async () => {
          let read = 0
          const closing = Promise.withResolvers<void>()
          const close = async () => {
            closed.push(identity)
            closing.resolve()
          }
          handlers.get(topic)?.({
            info: { attributes: {}, mimeType: "", name: "" },
            close,
            [Symbol.asyncIterator]: () => ({
              next: async () => {
                const value = pieces[read++]
                if (value !== undefined) return { done: false, value }
                if (!ends) await closing.promise
                return { done: true, value: undefined }
              },
              return: async () => {
                await close()
                return { done: true, value: undefined }
              }
            })
          }, { identity })
          for (let i = 0; i < 20; i++) await setImmediate()
        })
      return { messages, send, refused, closed }
    })

  it.effect("that never end are given up after a minute, and hold up nobody", () =>
    Effect.gen(function*() {
      const { closed, messages, refused, send } = yield* byHand({ texts: ["lk.chat"], bytes: [] })
      for (let i = 0; i < 20; i++) yield* send("eve", "lk.chat", ["x".repeat(1000)], false)
      assert.strictEqual(refused.length, 4)
      yield* send("ann", "lk.chat", ["Hel", "lo"])
      const texts = yield* Effect.forkScoped(Stream.runCollect(messages.texts("lk.chat")), { startImmediately: true })
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(closed.length, 4)
      yield* TestClock.adjust("1 second")
      yield* send("eve", "lk.chat", ["again"])
      assert.strictEqual(closed.length, 20)
      assert.strictEqual(refused.length, 20)
      messages.end()
      assert.deepStrictEqual((yield* Fiber.join(texts)).map(({ text }) => text), ["Hello", "again"])
    }))

  it.effect("are kept for the first listener in bounded number and size", () =>
    Effect.gen(function*() {
      const bytes = new Uint8Array(15 * MiB)
      const { messages, send } = yield* byHand({ texts: ["lk.chat"], bytes: ["files"] })
      for (let i = 0; i < 10; i++) yield* send("eve", "files", [bytes])
      for (let i = 0; i < 100; i++) yield* send("eve", "lk.chat", [`${i}`])
      const files = yield* Effect.forkScoped(Stream.runCollect(messages.bytes("files")), { startImmediately: true })
      const texts = yield* Effect.forkScoped(Stream.runCollect(messages.texts("lk.chat")), { startImmediately: true })
      messages.end()
      assert.strictEqual((yield* Fiber.join(files)).length, 2)
      assert.strictEqual((yield* Fiber.join(texts)).length, 64)
    }))

  it.effect("are refused where nothing so long is sent", () =>
    Effect.gen(function*() {
      const { messages, refused, send } = yield* byHand({ texts: [], bytes: [preconnect, "lk.agent.session"] })
      for (const [topic, most] of [[preconnect, 2 * MiB], ["lk.agent.session", 64 * 1024]] as const) {
        yield* send("ann", topic, [new Uint8Array(most)])
        yield* send("eve", topic, [new Uint8Array(most), new Uint8Array(1)])
        const taken = yield* Effect.forkScoped(Stream.runCollect(Stream.take(messages.bytes(topic), 1)), {
          startImmediately: true
        })
        assert.deepStrictEqual((yield* Fiber.join(taken)).map(({ identity }) => identity), ["ann"])
      }
      assert.deepStrictEqual(refused, [`eve ${preconnect}`, "eve lk.agent.session"])
    }))
})

describe("a request about a session", () => {
  it.effect("is read with some fields, and not with thousands, which would hold everybody up", () =>
    Effect.gen(function*() {
      const { read, response } = yield* load
      const one = response({ requestId: "r1" } as Parameters<typeof response>[0])
      assert.isDefined(read(one))
      const repeated = (count: number) => {
        const bytes = new Uint8Array(count * one.length)
        for (let i = 0; i < count; i++) bytes.set(one, i * one.length)
        return bytes
      }
      assert.isDefined(read(repeated(64)))
      assert.isUndefined(read(repeated(65)))
      assert.isUndefined(read(Uint8Array.from({ length: 65_536 }, (_, i) => i % 2 === 0 ? 0x12 : 0)))
      // Cut off, of a length beyond its end, of a kind that is none, of a number without an end.
      for (
        const bytes of [one.subarray(0, 3), [0x12, 0xff, 0xff, 0xff, 0x7f], [0x13], new Array<number>(100).fill(0xff)]
      ) {
        assert.isUndefined(read(Uint8Array.from(bytes)))
      }
    }))
})

describe("remote calls", () => {
  type Method = (call: { readonly callerIdentity: string; readonly payload: string }) => Promise<string>

  it.effect("are answered so many at once, of one caller and of all, and further ones are told so", () =>
    Effect.gen(function*() {
      const methods = new Map<string, Method>()
      const RpcError = function(this: { message: string }, _code: number, message: string) {
        this.message = message
      }
      const refused: Array<string> = []
      const rpc = yield* makeRpc({
        rtc: { RpcError } as unknown as Rtc,
        onRefused: (identity) => void refused.push(identity),
        room: () =>
          ({
            localParticipant: { registerRpcMethod: (name: string, method: Method) => void methods.set(name, method) }
          }) as unknown as RtcRoom
      })
      const gate = yield* Deferred.make<void>()
      let running = 0
      yield* rpc.handle("book", ({ payload }) =>
        Effect.as(
          Effect.andThen(
            Effect.sync(() => void running++),
            payload === "die" ? Effect.die("no") : Deferred.await(gate)
          ),
          "booked"
        ))
      const calling = (identity: string, payload = "") =>
        methods.get("book")!({ callerIdentity: identity, payload }).catch((error: { readonly message: string }) =>
          error.message
        )
      // What has failed has given its place back.
      for (let i = 0; i < 100; i++) yield* Effect.promise(() => calling("eve", "die"))
      running = 0
      const eve = Array.from({ length: 1000 }, () => calling("eve"))
      yield* Effect.promise(() => setImmediate())
      assert.strictEqual(running, 16)
      const ann = calling("ann")
      const others = Array.from({ length: 200 }, (_, i) => calling(`other-${i}`))
      yield* Effect.promise(() => setImmediate())
      assert.strictEqual(running, 64)
      yield* Deferred.succeed(gate, undefined)
      const answers = yield* Effect.promise(() => Promise.all([...eve, ann, ...others]))
      assert.strictEqual(answers.filter((answer) => answer === "booked").length, 64)
      assert.isTrue(answers.every((answer) => answer === "booked" || answer.includes("too many calls at once")))
      assert.strictEqual(yield* Effect.promise(() => ann), "booked")
      assert.strictEqual(yield* Effect.promise(() => calling("eve")), "booked")
      assert.strictEqual(refused.length, 1000 + 1 + 200 - 64)
      const long = yield* Effect.promise(() => calling("eve", "x".repeat(MiB + 1)))
      assert.strictEqual(long, "longer than 1048576 characters")
      assert.strictEqual(yield* Effect.promise(() => calling("eve", "x".repeat(MiB))), "booked")
    }))
})

describe("keys", () => {
  const pressing = (at: number, digits: string) =>
    Effect.gen(function*() {
      const pressed: Array<string> = []
      const layer = Layer.effect(
        Room.Room,
        Effect.map(Room.Room, (room) => ({
          ...room,
          // As they come from someone who dials for another.
          events: Stream.map(room.events, (event) => event._tag === "Dtmf" ? { ...event, digit: digits } : event)
        }))
      )
      const timeline = yield* Testing.scenario({
        room: { joins: false },
        layer,
        options: { onKey: (key) => Effect.sync(() => void pressed.push(key)) },
        at: [
          {
            at: 1000,
            do: (_, caller) => Effect.andThen(caller.joins, at === 1000 ? caller.presses("1") : Effect.void)
          },
          ...(at === 1000 ? [] : [{ at, do: (_: unknown, caller: Testing.Caller["Service"]) => caller.presses("1") }])
        ]
      })
      assert.deepStrictEqual(timeline.of("UserPressedKey").map(({ key }) => key), pressed)
      return pressed.join("")
    })

  it.effect("that come at once are told one by one, so many at most", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* pressing(2000, "12#"), "12#")
      assert.strictEqual((yield* pressing(2000, "5".repeat(10_000))).length, 32)
    }))

  it.effect("that are pressed in the moment of joining are kept", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* pressing(1000, "7"), "7")
    }))
})
