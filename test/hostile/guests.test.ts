/** What somebody in a room says of themselves, presses and sends, as a LiveKit room takes it in: bounded, counted, and told once. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Metric, References, Stream } from "effect"
import { Room } from "effect-voice"
import { type Ports, register } from "effect-voice/internal/livekit/events"
import { logRoom } from "effect-voice/internal/livekit/logging"
import type { RtcRoom } from "effect-voice/internal/livekit/rtc"
import { makeBroadcast } from "effect-voice/internal/room/broadcast"
import { makeRoom } from "effect-voice/internal/room/kit"
import { makeRefusals } from "effect-voice/internal/room/refusals"
import { ofBytes, ofEvent, ofText } from "effect-voice/internal/room/topics"
import * as Testing from "effect-voice/testing"
import { TestClock } from "effect/testing"
import { EventEmitter } from "node:events"
import { megabytesKept } from "../support/kept.ts"

/** A LiveKit room that tells what it is told to. */
const telling = () => {
  const room = new EventEmitter()
  const told: Array<Room.Event> = []
  const refused: Array<string> = []
  register(
    room as unknown as RtcRoom,
    {
      participants: {},
      isCurrent: () => true,
      publish: (event: Room.Event) => void told.push(event),
      onKeysRefused: (identity: string) => void refused.push(identity),
      onDefect: (error: unknown) => {
        throw error
      }
    } as unknown as Ports
  )
  const keys = (code: number, digits: string | undefined) => {
    told.length = 0
    room.emit("dtmfReceived", code, digits, { identity: "ann" })
    return told.map((event) => event._tag === "Dtmf" && event.identity === "ann" ? event.digit : "?").join("")
  }
  return { keys, refused }
}

describe("a key of a LiveKit room", () => {
  it("that is told by its code alone is the key of that code", () => {
    const { keys } = telling()
    for (const none of ["", undefined, " ", "\u0000"]) {
      assert.strictEqual(Array.from({ length: 16 }, (_, code) => keys(code, none)).join(""), "0123456789*#ABCD")
    }
  })

  it("is none that no telephone has", () => {
    const { keys } = telling()
    for (const code of [16, 255, -1, 1.5, Number.NaN, 2 ** 32]) assert.strictEqual(keys(code, ""), "", `${code}`)
    const wrong = ["flash", "😀", "١", "+", "\u202e", "\u001b[2J"].map((digits) => keys(99, digits))
    assert.deepStrictEqual(wrong, ["", "", "", "", "", "2"])
  })

  it("is what the text says, whatever the code", () => {
    const { keys } = telling()
    assert.strictEqual(keys(7, "3"), "3")
    assert.strictEqual(keys(0, "12#"), "12#")
    assert.strictEqual(keys(12, "a"), "A")
    assert.strictEqual(keys(0, "1 2 3"), "123")
  })

  it.each([31, 32, 33, 10_000])("is one of at most 32 at once: of %d", (count) => {
    const { keys, refused } = telling()
    assert.strictEqual(keys(5, "5".repeat(count)).length, Math.min(count, 32))
    assert.deepStrictEqual(refused, count > 32 ? ["ann"] : [])
  })
})

const participant = (more: Partial<Room.Participant>): Room.Event => ({
  _tag: "ParticipantJoined",
  participant: { identity: "eve", kind: "standard", attributes: {}, ...more }
})
const track: Room.Track = {
  sid: "TR_1",
  name: "",
  kind: "audio",
  source: "microphone",
  muted: false,
  subscribed: true
}
const long = "x".repeat(60_000)

