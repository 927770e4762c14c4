/** Audio that is late, in bursts, or that stops: how long a voice lasts is known from what has come of it. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Stream } from "effect"
import { Audio, Room, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { withOutput } from "../support/output.ts"
import { drive, speaks, started, stopped } from "../support/turn.ts"

/** When a frame arrives that ends at a time (ms); `undefined` for never. */
type Arrives = (end: number) => number | undefined

/** The microphone's frames arrive when they are said to, in their order. */
const network = (arrives: Arrives) =>
  Layer.effect(
    Room.Room,
    Room.Room.useSync((room) =>
      Room.Room.of({
        ...room,
        audio: (identity, format) =>
          Stream.mapEffect(room.audio(identity, format), (frame) =>
            Effect.gen(function*() {
              const at = arrives((frame.at ?? 0) + Audio.durationMs(frame))
              if (at === undefined) return yield* Effect.never
              const now = yield* Clock.currentTimeMillis
              if (at > now) yield* Effect.sleep(at - now)
              return frame
            }))
      })
    )
  )

/** In bursts of so many ms. */
const bursts = (ms: number): Arrives => (end) => Math.ceil(end / ms) * ms

/** Nothing comes between two moments, and then all at once. */
const stalls = (from: number, to: number): Arrives => (end) => end > from && end < to ? to : end

const stopsAt = (at: number): Arrives => (end) => end > at ? undefined : end

/** A detector that tells where a speech begins and ends, and nothing in between. */
const startAndStop = Layer.effect(
  Vad.Vad,
  Vad.Vad.useSync((vad) =>
    Vad.Vad.of({
      ...vad,
      detector: (options) =>
        Effect.map(vad.detector(options), ({ end, push }) => {
          const only = (events: ReadonlyArray<Vad.Event>) =>
            events.filter(({ _tag }) => _tag === "SpeechStarted" || _tag === "SpeechEnded")
          return { push: (frames) => Effect.map(push(frames), only), end: Effect.map(end, only) }
        })
    })
  )
)

/** The agent speaks from 200 to 10,200, and frames have 20 ms. */
const over = (
  user: ReadonlyArray<Testing.UserAction>,
  arrives: Arrives,
  script: Partial<Testing.Scenario> = {},
  vad: Layer.Layer<Vad.Vad, Vad.VadError> = EnergyVad.layer()
) =>
  Testing.scenario({
    at: [{ at: 0, do: (session) => session.say("one two three four five six seven eight nine ten.") }],
    tts: { duration: 10_000 },
    llm: ["Fine."],
    user,
    room: { frames: 20 },
    layer: Layer.mergeAll(network(arrives), vad),
    options: { turn: { interruption: { echoWarmUp: 0 } } },
    until: 9000,
    ...script
  })

const pausedAt = (timeline: Testing.Timeline) => timeline.of("AgentPaused").map(({ at }) => at)

describe("a voice of 400 ms", () => {
  it.effect.each(
    [
      ["in time", (end: number) => end],
      ["in bursts of 200 ms", bursts(200)],
      ["in bursts of 400 ms", bursts(400)],
      ["in bursts of 700 ms", bursts(700)],
      ["with a stall in it", stalls(6300, 7100)],
      ["with a stall from its end", stalls(6480, 7300)],
      ["with the end of all audio in it", stopsAt(6300)]
    ] as const
  )("pauses nobody: %s", ([, arrives]) =>
    Effect.gen(function*() {
      const timeline = yield* over([Testing.cough(6100, 6500)], arrives)
      assert.strictEqual(timeline.of("UserStartedSpeaking").length, 1)
      assert.deepStrictEqual(pausedAt(timeline), [])
    }))
})

describe("a voice that goes on", () => {
  it.effect.each(
    [
      ["in time", (end: number) => end, 6600],
      ["in bursts of 200 ms", bursts(200), 6600],
      ["in bursts of 400 ms", bursts(400), 6800],
      ["in bursts of 1300 ms", bursts(1300), 7800],
      ["with a stall in it", stalls(6300, 7100), 7100],
      ["with a stall behind what it takes", stalls(6600, 7100), 6600]
    ] as const
  )("pauses the agent once so much of it has come: %s", ([, arrives, at]) =>
    Effect.gen(function*() {
      for (
        const script of [{}, { options: { turn: { detection: "manual", interruption: { echoWarmUp: 0 } } } }] as const
      ) {
        const timeline = yield* over([Testing.cough(6100, 7700)], arrives, script)
        assert.approximately(pausedAt(timeline)[0]!, at, 1)
      }
    }))

  it.effect("and of which only the beginning and the end are told, too", () =>
    Effect.gen(function*() {
      const vad = Layer.provide(startAndStop, EnergyVad.layer())
      const hold = (to: number, arrives: Arrives) => over([Testing.cough(6100, to)], arrives, {}, vad)
      assert.deepStrictEqual(pausedAt(yield* hold(7700, bursts(400)))[0], 6800)
      assert.deepStrictEqual(pausedAt(yield* hold(6300, stopsAt(6400))), [])
    }))

  it.effect("lowers the agent once 200 ms of it have come", () =>
    Effect.gen(function*() {
      const lowered = (arrives: Arrives) =>
        Effect.gen(function*() {
          const levels: Array<number> = []
          const level = withOutput(() => ({
            gain: (dB) => Effect.map(Clock.currentTimeMillis, (now) => void (dB < 0 && levels.push(now)))
          }))
          yield* over([Testing.cough(6100, 6700)], arrives, {
            layer: Layer.mergeAll(Layer.provideMerge(level, network(arrives)), EnergyVad.layer())
          })
          return levels
        })
      assert.deepStrictEqual(yield* lowered((end) => end), [6300])
      assert.deepStrictEqual(yield* lowered(bursts(400)), [6400])
      assert.deepStrictEqual(yield* lowered(stalls(6200, 6900)), [6900])
    }))
})

describe("a voice whose audio is told", () => {
  it("lasts as long as that says, and one of which nobody tells as long as the Clock", () => {
    const heard = (to: number) => ({ _tag: "VoiceHeard", to }) as const
    const voice = { ...started(1000), byAudio: true } as const
    const told = drive().at(0, ...speaks("a")).at(1050, voice).at(1700, heard(1450)).at(1900, heard(1500))
    assert.deepStrictEqual([told.times("Duck"), told.until(2000).times("Pause")], [[1700], [1900]])
    assert.deepStrictEqual(
      drive().at(0, ...speaks("a")).at(1050, voice).at(1700, heard(1450)).at(2500, stopped(1480)).until(4000)
        .times("Pause"),
      []
    )
    assert.deepStrictEqual(drive().at(0, ...speaks("a")).at(1050, started(1000)).until(2000).times("Pause"), [1500])
  })
})
