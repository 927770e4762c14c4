import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Layer, Queue, Random, Redacted, Schema, Scope } from "effect"
import { Audio, Room } from "effect-voice"
import { makeRoom } from "effect-voice/internal/room/kit"
import { read } from "effect-voice/internal/telephone/protocol"
import { isSigned, sign } from "effect-voice/internal/telephone/signature"
import { openStream } from "effect-voice/internal/telephone/stream"
import * as TwilioRoom from "effect-voice/Layers/TwilioRoom"
import * as Socket from "effect/socket/Socket"
import { TestClock } from "effect/testing"
import { contract, type Peers } from "../contract/room.ts"

const silence = Buffer.alloc(160, 0xff).toString("base64")

/** A carrier in memory: plays 20 ms every 20 ms of the Clock, and gives marks back. */
const makeCarrier = (delayMs: number) =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    const inbound = yield* Queue.unbounded<string>()
    const queue: Array<Int16Array | string> = []
    const speech: Array<string> = []
    const marks: Array<string> = []
    const waiting = (): number => queue.filter((item) => typeof item !== "string").length * 20
    const carrier = {
      played: 0,
      loud: 0,
      most: 0,
      cleared: 0,
      closed: false,
      broken: "",
      late: false,
      silent: false,
      frozen: false,
      marks,
      waiting
    }
    const tell = (message: object): void =>
      void Queue.offerUnsafe(inbound, JSON.stringify({ streamSid: "MZ1", ...message }))
    const mark = (name: string): void => {
      marks.push(name)
      if (!carrier.late) tell({ event: "mark", mark: { name } })
    }
    const flushMarks = (): void => {
      while (typeof queue[0] === "string") mark(queue.shift() as string)
    }
    const take = (text: string): void => {
      const message = JSON.parse(text)
      if (message.event === "media") {
        const samples = Audio.decodeMulaw(Buffer.from(message.media.payload, "base64"))
        if (samples.length !== 160) carrier.broken = `${samples.length} samples`
        queue.push(samples)
        carrier.most = Math.max(carrier.most, waiting())
      } else if (message.event === "mark") {
        queue.push(message.mark.name)
        flushMarks()
      } else {
        carrier.cleared++
        for (const item of queue.splice(0)) if (typeof item === "string") mark(item)
      }
    }
    const tick = (): void => {
      if (carrier.frozen) return
      const piece = queue.shift()
      if (piece !== undefined && typeof piece !== "string") {
        carrier.played += 20
        if (piece.some((sample) => sample !== 0)) carrier.loud += 20
      }
      flushMarks()
      if (!carrier.silent) tell({ event: "media", media: { track: "inbound", payload: speech.shift() ?? silence } })
    }
    const arrive = (text: string): void => {
      if (delayMs === 0) take(text)
      else {
        Effect.runForkWith(Context.make(Clock.Clock, clock))(
          Effect.andThen(Effect.sleep(delayMs), Effect.sync(() => take(text))).pipe(
            Effect.forkIn(scope, { startImmediately: true })
          )
        )
      }
    }
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(20), Effect.sync(tick))))
    return {
      carrier,
      speech,
      tell,
      link: {
        pull: Effect.map(Queue.takeAll(inbound), (batch) => batch),
        send: arrive,
        close: () => void (carrier.closed = true),
        early: []
      }
    }
  })

class Callers extends Context.Service<Callers, Peers>()("effect-voice/test/internal/telephone.test/Callers") {}

const start = { streamSid: "MZ1", callSid: "CA1", accountSid: undefined, parameters: {} }

const tone = (ms: number): Audio.Frame => ({
  samples: new Int16Array(ms * 8).fill(9000),
  sampleRate: 8000,
  channels: 1
})

const lineOf = (delayMs: number) =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const made = yield* makeCarrier(delayMs)
    let incoming: Room.Incoming | undefined
    let outgoing: Room.Outgoing | undefined
    const { open, room } = yield* makeRoom({
      format: { sampleRate: 8000, channels: 1 },
      playhead: "reported",
      open: (given) =>
        Effect.sync(() => {
          incoming = given
          return {
            play: (frame, position) => outgoing!.play(frame, position),
            clear: () => outgoing?.clear()
          } satisfies Room.Outgoing
        })
    })
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const join = (identity: string) =>
      Effect.gen(function*() {
        outgoing = yield* openStream({
          clock,
          link: made.link,
          start,
          caller: { identity, kind: "sip" },
          hangUp: Effect.void
        })({ ...incoming!, joined: () => {} }).pipe(Scope.provide(scope))
        incoming!.joined({ identity, kind: "sip" })
      })
    return { ...made, room, open, incoming: incoming!, join }
  })