describe("what waits for a listener who lags", () => {
  // Two bytes a character, but for bytes themselves; four thousand and some of each would be half a gigabyte.
  it.each<readonly [string, number]>([
    ["a topic of data", ofEvent.of({ _tag: "Data", identity: "eve", topic: long, payload: new Uint8Array(0) })],
    ["data", ofEvent.of({ _tag: "Data", topic: "", payload: new Uint8Array(120_000) })],
    ["an identity", ofEvent.of(participant({ identity: long }))],
    ["a name", ofEvent.of(participant({ name: long }))],
    ["metadata", ofEvent.of(participant({ metadata: long }))],
    ["attributes of who joins", ofEvent.of(participant({ attributes: { a: long } }))],
    ["names of attributes", ofEvent.of({ _tag: "AttributesChanged", identity: "eve", attributes: { [long]: "" } })],
    ["attributes", ofEvent.of({ _tag: "AttributesChanged", identity: "eve", attributes: { a: long } })],
    ["the name of a track", ofEvent.of({ _tag: "TrackPublished", identity: "eve", track: { ...track, name: long } })],
    ["the identity of who leaves", ofEvent.of({ _tag: "ParticipantLeft", identity: long })],
    ["the identity of who presses a key", ofEvent.of({ _tag: "Dtmf", identity: long, digit: "1" })],
    ["a text", ofText.of({ identity: "eve", topic: "", text: long, attributes: {} })],
    ["the topic of a text", ofText.of({ identity: "eve", topic: long, text: "", attributes: {} })],
    ["attributes of a text", ofText.of({ identity: "eve", topic: "", text: "", attributes: { a: long } })],
    [
      "the name of bytes",
      ofBytes.of({ identity: "eve", topic: "", bytes: new Uint8Array(0), attributes: {}, name: long })
    ],
    ["their type", ofBytes.of({ identity: "eve", topic: "", bytes: new Uint8Array(0), attributes: {}, mimeType: long })]
  ])("is weighed by all that its sender chose: %s", (_, weight) => {
    assert.isAtLeast(weight, 120_000)
  })

  it.effect("is dropped, the oldest first, which is told; and nothing is where they keep up", () =>
    Effect.gen(function*() {
      let dropped = 0
      const { publish, subscribe } = makeBroadcast<string>(
        4,
        { of: ({ length }) => length, most: 100 },
        () => dropped++
      )
      const slow = yield* subscribe
      for (const text of ["a", "b", "c", "d"]) publish(text)
      assert.strictEqual(dropped, 0)
      publish("e")
      assert.strictEqual(dropped, 1)
      publish("x".repeat(98))
      assert.strictEqual(dropped, 3)
      const taken = yield* Stream.runCollect(Stream.take(slow, 3))
      assert.deepStrictEqual(taken.map((text) => text.slice(0, 1)), ["d", "e", "x"])
    }))
})

describe("what happens in a room", () => {
  it.effect.each<readonly [string, Room.Event]>([
    ["attributes", { _tag: "AttributesChanged", identity: "eve", attributes: { a: long } }],
    ["packets", { _tag: "Data", identity: "eve", topic: "noise", payload: new Uint8Array(60_000) }]
  ])("is not lost for the %s of somebody else, however many come at once", ([, flood]) =>
    Effect.gen(function*() {
      let dropped = 0
      const { publish, subscribe } = makeBroadcast<Room.Event>(4096, ofEvent, () => dropped++)
      const events = yield* subscribe
      publish(participant({ identity: "ann" }))
      publish({ _tag: "TrackPublished", identity: "ann", track })
      for (let i = 0; i < 3000; i++) publish(flood)
      publish({ _tag: "Dtmf", identity: "ann", digit: "7" })
      publish({ _tag: "ParticipantLeft", identity: "ann", reason: "left" })
      assert.isAbove(dropped, 2000)
      const told = yield* Stream.runCollect(Stream.take(events, 3000 + 4 - dropped))
      assert.deepStrictEqual(
        told.filter((event) => event !== flood).map(({ _tag }) => _tag),
        ["ParticipantJoined", "TrackPublished", "Dtmf", "ParticipantLeft"]
      )
      // Those that are let through are still bounded, and once they are read, others come.
      assert.isAtMost(told.reduce((sum, event) => sum + ofEvent.of(event), 0), 33 * 1024 * 1024)
      publish(flood)
      assert.strictEqual((yield* Stream.runCollect(Stream.take(events, 1)))[0], flood)
    }))
})

/** The counts of what was refused, and what was logged of it. */
const watched = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const registry: Context.Service.Shape<typeof Metric.MetricRegistry> = new Map()
    const value = yield* effect.pipe(
      Effect.provide(Logger.layer([
        Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
      ])),
      Effect.provideService(Metric.MetricRegistry, registry)
    )
    const counts = Object.fromEntries(
      Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry)).flatMap((series) =>
        series.type === "Counter" && series.id === "agent_room_refusals_total"
          ? [[series.attributes?.["what"] ?? "", Number(series.state.count)]]
          : []
      )
    )
    return { value, lines, counts }
  })

describe("what a room refuses", () => {
  it.effect("is counted each time, and told once of each kind", () =>
    Effect.gen(function*() {
      const { counts, lines } = yield* watched(Effect.gen(function*() {
        const told: Array<Effect.Effect<void>> = []
        const { note } = yield* makeRefusals((effect) => told.push(effect))
        for (let i = 0; i < 1000; i++) {
          note("message", { participant: "+49301234567", topic: "lk.chat" })
          note("call", { participant: "eve" })
        }
        note("key")
        note("lagged")
        yield* Effect.all(told)
      }))
      assert.deepStrictEqual(counts, { message: 1000, call: 1000, key: 1, lagged: 1 })
      assert.lengthOf(lines, 4)
      assert.isTrue(lines.every((line) => line.startsWith("Warn: ")))
    }))

  it.effect("of a transport's room is what a listener who lags has lost", () =>
    Effect.gen(function*() {
      const { counts, lines } = yield* watched(Effect.scoped(Effect.gen(function*() {
        let incoming!: Room.Incoming
        const { room } = yield* makeRoom({
          open: (given) =>
            Effect.sync(() => {
              incoming = given
              return { play: () => {}, clear: () => {} }
            })
        })
        incoming.joined({ identity: "eve" })
        yield* Effect.forkScoped(Stream.runForEach(room.texts("notes"), () => Effect.never), { startImmediately: true })
        for (let i = 0; i < 5000; i++) incoming.text({ identity: "eve", topic: "notes", text: "x" })
        yield* TestClock.adjust(1)
      })))
      assert.isAtLeast(counts["lagged"] ?? 0, 900)
      assert.lengthOf(lines, 1)
    }))
})

