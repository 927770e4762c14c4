import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, type Scope, Stream } from "effect"
import { client } from "effect-voice/internal/livekit/rtc"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import { vi } from "vitest"
import { talk } from "./support/agents.ts"
import { launch } from "./support/launch.ts"
import { agentToken, caller, livekit, now, operator, roomName, tone, until, url } from "./support/people.ts"
import { collect, join } from "./support/rooms.ts"

const refuse = (effect: Effect.Effect<unknown, { readonly reason: string; readonly detail: string }, Scope.Scope>) =>
  Effect.scoped(Effect.flip(effect))

const plain = (_: string, value: unknown): unknown => typeof value === "bigint" ? String(value) : value

/** Something that is in nobody's room. */
const speech = (ms: number) => ({ ...tone(ms), at: 0 })

describe.skipIf(livekit === undefined)("the end of a room", () => {
  it.live("is told by its reason: removed, deleted, replaced, left", () =>
    Effect.gen(function*() {
      const [removed, deleted, replaced, left] = yield* Effect.all([1, 2, 3, 4].map(() => join(roomName())))
      const server = operator()
      yield* Effect.promise(() => server.removeParticipant(removed!.room.name, "agent"))
      yield* Effect.promise(() => server.deleteRoom(deleted!.room.name))
      const other = yield* join(replaced!.room.name)
      yield* left!.room.leave
      assert.deepStrictEqual(
        yield* Effect.all([removed!, deleted!, replaced!, left!].map(({ room }) => room.ended)),
        ["removed", "room_deleted", "duplicate_identity", "left"]
      )
      assert.deepStrictEqual(other.states(), [])
      yield* until(() => removed!.states().length > 0)
      assert.deepStrictEqual(removed!.states(), ["disconnected"])
      assert.strictEqual((yield* refuse(removed!.room.sendText({ topic: "x", text: "x" }))).reason, "Disconnected")
    }).pipe(Effect.scoped))

  it.live("is brought about by the agent for another where it may, and for nobody where it may not", () =>
    Effect.gen(function*() {
      const name = roomName()
      const { key: apiKey, secret } = livekit!
      const admin = yield* LiveKitRoom.token({
        apiKey,
        apiSecret: Redacted.make(secret),
        room: name,
        identity: "operator",
        admin: true
      })
      const plain = yield* join(name)
      const able = yield* join(name, { admin, identity: "operator" })
      const ann = yield* caller({ room: name })
      const bob = yield* caller({ room: name, identity: "bob" })
      yield* able.sees((event) => event._tag === "ParticipantJoined" && event.participant.identity === "bob")
      const error = yield* Effect.flip(plain.room.remove!("ann"))
      assert.strictEqual(error.reason, "Unsupported")
      assert.notInclude(error.detail, "eyJ")
      yield* able.room.remove!("ann")
      yield* until(() => !ann.room.isConnected)
      assert.isTrue(bob.room.isConnected)
      yield* able.room.remove!("ann")
    }).pipe(Effect.scoped))

  it.live("comes when the server closes a room in which only the agent is left", () =>
    Effect.gen(function*() {
      const { room } = yield* join(roomName())
      const ann = yield* caller({ room: room.name })
      yield* ann.leaves
      assert.include(["room_closed", "room_deleted"], yield* room.ended)
    }).pipe(Effect.scoped))

  it.live("ends the session when its participant leaves, or the room is deleted", () =>
    Effect.gen(function*() {
      const [one, two] = [roomName(), roomName()]
      const first = yield* talk({ room: one, script: [] })
      const second = yield* talk({ room: two, script: [] })
      const ann = yield* caller({ room: one })
      yield* caller({ room: two })
      yield* until(() => first.of("SessionStarted").length > 0 && second.of("SessionStarted").length > 0)
      yield* ann.leaves
      assert.strictEqual(yield* first.session.ended, "participant_left")
      yield* Effect.promise(() => operator().deleteRoom(two))
      assert.include(["room_ended", "participant_left"], yield* second.session.ended)
    }).pipe(Effect.scoped))

  it.live(
    "comes before its beginning: an address where nobody answers, a token that is refused",
    () =>
      Effect.gen(function*() {
        const token = yield* agentToken(roomName())
        const nobody = yield* refuse(
          LiveKitRoom.connect({ url: "ws://127.0.0.1:9", token, retries: 1, retryDelay: 100 })
        )
        assert.strictEqual(nobody.reason, "ConnectFailed")
        const began = now()
        const forged = yield* LiveKitRoom.token({
          apiKey: livekit!.key,
          apiSecret: Redacted.make("another-secret-that-is-long-enough-to-sign"),
          room: "x",
          identity: "agent"
        })
        const refused = yield* refuse(LiveKitRoom.connect({ url: url(), token: forged, retryDelay: "1 minute" }))
        assert.strictEqual(refused.reason, "ConnectFailed")
        assert.isBelow(now() - began, 30_000)
        for (const { detail } of [nobody, refused]) {
          assert.notInclude(detail, "eyJ")
          assert.notInclude(detail, "127.0.0.1")
        }
      })
  )

  it.live("leaves no listener and no engine behind, whoever has ended it", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        const rooms = yield* Effect.all([1, 2, 3].map(() => join(roomName())))
        const listeners = () => client()?.listenerCount("ffi_event")
        assert.strictEqual(listeners(), 3)
        yield* Effect.promise(() => operator().deleteRoom(rooms[0]!.room.name))
        yield* rooms[0]!.room.ended
        yield* until(() => listeners() === 2)
        yield* rooms[1]!.room.leave
        assert.strictEqual(listeners(), 1)
      }).pipe(Effect.scoped)
      assert.isUndefined(client())
    }))

  it.live("takes back each method that it answered, whoever has ended it: the engine would hold the room", () =>
    Effect.gen(function*() {
      const rooms = yield* Effect.all([1, 2].map(() => join(roomName())))
      const asked = vi.spyOn(client() as unknown as { request: (request: unknown) => unknown }, "request")
      yield* Effect.addFinalizer(() => Effect.sync(() => asked.mockRestore()))
      const times = (what: string) =>
        asked.mock.calls.filter(([request]) => JSON.stringify(request, plain).includes(what)).length
      for (const { room } of rooms) {
        for (const method of ["one", "two"]) yield* room.handle(method, () => Effect.succeed(""))
      }
      assert.strictEqual(times("\"registerRpcMethod"), 4)
      yield* Effect.promise(() => operator().deleteRoom(rooms[0]!.room.name))
      yield* rooms[0]!.room.ended
      yield* until(() => times("unregisterRpcMethod") === 2)
      yield* rooms[1]!.room.leave
      assert.strictEqual(times("unregisterRpcMethod"), 4)
    }).pipe(Effect.scoped))

  it.live("comes soon for who is interrupted while joining, and nobody stays in the room", () =>
    Effect.gen(function*() {
      const name = roomName()
      const ann = yield* caller({ room: name })
      for (const delay of [0, 20, 60, 100]) {
        const token = yield* agentToken(name)
        const fiber = yield* Effect.forkChild(Effect.scoped(LiveKitRoom.connect({ url: url(), token })), {
          startImmediately: true
        })
        yield* Effect.sleep(delay)
        const asked = now()
        yield* Fiber.interrupt(fiber)
        assert.isBelow(now() - asked, 1000)
      }
      yield* until(() => ann.room.remoteParticipants.size === 0)
    }).pipe(Effect.scoped))
})

