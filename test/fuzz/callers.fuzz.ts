/** Whatever callers and carriers send over their sockets: nothing breaks, nothing is believed that cannot be, and each call ends. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Array as Arr, Clock, Effect, Stream } from "effect"
import type { Audio, Room } from "effect-voice"
import { makeRoom } from "effect-voice/internal/room/kit"
import { read } from "effect-voice/internal/telephone/protocol"
import { openStream } from "effect-voice/internal/telephone/stream"
import { answering, makeCalls } from "effect-voice/internal/webSocket/calls"
import * as harness from "./support/harness.ts"
import { bytes, type Chance, json } from "./support/mutation.ts"

/** What a room gave that no room may; a fiber of the room's would die of an assertion alone. */
let problems: Array<string> = []
let heard = 0

const judge = (is: boolean, what: string): void => {
  if (!is) problems.push(what)
}

const hear = ({ at, samples }: Audio.Frame): void => {
  heard++
  judge(at !== undefined && Number.isFinite(at) && at >= 0, `a frame at ${at}`)
  judge(samples.length > 0, "a frame of nothing")
}

/** Nothing was wrong with what was heard since the last time. */
const verdict = (): void => {
  const all = problems
  problems = []
  assert.deepStrictEqual(all, [])
}

/** Takes all that a room gives, and judges it. */
const listen = (room: Room.Room["Service"], identity: string) =>
  Effect.gen(function*() {
    const output = yield* room.output({ sampleRate: 16_000 })
    yield* room.handle("greet", ({ payload }) => Effect.succeed(payload))
    yield* Effect.forkScoped(Stream.runForEach(room.audio(identity), (frame) => Effect.sync(() => hear(frame))))
    yield* Effect.forkScoped(
      Stream.runForEach(
        room.texts("lk.chat"),
        ({ text }) => Effect.sync(() => judge(typeof text === "string", "a text"))
      )
    )
    yield* output.write([{ sampleRate: 16_000, channels: 1, samples: new Int16Array(160_000) }])
    const played = yield* output.played
    judge(played >= 0 && played <= 10_000, `played ${played}`)
    return yield* Effect.never
  })

const voice = (at: number, samples: number): Uint8Array => {
  const message = new Uint8Array(8 + 2 * samples)
  new DataView(message.buffer).setFloat64(0, at, true)
  return message
}

const said = (chance: Chance): string | Uint8Array =>
  chance.is(0.3)
    ? bytes(voice(chance.of([0, 20, 1e9, -1, Number.NaN, Infinity]), chance.of([0, 1, 320, 20_000])), chance)
    : json(
      chance.of<unknown>([
        { type: "join", sampleRate: 16_000, token: "t", name: "n", resume: "r" },
        { type: "played", position: chance.of([0, 20, -1, 1e300]) },
        { type: "muted", muted: true },
        { type: "text", topic: "lk.chat", text: "hello" },
        { type: "keys", digits: "12#*A" },
        { type: "call", id: "1", method: "greet", payload: "p" },
        { type: "answer", id: "1", payload: "p" },
        { type: "pong", id: 1 },
        { type: "leave" }
      ]),
      chance
    )

const payload = Buffer.alloc(160, 0x55).toString("base64")

const carried = (chance: Chance): string =>
  json(
    chance.of<unknown>([
      { event: "connected", protocol: "Call", version: "1.0.0" },
      { event: "start", start: { streamSid: "MZ1", callSid: "CA1", customParameters: { a: "b" } } },
      { event: "media", sequenceNumber: "3", media: { track: "inbound", chunk: "1", timestamp: "5", payload } },
      { event: "mark", mark: { name: chance.of(["0.20", "0.40", "x"]) } },
      { event: "dtmf", dtmf: { track: "inbound_track", digit: "5" } },
      { event: "stop", stop: { callSid: "CA1" } },
      // What Pipecat's own tests send its serializer.
      { event: "media", media: {} },
      { foo: "bar" }
    ]),
    chance
  )

afterAll(() => assert.isAbove(heard, 0))

describe("whatever is sent,", () => {
  it.live(
    "a caller's socket is heard or closed, and nothing of its call stays",
    () =>
      harness.hold("callers", (chance) =>
        Effect.gen(function*() {
          let closed = 0
          const told: Array<string> = []
          let count = (): number => 0
          yield* Effect.scoped(Effect.gen(function*() {
            const calls = yield* makeCalls({
              sampleRate: 16_000,
              aheadMs: 400,
              returnMs: 1000,
              silentMs: 5000,
              attach: undefined,
              mostCalls: 2,
              joinMs: 10_000,
              mostBytes: 400_000,
              authorize: () => Effect.succeed({ identity: "caller" })
            }, answering(2, (room) => listen(room, "caller")))
            count = calls.count
            const { closed: gone, receive } = calls.accept({
              send: (message) => void (typeof message === "string" && told.push(message)),
              unsent: () => 0,
              close: () => void closed++
            })
            if (chance.is(0.9)) receive(JSON.stringify({ type: "join", sampleRate: 16_000 }))
            for (let i = chance.below(30); i >= 0; i--) {
              receive(said(chance))
              if (chance.is(0.2)) yield* Effect.yieldNow
            }
            assert.isAtMost(calls.count(), 1)
            if (chance.is(0.3)) gone()
          }))
          verdict()
          assert.strictEqual(count(), 0)
          for (const text of told) assert.isString(JSON.parse(text).type)
          return closed
        }).pipe(harness.quiet), { error: () => false, oneOf: 5 }),
    600_000
  )

  it.live(
    "a carrier's message is read or refused, and its stream goes on or ends",
    () =>
      harness.hold("carriers", (chance) =>
        Effect.gen(function*() {
          const clock = yield* Clock.Clock
          const messages = Array.from({ length: chance.below(40) }, () => carried(chance))
          for (const text of messages) read(text)
          let batches = Arr.chunksOf(messages, 8)
          const pull = Effect.suspend(() => {
            const [batch, ...rest] = batches
            batches = rest
            return batch === undefined ? Effect.never : Effect.as(Effect.yieldNow, batch)
          })
          yield* Effect.scoped(Effect.gen(function*() {
            const { room } = yield* makeRoom({
              format: { sampleRate: 8000, channels: 1 },
              playhead: "reported",
              open: openStream({
                clock,
                link: { pull, send: (text) => void JSON.parse(text), close: () => {}, early: [] },
                start: { streamSid: "MZ1", callSid: "CA1", accountSid: undefined, parameters: {} },
                caller: { identity: "caller", kind: "sip" },
                hangUp: Effect.void
              })
            })
            yield* Effect.forkScoped(listen(room, "caller"), { startImmediately: true })
            for (let i = 0; i < 10; i++) yield* Effect.yieldNow
          }))
          verdict()
        }).pipe(harness.quiet), { error: () => false, oneOf: 5 }),
    600_000
  )
})
