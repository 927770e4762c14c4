import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Schema } from "effect"
import { Audio } from "effect-voice"
import { makeOutputQueue, type OutputQueue } from "effect-voice/internal/livekit/outputQueue"
import { makeOutputTrack } from "effect-voice/internal/livekit/outputTrack"
import { makeRemoteMicrophone } from "effect-voice/internal/livekit/remoteMicrophone"
import { hold, type RtcTrack, saying } from "effect-voice/internal/livekit/rtc"
import { mayRemove, mayTransfer, roomToken } from "effect-voice/internal/livekitServer/token"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const format = { sampleRate: 24_000, channels: 1 }
const engine = { captureLogs: false }

/** What a room is to an output, without a server. */
const nowhere = {
  isConnected: false,
  localParticipant: {
    publishTrack: async () => ({ sid: "TR_x", waitForSubscription: async () => {} }),
    unpublishTrack: async () => {}
  }
} as never

const tone = (ms: number, level = 8000): Audio.Frame => ({
  ...format,
  samples: Int16Array.from({ length: ms * 24 }, (_, i) => Math.round(level * Math.sin(i / 8)))
})

/** An output whose track is heard natively, in this process. */
const loopback = Effect.gen(function*() {
  const rtc = yield* hold(engine)
  const captured: Array<InstanceType<typeof rtc.AudioFrame>> = []
  let track: RtcTrack | undefined
  let inFlight = 0
  let most = 0
  let queue = 0
  class Source extends rtc.AudioSource {
    constructor(sampleRate: number, channels: number, queueMs?: number) {
      super(sampleRate, channels, queueMs)
      queue = queueMs ?? 0
    }
    override async captureFrame(frame: InstanceType<typeof rtc.AudioFrame>): Promise<void> {
      captured.push(frame)
      most = Math.max(most, ++inFlight)
      try {
        await super.captureFrame(frame)
      } finally {
        inFlight--
      }
    }
  }
  const watched = {
    ...rtc,
    AudioSource: Source,
    LocalAudioTrack: {
      createAudioTrack: (
        name: string,
        source: InstanceType<typeof Source>
      ) => (track = rtc.LocalAudioTrack.createAudioTrack(name, source) as never)
    }
  } as never
  const made = yield* Effect.acquireRelease(
    makeOutputTrack({ rtc: watched, format, name: "agent-audio" }),
    ({ close }) => close
  )
  const frames: Array<{ readonly at: number; readonly frame: Audio.Frame }> = []
  const voice = makeRemoteMicrophone({
    rtc,
    format: Audio.speech,
    frameMs: 10,
    bufferMs: 10_000,
    now: () => performance.now()
  })
  const { Stream } = yield* Effect.promise(() => import("effect"))
  yield* Effect.forkScoped(
    Effect.flatMap(
      voice.subscribe,
      Stream.runForEachArray((all) =>
        Effect.sync(() => {
          for (const frame of all) frames.push({ at: performance.now(), frame })
        })
      )
    ),
    { startImmediately: true }
  )
  voice.follow(track, false)
  yield* made.attach(nowhere)
  const loud = () => frames.filter(({ frame }) => Audio.rms(frame) > 0.01)
  return { ...made, frames, loud, captured, most: () => most, queue, voice }
})

const child = (name: string, env: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const process_ = spawn(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        "--import",
        new URL("./support/imports.ts", import.meta.url).href,
        fileURLToPath(new URL("./support/rtc-hazards.ts", import.meta.url)),
        name
      ],
      { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"], timeout: 50_000, killSignal: "SIGKILL" }
    )
    let said = ""
    process_.stdout.on("data", (data: Buffer) => (said += data.toString()))
    process_.stderr.on("data", (data: Buffer) => (said += data.toString()))
    const [code, signal] = await once(process_, "close")
    return { code, signal, said }
  })

