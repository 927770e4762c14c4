/** What every room keeps, as checks that a test of any framework can run. */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as assert from "node:assert/strict"
import * as Audio from "../Audio.ts"
import * as Check from "../internal/options.ts"
import type * as Room from "../Room.ts"
import type { RoomCheck, RoomContractOptions } from "./roomPeers.ts"
import { isTestClock } from "./timedStream.ts"

const collect = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function*() {
    const items: Array<A> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (item) => Effect.sync(() => void items.push(item))),
      { startImmediately: true }
    )
    return { items, fiber }
  })

const loud = (frames: ReadonlyArray<Audio.Frame>): number =>
  frames.reduce((ms, frame) => ms + (Audio.rms(frame) > 0.01 ? Audio.durationMs(frame) : 0), 0)

interface Settings {
  readonly pass: (duration: Duration.Input) => Effect.Effect<void>
  readonly delay: Duration.Input
  readonly crowd: boolean
  readonly ann: string
  readonly isLine: boolean
  readonly reason: Room.EndReason
  readonly tolerance: number
  readonly near: (actual: number, expected: number, beyond?: number) => void
}

type Make = (settings: Settings) => ReadonlyArray<RoomCheck>

const coming: Make = ({ ann: who, crowd, delay, isLine, near, pass }) => [
  {
    sentence: "tells who joins and who leaves, from the moment it is asked",
    holds: (room, peers) =>
      Effect.gen(function*() {
        const others = crowd ? ["bob"] : []
        const events = yield* collect(room.events)
        for (const identity of [who, ...others]) yield* peers.join(identity)
        assert.deepStrictEqual((yield* room.participants).map((one) => one.identity), [who, ...others])
        yield* peers.leave(who)
        yield* pass(delay)
        assert.deepStrictEqual((yield* room.participants).map((one) => one.identity), others)
        assert.deepStrictEqual(
          events.items.flatMap((event) =>
            event._tag === "ParticipantJoined"
              ? [`+${event.participant.identity}`]
              : event._tag === "ParticipantLeft"
              ? [`-${event.identity}`]
              : []
          ),
          [...(isLine ? [] : [who, ...others]).map((identity) => `+${identity}`), `-${who}`]
        )
      })
  },
  {
    sentence: "gives audio to its own subscribers only, until its participant leaves",
    holds: (room, peers) =>
      Effect.gen(function*() {
        yield* room.participants
        yield* peers.join(who)
        if (crowd) yield* peers.join("bob")
        const ann = yield* collect(room.audio(who))
        const bob = crowd ? yield* collect(room.audio("bob")) : undefined
        yield* peers.talk(who)
        yield* pass(delay)
        near(loud(ann.items), 100, 20)
        assert.strictEqual(loud(bob?.items ?? []), 0)
        yield* peers.leave(who)
        yield* pass(delay)
        yield* Fiber.join(ann.fiber)
        assert.strictEqual(bob?.fiber.pollUnsafe(), undefined)
        assert.strictEqual(
          (yield* Effect.flip(Stream.runDrain(room.audio(who)))).reason,
          isLine ? "Disconnected" : "UnknownParticipant"
        )
      })
  },
  {
    sentence: "delivers nothing of a muted microphone, and counts its time",
    holds: (room, peers) =>
      Effect.gen(function*() {
        const { mute } = peers
        if (mute === undefined) return
        yield* room.participants
        yield* peers.join(who)
        const ann = yield* collect(room.audio(who))
        yield* peers.talk(who)
        yield* pass(delay)
        yield* mute(who, true)
        yield* pass(delay)
        const before = ann.items.length
        yield* peers.talk(who)
        yield* pass("1 second")
        assert.strictEqual(ann.items.length, before)
        yield* mute(who, false)
        yield* peers.talk(who)
        yield* pass(delay)
        const last = ann.items[before - 1]!
        const next = ann.items[before]!
        assert.ok(next.at! > last.at! + Audio.durationMs(last), "the time of what was muted away is missing")
      })
  },
  {
    sentence: "brings the texts of a topic, with their sender",
    holds: (room, peers) =>
      Effect.gen(function*() {
        const { sendText } = peers
        if (sendText === undefined) return
        const chat = yield* collect(room.texts("chat"))
        const other = yield* collect(room.texts("other"))
        yield* peers.join(who)
        yield* sendText({ identity: who, topic: "chat", text: "one" })
        yield* sendText({ identity: who, topic: "chat", text: "two" })
        yield* pass(delay)
        assert.deepStrictEqual(chat.items.map(({ identity, text }) => `${identity}: ${text}`), [
          `${who}: one`,
          `${who}: two`
        ])
        assert.deepStrictEqual(other.items, [])
      })
  }
]

const speaking: Make = ({ ann: who, near, pass, tolerance }) => [
  {
    sentence: "plays what is written, and counts neither pauses nor what is cleared",
    holds: (room, peers) =>
      Effect.gen(function*() {
        yield* room.participants
        yield* peers.join(who)
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
        yield* pass(700 + tolerance)
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
      })
  },
  {
    sentence: "plays two outputs side by side, and clears one without the other",
    holds: (room, peers) =>
      Effect.gen(function*() {
        yield* room.participants
        yield* peers.join(who)
        const [voice, music] = [yield* room.output({ name: "voice" }), yield* room.output({ name: "music" })]
        yield* music.write([Audio.silence("1 second", music)])
        yield* voice.write([Audio.silence("1 second", voice)])
        yield* pass("300 millis")
        yield* voice.clear
        yield* pass("1 second")
        near(yield* voice.played, 300)
        near(yield* music.played, 1000)
      })
  }
]

