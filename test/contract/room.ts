import { assert, describe, it } from "@effect/vitest"
import { Clock, type Duration, Effect, Exit, Fiber, type Layer, Scope, Stream } from "effect"
import { Audio, Room } from "effect-voice"
import { TestClock } from "effect/testing"

/** What the other side of the room must be able to do, so that a room can be held to its contract. */
export interface Peers {
  readonly join: (identity: string) => Effect.Effect<void, Room.RoomError>
  readonly leave: (identity: string) => Effect.Effect<void>
  /** Makes 100 ms of a loud voice arrive; the contract lets the time pass. */
  readonly talk: (identity: string) => Effect.Effect<void, Room.RoomError>
  readonly mute: (identity: string, muted: boolean) => Effect.Effect<void, Room.RoomError>
  readonly sendText: (message: {
    readonly identity: string
    readonly topic: string
    readonly text: string
  }) => Effect.Effect<void, Room.RoomError>
  readonly call: (call: {
    readonly identity: string
    readonly method: string
    readonly payload: string
  }) => Effect.Effect<string, Room.RoomError>
  readonly disconnect: (reason: Room.EndReason) => Effect.Effect<void>
  /** Everything that is open for the agent, added up. */
  readonly open: Effect.Effect<number>
}

const collect = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function*() {
    const items: Array<A> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (item) => Effect.sync(() => void items.push(item))),
      { startImmediately: true }
    )
    return { items, fiber }
  })

const loud = (frames: ReadonlyArray<Audio.Frame>) =>
  frames.reduce((ms, frame) => ms + (Audio.rms(frame) > 0.01 ? Audio.durationMs(frame) : 0), 0)

/** How time passes for a room. */
export interface Time {
  readonly pass: (duration: Duration.Input) => Effect.Effect<void>
  /** Milliseconds by which a time may differ. */
  readonly tolerance: number
  /** Longest time until something has come over from the other side. */
  readonly delay: Duration.Input
}

/** Exact, and at no cost. */
export const testTime: Time = { pass: TestClock.adjust, tolerance: 0, delay: "100 millis" }

/** As it is, over a network. */
export const realTime: Time = { pass: Effect.sleep, tolerance: 60, delay: "1 second" }