/** A call that has begun, over a socket in memory. */
const accepted = Effect.gen(function*() {
  const { link, speech, tell } = yield* makeCarrier(0)
  tell({ event: "connected", protocol: "Call", version: "1.0.0" })
  tell({ event: "start", start: { streamSid: "MZ1", callSid: "CA1", accountSid: "AC1" } })
  const room = yield* TwilioRoom.accept(Socket.make({
    reader: Effect.succeed({ pull: link.pull, upgrade: () => Effect.void }),
    writer: Effect.succeed({
      write: (chunk) => Effect.sync(() => typeof chunk === "string" ? link.send(chunk) : link.close()),
      writeAll: () => Effect.die("one by one")
    })
  }))
  const stop = Effect.andThen(Effect.sync(() => tell({ event: "stop", stop: { callSid: "CA1" } })), Effect.yieldNow)
  return { room, speech, stop }
})

contract(
  "TwilioRoom",
  () =>
    Layer.effectContext(Effect.gen(function*() {
      const { room, speech, stop } = yield* accepted
      const loud = Buffer.from(Audio.encodeMulaw(new Int16Array(160).fill(9000))).toString("base64")
      return Context.make(Room.Room, room).pipe(Context.add(
        Callers,
        Callers.of({
          join: () => Effect.die("they are there"),
          leave: () => stop,
          talk: () => Effect.sync(() => void speech.push(loud, loud, loud, loud, loud)),
          disconnect: (reason) => reason === "room_closed" ? stop : Effect.void
        })
      ))
    })),
  Callers,
  { line: "caller", tolerance: 45, ending: "room_closed" }
)

