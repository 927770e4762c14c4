import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Result, Stream } from "effect"
import { Audio, Room, Vad } from "effect-voice"
import * as native from "effect-voice/internal/native"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { TestClock } from "effect/testing"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { contract } from "./contract/room.ts"
import { moment, msSince } from "./support/ownTime.ts"

const question = fileURLToPath(new URL("./fixtures/weather_question.wav", import.meta.url))

const tone = (ms: number, level = 8000, sampleRate = 16_000): Audio.Frame => ({
  sampleRate,
  channels: 1,
  samples: Int16Array.from({ length: Math.round(ms * sampleRate / 1000) }, (_, i) => i % 8 < 4 ? level : -level)
})

const directory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "local-room-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
)

const readWav = (file: string) => Result.getOrThrow(Audio.decodeWav(fs.readFileSync(file)))

/** Loudness of one channel between two times. */
const level = (frame: Audio.Frame, channel: number, from: number, to: number) => {
  let sum = 0
  let count = 0
  for (let i = Math.ceil(from * frame.sampleRate / 1000); i < to * frame.sampleRate / 1000; i++) {
    sum += frame.samples[i * frame.channels + channel]! ** 2
    count++
  }
  return Math.sqrt(sum / count)
}

/** Where one channel first becomes loud, in ms. */
const onset = (frame: Audio.Frame, channel: number) => {
  for (let i = 0; i * frame.channels < frame.samples.length; i++) {
    if (Math.abs(frame.samples[i * frame.channels + channel]!) > 2000) return i * 1000 / frame.sampleRate
  }
  return undefined
}

contract(
  "LocalRoom",
  () => LocalRoom.layer(),
  Effect.map(Effect.all([LocalRoom.Control, Effect.scope]), ([control, scope]) => ({
    join: (identity) => control.join({ identity }),
    leave: control.leave,
    talk: (identity) =>
      Effect.asVoid(Effect.forkIn(control.speak(identity, tone(100)), scope, { startImmediately: true })),
    mute: control.mute,
    sendText: control.sendText,
    call: control.call,
    disconnect: control.disconnect,
    open: Effect.map(control.open, (open) => Object.values(open).reduce((sum, count) => sum + count, 0))
  }))
)

const listen = (room: Room.Room["Service"], identity: string) =>
  Effect.gen(function*() {
    const frames: Array<Audio.Frame & { readonly arrived: number }> = []
    const fiber = yield* room.audio(identity).pipe(
      Stream.runForEach((frame) =>
        Effect.map(Clock.currentTimeMillis, (arrived) => void frames.push({ ...frame, arrived }))
      ),
      Effect.forkScoped({ startImmediately: true })
    )
    return { frames, fiber }
  })

const leaving = (room: Room.Room["Service"], identity: string) =>
  room.events.pipe(
    Stream.filter((event) => event._tag === "ParticipantLeft" && event.identity === identity),
    Stream.take(1),
    Stream.runDrain,
    Effect.andThen(Clock.currentTimeMillis)
  )