describe("the native side", () => {
  it.live("survives outputs that are closed while they play", () =>
    Effect.gen(function*() {
      // Memory that is given back at once makes a use after it a crash.
      const { code, said, signal } = yield* child("close", { MALLOC_MMAP_THRESHOLD_: "16384" })
      assert.deepStrictEqual({ code, signal, said }, { code: 0, signal: null, said: "" })
    }))

  it.live(
    "ends with the last room, so that the process exits by itself, and starts again",
    () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* child("exit"), { code: 0, signal: null, said: "" })
      })
  )

  it.live("keeps its log to itself, and rtc-node its JSON", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* child("logs"), { code: 0, signal: null, said: "" })
    }))

  it.live("is fed one piece of at most 20 ms at a time, each in memory of its own", () =>
    Effect.gen(function*() {
      const { captured, most, output } = yield* loopback
      const source = new Int16Array(24_000 * 2)
      source.fill(4000, 24_000)
      // A view whose memory begins with silence: wrongly read, it would be that.
      yield* output.write([{ ...format, samples: source.subarray(24_000, 24_000 + 12_120) }])
      yield* output.drained
      assert.strictEqual(most(), 1)
      for (const frame of captured) {
        assert.strictEqual(frame.data.byteOffset, 0)
        assert.strictEqual(frame.data.byteLength, frame.data.buffer.byteLength)
        assert.isAtMost(frame.samplesPerChannel, 480)
        assert.strictEqual(frame.samplesPerChannel % 240, 0)
        assert.strictEqual(frame.data[0], 4000)
      }
      assert.closeTo(yield* output.played, 505, 0.1)
    }).pipe(Effect.scoped))

  it.live("is given lengths that are multiples of 10 ms alone", () =>
    Effect.gen(function*() {
      const { captured, output, queue } = yield* loopback
      assert.isTrue(queue > 0 && queue % 10 === 0)
      for (const ms of [1, 7, 33, 250]) {
        yield* output.write([tone(ms)])
        yield* output.drained
      }
      assert.isTrue(captured.every(({ samplesPerChannel }) => samplesPerChannel % 240 === 0))
      assert.closeTo(yield* output.played, 291, 0.1)
    }).pipe(Effect.scoped))

  it.live("falls silent within a moment of a clear, however much was written", () =>
    Effect.gen(function*() {
      const { loud, output } = yield* loopback
      yield* output.write([tone(3000)])
      yield* Effect.sleep(500)
      const played = yield* output.played
      yield* output.clear
      yield* Effect.sleep(300)
      const last = loud().at(-1)!.at
      assert.isAbove(loud().length, 30)
      // By what came out, not by when: on a busy machine a frame needs its time from the source to here.
      assert.isAtMost(loud().length * 10, played + 40)
      assert.closeTo(yield* output.played, loud().length * 10, 40)
      yield* output.write([tone(200)])
      yield* output.drained
      assert.isAbove(loud().at(-1)!.at, last)
    }).pipe(Effect.scoped))

  it.live("goes on after a pause with what was not heard", () =>
    Effect.gen(function*() {
      const { frames, loud, output } = yield* loopback
      yield* output.write([tone(1000)])
      yield* Effect.sleep(300)
      yield* output.pause
      const drained = yield* Effect.forkChild(output.drained)
      yield* Effect.sleep(300)
      const before = loud().length
      assert.isUndefined(drained.pollUnsafe())
      yield* output.resume
      yield* Fiber.join(drained)
      yield* Effect.sleep(100)
      assert.closeTo(before * 10, 300, 80)
      assert.closeTo(loud().length * 10, 1000, 60)
      // A source without anything to play goes on with silence, and the stream's time with it.
      const [first, last] = [frames[0]!.frame.at!, frames.at(-1)!.frame.at!]
      assert.closeTo(last - first, (frames.length - 1) * 10, 150)
    }).pipe(Effect.scoped))

  it.live("does not deliver a muted microphone, nor one that has gone", () =>
    Effect.gen(function*() {
      const { frames, output, voice } = yield* loopback
      yield* output.write([tone(200)])
      yield* output.drained
      voice.follow(undefined, false)
      yield* Effect.sleep(50)
      const before = frames.length
      yield* Effect.sleep(200)
      assert.strictEqual(frames.length, before)
      voice.end()
    }).pipe(Effect.scoped))
})

describe("the position of an output", () => {
  const setUp = () => {
    let time = 0
    const queue = makeOutputQueue({ format, aheadMs: 200, now: () => time })
    const feed = (): number => {
      let fed = 0
      while (true) {
        const next = queue.next()
        if (next._tag === "Wait") return fed
        fed += next.piece.samples.length / 24
        assert.isTrue(queue.taken(next.piece))
      }
    }
    return { queue, feed, pass: (ms: number) => (time += ms) }
  }

  it("is never ahead of what was written, and what was cleared never counts", () => {
    let seed = 1
    const random = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n
    for (let round = 0; round < 200; round++) {
      const { feed, pass, queue } = setUp()
      let written = 0
      let dropped = 0
      let before = 0
      for (let step = 0; step < 50; step++) {
        switch (random(5)) {
          case 0:
            queue.write([tone(1 + random(700))])
            written = dropped + queue.played() + queue.waiting()
            break
          case 1:
            feed()
            break
          case 2:
            pass(random(300))
            break
          case 3:
            queue.withhold()
            break
          case 4:
            if (random(4) === 0) {
              dropped += queue.waiting()
              queue.drop()
            }
        }
        const played = queue.played()
        assert.isAtLeast(played, before - 0.1)
        assert.closeTo(played + queue.waiting() + dropped, written, 0.2)
        before = played
      }
    }
  })

  it("fills the native queue to 200 ms, and no further", () => {
    const { feed, pass, queue } = setUp()
    queue.write([tone(1000)])
    assert.strictEqual(feed(), 200)
    pass(50)
    assert.strictEqual(feed(), 40)
    assert.strictEqual(queue.played(), 50)
  })

  it("plays the last milliseconds, filled up to what the native side can play", () => {
    const { feed, pass, queue } = setUp()
    queue.write([tone(33)])
    assert.strictEqual(feed(), 30)
    pass(12)
    assert.strictEqual(feed(), 10)
    pass(100)
    assert.strictEqual(queue.played(), 33)
  })

  it("counts a piece on its way as waiting, and takes it back with the rest", () => {
    const { feed, pass, queue } = setUp()
    queue.write([tone(45)])
    const next: ReturnType<OutputQueue["next"]> = queue.next()
    assert.strictEqual(queue.waiting(), 45)
    queue.withhold()
    assert.strictEqual(queue.waiting(), 45)
    assert.isFalse(next._tag === "Piece" && queue.taken(next.piece))
    feed()
    pass(1000)
    feed()
    pass(1000)
    assert.strictEqual(queue.played(), 45)
  })

  it("knows a piece that was on its way when everything was cleared", () => {
    const { queue } = setUp()
    queue.write([tone(100)])
    const next: ReturnType<OutputQueue["next"]> = queue.next()
    queue.drop()
    assert.isFalse(next._tag === "Piece" && queue.taken(next.piece))
    assert.strictEqual(queue.waiting(), 0)
  })
})

