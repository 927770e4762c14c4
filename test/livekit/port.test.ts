import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, References } from "effect"
import { Audio } from "effect-voice"
import { caller, isLoud, livekit, now, roomName, tone, until } from "./support/people.ts"
import { collect, join } from "./support/rooms.ts"

/** A tone in the format of an output. */
const voice = (ms: number, format: Audio.Format): Audio.Frame => {
  const converter = Audio.converter({ to: format })
  return Audio.concat([...converter.push([tone(ms)]), ...converter.flush()])
}

describe.skipIf(livekit === undefined)("a LiveKit room", () => {
  it.live("sees who was there before it, and who they are", () =>
    Effect.gen(function*() {
      const name = roomName()
      const ann = yield* caller({ room: name, name: "Ann", metadata: "vip", attributes: { a: "1" } })
      yield* caller({ room: name, identity: "tel-in", kind: "sip", attributes: { "sip.ruleID": "r" } })
      yield* caller({ room: name, identity: "tel-out", kind: "sip", attributes: { "sip.trunkID": "t" } })
      yield* caller({ room: name, identity: "bot", kind: "agent", microphone: false })
      const { events, room, sees } = yield* join(name)
      const by = new Map((yield* room.participants).map((one) => [one.identity, one]))
      assert.deepStrictEqual(by.get("ann"), {
        identity: "ann",
        name: "Ann",
        kind: "standard",
        metadata: "vip",
        attributes: { a: "1" }
      })
      assert.deepInclude(by.get("tel-in"), { kind: "sip", direction: "inbound" })
      assert.deepInclude(by.get("tel-out"), { kind: "sip", direction: "outbound" })
      assert.deepInclude(by.get("bot"), { kind: "agent" })
      yield* sees((event) => event._tag === "TrackSubscribed" && event.identity === "ann")
      yield* Effect.promise(() => ann.room.localParticipant!.setAttributes({ b: "2" }))
      yield* sees((event) => event._tag === "AttributesChanged" && event.attributes["b"] === "2")
      assert.isTrue(events.every(({ event }) => event._tag !== "ParticipantJoined"))
    }).pipe(Effect.scoped))

  it.live("carries text, growing text, text in another's name, bytes, old transcriptions and data", () =>
    Effect.gen(function*() {
      const { room, sees } = yield* join(roomName())
      const ann = yield* caller({ room: room.name })
      yield* sees((event) => event._tag === "TrackSubscribed")
      const got: Array<unknown> = []
      ann.room.registerTextStreamHandler("talk", (reader, { identity }) => {
        void reader.readAll().then((text) => got.push([identity, reader.info.streamId, reader.info.attributes, text]))
      })
      ann.room.registerByteStreamHandler("file", (reader) => {
        void reader.readAll().then((chunks) =>
          got.push([reader.info.name, reader.info.mimeType, chunks.reduce((sum, { length }) => sum + length, 0)])
        )
      })
      ann.room.on("dataReceived", (payload, _from, _kind, topic) => got.push([topic, [...payload]]))
      yield* room.sendText({ topic: "talk", text: "one", attributes: { a: "1" }, streamId: "s1" })
      yield* room.sendText({ topic: "talk", text: "two", as: "ann", streamId: "s2", to: ["ann"] })
      const writer = yield* room.openText({ topic: "talk", streamId: "s3" })
      yield* writer.write("three ")
      yield* writer.write("four")
      yield* writer.close
      yield* room.sendBytes({ topic: "file", bytes: new Uint8Array(40_000), name: "a.bin", mimeType: "audio/x" })
      yield* room.sendData({ topic: "d", payload: new Uint8Array([0, 1, 2, 3]).subarray(2) })
      const segments = [{ id: "1", text: "hi", final: true }]
      const [track] = yield* room.tracks("ann")
      yield* room.publishTranscription({ identity: "ann", sid: track!.sid, segments })
      // Sent as it is, it would take the receiver's process with it.
      const wrong = yield* Effect.flip(room.publishTranscription({ identity: "ann", sid: "x", segments }))
      assert.strictEqual(wrong.reason, "InvalidOption")
      yield* room.sendDtmf("1#")
      yield* until(() => got.length === 5)
      assert.deepStrictEqual(got.slice(0, 2), [["agent", "s1", { a: "1" }, "one"], ["ann", "s2", {}, "two"]])
      assert.sameDeepMembers(got.slice(2), [
        ["agent", "s3", {}, "three four"],
        ["a.bin", "audio/x", 40_000],
        ["d", [2, 3]]
      ])

      const bytes = yield* collect(room.bytes("up"))
      yield* Effect.promise(async () => {
        const stream = await ann.room.localParticipant!.streamBytes({ topic: "up", name: "b", attributes: { k: "v" } })
        await stream.write(new Uint8Array([1, 2]))
        await stream.write(new Uint8Array([3]))
        await stream.close()
        await ann.room.localParticipant!.publishData(new Uint8Array([9]), { reliable: true, topic: "x" })
        await ann.room.localParticipant!.publishDtmf(11, "#")
      })
      yield* until(() => bytes.items.length === 1)
      assert.deepInclude(bytes.items[0], { identity: "ann", topic: "up", name: "b", attributes: { k: "v" } })
      assert.deepStrictEqual(bytes.items[0]?.bytes, new Uint8Array([1, 2, 3]))
      yield* sees((event) => event._tag === "Data" && event.identity === "ann" && event.topic === "x")
      yield* sees((event) => event._tag === "Dtmf" && event.digit === "#")
    }).pipe(Effect.scoped))

  it.live("logs who comes and goes, what is published and sent, and nothing of what it holds", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ fiber, message }) => {
        const { participant, room } = fiber.getRef(References.CurrentLogAnnotations)
        lines.push(`${String(room)}: ${String(message)}: ${String(participant)}`)
      })
      yield* Effect.gen(function*() {
        const name = roomName()
        yield* caller({ room: name, identity: "bob", microphone: false })
        const { room, sees } = yield* join(name)
        const ann = yield* caller({ room: name })
        yield* sees((event) => event._tag === "TrackSubscribed")
        yield* Effect.promise(async () => {
          const local = ann.room.localParticipant!
          await local.setAttributes({ mood: "a secret" })
          await local.publishData(new TextEncoder().encode("a secret"), { reliable: true, topic: "x" })
          await local.publishDtmf(7, "7")
        })
        for (const tag of ["AttributesChanged", "Data", "Dtmf"]) yield* sees((event) => event._tag === tag)
        yield* ann.leaves
        yield* sees((event) => event._tag === "ParticipantLeft")
        yield* room.leave
        const line = (message: string, participant: string) => `${name}: ${message}: ${participant}`
        const expected = [
          line("a participant has joined", "bob"),
          line("a participant has joined", "ann"),
          line("a track is published", "ann"),
          line("a track is received", "ann"),
          line("attributes have changed", "ann"),
          line("data has come", "ann"),
          line("a key was pressed", "ann"),
          line("a participant has left", "ann"),
          line("the room is disconnected", "undefined")
        ]
        yield* until(() => expected.every((one) => lines.includes(one)))
        assert.isTrue(lines.every((one) => !one.includes("secret")))
      }).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
    }).pipe(Effect.scoped))

  it.live("keeps what came on the chat before anybody listened", () =>
    Effect.gen(function*() {
      const { room } = yield* join(roomName())
      const ann = yield* caller({ room: room.name })
      yield* Effect.promise(() => ann.room.localParticipant!.sendText("early", { topic: "lk.chat" }))
      yield* Effect.sleep(500)
      const chat = yield* collect(room.texts("lk.chat"))
      yield* Effect.promise(() => ann.room.localParticipant!.sendText("late", { topic: "lk.chat" }))
      yield* until(() => chat.items.length === 2)
      assert.deepStrictEqual(chat.items.map(({ text }) => text), ["early", "late"])
    }).pipe(Effect.scoped))

  it.live("is not held up by texts that never end, nor filled by long ones", () =>
    Effect.gen(function*() {
      const { room } = yield* join(roomName())
      const chat = yield* collect(room.texts("lk.chat"))
      const files = yield* collect(room.bytes("lk.agent.session"))
      const [ann, eve] = yield* Effect.all([
        caller({ room: room.name, microphone: false }),
        caller({ room: room.name, identity: "eve", microphone: false })
      ])
      const from = (one: typeof ann) => one.room.localParticipant!
      yield* Effect.promise(async () => {
        for (let i = 0; i < 20; i++) {
          const writer = await from(eve).streamText({ topic: "lk.chat" })
          await writer.write("x".repeat(10_000))
        }
        const bytes = await from(eve).streamBytes({ topic: "lk.agent.session", name: "long" })
        for (let i = 0; i < 100; i++) await bytes.write(new Uint8Array(15_000))
        await bytes.close()
        await from(ann).sendText("Hello", { topic: "lk.chat" })
        const short = await from(ann).streamBytes({ topic: "lk.agent.session", name: "short" })
        await short.write(new Uint8Array(10))
        await short.close()
      })
      yield* until(() => chat.items.length > 0 && files.items.length > 0)
      assert.deepStrictEqual(chat.items.map(({ identity, text }) => [identity, text]), [["ann", "Hello"]])
      assert.deepStrictEqual(files.items.map(({ bytes, identity }) => [identity, bytes.length]), [["ann", 10]])
    }).pipe(Effect.scoped))

  it.live("calls a participant, and tells why a call failed", () =>
    Effect.gen(function*() {
      const { room, sees } = yield* join(roomName())
      const ann = yield* caller({ room: room.name })
      yield* sees((event) => event._tag === "ParticipantJoined")
      ann.room.localParticipant!.registerRpcMethod("double", async ({ payload }) => payload + payload)
      assert.strictEqual(yield* room.call({ identity: "ann", method: "double", payload: "ha" }), "haha")
      const missing = yield* Effect.flip(room.call({ identity: "ann", method: "none", payload: "" }))
      assert.strictEqual(missing.reason, "RpcFailed")
    }).pipe(Effect.scoped))

  it.live.each(["none", "audio", "all"] as const)(
    "with %s subscribed by itself, hears what it is told to",
    (mode) =>
      Effect.gen(function*() {
        const { room, sees } = yield* join(roomName(), { autoSubscribe: mode })
        const ann = yield* caller({ room: room.name })
        yield* sees((event) => event._tag === "TrackPublished" && event.identity === "ann")
        const audio = yield* collect(room.audio("ann", { sampleRate: 48_000, channels: 2 }))
        const [track] = yield* room.tracks("ann")
        if (mode === "none") {
          yield* ann.says(tone(300))
          assert.isFalse((yield* room.tracks("ann"))[0]!.subscribed)
          assert.deepStrictEqual(audio.items, [])
          yield* room.subscribe({ identity: "ann", sid: track!.sid, subscribed: true })
        }
        yield* sees((event) => event._tag === "TrackSubscribed")
        yield* ann.says(tone(500))
        yield* until(() => audio.items.some((frame) => Audio.rms(frame) > 0.05))
        assert.deepInclude(audio.items[0], { sampleRate: 48_000, channels: 2 })
        assert.strictEqual(Audio.durationMs(audio.items[0]!), 40)
        yield* room.subscribe({ identity: "ann", sid: track!.sid, subscribed: false })
        yield* sees((event) => event._tag === "TrackUnsubscribed")
      }).pipe(Effect.scoped)
  )

  it.live("follows a microphone that is published again, and keeps its time", () =>
    Effect.gen(function*() {
      const { room, sees } = yield* join(roomName())
      const ann = yield* caller({ room: room.name })
      yield* sees((event) => event._tag === "TrackSubscribed")
      const audio = yield* collect(room.audio("ann"))
      yield* ann.says(tone(300))
      yield* until(() => audio.items.some((frame) => Audio.rms(frame) > 0.05))
      const participant = ann.room.localParticipant!
      const [publication] = [...participant.trackPublications.values()]
      const { track } = publication!
      yield* Effect.promise(() => participant.unpublishTrack(publication!.sid!, false))
      yield* sees((event) => event._tag === "TrackUnpublished")
      yield* Effect.sleep(1000)
      const before = audio.items.length
      const [{ TrackPublishOptions, TrackSource }] = yield* Effect.all([
        Effect.promise(() => import("@livekit/rtc-node"))
      ])
      yield* Effect.promise(() =>
        participant.publishTrack(track as never, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))
      )
      yield* until(() => audio.items.length > before + 5)
      const [last, next] = [audio.items[before - 1]!, audio.items[before]!]
      assert.isAbove(next.at! - last.at!, 900)
      yield* ann.says(tone(300))
      yield* until(() => audio.items.slice(before).some((frame) => Audio.rms(frame) > 0.05))
    }).pipe(Effect.scoped))

  it.live("publishes each output as a track, takes it away with its scope, and publishes again", () =>
    Effect.gen(function*() {
      const { room } = yield* join(roomName())
      const ann = yield* caller({ room: room.name, microphone: false })
      const published = () => ann.room.remoteParticipants.get("agent")?.trackPublications.size ?? 0
      yield* Effect.scoped(Effect.gen(function*() {
        const one = yield* room.output({ sampleRate: 16_000 })
        const two = yield* room.output({ name: "second", channels: 2, sampleRate: 48_000 })
        yield* Effect.all([one.subscribed, two.subscribed])
        assert.notStrictEqual(yield* one.sid, yield* two.sid)
        yield* until(() => published() === 2)
        yield* one.write([voice(5000, one)])
        yield* two.write([voice(5000, two)])
        yield* ann.hears("agent", 0)
      }))
      yield* until(() => published() === 0)
      const again = yield* room.output()
      yield* again.subscribed
      const asked = now()
      yield* again.write([voice(300, again)])
      yield* ann.hears("agent", asked + 100)
      for (const wish of [{ sampleRate: 22_051 }, { sampleRate: 96_000 }, { channels: 3 }]) {
        assert.strictEqual((yield* Effect.flip(Effect.scoped(room.output(wish)))).reason, "InvalidOption")
      }
    }).pipe(Effect.scoped))

  it.live("falls silent at once, goes on where it was, and knows how far it was heard", () =>
    Effect.gen(function*() {
      const { room } = yield* join(roomName())
      const ann = yield* caller({ room: room.name, microphone: false })
      const output = yield* room.output()
      yield* output.subscribed
      // The first audio of a stream is held back until the receiver knows its pace.
      yield* output.write([voice(500, output)])
      yield* output.drained
      yield* ann.hearsSilence("agent", 300)
      const since = now()
      const before = yield* output.played
      yield* output.write([voice(3000, output)])
      yield* Effect.sleep(1000)
      yield* output.pause
      const paused = now()
      const silent = yield* ann.hearsSilence("agent", 400)
      assert.isBelow(silent - paused, 300)
      assert.closeTo((yield* output.played) - before, 1000, 60)
      yield* output.resume
      const drained = yield* Effect.forkChild(output.drained)
      yield* Effect.sleep(1000)
      yield* output.clear
      const cleared = now()
      yield* Fiber.join(drained)
      assert.isBelow(now() - cleared, 100)
      const last = yield* ann.hearsSilence("agent", 400)
      assert.isBelow(last - cleared, 300)
      const played = (yield* output.played) - before
      assert.closeTo(played, 2000, 100)
      assert.closeTo(ann.heard.filter((one) => one.at > since && isLoud(one)).length * 10, played, 250)
    }).pipe(Effect.scoped))
})