describe("LocalRoom", () => {
  describe("in real time", () => {
    it.effect("delivers a timeline to the sample, in frames that arrive when they end", () =>
      Effect.gen(function*() {
        const room = yield* Room.Room
        const { frames } = yield* listen(room, "ann")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(frames.length, 50)
        for (const [i, frame] of frames.entries()) {
          assert.deepStrictEqual([frame.at, frame.arrived, frame.samples.length], [i * 20, (i + 1) * 20, 320])
        }
        const { samples } = Audio.concat(frames)
        const expected = new Int16Array(16_000)
        // 110 ms of the first, then 50 ms of the second, which was due earlier than the first's end
        expected.set(tone(110).samples, 333 * 16)
        expected.set(tone(50, 4000).samples, 443 * 16)
        expected.set(tone(5, 2000).samples, 700 * 16)
        assert.deepStrictEqual(samples, expected)
      }).pipe(Effect.provide(LocalRoom.layer({
        participants: [{
          identity: "ann",
          audio: [
            { at: 700, audio: tone(5, 2000) },
            { at: 333, audio: tone(110) },
            { at: 400, audio: tone(50, 4000) }
          ]
        }]
      }))))

    it.effect("keeps frames of a rate that does not divide exact in the long run", () =>
      Effect.gen(function*() {
        const room = yield* Room.Room
        const { frames } = yield* listen(room, "ann")
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(Audio.concat(frames).samples.length, 99_225)
        assert.closeTo(frames.at(-1)!.at! + Audio.durationMs(frames.at(-1)!), 9000, 0.05)
      }).pipe(Effect.provide(LocalRoom.layer({
        frame: 15,
        participants: [{ identity: "ann", format: { sampleRate: 11_025, channels: 1 } }]
      }))))

    it.effect("lets participants join in time, and leave when nobody was heard for a while", () =>
      Effect.gen(function*() {
        const room = yield* Room.Room
        const left = yield* Effect.forkScoped(leaving(room, "ann"), { startImmediately: true })
        assert.deepStrictEqual(yield* room.participants, [])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* room.participants, [
          { identity: "ann", name: "Ann", kind: "sip", attributes: { line: "2" } }
        ])
        // Her audio ends at 1500; the agent speaks from 2000 to 5000, with a pause of 400.
        yield* TestClock.adjust("1 second")
        const output = yield* room.output({ sampleRate: 16_000 })
        yield* output.write([tone(2600)])
        yield* TestClock.adjust("1 second")
        yield* output.pause
        yield* TestClock.adjust("400 millis")
        yield* output.resume
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(yield* Fiber.join(left), 6000)
      }).pipe(Effect.provide(LocalRoom.layer({
        participants: [{
          identity: "ann",
          name: "Ann",
          kind: "sip",
          attributes: { line: "2" },
          join: "1 second",
          audio: tone(500),
          linger: "1 second"
        }]
      }))))

    it.effect("reads a stream a second ahead, and says it without a seam", () => {
      let read = 0
      const source = Stream.range(1, 400).pipe(
        Stream.rechunk(1),
        Stream.map(() => {
          read++
          return tone(10)
        })
      )
      return Effect.gen(function*() {
        const room = yield* Room.Room
        const { frames } = yield* listen(room, "ann")
        yield* TestClock.adjust("500 millis")
        assert.isAtMost(read, 155)
        yield* TestClock.adjust("4500 millis")
        assert.strictEqual(read, 400)
        const all = Audio.concat(frames)
        const began = onset(all, 0)!
        assert.isAtMost(began, 40)
        assert.closeTo(level(all, 0, began + 1, began + 3999), 8000, 1)
        assert.strictEqual(level(all, 0, began + 4001, 4900), 0)
      }).pipe(Effect.provide(LocalRoom.layer({ participants: [{ identity: "ann", audio: source }] })))
    })

    it.effect("says what the program tells a participant to, and stops when they hang up", () =>
      Effect.gen(function*() {
        const room = yield* Room.Room
        const control = yield* LocalRoom.Control
        yield* room.participants
        yield* control.join({ identity: "ann" })
        const { fiber, frames } = yield* listen(room, "ann")
        const script = yield* Effect.gen(function*() {
          yield* Effect.sleep("100 millis")
          yield* control.speak("ann", tone(200))
          const said = yield* Clock.currentTimeMillis
          yield* Effect.sleep("100 millis")
          yield* control.speak("ann", tone(100, 5000, 48_000))
          return [said, yield* Clock.currentTimeMillis]
        }).pipe(Effect.forkScoped({ startImmediately: true }))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(script), [300, 500])
        assert.closeTo(frames.reduce((ms, frame) => ms + (Audio.rms(frame) > 0.01 ? 20 : 0), 0), 300, 20)
        const cut = yield* Effect.forkScoped(Effect.flip(control.speak("ann", tone(60_000))), {
          startImmediately: true
        })
        yield* TestClock.adjust("1 second")
        yield* control.leave("ann")
        yield* TestClock.adjust("20 millis")
        assert.strictEqual((yield* Fiber.join(cut)).reason, "UnknownParticipant")
        yield* Fiber.join(fiber)
        assert.strictEqual((yield* Effect.flip(control.speak("ann", tone(1)))).reason, "UnknownParticipant")
      }).pipe(Effect.provide(LocalRoom.layer())))

    it.effect("says no more of what its speaker was interrupted in", () =>
      Effect.gen(function*() {
        const room = yield* Room.Room
        const control = yield* LocalRoom.Control
        yield* room.participants
        yield* control.join({ identity: "ann" })
        const { frames } = yield* listen(room, "ann")
        const fiber = yield* Effect.forkScoped(control.speak("ann", tone(10_000)), { startImmediately: true })
        yield* TestClock.adjust("200 millis")
        yield* Fiber.interrupt(fiber)
        yield* control.speak("ann", tone(20, 100)).pipe(Effect.forkScoped({ startImmediately: true }))
        yield* TestClock.adjust("200 millis")
        const all = Audio.concat(frames)
        assert.closeTo(level(all, 0, 0, 200), 8000, 1)
        assert.closeTo(level(all, 0, 200, 220), 100, 1)
        assert.strictEqual(level(all, 0, 220, 400), 0)
      }).pipe(Effect.provide(LocalRoom.layer())))

    it.effect("names the file or the option that is wrong", () =>
      Effect.gen(function*() {
        const folder = yield* directory
        const garbage = path.join(folder, "garbage.wav")
        fs.writeFileSync(garbage, "this is no audio")
        const failing = (options: LocalRoom.Options) =>
          Effect.map(
            Effect.flip(Effect.scoped(Layer.build(LocalRoom.layer(options)))),
            (error) => `${(error as Room.RoomError).reason}: ${(error as Room.RoomError).detail}`
          )
        const missing = path.join(folder, "missing.wav")
        assert.strictEqual(
          yield* failing({ participants: [{ identity: "ann", audio: missing }] }),
          `FileUnreadable: audio: ${missing} cannot be read (ENOENT)`
        )
        assert.match(
          yield* failing({ participants: [{ identity: "ann", audio: [{ at: 0, audio: garbage }] }] }),
          /^FileUnreadable: audio: .*garbage\.wav: /
        )
        assert.strictEqual(
          yield* failing({ record: path.join(folder, "no", "where.wav") }),
          `FileUnwritable: record: ${path.join(folder, "no", "where.wav")} cannot be written (ENOENT)`
        )
        assert.strictEqual(
          yield* failing({ participants: [{ identity: "ann" }, { identity: "ann" }] }),
          "InvalidOption: participants must not hold ann twice"
        )
        assert.strictEqual(
          yield* failing({ frame: 0 }),
          "InvalidOption: frame must be a duration from 1 milli to 1 second, such as \"20 millis\", not 0"
        )
        assert.match(
          yield* failing({ participants: [{ identity: "ann", join: JSON.parse("\"soon\"") }] }),
          /^InvalidOption: participants.0.join must be a finite duration of 0 or more, .*, not "soon"$/
        )
        assert.match(
          yield* failing({ mode: JSON.parse("\"slow\"") }),
          /^InvalidOption: mode must be one of realtime, fast, not "slow"$/
        )
        assert.match(
          yield* failing({ participants: [{ identity: "ann", format: { sampleRate: 0, channels: 1 } }] }),
          /^InvalidOption: participants.0.format.sampleRate must/
        )
      }))

    for (const sampleRate of [16_000, 24_000]) {
      it.effect(`records at ${sampleRate} Hz what was heard, when it was heard: callers left, agent right`, () =>
        Effect.gen(function*() {
          const folder = yield* directory
          const file = path.join(folder, "call.wav")
          yield* Effect.gen(function*() {
            const room = yield* Room.Room
            yield* room.participants
            yield* TestClock.adjust("12 seconds")
            const output = yield* room.output({ sampleRate: 16_000 })
            yield* output.write([tone(1000), tone(1000, 4000)])
            yield* TestClock.adjust("500 millis")
            yield* output.pause
            yield* TestClock.adjust("50 millis")
            yield* output.resume
            yield* TestClock.adjust("1 second")
            yield* output.clear
            yield* TestClock.adjust("7450 millis")
          }).pipe(Effect.provide(LocalRoom.layer({
            record: { path: file, sampleRate },
            participants: [
              { identity: "ann", audio: [{ at: 1000, audio: tone(5000) }], linger: "1 hour" },
              { identity: "bob", audio: [{ at: 0, audio: tone(100, 3000) }], join: 1200, linger: "1 hour" }
            ]
          })))
          const recording = readWav(file)
          assert.deepStrictEqual([recording.sampleRate, recording.channels], [sampleRate, 2])
          assert.strictEqual(Audio.durationMs(recording), 21_000)
          const heard = (channel: number, spans: ReadonlyArray<readonly [number, number, number]>) => {
            for (const [from, to, expected] of spans) {
              const found = level(recording, channel, from + 4, to - 4)
              assert.closeTo(found, expected, 10, `channel ${channel}, ${from} to ${to} ms`)
            }
          }
          heard(0, [
            [0, 1000, 0],
            [1000, 1200, 8000],
            [1200, 1300, 11_000],
            [1300, 2990, 8000],
            [2990, 3010, 8000],
            [3010, 4990, 8000],
            [4990, 5010, 8000],
            [5010, 6000, 8000],
            [6000, 21_000, 0]
          ])
          heard(1, [
            [0, 12_000, 0],
            [12_000, 12_500, 8000],
            [12_500, 12_550, 0],
            [12_550, 13_050, 8000],
            [13_050, 13_550, 4000],
            [13_550, 21_000, 0]
          ])
        }))
    }

    it.effect("clips rather than wraps where several speak loudly", () =>
      Effect.gen(function*() {
        const folder = yield* directory
        const file = path.join(folder, "call.wav")
        yield* Effect.gen(function*() {
          yield* (yield* Room.Room).participants
          yield* TestClock.adjust("1 second")
        }).pipe(Effect.provide(LocalRoom.layer({
          record: { path: file, sampleRate: 16_000 },
          participants: ["ann", "bob"].map((identity) => ({ identity, audio: tone(1000, 30_000) }))
        })))
        assert.closeTo(level(readWav(file), 0, 0, 1000), 32_767, 1)
      }))

    it.effect("records a channel for everyone, at any rate, and leaves out who is muted", () =>
      Effect.gen(function*() {
        const folder = yield* directory
        const file = path.join(folder, "call.wav")
        yield* Effect.gen(function*() {
          const room = yield* Room.Room
          const control = yield* LocalRoom.Control
          yield* room.participants
          const output = yield* room.output()
          const second = yield* room.output({ name: "music", sampleRate: 48_000, channels: 2 })
          yield* TestClock.adjust("1 second")
          yield* control.mute("bob", true)
          yield* output.write([tone(500, 6000, 24_000)])
          yield* TestClock.adjust("200 millis")
          yield* second.write([{ sampleRate: 48_000, channels: 2, samples: new Int16Array(96_000).fill(3000) }])
          yield* TestClock.adjust("1800 millis")
          const outputs = yield* control.outputs
          assert.deepStrictEqual(outputs.map((one) => one.name), ["agent-audio", "music"])
          assert.deepStrictEqual(yield* Effect.forEach(outputs, (one) => one.played), [500, 1000])
          const [agent, music] = yield* Effect.forEach(outputs, (one) => one.heard)
          assert.deepStrictEqual(agent!.map(({ at }) => at), [1000])
          assert.deepStrictEqual(music!.map(({ at, frame }) => [at, Audio.durationMs(frame)]), [[1200, 1000]])
        }).pipe(
          Effect.scoped,
          Effect.provide(LocalRoom.layer({
            keepHeard: true,
            record: { path: file, sampleRate: 16_000, layout: "participants" },
            participants: [
              {
                identity: "ann",
                audio: { sampleRate: 48_000, channels: 1, samples: new Int16Array(48_000).fill(5000) }
              },
              { identity: "bob", audio: tone(2000) }
            ]
          }))
        )
        const recording = readWav(file)
        assert.strictEqual(recording.channels, 3)
        assert.closeTo(level(recording, 0, 10, 990), 5000, 50)
        assert.closeTo(level(recording, 1, 0, 1000), 8000, 2)
        assert.strictEqual(level(recording, 1, 1000, 3000), 0)
        assert.closeTo(level(recording, 2, 1510, 2190), 3000, 50)
        assert.isBelow(Math.abs(onset(recording, 2)! - 1000), 1)
        assert.closeTo(level(recording, 2, 1010, 1190), 5500, 200)
      }))
  })

  describe("in fast mode", () => {
    /** An agent that answers every burst of voice with as much audio, after 700 ms of silence. */
    const agent = Effect.gen(function*() {
      const room = yield* Room.Room
      const log: Array<string> = []
      const note = (what: string) => Effect.map(Clock.currentTimeMillis, (at) => void log.push(`${at} ${what}`))
      const events = yield* Effect.forkScoped(
        Stream.runForEach(room.events, (event) => note(event._tag)),
        { startImmediately: true }
      )
      const output = yield* room.output({ sampleRate: 16_000 })
      let voiced = 0
      let silent = 0
      yield* Stream.runForEach(room.audio("ann"), (frame) => {
        if (Audio.rms(frame) > 0.01) {
          voiced += 20
          silent = 0
          return Effect.void
        }
        silent += 20
        if (voiced === 0 || silent < 700) return Effect.void
        const length = voiced
        voiced = 0
        return Effect.gen(function*() {
          yield* note(`heard ${length}`)
          yield* Effect.sleep("130 millis")
          yield* output.write([tone(length)])
          yield* output.drained
          yield* note("spoke")
        }).pipe(Effect.forkScoped({ startImmediately: true }))
      })
      yield* note("over")
      yield* room.leave
      yield* Fiber.join(events)
      return log
    }).pipe(Effect.scoped)

    const conversation = agent.pipe(Effect.provide(LocalRoom.layer({
      mode: "fast",
      participants: [{
        identity: "ann",
        audio: [{ at: 510, audio: tone(1000) }, { at: "30 minutes", audio: tone(2000) }],
        linger: "2 seconds"
      }]
    })))

    it.live(
      "holds half an hour's conversation in a moment, to the millisecond, always the same",
      () =>
        Effect.gen(function*() {
          const expected = [
            "0 ParticipantJoined",
            "2220 heard 1020",
            "3370 spoke",
            "1802700 heard 2000",
            "1804830 spoke",
            "1806840 over",
            "1806840 ParticipantLeft",
            "1806840 Connection"
          ]
          const log = yield* conversation
          assert.deepStrictEqual(log, expected)
          assert.deepStrictEqual(yield* conversation, log)
        })
    )

    it.live("waits for native code, files and layers, and for nobody else", () =>
      Effect.gen(function*() {
        const folder = yield* directory
        const file = path.join(folder, "question.wav")
        fs.writeFileSync(file, Audio.encodeWav(tone(300)))
        const began = moment()
        const result = yield* Effect.gen(function*() {
          const room = yield* Room.Room
          const control = yield* LocalRoom.Control
          const before = yield* Clock.currentTimeMillis
          yield* room.participants
          yield* Effect.forkScoped(Effect.forever(Effect.sleep("10 millis")), { startImmediately: true })
          yield* native.track(Effect.promise(() => delay(30)))
          const after = yield* Clock.currentTimeMillis
          yield* control.join({ identity: "ann" })
          const joined = yield* Clock.currentTimeMillis
          yield* control.speak("ann", file)
          return [before, after, joined, yield* Clock.currentTimeMillis]
        }).pipe(
          Effect.scoped,
          // A layer that takes real time to build, inside the room.
          Effect.provide(
            Layer.provideMerge(
              Layer.effectDiscard(Effect.timeout(Effect.promise(() => delay(20)), "1 second")),
              LocalRoom.layer({ mode: "fast" })
            )
          )
        )
        assert.deepStrictEqual(result, [0, 0, 0, 300])
        assert.isBelow(msSince(began), 2000)
      }))

    it.live("lets a caller react to the agent", () =>
      Effect.gen(function*() {
        const room = yield* Room.Room
        const control = yield* LocalRoom.Control
        const log: Array<number> = []
        const now = Effect.map(Clock.currentTimeMillis, (at) => void log.push(at))
        yield* room.participants
        yield* control.join({ identity: "ann" })
        const caller = yield* Effect.forkScoped(
          Effect.gen(function*() {
            yield* control.agentSpeaking
            yield* now
            yield* control.agentSilent
            yield* now
            yield* control.speak("ann", tone(500))
            yield* now
            yield* control.leave("ann")
          }),
          { startImmediately: true }
        )
        const output = yield* room.output({ sampleRate: 16_000 })
        yield* Effect.sleep("1 second")
        yield* output.write([tone(400)])
        yield* Effect.sleep("100 millis")
        yield* output.write([tone(400)])
        yield* Fiber.join(caller)
        assert.deepStrictEqual(log, [1000, 1800, 2300])
      }).pipe(Effect.scoped, Effect.provide(LocalRoom.layer({ mode: "fast" }))))

    it.live("hears with a native model what it hears, when it hears it, every time", () =>
      Effect.gen(function*() {
        const hear = Effect.gen(function*() {
          const room = yield* Room.Room
          const now = Clock.currentTimeMillis
          const boundaries = (identity: string) =>
            room.audio(identity).pipe(
              Vad.detect(),
              Stream.mapEffect((event) => Effect.map(now, (at) => `${at} ${identity} ${event._tag} ${event.at}`)),
              Stream.runCollect
            )
          return yield* Effect.all([boundaries("ann"), boundaries("bob")], { concurrency: 2 })
        }).pipe(
          Effect.provide([
            SileroVad.layer(),
            LocalRoom.layer({
              mode: "fast",
              participants: [
                {
                  identity: "ann",
                  audio: [{ at: 700, audio: question }, { at: 5010, audio: question }],
                  linger: "1 second"
                },
                { identity: "bob", audio: [{ at: 1500, audio: question }], linger: "3 seconds" }
              ]
            })
          ])
        )
        const first = yield* hear
        assert.isAtLeast(first[0].length, 4)
        assert.isAtLeast(first[1].length, 2)
        for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* hear, first)
      }))

    it.live("records on virtual time", () =>
      Effect.gen(function*() {
        const folder = yield* directory
        const file = path.join(folder, "call.wav")
        yield* Effect.gen(function*() {
          const room = yield* Room.Room
          const output = yield* room.output({ sampleRate: 16_000 })
          yield* Effect.sleep("1 minute")
          yield* output.write([tone(1000)])
          yield* output.drained
        }).pipe(
          Effect.scoped,
          Effect.provide(LocalRoom.layer({
            mode: "fast",
            record: file,
            participants: [{ identity: "ann", audio: tone(1000), linger: "1 hour" }]
          }))
        )
        const recording = readWav(file)
        assert.strictEqual(Audio.durationMs(recording), 61_000)
        assert.isBelow(Math.abs(onset(recording, 1)! - 60_000), 1)
        assert.closeTo(level(recording, 0, 10, 990), 8000, 2500)
      }))
  })
})
