/** Rooms that are made of a transport. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import { Agent, Audio, Pipeline, Room } from "effect-voice"
import { makeRoom } from "effect-voice/internal/room/kit"
import * as Testing from "effect-voice/testing"
import { TestClock } from "effect/testing"
import { contract, type Peers } from "./contract/room.ts"

interface Line {
  readonly incoming: Room.Incoming
  readonly played: Array<{ readonly frame: Audio.Frame; readonly position: number; readonly at: number }>
  readonly cleared: Array<number>
  closed: boolean
}

/** A transport in memory that keeps what it is given. */
const transport = (line: Partial<Line>, more: Partial<Room.Outgoing> = {}) => (incoming: Room.Incoming) =>
  Effect.gen(function*() {
    const now = yield* Effect.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
    const began = now()
    const [played, cleared]: [Line["played"], Line["cleared"]] = [[], []]
    Object.assign(line, { incoming, played, cleared, closed: false })
    yield* Effect.addFinalizer(() => Effect.sync(() => Object.assign(line, { closed: true })))
    return {
      play: (frame, position) => void played.push({ frame, position, at: now() - began }),
      clear: () => void cleared.push(now() - began),
      ...more
    } satisfies Room.Outgoing
  })

const open = Effect.fnUntraced(function*(options: Partial<Room.MakeOptions> = {}, more: Partial<Room.Outgoing> = {}) {
  const line: Partial<Line> = {}
  const made = yield* makeRoom({ open: transport(line, more), ...options })
  return { ...made, line: line as Line }
})

const voice = (ms: number, level = 1000, at?: number): Audio.Frame => ({
  ...Audio.speech,
  samples: new Int16Array(ms * 16).fill(level),
  ...(at === undefined ? {} : { at })
})

class Others extends Context.Service<Others, Peers>()("effect-voice/test/Room.make.test/Others") {}

const contracted = (options: Partial<Room.MakeOptions>) =>
  Layer.effectContext(
    Effect.map(open(options), ({ line: { incoming }, open, room }) =>
      Context.make(Room.Room, room).pipe(Context.add(
        Others,
        Others.of({
          join: (identity) => Effect.sync(() => incoming.joined({ identity })),
          leave: (identity) => Effect.sync(() => incoming.left(identity)),
          talk: (identity) => Effect.sync(() => incoming.audio(identity, [voice(60), voice(40)])),
          mute: (identity, muted) => Effect.sync(() => incoming.muted(identity, muted)),
          sendText: (message) => Effect.sync(() => incoming.text(message)),
          call: incoming.call,
          disconnect: (reason) => Effect.sync(() => incoming.ended(reason)),
          open: Effect.sync(open)
        })
      )))
  )

contract("A room of the kit", () => contracted({}), Others)
contract("A room of the kit at 8 kHz", () => contracted({ format: { sampleRate: 8000, channels: 1 } }), Others)