describe("LiveKitRoom", () => {
  it.effect.each<readonly [string, Partial<LiveKitRoom.Options>]>([
    ["url", { url: "localhost" }],
    ["token", { token: Redacted.make("") }],
    ["autoSubscribe", { autoSubscribe: "most" as never }],
    ["encryption.key", { encryption: { key: Redacted.make("") } }],
    ["frame", { frame: 25 }],
    ["frame", { frame: "1 second" }],
    ["retries", { retries: -1 }],
    ["retryDelay", { retryDelay: Number.NaN }],
    ["audioBuffer", { audioBuffer: 0 }],
    ["maxMessageBytes", { maxMessageBytes: 0.5 }]
  ])("refuses an impossible %s by its name", ([option, change]) =>
    Effect.gen(function*() {
      const options = { url: "ws://127.0.0.1:9", token: Redacted.make("t"), ...change }
      const error = yield* Effect.flip(Effect.scoped(LiveKitRoom.connect(options)))
      assert.strictEqual(error.reason, "InvalidOption")
      assert.isTrue(error.detail.startsWith(`${option} `))
    }))

  it.effect("takes a worker's way into a room as it is", () =>
    Effect.gen(function*() {
      const entrance = {
        url: "ws://127.0.0.1:9",
        token: Redacted.make("t"),
        autoSubscribe: "audio",
        job: { id: "AJ_1" }
      } as const
      const error = yield* Effect.flip(Effect.scoped(LiveKitRoom.connect({ ...entrance, frame: 25 })))
      assert.strictEqual(error.detail, "frame must be a multiple of 10 ms, not 25 ms")
    }))

  it.effect("signs a token with the rights of an agent, and no others", () =>
    Effect.gen(function*() {
      const apiSecret = Redacted.make("a-secret-that-is-long-enough-to-sign-with")
      const token = yield* LiveKitRoom.token({ apiKey: "key", apiSecret, room: "r", identity: "me", name: "Me" })
      const { decodeJwt } = yield* Effect.promise(() => import("jose"))
      const claims = Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Unknown))(
        decodeJwt(Redacted.value(token))
      )
      assert.deepInclude(claims, { iss: "key", sub: "me", name: "Me", kind: "agent", exp: 3600 })
      assert.deepStrictEqual(claims["video"], {
        roomJoin: true,
        room: "r",
        canPublish: true,
        canSubscribe: true,
        canPublishData: true,
        canUpdateOwnMetadata: true,
        agent: true
      })
      const admin = yield* LiveKitRoom.token({ apiKey: "key", apiSecret, room: "r", identity: "me", admin: true })
      assert.deepInclude(decodeJwt(Redacted.value(admin))["video"], { room: "r", roomAdmin: true })
      const operator = yield* roomToken({ apiKey: Redacted.make("key"), apiSecret }, "r")
      const tokens = [token, admin, operator, Redacted.make("none"), Redacted.make("x.bnVsbA.x")]
      assert.deepStrictEqual(tokens.map(mayRemove), [false, true, true, false, false])
      assert.deepStrictEqual(tokens.map(mayTransfer), [false, true, false, false, false])
      const empty = yield* Effect.flip(LiveKitRoom.token({ apiKey: "key", apiSecret, room: "", identity: "me" }))
      assert.strictEqual(empty.detail, "token.room must not be empty")
    }))

  it("quotes no address and no token in an error", () => {
    assert.strictEqual(
      saying(new Error("401 - invalid token: eyJhbGciOi.eyJraW5k.M1hX, at wss://x.example/rtc?access_token=1")),
      "401 - invalid token: …, at …"
    )
  })
})
