import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, type Scope, Stream } from "effect"
import { Audio, Room } from "effect-voice"
import type { RoomControl } from "effect-voice/internal/room/control"
import { makeMemoryRoom, type Options } from "effect-voice/internal/room/memoryRoom"
import { TestClock } from "effect/testing"
import { contract } from "./contract/room.ts"

class Control extends Context.Service<Control, RoomControl>()("effect-voice/test/Room.test/Control") {}

const hub = (options?: Options) =>
  Layer.effectContext(
    Effect.map(
      makeMemoryRoom(options),
      ({ control, room }) => Context.make(Room.Room, room).pipe(Context.add(Control, control))
    )
  )

const frame = (ms: number, level = 1000, at?: number): Audio.Frame => ({
  ...Audio.speech,
  samples: new Int16Array(ms * 16).fill(level),
  ...(at === undefined ? {} : { at })
})

contract(
  "A room in memory",
  () => hub(),
  Effect.map(Control, (control) => ({
    join: (identity) => control.join({ identity }),
    leave: control.leave,
    talk: (identity) => control.feed(identity, [frame(60), frame(40)]),
    mute: control.mute,
    sendText: control.sendText,
    call: control.call,
    disconnect: control.disconnect,
    open: Effect.map(control.open, (open) => Object.values(open).reduce((sum, count) => sum + count, 0))
  }))
)

const run = <A, E>(
  body: (room: Room.Room["Service"], control: RoomControl) => Effect.Effect<A, E, Scope.Scope>,
  options?: Options
) =>
  Effect.flatMap(Effect.all([Room.Room, Control]), ([room, control]) => body(room, control)).pipe(
    Effect.scoped,
    Effect.provide(hub(options))
  )