describe("a media stream", () => {
  it.effect.prop(
    "plays each sample once, whatever is paused, resumed and cleared, and knows how far it was heard",
    [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 - 1 }))],
    ([seed]) =>
      Effect.gen(function*() {
        const delay = yield* Random.nextIntBetween(0, 120)
        const { carrier, join, room } = yield* lineOf(delay)
        yield* join("ann")
        const output = yield* room.output({ sampleRate: 8000 })
        let written = 0
        let before = 0
        let cuts = 0
        for (let i = 0; i < 25; i++) {
          switch (yield* Random.nextIntBetween(0, 6)) {
            case 0:
              cuts++
              yield* output.pause
              break
            case 1:
              yield* output.resume
              break
            case 2:
              if ((yield* Random.nextIntBetween(0, 3)) > 0) break
              cuts++
              yield* output.clear
              // Nothing of it counts any more.
              written = yield* output.played
              break
            default: {
              const ms = yield* Random.nextIntBetween(1, 40)
              written += ms * 10
              yield* output.write([{ samples: new Int16Array(ms * 80).fill(9000), sampleRate: 8000, channels: 1 }])
            }
          }
          yield* TestClock.adjust(yield* Random.nextIntBetween(0, 400))
          const played = yield* output.played
          assert.isAtLeast(played, before - 1e-6)
          assert.isAtMost(played, written + 1e-6)
          before = played
        }
        yield* output.resume
        yield* TestClock.adjust("30 seconds")
        yield* output.drained
        assert.strictEqual(carrier.broken, "")
        assert.isAtMost(carrier.most, 200 + 40 + 2 * delay)
        const played = yield* output.played
        assert.closeTo(played, written, 1e-6)
        // What was on its way at a cut was heard, and is said again: never less than was written.
        assert.isAtLeast(carrier.loud, played - 20 * (cuts + 1), `seed ${seed}`)
        assert.isAtMost(carrier.loud, played + (cuts + 1) * (2 * delay + 60), `seed ${seed}`)
      }).pipe(Random.withSeed(seed)),
    { arbitrary: { runs: 15 } }
  )

  it.effect("is told to be silent at once, and is known to the piece by the marks that are back", () =>
    Effect.gen(function*() {
      const { carrier, join, room } = yield* lineOf(0)
      yield* join("ann")
      const output = yield* room.output({ sampleRate: 8000 })
      yield* Effect.forkScoped(output.write([tone(5000)]), { startImmediately: true })
      yield* TestClock.adjust("1010 millis")
      assert.deepStrictEqual([carrier.cleared, carrier.waiting()], [0, 200])
      const before = carrier.played
      yield* output.clear
      // In the same breath: no time has passed.
      assert.deepStrictEqual([carrier.cleared, carrier.waiting()], [1, 0])
      assert.closeTo(yield* output.played, before, 20)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(carrier.played, before)
      assert.closeTo(yield* output.played, before, 20)
    }))

  it.effect("tells what was heard by a mark alone: none that is back too late, twice, or was never given", () =>
    Effect.gen(function*() {
      const { carrier, join, room, tell } = yield* lineOf(0)
      yield* join("ann")
      const output = yield* room.output({ sampleRate: 8000 })
      yield* Effect.forkScoped(output.write([tone(3000)]), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const marks = [...carrier.marks]
      assert.isAbove(marks.length, 5)
      yield* output.clear
      const heard = yield* output.played
      for (const name of [...marks, "9.99999", "0.1e9", "__proto__", ""]) {
        tell({ event: "mark", mark: { name } })
        tell({ event: "mark", mark: { name } })
      }
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(yield* output.played, heard)
      yield* output.write([tone(1000)])
      yield* TestClock.adjust("3 seconds")
      yield* output.drained
      assert.closeTo(yield* output.played, heard + 1000, 1e-6)
    }))

  it.effect.each<readonly [string, ReadonlyArray<object>, ReadonlyArray<number>]>([
    ["their number", [1, 2, 5, 6].map((chunk) => ({ chunk: String(chunk) })), [0, 20, 80, 100]],
    ["their time", [0, 20, 80, 100].map((timestamp) => ({ timestamp: String(timestamp) })), [0, 20, 80, 100]],
    ["both: neighbours are put in order, and a piece that comes again or too late is left out", [
      { chunk: "1", timestamp: "0" },
      { chunk: "3", timestamp: "40" },
      { chunk: "2", timestamp: "20" },
      { chunk: "3", timestamp: "40" },
      { chunk: "6", timestamp: "100" },
      { chunk: "4", timestamp: "60" },
      { chunk: "7", timestamp: "120" }
    ], [0, 20, 40, 100, 120]],
    ["nothing, where nothing is told or believed", [
      {},
      { chunk: "-3", timestamp: "x" },
      { timestamp: "9007199254740991" },
      { chunk: "9007199254740991" },
      { chunk: [], timestamp: {} }
    ], [0, 20, 40, 60, 80]]
  ])("knows what is missing of the caller by %s", ([, media, expected]) =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const times: Array<number | undefined> = []
      const incoming = {
        joined: () => {},
        left: () => {},
        ended: () => {},
        audio: (_: string, frames: ReadonlyArray<Audio.Frame>) => void times.push(...frames.map(({ at }) => at))
      } as unknown as Room.Incoming
      yield* openStream({
        clock,
        link: {
          pull: Effect.never,
          send: () => {},
          close: () => {},
          early: media.map((one) => JSON.stringify({ event: "media", media: { ...one, payload: silence } }))
        },
        start,
        caller: { identity: "ann" },
        hangUp: Effect.void
      })(incoming)
      assert.deepStrictEqual(times, [...expected])
    }))

  it.effect("counts as heard what the carrier should have played, when no marks come back", () =>
    Effect.gen(function*() {
      const { carrier, join, room } = yield* lineOf(0)
      carrier.late = true
      yield* join("ann")
      const output = yield* room.output({ sampleRate: 8000 })
      yield* output.write([Audio.silence("100 millis", output)])
      const drained = yield* Effect.forkScoped(output.drained, { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(drained.pollUnsafe())
    }))

  it.effect.each<readonly [string, (carrier: { late: boolean }, tell: (message: object) => void) => void]>([
    ["none comes back", (carrier) => void (carrier.late = true)],
    ["others come back", (carrier, tell) => {
      carrier.late = true
      for (const name of ["", "there", "0.1e9", "__proto__"]) tell({ event: "mark", mark: { name } })
    }]
  ])("is played at its pace by a carrier that knows no marks: %s", ([, spoil]) =>
    Effect.gen(function*() {
      const { carrier, join, room, tell } = yield* lineOf(40)
      spoil(carrier, tell)
      yield* join("ann")
      const output = yield* room.output({ sampleRate: 8000 })
      yield* output.write([tone(5000)])
      const drained = yield* Effect.forkScoped(output.drained, { startImmediately: true })
      // The first one is waited for, and then none any more.
      yield* TestClock.adjust("7 seconds")
      assert.isDefined(drained.pollUnsafe())
      assert.strictEqual(carrier.played, 5000)
      assert.isAtMost(carrier.most, 200 + 40)
      yield* output.write([tone(2000)])
      yield* TestClock.adjust("1 second")
      assert.closeTo(yield* output.played, 6000, 300)
      yield* output.clear
      assert.closeTo(yield* output.played, 6000, 300)
      // It knows them again.
      carrier.late = false
      yield* output.write([tone(2000)])
      yield* TestClock.adjust("3 seconds")
      assert.closeTo(yield* output.played, 8000, 300)
    }))

  it.effect("is held where the network stands still, and said to its end when it goes on", () =>
    Effect.gen(function*() {
      const { carrier, join, room } = yield* lineOf(0)
      yield* join("ann")
      const output = yield* room.output({ sampleRate: 8000 })
      yield* output.write([tone(3000)])
      yield* TestClock.adjust("1 second")
      carrier.frozen = true
      yield* TestClock.adjust("5 seconds")
      assert.closeTo(yield* output.played, 1000, 350)
      carrier.frozen = false
      yield* TestClock.adjust("3 seconds")
      assert.closeTo(yield* output.played, 3000, 1e-6)
    }))

  it.effect("of whom nothing is sent while they are silent is asked whether it is there", () =>
    Effect.gen(function*() {
      const { carrier, join, room } = yield* lineOf(0)
      let over = false
      yield* Effect.forkScoped(Effect.map(room.ended, () => void (over = true)), { startImmediately: true })
      carrier.silent = true
      yield* join("ann")
      yield* TestClock.adjust("10 minutes")
      assert.isFalse(over)
      assert.isAtLeast(carrier.marks.length, 50)
      assert.isAtMost(carrier.marks.length, 60)
      carrier.late = true
      yield* TestClock.adjust("16 seconds")
      assert.isTrue(over)
    }))

  it.effect("is over when nothing has come for a while", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const ended: Array<string> = []
      const incoming = {
        joined: () => {},
        left: () => {},
        ended: (reason: Room.EndReason) => void ended.push(reason)
      } as unknown as Room.Incoming
      yield* openStream({
        clock,
        link: { pull: Effect.never, send: () => {}, close: () => {}, early: [] },
        start,
        caller: { identity: "ann" },
        hangUp: Effect.void
      })(incoming)
      yield* TestClock.adjust("14 seconds")
      assert.deepStrictEqual(ended, [])
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(ended, ["connection_lost"])
    }))
})