/** What every `Room` keeps whose peers are at hand. */
export const contract = <E, P>(
  name: string,
  layer: () => Layer.Layer<Room.Room | P, E>,
  peers: Effect.Effect<Peers, never, P | Scope.Scope>,
  time: Time = testTime
) => {
  const { delay, pass, tolerance } = time
  const near = (actual: number, expected: number) => assert.closeTo(actual, expected, tolerance)
  const test = (
    sentence: string,
    body: (room: Room.Room["Service"], peers: Peers) => Effect.Effect<void, unknown, Scope.Scope>
  ) =>
    (time === testTime ? it.effect : it.live)(
      sentence,
      () =>
        Effect.flatMap(Effect.all([Room.Room, peers]), ([room, peers]) => body(room, peers)).pipe(
          Effect.provide(layer())
        )
    )

  describe(`${name} keeps the Room contract`, () => {
    test("tells who joins and who leaves, from the moment it is asked", (room, peers) =>
      Effect.gen(function*() {
        const events = yield* collect(room.events)
        yield* peers.join("ann")
        yield* peers.join("bob")
        assert.deepStrictEqual((yield* room.participants).map((one) => one.identity), ["ann", "bob"])
        yield* peers.leave("ann")
        yield* pass(delay)
        assert.deepStrictEqual((yield* room.participants).map((one) => one.identity), ["bob"])
        assert.deepStrictEqual(
          events.items.flatMap((event) =>
            event._tag === "ParticipantJoined"
              ? [`+${event.participant.identity}`]
              : event._tag === "ParticipantLeft"
              ? [`-${event.identity}`]
              : []
          ),
          ["+ann", "+bob", "-ann"]
        )
      }))

    test(
      "gives audio to its own subscribers only, until its participant leaves",
      (room, peers) =>
        Effect.gen(function*() {
          yield* room.participants
          yield* peers.join("ann")
          yield* peers.join("bob")
          const ann = yield* collect(room.audio("ann"))
          const bob = yield* collect(room.audio("bob"))
          yield* peers.talk("ann")
          yield* pass(delay)
          assert.closeTo(loud(ann.items), 100, 20 + tolerance)
          assert.strictEqual(loud(bob.items), 0)
          yield* peers.leave("ann")
          yield* pass(delay)
          yield* Fiber.join(ann.fiber)
          assert.isUndefined(bob.fiber.pollUnsafe())
          assert.strictEqual((yield* Effect.flip(Stream.runDrain(room.audio("ann")))).reason, "UnknownParticipant")
        })
    )

    test("delivers nothing of a muted microphone, and counts its time", (room, peers) =>
      Effect.gen(function*() {
        yield* room.participants
        yield* peers.join("ann")
        const ann = yield* collect(room.audio("ann"))
        yield* peers.talk("ann")
        yield* pass(delay)
        yield* peers.mute("ann", true)
        yield* pass(delay)
        const before = ann.items.length
        yield* peers.talk("ann")
        yield* pass("1 second")
        assert.strictEqual(ann.items.length, before)
        yield* peers.mute("ann", false)
        yield* peers.talk("ann")
        yield* pass(delay)
        const last = ann.items[before - 1]!
        const next = ann.items[before]!
        assert.isAbove(next.at!, last.at! + Audio.durationMs(last))
      }))

    test("brings the texts of a topic, with their sender", (room, peers) =>
      Effect.gen(function*() {
        const chat = yield* collect(room.texts("chat"))
        const other = yield* collect(room.texts("other"))
        yield* peers.join("ann")
        yield* peers.sendText({ identity: "ann", topic: "chat", text: "one" })
        yield* peers.sendText({ identity: "ann", topic: "chat", text: "two" })
        yield* pass(delay)
        assert.deepStrictEqual(chat.items.map(({ identity, text }) => `${identity}: ${text}`), ["ann: one", "ann: two"])
        assert.deepStrictEqual(other.items, [])
      }))

    test("plays what is written, and counts neither pauses nor what is cleared", (room) =>
      Effect.gen(function*() {
        const output = yield* room.output({ sampleRate: 16_000 })
        assert.deepStrictEqual([output.sampleRate, output.channels], [16_000, 1])
        const began = yield* Clock.currentTimeMillis
        yield* output.write([Audio.silence("400 millis", output), Audio.silence("600 millis", output)])
        const drained = yield* Effect.forkScoped(Effect.andThen(output.drained, Clock.currentTimeMillis), {
          startImmediately: true
        })
        yield* pass("300 millis")
        yield* output.pause
        yield* pass("200 millis")
        near(yield* output.played, 300)
        // A level changes nothing of what is played, and when.
        yield* output.gain?.(-15) ?? Effect.void
        yield* output.resume
        yield* output.gain?.(0) ?? Effect.void
        yield* pass("700 millis")
        near((yield* Fiber.join(drained)) - began, 1200)
        yield* output.write([Audio.silence("1 second", output)])
        yield* pass("250 millis")
        yield* output.pause
        yield* output.clear
        yield* output.drained
        yield* pass("1 second")
        near(yield* output.played, 1250)
        const wrong = yield* Effect.flip(output.write([Audio.silence("1 second", { sampleRate: 8000, channels: 1 })]))
        assert.strictEqual(wrong.reason, "InvalidOption")
      }))

    test("answers remote calls as long as the handler's scope is open", (room, peers) =>
      Effect.gen(function*() {
        yield* room.participants
        yield* peers.join("ann")
        const ask = peers.call({ identity: "ann", method: "greet", payload: "hi" })
        const scope = yield* Scope.make()
        yield* room.handle("greet", ({ identity, payload }) => Effect.succeed(`${payload}, ${identity}`)).pipe(
          Scope.provide(scope)
        )
        assert.strictEqual(yield* ask, "hi, ann")
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Effect.flip(ask)).reason, "RpcFailed")
      }))

    test("refuses a receiver who is not there", (room) =>
      Effect.gen(function*() {
        const errors = yield* Effect.all([
          Effect.flip(room.sendText({ topic: "chat", text: "x", to: ["nobody"] })),
          Effect.flip(room.call({ identity: "nobody", method: "x", payload: "" })),
          Effect.flip(room.sendDtmf("12x"))
        ])
        assert.deepStrictEqual(errors.map((error) => error.reason), [
          "UnknownParticipant",
          "UnknownParticipant",
          "InvalidOption"
        ])
      }))

    test(
      "ends every stream when it ends, says why, and refuses what comes after",
      (room, peers) =>
        Effect.gen(function*() {
          const events = yield* collect(room.events)
          const texts = yield* collect(room.texts("chat"))
          yield* peers.join("ann")
          const audio = yield* collect(room.audio("ann"))
          const output = yield* room.output()
          const ended = yield* Effect.forkScoped(room.ended, { startImmediately: true })
          yield* peers.disconnect("removed")
          yield* peers.disconnect("room_closed")
          yield* pass(delay)
          assert.strictEqual(yield* Fiber.join(ended), "removed")
          yield* Effect.forEach([events.fiber, texts.fiber, audio.fiber], Fiber.join)
          assert.deepStrictEqual(events.items.at(-1), { _tag: "Connection", state: "disconnected" })
          const refused = yield* Effect.all([
            Effect.flip(room.sendText({ topic: "chat", text: "x" })),
            Effect.flip(output.write([Audio.silence("1 second", output)])),
            Effect.flip(Effect.scoped(room.output())),
            Effect.flip(Stream.runDrain(room.audio("ann")))
          ])
          assert.deepStrictEqual(refused.map((error) => error.reason), [
            "Disconnected",
            "Disconnected",
            "Disconnected",
            "Disconnected"
          ])
          assert.strictEqual(yield* room.ended, "removed")
        })
    )

    test("leaves once", (room) =>
      Effect.gen(function*() {
        yield* room.leave
        yield* room.leave
        assert.strictEqual(yield* room.ended, "left")
      }))

    test("keeps nothing open for a scope that has closed", (room, peers) =>
      Effect.gen(function*() {
        const before = yield* peers.open
        yield* Effect.scoped(Effect.gen(function*() {
          yield* collect(room.events)
          yield* collect(room.texts("chat"))
          yield* peers.join("ann")
          yield* collect(room.audio("ann"))
          const output = yield* room.output()
          yield* output.write([Audio.silence("10 seconds", output)])
          yield* room.handle("greet", () => Effect.succeed("hi"))
          assert.isAbove(yield* peers.open, before)
        }))
        assert.strictEqual(yield* peers.open, before)
      }))
  })
}