describe("Room", () => {
  it.effect("drops the oldest audio of a slow listener, and keeps its time", () =>
    run((room, control) =>
      Effect.gen(function*() {
        yield* control.join({ identity: "ann" })
        const seen: Array<readonly [number, number]> = []
        const gate = yield* Deferred.make<void>()
        yield* room.audio("ann").pipe(
          Stream.runForEachArray((frames) => {
            for (const { at, samples } of frames) seen.push([at!, samples[0]!])
            return Deferred.await(gate)
          }),
          Effect.forkScoped({ startImmediately: true })
        )
        yield* control.feed("ann", [frame(20, 0)])
        yield* Effect.yieldNow
        for (let i = 1; i <= 200; i++) yield* control.feed("ann", [frame(20, i)])
        assert.strictEqual(yield* control.dropped("ann"), 2000)
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(seen.length, 101)
        assert.deepStrictEqual([seen[0], seen[1], seen[100]], [[0, 0], [2020, 101], [4000, 200]])
        // Once it has caught up there is room again.
        for (let i = 0; i < 100; i++) yield* control.feed("ann", [frame(20, 7)])
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(seen.length, 201)
        assert.strictEqual(yield* control.dropped("ann"), 2000)
      })
    ))

  it.effect("gives every listener the whole of the audio, and one that comes later the rest", () =>
    run((room, control) =>
      Effect.gen(function*() {
        yield* control.join({ identity: "ann" })
        const listen = Effect.forkScoped(Stream.runCollect(room.audio("ann")), { startImmediately: true })
        const first = yield* listen
        yield* control.feed("ann", [frame(10, 1), frame(10, 2)])
        const second = yield* listen
        yield* control.feed("ann", [frame(10, 3), frame(10, 4, 500), frame(10, 5)])
        yield* control.leave("ann")
        const summary = (frames: ReadonlyArray<Audio.Frame>) => frames.map(({ at, samples }) => [at, samples[0]])
        assert.deepStrictEqual(summary(yield* Fiber.join(first)), [[0, 1], [10, 2], [20, 3], [500, 4], [510, 5]])
        assert.deepStrictEqual(summary(yield* Fiber.join(second)), [[20, 3], [500, 4], [510, 5]])
      })
    ))

  it.effect("is heard and spoken to as streams", () =>
    run((room, control) =>
      Effect.gen(function*() {
        const echo = Room.audio("ann", Audio.speech).pipe(Room.play({ name: "echo" }), Effect.as("heard"))
        const nobody = Effect.provideService(echo, Room.Room, room)
        assert.strictEqual((yield* Effect.flip(nobody)).reason, "UnknownParticipant")
        yield* control.join({ identity: "ann" })
        const echoing = yield* Effect.forkScoped(Effect.provideService(echo, Room.Room, room), {
          startImmediately: true
        })
        // The output has another format, and all of it is heard before it closes.
        yield* control.feed("ann", [frame(60), frame(40)])
        yield* control.leave("ann")
        yield* TestClock.adjust("99 millis")
        const output = (yield* control.outputs).at(-1)!
        assert.deepStrictEqual([output.name, output.sampleRate, yield* output.isOpen], ["echo", 24_000, true])
        assert.isUndefined(echoing.pollUnsafe())
        yield* TestClock.adjust("2 millis")
        assert.strictEqual(yield* Fiber.join(echoing), "heard")
        assert.deepStrictEqual([yield* output.played, yield* output.isOpen], [100, false])
      })
    ))

  it.effect("falls silent at once when who plays is interrupted", () =>
    run((room, control) =>
      Effect.gen(function*() {
        const speech = Stream.concat(Stream.make(frame(1000)), Stream.never)
        const playing = yield* Effect.forkScoped(
          Effect.provideService(Room.play(speech), Room.Room, room),
          { startImmediately: true }
        )
        yield* TestClock.adjust("300 millis")
        yield* Fiber.interrupt(playing)
        const [output] = yield* control.outputs
        assert.deepStrictEqual([yield* output!.played, yield* output!.isOpen], [300, false])
      })
    ))

  it.effect("tells what happens in the room, in order", () =>
    run((room, control) =>
      Effect.gen(function*() {
        const events: Array<Room.Event> = []
        yield* Effect.forkScoped(
          Stream.runForEach(room.events, (event) => Effect.sync(() => void events.push(event))),
          {
            startImmediately: true
          }
        )
        yield* control.join({ identity: "ann", kind: "sip", attributes: { a: "1" } })
        yield* control.setAttributes("ann", { b: "2" })
        yield* control.sendData({ identity: "ann", topic: "t", payload: new Uint8Array([1]) })
        yield* control.sendDtmf("ann", "1#")
        yield* control.connection("reconnecting")
        yield* control.connection("connected")
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(events, [
          { _tag: "ParticipantJoined", participant: { identity: "ann", kind: "sip", attributes: { a: "1" } } },
          { _tag: "AttributesChanged", identity: "ann", attributes: { a: "1", b: "2" } },
          { _tag: "Data", identity: "ann", topic: "t", payload: new Uint8Array([1]) },
          { _tag: "Dtmf", identity: "ann", digit: "1" },
          { _tag: "Dtmf", identity: "ann", digit: "#" },
          { _tag: "Connection", state: "reconnecting" },
          { _tag: "Connection", state: "connected" }
        ])
        assert.deepStrictEqual((yield* room.participants)[0]!.attributes, { a: "1", b: "2" })
        assert.strictEqual((yield* Effect.flip(control.join({ identity: "ann" }))).reason, "InvalidOption")
        assert.strictEqual((yield* Effect.flip(control.sendDtmf("bob", "1"))).reason, "UnknownParticipant")
      })
    ))

  it.effect("shows what the agent sent, and to whom", () =>
    run((room, control) =>
      Effect.gen(function*() {
        yield* control.join({ identity: "ann" })
        const live = yield* Effect.forkScoped(Stream.runCollect(Stream.take(control.sends, 2)), {
          startImmediately: true
        })
        yield* room.sendText({ topic: "chat", text: "hi", to: ["ann"] })
        yield* room.sendBytes({ topic: "file", bytes: new Uint8Array([1, 2]) })
        yield* room.sendData({ topic: "d", payload: new Uint8Array([3]), reliable: false })
        yield* room.sendDtmf("12#")
        yield* room.setAttributes({ state: "listening" })
        yield* room.setAttributes({ mood: "fine" })
        const sent = yield* control.sent
        assert.deepStrictEqual(sent.map((one) => one._tag), [
          "Text",
          "Bytes",
          "Data",
          "Dtmf",
          "Attributes",
          "Attributes"
        ])
        assert.deepStrictEqual(sent[0], { _tag: "Text", topic: "chat", text: "hi", attributes: {}, to: ["ann"] })
        assert.deepStrictEqual(yield* Fiber.join(live), sent.slice(0, 2))
        assert.deepStrictEqual(yield* control.attributes, { state: "listening", mood: "fine" })
      })
    ))

  it.effect("carries calls both ways, and turns every failure of a handler into one of the call", () =>
    run((room, control) =>
      Effect.gen(function*() {
        yield* control.join({ identity: "ann" })
        const call = (method: string) => room.call({ identity: "ann", method, payload: "x" })
        yield* control.handle("ann", "echo", (payload) => Effect.succeed(payload))
        yield* control.handle("ann", "break", () => Effect.die("kaboom: secret"))
        yield* control.handle("ann", "hang", () => Effect.never)
        assert.strictEqual(yield* call("echo"), "x")
        const broken = yield* Effect.flip(call("break"))
        assert.deepStrictEqual([broken.reason, broken.detail], ["RpcFailed", "call: the handler of break broke"])
        const hanging = yield* Effect.forkScoped(Effect.flip(call("hang")), { startImmediately: true })
        yield* TestClock.adjust("15 seconds")
        assert.strictEqual((yield* Fiber.join(hanging)).reason, "RpcFailed")
        yield* room.handle("own", () => Effect.succeed("mine"))
        assert.strictEqual((yield* Effect.flip(room.handle("own", () => Effect.succeed("")))).reason, "InvalidOption")
        assert.strictEqual(yield* control.call({ identity: "ann", method: "own", payload: "" }), "mine")
        yield* control.leave("ann")
        assert.strictEqual((yield* Effect.flip(call("echo"))).reason, "UnknownParticipant")
        yield* control.join({ identity: "ann" })
        assert.strictEqual((yield* Effect.flip(call("echo"))).reason, "RpcFailed")
      })
    ))

  it.effect("fails where it is told to, until it is mended", () =>
    run((room, control) =>
      Effect.gen(function*() {
        const error = new Room.RoomError({ reason: "PublishFailed", detail: "no track for you" })
        yield* control.join({ identity: "ann" })
        const output = yield* room.output()
        const listening = yield* Effect.forkScoped(Effect.flip(Stream.runCollect(room.audio("ann"))), {
          startImmediately: true
        })
        for (const part of ["output", "audio", "send", "rpc"] as const) yield* control.fail(part, error)
        assert.strictEqual(yield* Fiber.join(listening), error)
        const attempts = Effect.all([
          Effect.exit(output.write([Audio.silence(10, output)])),
          Effect.exit(Effect.scoped(room.output())),
          Effect.exit(room.sendText({ topic: "t", text: "x" }))
        ])
        assert.deepStrictEqual((yield* attempts).map((exit) => exit._tag), ["Failure", "Failure", "Failure"])
        assert.strictEqual(yield* Effect.flip(room.call({ identity: "ann", method: "x", payload: "" })), error)
        for (const part of ["output", "audio", "send", "rpc"] as const) yield* control.mend(part)
        assert.deepStrictEqual((yield* attempts).map((exit) => exit._tag), ["Success", "Success", "Success"])
        const again = yield* Effect.forkScoped(Stream.runHead(room.audio("ann")), { startImmediately: true })
        yield* control.feed("ann", [frame(10)])
        assert.strictEqual((yield* Fiber.join(again))._tag, "Some")
      })
    ))

  it.effect("refuses an output that cannot be", () =>
    run((room) =>
      Effect.gen(function*() {
        const rate = yield* Effect.flip(room.output({ sampleRate: 100 }))
        const channels = yield* Effect.flip(room.output({ channels: 3 }))
        assert.deepStrictEqual([rate.message, channels.message], [
          "output.sampleRate must be a whole number from 8000 to 192000 Hz, not 100",
          "output.channels must be one of 1, 2, not 3"
        ])
      })
    ))

  it.effect("knows when the agent is heard, over all its outputs", () =>
    run((room, control) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        yield* Effect.forkScoped(
          Effect.forever(Effect.gen(function*() {
            yield* control.agentSpeaking
            log.push("speaking")
            yield* control.agentSilent
            log.push("silent")
          })),
          { startImmediately: true }
        )
        const one = yield* room.output()
        const two = yield* room.output()
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(log, [])
        yield* one.write([Audio.silence(300, one)])
        yield* TestClock.adjust("200 millis")
        yield* two.write([Audio.silence(300, two)])
        yield* TestClock.adjust("299 millis")
        assert.deepStrictEqual(log, ["speaking"])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(log, ["speaking", "silent"])
        yield* one.write([Audio.silence(300, one)])
        yield* TestClock.adjust("100 millis")
        yield* one.pause
        yield* TestClock.adjust("1 millis")
        yield* one.resume
        yield* TestClock.adjust("1 millis")
        yield* one.clear
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(log.slice(2), ["speaking", "silent", "speaking", "silent"])
      })
    ))

  it.effect("sends text that grows, in another's name, until it is closed", () =>
    run((room, control) =>
      Effect.gen(function*() {
        const writer = yield* room.openText({ topic: "talk", attributes: { a: "1" }, as: "ann", streamId: "s" })
        yield* writer.write("one ")
        yield* writer.write("two")
        yield* writer.close
        yield* writer.close
        const late = yield* Effect.flip(writer.write("three"))
        assert.strictEqual(late.reason, "PublishFailed")
        const left = yield* Effect.scoped(room.openText({ topic: "talk" }))
        assert.notStrictEqual(left.streamId, "s")
        assert.deepStrictEqual(yield* control.sent, [
          { _tag: "TextOpened", streamId: "s", topic: "talk", attributes: { a: "1" }, to: undefined, as: "ann" },
          { _tag: "TextWritten", streamId: "s", text: "one " },
          { _tag: "TextWritten", streamId: "s", text: "two" },
          { _tag: "TextClosed", streamId: "s" },
          { _tag: "TextOpened", streamId: left.streamId, topic: "talk", attributes: {}, to: undefined },
          { _tag: "TextClosed", streamId: left.streamId }
        ])
        const lost = yield* Effect.flip(room.openText({ topic: "talk", to: ["nobody"] }))
        assert.strictEqual(lost.reason, "UnknownParticipant")
      })
    ))

  it.effect("brings bytes, sends bytes and old transcriptions, and tells of tracks", () =>
    run((room, control) =>
      Effect.gen(function*() {
        yield* control.join({ identity: "ann" })
        const bytes = yield* Effect.forkScoped(Stream.runCollect(room.bytes("file")), { startImmediately: true })
        const payload = new Uint8Array([1, 2])
        yield* control.sendBytes({
          identity: "ann",
          topic: "file",
          bytes: payload,
          name: "a.bin",
          attributes: { b: "2" }
        })
        yield* control.sendBytes({ identity: "ann", topic: "other", bytes: payload })
        yield* room.sendBytes({ topic: "file", bytes: payload, mimeType: "audio/wav" })
        yield* room.publishTranscription({
          identity: "ann",
          sid: "t",
          segments: [{ id: "1", text: "hi", final: true }]
        })
        assert.deepStrictEqual(yield* control.sent, [
          { _tag: "Bytes", topic: "file", bytes: payload, attributes: {}, to: undefined, mimeType: "audio/wav" },
          { _tag: "Transcription", identity: "ann", sid: "t", segments: [{ id: "1", text: "hi", final: true }] }
        ])
        yield* control.mute("ann", true)
        const [microphone] = yield* room.tracks("ann")
        assert.deepInclude(microphone, { source: "microphone", muted: true, subscribed: true })
        assert.strictEqual((yield* Effect.flip(room.tracks("bob"))).reason, "UnknownParticipant")
        // LiveKit calls who telephones by their number, which stands in no error.
        assert.match(
          (yield* Effect.flip(room.tracks("sip_+491511234567"))).detail,
          /^tracks: .* sip_#\w{8}\.\.67 in the room$/
        )
        assert.strictEqual(
          (yield* Effect.flip(room.subscribe({ identity: "ann", sid: "t", subscribed: false }))).reason,
          "Unsupported"
        )
        const output = yield* room.output()
        yield* output.subscribed
        assert.notStrictEqual(yield* output.sid, yield* (yield* room.output()).sid)
        yield* control.disconnect("room_closed")
        assert.deepStrictEqual(yield* Fiber.join(bytes), [
          { identity: "ann", topic: "file", bytes: payload, attributes: { b: "2" }, name: "a.bin" }
        ])
      })
    ))

  it.effect("begins when it is first used, and ends with its scope", () => {
    let started = 0
    return Effect.gen(function*() {
      const outside = yield* Effect.scoped(Effect.gen(function*() {
        const { control, room } = yield* makeMemoryRoom({ onStart: () => started++ })
        yield* control.join({ identity: "ann" })
        assert.strictEqual(started, 0)
        yield* room.participants
        yield* room.participants
        assert.strictEqual(started, 1)
        return room
      }))
      assert.strictEqual(yield* outside.ended, "left")
      assert.deepStrictEqual(yield* Stream.runCollect(outside.events), [])
    })
  })
})