describe("a message of the carrier", () => {
  it.prop("is read or refused, whatever it is", [Schema.Json], ([value]) => {
    for (const event of ["media", "start", "mark", "dtmf", "stop", "connected"]) {
      for (const message of [value, { event: value }, { event, [event]: value }]) read(JSON.stringify(message))
    }
  })

  it("is what the carrier documents", () => {
    const start = {
      event: "start",
      start: {
        streamSid: "MZ1",
        callSid: "CA1",
        accountSid: "AC1",
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        customParameters: { a: "b" }
      }
    }
    assert.deepStrictEqual(read(JSON.stringify(start)), {
      _tag: "Start",
      start: { streamSid: "MZ1", callSid: "CA1", accountSid: "AC1", parameters: { a: "b" } }
    })
    const wide = { ...start, start: { ...start.start, mediaFormat: { encoding: "audio/l16", sampleRate: 16_000 } } }
    assert.strictEqual(read(JSON.stringify(wide))?._tag, "Unplayable")
    assert.isUndefined(read("{\"event\":\"media\",\"media\":{\"payload\":\"\"}}"))
    assert.deepStrictEqual(read("{\"event\":\"media\",\"media\":{\"track\":\"outbound\",\"payload\":\"/w==\"}}"), {
      _tag: "Other"
    })
  })

  const pressed = (digit: unknown) => ({ event: "dtmf", dtmf: { digit } })
  const keys = (digits: string) => ({ _tag: "Keys", digits })
  const begins = (more: object) => ({ event: "start", start: { streamSid: "MZ1", callSid: "CA1", ...more } })
  const begun = (parameters: Record<string, string> = {}) => ({
    _tag: "Start",
    start: { streamSid: "MZ1", callSid: "CA1", accountSid: undefined, parameters }
  })
  const coded = (encoding: string) => begins({ mediaFormat: { encoding, sampleRate: 8000, channels: 1 } })
  const media = (track: unknown) => ({ event: "media", media: { track, payload: "/w==" } })
  const heard = { _tag: "Media", samples: new Int16Array(1), chunk: undefined, at: undefined }

  it.each<readonly [string, unknown, unknown]>([
    ["keys in one", pressed("12#"), keys("12#")],
    ["a key as a number", pressed(5), keys("5")],
    ["a key between spaces", pressed(" 5\n"), keys("5")],
    ["a key as a word", pressed("star"), undefined],
    ["more keys than anyone presses at once", pressed("1".repeat(65)), undefined],
    ["no key", pressed(""), undefined],
    [
      "parameters that are no texts",
      begins({ customParameters: { a: 42, b: true, c: null, d: {}, e: "x" } }),
      begun({
        a: "42",
        b: "true",
        e: "x"
      })
    ],
    ["a parameter that is too long", begins({ customParameters: { a: "x".repeat(2049) } }), undefined],
    ...["PCMU", "audio/PCMU", "mulaw", "audio/x-mulaw;rate=8000"].map((name) => [name, coded(name), begun()] as const),
    ["A-law", coded("audio/x-alaw"), { _tag: "Unplayable", coding: "audio/x-alaw at 8000 Hz" }],
    ...["Inbound", "inbound_track", null].map((track) => [`the track ${track}`, media(track), heard] as const),
    ["the agent's track", media("outbound_track"), { _tag: "Other" }]
  ])("is understood as others write it: %s", (_, message, outcome) => {
    const json = JSON.stringify(message)
    for (const received of [json, `\uFEFF${json}`, Buffer.from(`\uFEFF${json}`)]) {
      assert.deepStrictEqual(read(received), outcome as never)
    }
  })
})