describe("Room.make", () => {
  it.effect("gives frames of one length at their pace, no further ahead than was told", () =>
    Effect.gen(function*() {
      const { line, room } = yield* open({ ahead: "100 millis", format: Audio.speech })
      line.incoming.joined({ identity: "ann" })
      const output = yield* room.output({ sampleRate: 16_000 })
      yield* output.write([voice(990)])
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(line.played.every(({ frame }) => Audio.durationMs(frame) === 20))
      assert.isTrue(line.played.every(({ at, position }) => position - at <= 100))
      assert.strictEqual(line.played.at(-1)!.position, 1000)
      assert.strictEqual(yield* output.played, 990)
      yield* output.drained
    }))

  it.effect("brings to any format what is written, to the last of it", () =>
    Effect.gen(function*() {
      const { line, room } = yield* open({ format: { sampleRate: 8000, channels: 1 } })
      line.incoming.joined({ identity: "ann" })
      const output = yield* room.output({ sampleRate: 44_100, channels: 2 })
      const wave = new Int16Array(44_100 * 2).map((_, i) => 8000 * Math.sin((i >> 1) / 44_100 * 440 * 2 * Math.PI))
      yield* output.write([{ sampleRate: 44_100, channels: 2, samples: wave }])
      yield* TestClock.adjust("2 seconds")
      const heard = Audio.concat(line.played.map(({ frame }) => frame))
      assert.closeTo(Audio.durationMs(heard), 1000, 20)
      assert.closeTo(Audio.rms(Audio.slice(heard, 0, 1000)), 8000 / Math.SQRT2 / 32768, 0.01)
      assert.closeTo(yield* output.played, 1000, 0.2)
      yield* output.drained
    }))

  it.effect("clears what was given ahead, and says again what a pause cut off", () =>
    Effect.gen(function*() {
      const { line, room } = yield* open({ format: Audio.speech })
      line.incoming.joined({ identity: "ann" })
      const output = yield* room.output({ sampleRate: 16_000 })
      const samples = new Int16Array(16_000).map((_, i) => i)
      yield* output.write([{ ...Audio.speech, samples }])
      yield* TestClock.adjust("305 millis")
      yield* output.pause
      assert.deepStrictEqual(line.cleared, [305])
      const before = line.played.length
      yield* TestClock.adjust("1 second")
      assert.strictEqual(line.played.length, before)
      yield* output.resume
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(line.played[before]!.frame.samples[0], 305 * 16)
      yield* output.clear
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* output.played, 306)
    }))

  it.effect("lowers what it says from now on, what was given ahead included", () =>
    Effect.gen(function*() {
      const { line, room } = yield* open({ format: Audio.speech })
      line.incoming.joined({ identity: "ann" })
      const output = yield* room.output({ sampleRate: 16_000 })
      yield* output.write([voice(1000, 10_000)])
      yield* TestClock.adjust("300 millis")
      const before = line.played.length
      yield* output.gain!(-20)
      yield* TestClock.adjust("300 millis")
      assert.deepStrictEqual([...new Set(line.played.slice(before).map(({ frame }) => frame.samples[0]))], [1000])
      assert.strictEqual(yield* output.played, 600)
    }))

  it.effect("keeps what it says until somebody is there to hear it", () =>
    Effect.gen(function*() {
      const { line, room } = yield* open({ format: Audio.speech })
      const output = yield* room.output({ sampleRate: 16_000 })
      const heard = yield* Effect.forkScoped(output.subscribed, { startImmediately: true })
      yield* output.write([voice(1000)])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([line.played.length, yield* output.played], [0, 0])
      assert.isUndefined(heard.pollUnsafe())
      line.incoming.joined({ identity: "ann" })
      yield* Fiber.join(heard)
      yield* TestClock.adjust("400 millis")
      line.incoming.left("ann", "connection_lost")
      assert.strictEqual(yield* output.played, 400)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* output.played, 400)
      line.incoming.joined({ identity: "ann" })
      yield* TestClock.adjust("300 millis")
      line.incoming.connection("reconnecting")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* output.played, 700)
      line.incoming.connection("connected")
      yield* TestClock.adjust("300 millis")
      yield* output.drained
    }))

  it.effect("counts as heard what the transport reports, and waits for it", () =>
    Effect.gen(function*() {
      const { line, room } = yield* open({ format: Audio.speech, playhead: "reported", ahead: "100 millis" })
      line.incoming.joined({ identity: "ann" })
      const output = yield* room.output({ sampleRate: 16_000 })
      yield* output.write([voice(1000)])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([line.played.at(-1)!.position, yield* output.played], [100, 0])
      line.incoming.played(40)
      assert.strictEqual(yield* output.played, 40)
      yield* TestClock.adjust("30 millis")
      assert.strictEqual(yield* output.played, 70)
      assert.strictEqual(line.played.at(-1)!.position, 160)
      yield* output.clear
      const at = yield* output.played
      // Of what was cleared, and of what was never given.
      line.incoming.played(150)
      line.incoming.played(Number.NaN)
      yield* output.write([voice(100)])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* output.played, at)
      line.incoming.played(1e9)
      assert.strictEqual(yield* output.played, at + 100)
      yield* output.drained
    }))

  it.effect("mixes its outputs, and holds one back without a word of the other lost", () =>
    Effect.gen(function*() {
      const { line, room } = yield* open({ format: Audio.speech })
      line.incoming.joined({ identity: "ann" })
      const speech = yield* room.output({ sampleRate: 16_000 })
      const music = yield* room.output({ sampleRate: 16_000 })
      yield* speech.write([voice(400, 30_000)])
      yield* music.write([voice(1000, 10_000)])
      yield* TestClock.adjust("100 millis")
      const levels = () => [...new Set(line.played.map(({ frame }) => frame.samples[0]))]
      assert.include(levels(), 32_767)
      yield* speech.pause
      const before = line.played.length
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual([...new Set(line.played.slice(before).map(({ frame }) => frame.samples[0]))], [10_000])
      assert.deepStrictEqual([yield* speech.played, yield* music.played], [100, 1000])
      yield* speech.resume
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* speech.played, 400)
    }))

  it.effect("keeps the keys of the moment before a session listens, for that one alone", () =>
    Effect.gen(function*() {
      const { line: { incoming }, room } = yield* open()
      const session = (pressed: Array<string>) =>
        Pipeline.make(Agent.make({ instructions: "" }), {
          onKey: (key) => Effect.sync(() => void pressed.push(key))
        }).pipe(Effect.provide(Layer.mergeAll(
          // Whatever is made of a room has its keys.
          Layer.succeed(Room.Room, { ...room }),
          Testing.layerVad(),
          Testing.layerStt(),
          Testing.layerLlm(),
          Testing.layerTts()
        )))
      incoming.joined({ identity: "ann" })
      incoming.keys("ann", "1".repeat(70))
      incoming.keys("ann", "2#")
      const first: Array<string> = []
      yield* session(first)
      yield* TestClock.adjust(100)
      assert.strictEqual(first.join(""), `${"1".repeat(62)}2#`)
      incoming.keys("ann", "3")
      yield* TestClock.adjust(100)
      assert.strictEqual(first.at(-1), "3")
      const second: Array<string> = []
      yield* session(second)
      incoming.keys("ann", "4")
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(second, ["4"])
    }))

  it.effect("hears a participant's frames, keys and texts, and nothing of strangers or of what is no audio", () =>
    Effect.gen(function*() {
      const { line: { incoming }, room } = yield* open()
      incoming.joined({ identity: "ann", kind: "sip" })
      const events: Array<Room.Event> = []
      yield* Effect.forkScoped(
        Stream.runForEach(room.events, (event) => Effect.sync(() => void events.push(event))),
        { startImmediately: true }
      )
      const frames: Array<Audio.Frame> = []
      yield* Effect.forkScoped(
        Stream.runForEach(room.audio("ann"), (frame) => Effect.sync(() => void frames.push(frame))),
        { startImmediately: true }
      )
      incoming.audio("ann", [voice(20), null as never, { ...voice(20), sampleRate: 0 }, voice(20, 5, 100)])
      incoming.audio("bob", [voice(20)])
      incoming.keys("ann", "1#x")
      incoming.keys("bob", "2")
      incoming.attributes("ann", { tier: "gold" })
      incoming.joined({ identity: "ann" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(frames.map(({ at }) => at), [0, 100])
      assert.deepStrictEqual(events, [
        { _tag: "Dtmf", identity: "ann", digit: "1" },
        { _tag: "Dtmf", identity: "ann", digit: "#" },
        { _tag: "AttributesChanged", identity: "ann", attributes: { tier: "gold" } },
        { _tag: "ParticipantLeft", identity: "ann", reason: "duplicate_identity" },
        { _tag: "ParticipantJoined", participant: { identity: "ann", kind: "standard", attributes: {} } }
      ])
    }))

  it.effect("hands over what is sent, and refuses what its transport has no way for", () =>
    Effect.gen(function*() {
      const sent: Array<Room.Sent> = []
      const able = yield* open({}, {
        send: (message) => Effect.sync(() => void sent.push(message)),
        call: ({ identity, method, payload }) =>
          method === "never" ? Effect.never : Effect.succeed(`${identity} ${method} ${payload}`),
        remove: () => Effect.void
      })
      able.line.incoming.joined({ identity: "ann" })
      yield* able.room.sendText({ topic: "chat", text: "hello", to: ["ann"] })
      assert.deepStrictEqual(sent.map(({ _tag }) => _tag), ["Text"])
      assert.strictEqual(yield* able.room.call({ identity: "ann", method: "add", payload: "1" }), "ann add 1")
      const late = yield* Effect.forkScoped(
        Effect.flip(able.room.call({ identity: "ann", method: "never", payload: "", timeout: "1 second" }))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(late)).reason, "RpcFailed")
      yield* able.room.remove!("ann")
      assert.deepStrictEqual(yield* able.room.participants, [])

      const { line, room } = yield* open()
      line.incoming.joined({ identity: "ann" })
      const refused = [
        yield* Effect.flip(room.sendText({ topic: "chat", text: "hello" })),
        yield* Effect.flip(room.call({ identity: "ann", method: "add", payload: "1" })),
        yield* Effect.flip(room.remove!("ann"))
      ]
      assert.deepStrictEqual(refused.map(({ reason }) => reason), ["Unsupported", "Unsupported", "Unsupported"])
    }))

  it.effect("closes its transport at its end, whoever ends it, also while it opens", () =>
    Effect.gen(function*() {
      const ends: ReadonlyArray<(room: Room.Room["Service"], incoming: Room.Incoming) => Effect.Effect<void>> = [
        (room) => room.leave,
        (_, incoming) => Effect.andThen(Effect.sync(() => incoming.ended("room_closed")), Effect.yieldNow),
        () => Effect.void
      ]
      for (const end of ends) {
        const scope = yield* Scope.make()
        const { line, room } = yield* Scope.provide(open(), scope)
        yield* end(room, line.incoming)
        if (end !== ends[2]) assert.isTrue(line.closed)
        yield* Scope.close(scope, Exit.void)
        assert.isTrue(line.closed)
        line.incoming.joined({ identity: "ann" })
        assert.deepStrictEqual(yield* room.participants, [])
      }
      let closed = false
      const opening = Room.make({
        open: () =>
          Effect.andThen(
            Effect.addFinalizer(() => Effect.sync(() => (closed = true))),
            Effect.fail("no line")
          )
      })
      const scope = yield* Scope.make()
      assert.strictEqual(yield* Effect.flip(Scope.provide(opening, scope)), "no line")
      assert.isTrue(closed)
    }))

  it.effect("ends when its transport throws", () =>
    Effect.gen(function*() {
      const { line, room } = yield* open({}, {
        play: () => {
          throw new Error("the wire is cut")
        }
      })
      line.incoming.joined({ identity: "ann" })
      const output = yield* room.output()
      yield* Effect.exit(output.write([Audio.silence("1 second", output)]))
      assert.strictEqual(yield* room.ended, "connection_lost")
      assert.strictEqual((yield* Effect.flip(output.write([]))).reason, "Disconnected")
    }))

  it.effect("waits until the transport is ready, and clears without waiting for it", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const { line, room } = yield* open({}, { ready: Deferred.await(gate) })
      line.incoming.joined({ identity: "ann" })
      const output = yield* room.output()
      yield* output.write([Audio.silence("1 second", output)])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(line.played.length, 1)
      yield* output.clear
      yield* output.drained
      yield* Deferred.succeed(gate, undefined)
    }))

  it.effect("refuses what cannot be", () =>
    Effect.gen(function*() {
      for (
        const options of [
          { frame: 0 },
          { ahead: "1 hour" },
          { playhead: "guessed" as "clock" },
          { format: { sampleRate: 0, channels: 1 } },
          { audioBuffer: Number.NaN }
        ] as const
      ) {
        const error = yield* Effect.flip(open(options))
        assert.strictEqual(error.reason, "InvalidOption")
        assert.include(error.detail, Object.keys(options)[0]!)
      }
    }))
})