const asking: Make = ({ ann: who }) => [
  {
    sentence: "answers remote calls as long as the handler's scope is open",
    holds: (room, peers) =>
      Effect.gen(function*() {
        if (peers.call === undefined) return
        yield* room.participants
        yield* peers.join(who)
        const ask = peers.call({ identity: who, method: "greet", payload: "hi" })
        const scope = yield* Scope.make()
        yield* room.handle("greet", ({ identity, payload }) => Effect.succeed(`${payload}, ${identity}`)).pipe(
          Scope.provide(scope)
        )
        assert.strictEqual(yield* ask, `hi, ${who}`)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Effect.flip(ask)).reason, "RpcFailed")
      })
  },
  {
    sentence: "refuses a receiver who is not there",
    holds: (room) =>
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
      })
  }
]

const ending: Make = ({ ann: who, delay, pass, reason }) => [
  {
    sentence: "ends every stream when it ends, says why, and refuses what comes after",
    holds: (room, peers) =>
      Effect.gen(function*() {
        const events = yield* collect(room.events)
        const texts = yield* collect(room.texts("chat"))
        yield* peers.join(who)
        const audio = yield* collect(room.audio(who))
        const output = yield* room.output()
        const ended = yield* Effect.forkScoped(room.ended, { startImmediately: true })
        yield* peers.disconnect(reason)
        yield* peers.disconnect(reason === "room_closed" ? "removed" : "room_closed")
        yield* pass(delay)
        assert.strictEqual(yield* Fiber.join(ended), reason)
        yield* Effect.forEach([events.fiber, texts.fiber, audio.fiber], Fiber.join)
        assert.deepStrictEqual(events.items.at(-1), { _tag: "Connection", state: "disconnected" })
        const refused = yield* Effect.all([
          Effect.flip(room.sendText({ topic: "chat", text: "x" })),
          Effect.flip(output.write([Audio.silence("1 second", output)])),
          Effect.flip(Effect.scoped(room.output())),
          Effect.flip(Stream.runDrain(room.audio(who)))
        ])
        assert.deepStrictEqual(refused.map((error) => error.reason), [
          "Disconnected",
          "Disconnected",
          "Disconnected",
          "Disconnected"
        ])
        assert.strictEqual(yield* room.ended, reason)
      })
  },
  {
    sentence: "leaves once",
    holds: (room) =>
      Effect.gen(function*() {
        yield* room.leave
        yield* room.leave
        assert.strictEqual(yield* room.ended, "left")
      })
  },
  {
    sentence: "keeps nothing open for a scope that has closed",
    holds: (room, peers) =>
      Effect.gen(function*() {
        const { open = Effect.succeed(Number.NaN) } = peers
        const before = yield* open
        yield* Effect.scoped(Effect.gen(function*() {
          yield* collect(room.events)
          yield* collect(room.texts("chat"))
          yield* peers.join(who)
          yield* collect(room.audio(who))
          const output = yield* room.output()
          yield* output.write([Audio.silence("10 seconds", output)])
          yield* room.handle("greet", () => Effect.succeed("hi"))
          if (!Number.isNaN(before)) assert.ok((yield* open) > before, "nothing was counted")
        }))
        assert.strictEqual(yield* open, before)
      })
  }
]

const byTestClock = (duration: Duration.Input): Effect.Effect<void> =>
  Clock.clockWith((clock) =>
    isTestClock(clock) ? clock.adjust(duration) : Effect.die(
      new assert.AssertionError({
        message: "the contract wants the TestClock: write it.effect, or pass: Effect.sleep for a room in real time"
      })
    )
  )

const contract = Check.struct<RoomContractOptions>()({
  pass: Check.callback,
  tolerance: Check.number({ least: 0, default: 0 }),
  delay: Check.duration({ default: "100 millis" }),
  crowd: Check.flag({ default: true }),
  line: Check.text(),
  ending: Check.asIs
})

/**
 * What every `Room` keeps whose peers are at hand: one check for one test.
 *
 * **Example**
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import type { Room } from "effect-voice"
 * import * as Testing from "effect-voice/testing"
 *
 * declare const open: Effect.Effect<{ readonly room: Room.Room["Service"]; readonly peers: Testing.RoomPeers }>
 *
 * for (const { holds, sentence } of Testing.roomContract()) {
 *   it.effect(sentence, () => Effect.scoped(Effect.flatMap(open, ({ peers, room }) => holds(room, peers))))
 * }
 * ```
 *
 * @category room
 * @since 0.1.0
 */
export const roomContract = (options: RoomContractOptions = {}): ReadonlyArray<RoomCheck> => {
  const { crowd, delay, ending: reason = "removed", line, pass = byTestClock, tolerance } = Check.readOrThrow(
    contract,
    options
  )
  const settings: Settings = {
    pass,
    delay,
    crowd: line === undefined && crowd,
    ann: line ?? "ann",
    isLine: line !== undefined,
    reason,
    tolerance,
    near: (actual, expected, beyond = 0) =>
      assert.ok(
        Math.abs(actual - expected) <= tolerance + beyond,
        `${actual} ms instead of ${expected} ms, give or take ${tolerance + beyond} ms`
      )
  }
  const checks = [coming, speaking, asking, ending].flatMap((some) => some(settings))
  if (line === undefined) return checks
  return checks.map(({ holds, sentence }) => ({
    sentence,
    holds: (room, peers) => holds(room, { ...peers, join: () => Effect.void })
  }))
}
