/** Random conversations over sockets that delay, stall, are cut and fall silent: whatever becomes of them, each call ends. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Config, Effect, Layer, Random } from "effect"
import { Agent, Audio, type Event, Pipeline, Room, Stt } from "effect-voice"
import { answering, makeCalls } from "effect-voice/internal/webSocket/calls"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { browserCaller } from "../support/browserCaller.ts"

const runs = Config.Int("EFFECT_VOICE_SOCKET_RUNS").pipe(Config.withDefault(12))
const first = Config.Int("EFFECT_VOICE_SOCKET_SEED").pipe(Config.withDefault(1))

const length = 30_000
const answer = "It is sunny in Paris, with a light wind from the west, and warm for the season."

const services = Layer.mergeAll(
  EnergyVad.layer(),
  Layer.succeed(
    Stt.Stt,
    Stt.fromRecognizer({ name: "ears", recognize: () => Effect.succeed({ text: "What is the weather in Paris?" }) })
  ),
  Testing.layerLlm(() => answer),
  Testing.layerTts({ audio: "audible" })
)

const between = Random.nextIntBetween

/** Some of what can go wrong, in the order of time. */
const troubles = Effect.gen(function*() {
  const count = yield* between(0, 5)
  const times = yield* Effect.replicateEffect(between(500, length), count)
  return yield* Effect.forEach(times.sort((a, b) => a - b), (at) =>
    Effect.gen(function*() {
      const kind = (["stall", "cut", "forget", "slow", "mute", "leave"] as const)[yield* between(0, 6)]!
      return { at, kind, ms: yield* between(50, 4000) }
    }))
})

const hold = (seed: number) =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    const faults = yield* troubles
    const talks = yield* Effect.replicateEffect(
      Effect.all([between(0, length), between(300, 2500)]),
      yield* between(1, 7)
    )
    const returnMs = yield* between(2000, 20_000)
    const events: Array<Event.Event> = []
    const ends: Array<string> = []
    const calls = yield* makeCalls(
      {
        sampleRate: 16_000,
        aheadMs: 400,
        returnMs,
        silentMs: yield* between(2000, 8000),
        attach: undefined,
        mostCalls: 2,
        joinMs: 10_000,
        mostBytes: 400_000,
        authorize: () => Effect.succeed({ identity: "caller" })
      },
      answering(2, (room) =>
        Pipeline.run(Agent.make({ instructions: "You tell the weather." }), {
          onEvent: (event) => void events.push(event)
        }).pipe(
          Effect.provide(Layer.merge(services, Layer.succeed(Room.Room, room))),
          Effect.onExit((exit) => Effect.sync(() => ends.push(exit._tag)))
        ))
    )
    const origin = now()
    const returns = yield* between(100, (yield* between(0, 3)) === 0 ? 18_000 : 3000)
    const voice = new Int16Array(320).map((_, i) => 8000 * Math.sin(i / 5))
    const caller = yield* browserCaller({
      accept: calls.accept,
      returns,
      network: { delay: yield* between(0, 150) },
      microphone: (at) => talks.some(([from, ms]) => at - origin >= from && at - origin < from + ms) ? voice : undefined
    })
    yield* caller.connect
    for (const { at, kind, ms } of faults) {
      yield* Effect.sleep(Math.max(0, at - (now() - origin)))
      if (kind === "stall") caller.network.stalledUntil = now() + ms
      if (kind === "slow") caller.network.delay = ms / 10
      if (kind === "cut") yield* caller.cut
      if (kind === "forget") yield* caller.forget
      if (kind === "mute") yield* caller.mute(ms > 2000)
      if (kind === "leave" && ms > 3000) yield* caller.leave
    }
    yield* Effect.sleep(Math.max(0, length - (now() - origin)))
    yield* caller.leave
    // However it was lost: found out, waited for, and closed.
    yield* Effect.sleep(60_000)

    const told = `seed ${seed}: ${JSON.stringify({ faults, talks, returns })}\n${
      events.map(({ _tag }) => _tag).join(" ")
    }`
    assert.strictEqual(calls.count(), 0, `a call goes on\n${told}`)
    assert.isTrue(ends.length > 0 && ends.every((end) => end === "Success"), `${ends}\n${told}`)
    let speaking = 0
    let played = 0
    for (const event of events) {
      if (event._tag === "AgentStartedSpeaking") assert.strictEqual(++speaking, 1, `two voices at once\n${told}`)
      if (event._tag === "AgentStoppedSpeaking") {
        assert.strictEqual(--speaking, 0, `stopped twice\n${told}`)
        played += event.playedMs
      }
    }
    assert.strictEqual(speaking, 0, `never stopped speaking\n${told}`)
    let committed = new Map<string, string>()
    for (const event of events) {
      // Speeches of the next call have the same names.
      if (event._tag === "SessionStarted") committed = new Map()
      // A caller who is away is no room that hangs.
      if (event._tag === "ProviderFailed") assert.fail(`${event.component} failed\n${told}`)
      if (event._tag === "AgentSpeechCommitted") committed.set(event.speech, event.text)
      if (event._tag === "SpeechFinished" && event.outcome === "completed") {
        assert.strictEqual(committed.get(event.speech), answer, `completed, but not heard\n${told}`)
      }
    }
    const heard = caller.heard.reduce((ms, { frame }) => ms + (Audio.rms(frame) > 0 ? Audio.durationMs(frame) : 0), 0)
    const stops = events.filter(({ _tag }) => _tag === "AgentStoppedSpeaking" || _tag === "AgentPaused").length
    // Between two reports the playhead goes on by itself, for 300 ms at most.
    assert.isAtMost(played, heard + 320 * (stops + faults.length + 1), `more was played than heard\n${told}`)
    if (faults.length === 0) {
      const asked = events.filter(({ _tag }) => _tag === "UserSpeechCommitted").length
      assert.isAbove(asked, 0, `nothing was understood\n${told}`)
    }
    return { heard, faults: faults.length }
  }).pipe((call) => Testing.inVirtualTime(Effect.scoped(call), { seed: `socket ${seed}` }))

describe("conversations over a socket", () => {
  it.effect(
    "end, with one voice at a time and no more remembered than was heard, whatever the network does",
    () =>
      Effect.gen(function*() {
        let heard = 0
        const from = yield* first
        for (let seed = from; seed < from + (yield* runs); seed++) heard += (yield* hold(seed)).heard
        assert.isAbove(heard, 5000)
      }),
    600_000
  )
})