describe("a signature", () => {
  it("is none of a form with more fields than a carrier sends, which would take long to check", () => {
    const token = Redacted.make("token")
    const url = "https://desk.example.com/call"
    for (const [fields, right] of [[512, true], [513, false]] as const) {
      const form = Array.from({ length: fields }, (_, i) => [`a${i}`, "x"] as const)
      assert.strictEqual(isSigned({ token, url, form, signature: sign(token, url, form) }), right)
    }
  })

  it("is the one that the carrier's own documentation computes", () => {
    const token = Redacted.make("12345")
    const url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    const form = Object.entries({
      CallSid: "CA1234567890ABCDE",
      Caller: "+14158675309",
      Digits: "1234",
      From: "+14158675309",
      To: "+18005551212"
    })
    assert.strictEqual(sign(token, url, form), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    assert.isTrue(isSigned({ token, url, form, signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8=" }))
    assert.isFalse(isSigned({ token, url, form: form.slice(1), signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8=" }))
    const twice = [["Sid", "CA123"], ["SidAccount", "AC123"], ["Digits", "5678"], ["Digits", "1234"], [
      "Digits",
      "1234"
    ]]
    assert.strictEqual(sign(token, url, twice as Array<[string, string]>), "IK+Dwps556ElfBT0I3Rgjkr1wJU=")
    const mixed = "https://MyCompany.com/myapp.php?foo=1&bar=2"
    assert.strictEqual(sign(token, mixed, form), "g9IN/x4Cft2g517EjYvEvM/W7LU=")
    assert.isTrue(isSigned({
      token,
      url: "wss://mycompany.com/stream",
      signature: sign(token, "wss://mycompany.com:443/stream")
    }))
  })
})