describe("the log of a room", () => {
  it.effect("has a hundred lines of those who come and go without an end, says how many are left out, and goes on", () =>
    Effect.gen(function*() {
      const lines: Array<Readonly<Record<string, unknown>>> = []
      const logger = Logger.make<unknown, void>(({ fiber, logLevel }) => {
        if (logLevel !== "Debug") lines.push(fiber.getRef(References.CurrentLogAnnotations))
      })
      const { publish, subscribe } = makeBroadcast<Room.Event>(4096)
      yield* logRoom({ name: "desk", participants: Effect.succeed([]), events: Stream.unwrap(subscribe) } as never)
        .pipe(
          Effect.provide(Logger.layer([logger]))
        )
      for (let i = 0; i < 1000; i++) publish({ _tag: "ParticipantLeft", identity: `guest ${i}`, reason: "left" })
      yield* TestClock.adjust(1)
      assert.lengthOf(lines, 100)
      yield* TestClock.adjust("10 seconds")
      for (let i = 0; i < 50; i++) publish({ _tag: "ParticipantLeft", identity: "ann", reason: "left" })
      yield* TestClock.adjust(1)
      assert.lengthOf(lines, 120)
      assert.deepInclude(lines[100], { room: "desk", participant: "ann", leftOut: 900 })
      assert.isTrue(lines.slice(101).every((line) => !("leftOut" in line)))
    }))
})

describe("a participant", () => {
  it.effect("whose attributes change a hundred times a second is kept as they are now, and is answered", () =>
    Effect.gen(function*() {
      const before = megabytesKept()
      let kept = 0
      let grown = Infinity
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Hello?"), Testing.say(32_000, 33_000, "And now?")],
        llm: ["Good.", "Still good."],
        preset: "mechanics",
        layer: Layer.effect(
          Room.Room,
          Effect.map(Room.Room, (room) => ({
            ...room,
            // Each time others, as an app does that names them by the time: sixty megabytes.
            events: Stream.merge(
              room.events,
              Stream.take(
                Stream.map(Stream.fromEffectRepeat(Effect.as(Effect.sleep(10), undefined)), (): Room.Event => ({
                  _tag: "AttributesChanged",
                  identity: "caller",
                  attributes: { [`at ${kept++}`]: Buffer.alloc(20_000, "x").toString("latin1") }
                })),
                3000
              )
            )
          }))
        ),
        at: [{ at: 31_500, do: () => void (grown = megabytesKept() - before) }]
      })
      assert.isAtLeast(kept, 3000)
      assert.isBelow(grown, 50)
      assert.deepStrictEqual(timeline.messages, [
        "user: Hello?",
        "assistant: Good.",
        "user: And now?",
        "assistant: Still good."
      ])
    }))

  it.effect("who comes again beside themselves keeps nobody from hearing what happens in the room", () =>
    Effect.gen(function*() {
      const listeners = new Set<{ told: number }>()
      let behind: ReadonlyArray<number> = []
      const attributes = (i: number): Room.Event => ({
        _tag: "AttributesChanged",
        identity: "caller",
        attributes: { a: `${i}` }
      })
      const layer = Layer.effect(
        Room.Room,
        Effect.map(Room.Room, (room) => {
          const again: Room.Event = {
            _tag: "ParticipantJoined",
            participant: { identity: "caller", kind: "standard", attributes: {} }
          }
          const more = Stream.concat(
            Stream.fromEffect(Effect.as(Effect.sleep(3000), again)),
            Stream.map(Stream.range(1, 10), attributes)
          )
          const listened = Stream.suspend(() => {
            const listener = { told: 0 }
            listeners.add(listener)
            return Stream.merge(room.events, more).pipe(
              Stream.rechunk(1),
              Stream.tap((event) =>
                Effect.sync(() => void (listener.told += Number(event._tag === "AttributesChanged")))
              ),
              Stream.ensuring(Effect.sync(() => listeners.delete(listener)))
            )
          })
          return { ...room, events: listened }
        })
      )
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Hello?"), Testing.say(6000, 7000, "And now?")],
        llm: ["Good.", "Still good."],
        preset: "mechanics",
        layer,
        at: [{ at: 9000, do: () => void (behind = [...listeners].map(({ told }) => told)) }]
      })
      assert.isNotEmpty(behind)
      assert.deepStrictEqual(behind.filter((told) => told !== 10), [])
      assert.lengthOf(timeline.of("AgentSpeechCommitted"), 2)
    }))
})