describe.skipIf(livekit === undefined)("a connection that is lost", () => {
  it.live("for a while mends itself: nobody has left, and the conversation goes on", () =>
    Effect.gen(function*() {
      const server = yield* Effect.acquireRelease(Effect.promise(() => launch()), ({ stop }) => Effect.promise(stop))
      const at = { url: server.url, key: server.key, secret: server.secret }
      const name = roomName()
      const agent = yield* join(name, { at })
      const ann = yield* caller({ room: name, at })
      yield* agent.sees((event) => event._tag === "TrackSubscribed")
      const heard = yield* collect(agent.room.audio("ann"))
      server.process.kill("SIGSTOP")
      yield* Effect.sleep(5000)
      server.process.kill("SIGCONT")
      yield* Effect.sleep(5000)
      const before = heard.items.length
      yield* ann.says(tone(500))
      yield* until(() => heard.items.slice(before).some(({ samples }) => samples.some((one) => Math.abs(one) > 2000)))
      assert.isTrue(agent.events.every(({ event }) => event._tag !== "ParticipantLeft"))
      assert.isUndefined(heard.fiber.pollUnsafe())
    }).pipe(Effect.scoped))

  it.live.each(
    [
      ["soon, by the native side", "reconnecting"],
      ["late, by joining anew", "rejoining"]
    ] as const
  )(
    "is made again when the server is back %s: the same service, the same track",
    ([_, downUntil]) =>
      Effect.gen(function*() {
        const server = yield* Effect.acquireRelease(Effect.promise(() => launch()), ({ stop }) => Effect.promise(stop))
        const at = { url: server.url, key: server.key, secret: server.secret }
        const name = roomName()
        const agent = yield* join(name, { at, retries: 10 })
        const before = yield* caller({ room: name, at })
        yield* agent.room.setAttributes({ mood: "good" })
        const output = yield* agent.room.output()
        yield* agent.room.handle("greet", () => Effect.succeed("hello"))
        const texts = yield* collect(agent.room.texts("notes"))
        yield* output.subscribed
        const sid = yield* output.sid
        const killed = now()
        yield* Effect.promise(server.stop)
        yield* agent.sees((event) => event._tag === "Connection" && event.state === downUntil)
        const again = yield* Effect.acquireRelease(
          Effect.promise(() => launch(server.ports)),
          ({ stop }) => Effect.promise(stop)
        )
        yield* until(() => agent.states().at(-1) === "connected")
        console.info(`in the room again ${Math.round(now() - killed)} ms after the server was killed:`, agent.states())
        yield* before.leaves
        const ann = yield* caller({ room: name, identity: "bea", at: { ...at, url: again.url } })
        yield* agent.sees((event) => event._tag === "ParticipantJoined" && event.participant.identity === "bea")
        const asked = now()
        yield* output.write([{ ...speech(1000), sampleRate: 24_000 }])
        yield* ann.hears("agent", asked)
        assert.notStrictEqual(yield* output.sid, sid)
        assert.strictEqual(ann.room.remoteParticipants.get("agent")?.attributes["mood"], "good")
        assert.strictEqual(
          yield* Effect.promise(() =>
            ann.room.localParticipant!.performRpc({ destinationIdentity: "agent", method: "greet", payload: "" })
          ),
          "hello"
        )
        yield* Effect.promise(() => ann.room.localParticipant!.sendText("one", { topic: "notes" }))
        yield* until(() => texts.items.length === 1)
        // Whoever did not come back has left.
        yield* agent.sees((event) => event._tag === "ParticipantLeft" && event.identity === "ann")
      }).pipe(Effect.scoped)
  )

  it.live("for good ends the room, after the last attempt", () =>
    Effect.gen(function*() {
      const server = yield* Effect.acquireRelease(Effect.promise(() => launch()), ({ stop }) => Effect.promise(stop))
      const at = { url: server.url, key: server.key, secret: server.secret }
      const agent = yield* join(roomName(), { at, retries: 1, retryDelay: 100 })
      const audio = yield* Effect.forkScoped(Stream.runDrain(agent.room.events))
      yield* Effect.promise(server.stop)
      assert.strictEqual(yield* agent.room.ended, "connection_lost")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(audio)))
      assert.deepStrictEqual(
        agent.events.flatMap(({ event }) =>
          event._tag === "Connection" && event.state === "rejoining" ? [event.attempt] : []
        ),
        [1, 2]
      )
      assert.match((yield* refuse(agent.room.sendText({ topic: "x", text: "x" }))).detail, /could not be made again/)
    }).pipe(Effect.scoped))
})
