/** One hazard of the native side, in a process of its own: run as `node --import ./imports.ts rtc-hazards.ts <name>`. */
import { Effect, Exit, Scope } from "effect"
import { Audio } from "effect-voice"
import { makeOutputTrack } from "effect-voice/internal/livekit/outputTrack"
import { client, hold } from "effect-voice/internal/livekit/rtc"
import { argv } from "node:process"
import { thorough } from "./thorough.ts"

const format = { sampleRate: 24_000, channels: 1 }
const engine = { captureLogs: false }

/** What a room is to an output, without a server. */
const nowhere = {
  isConnected: false,
  localParticipant: {
    publishTrack: async () => ({ sid: "TR_x", waitForSubscription: async () => {} }),
    unpublishTrack: async () => {}
  }
}

const hazards: Record<string, Effect.Effect<unknown, unknown>> = {
  // Sources are closed in the middle of what they play, thousands of times: with a second of it each, one in a
  // thousand would take the process with it.
  close: Effect.gen(function*() {
    const rtc = yield* hold(engine)
    class Full extends rtc.AudioSource {
      constructor(sampleRate: number, channels: number) {
        super(sampleRate, channels, 1000)
        void this.captureFrame(rtc.AudioFrame.create(sampleRate, channels, sampleRate))
      }
    }
    for (let round = 0; round < (thorough ? 25 : 8); round++) {
      yield* Effect.forEach(Array.from({ length: 50 }), (_, i) =>
        Effect.gen(function*() {
          const track = yield* makeOutputTrack({
            rtc: i % 10 === 0 ? rtc : { ...rtc, AudioSource: Full } as never,
            format,
            name: "agent-audio"
          })
          if (i % 10 === 0) {
            yield* track.attach(nowhere as never)
            yield* track.output.write([Audio.silence("2 seconds", format)])
          }
          yield* Effect.sleep(i % 13)
          yield* track.close
        }), { concurrency: "unbounded" })
    }
  }).pipe(Effect.scoped),
  // The engine ends with its last lease, and starts again.
  exit: Effect.gen(function*() {
    for (let round = 0; round < 5; round++) {
      const [one, two] = [yield* Scope.make(), yield* Scope.make()]
      yield* Scope.provide(hold(engine), one)
      const rtc = yield* Scope.provide(hold(engine), two)
      yield* Scope.close(one, Exit.void)
      const resampler = new rtc.AudioResampler(48_000, 16_000)
      if (resampler.push(rtc.AudioFrame.create(48_000, 1, 4800)).length === 0) throw new Error("no audio")
      resampler.close()
      yield* Scope.close(two, Exit.void)
      if (client() !== undefined) throw new Error("the engine runs on")
    }
  }),
  // What rtc-node and its native side would log.
  logs: Effect.gen(function*() {
    const rtc = yield* hold(engine)
    let logs = 0
    client()?.on("ffi_event", ({ message }) => {
      if (message.case === "logs") logs++
    })
    const room = new rtc.Room()
    yield* Effect.ignoreCause(Effect.tryPromise(() => room.connect("ws://127.0.0.1:9", "eyJ.no.token")))
    room.emit("participantConnected", {} as never)
    if (logs > 0) throw new Error(`${logs} native logs`)
    // Our own listener would keep the engine.
    const { default: EventEmitter } = yield* Effect.promise(() => import("node:events"))
    const emitter: unknown = client()
    if (emitter instanceof EventEmitter) emitter.removeAllListeners()
  }).pipe(Effect.scoped)
}

await Effect.runPromise(hazards[argv[2] ?? ""] ?? Effect.die("no such hazard"))
