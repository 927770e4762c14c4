/** Transports of a program's own that report nonsense, and rooms of its own whose members misbehave: the call goes on, or ends and says why. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, References, Stream } from "effect"
import { Agent, Audio, type Event, Frontend, Pipeline, Room } from "effect-voice"
import * as Testing from "effect-voice/testing"

const quietly = Effect.provideService(References.MinimumLogLevel, "None")

type Unsafe = any

const nonsense: ReadonlyArray<unknown> = [
  undefined,
  null,
  7,
  Number.NaN,
  "",
  "x",
  [],
  [null],
  {},
  { identity: null },
  { identity: "ann", topic: null, text: null, attributes: null },
  { identity: "ann", topic: "lk.chat", text: null },
  { identity: "ann", topic: "lk.chat", text: 7 },
  { identity: "ann", topic: "lk.chat", text: "", attributes: { a: null } },
  { identity: "ann", topic: "lk.chat", text: "", attributes: 7 },
  { identity: "ann", topic: "t", bytes: null },
  { identity: "ann", topic: "t", bytes: "text" },
  { topic: null, payload: null },
  { topic: "t", payload: 7 },
  { identity: "ann", method: null, payload: null },
  { identity: "bob", attributes: null },
  { identity: "bob", attributes: 7 },
  { identity: "bob", attributes: { a: 7, b: null, "sip.callStatus": {} }, kind: "sip" },
  { identity: "bob", kind: "robot" },
  { identity: 7 },
  Symbol("x"),
  () => undefined
]

/** What a transport may call, with so many arguments. */
const members: ReadonlyArray<readonly [Exclude<keyof Room.Incoming, "ended">, number]> = [
  ["joined", 1],
  ["left", 2],
  ["audio", 2],
  ["muted", 2],
  ["text", 1],
  ["bytes", 1],
  ["data", 1],
  ["keys", 2],
  ["attributes", 2],
  ["call", 1],
  ["played", 1],
  ["connection", 1]
]

/** Of 20 ms. */
const slices = ({ samples, ...format }: Audio.Frame): ReadonlyArray<Audio.Frame> => {
  const each = format.sampleRate / 50
  return Array.from({ length: samples.length / each }, (_, i) => ({
    ...format,
    samples: samples.slice(i * each, (i + 1) * each)
  }))
}

interface Held {
  readonly events: ReadonlyArray<Event.Event>
  readonly reason: Event.CloseReason
}

interface Call {
  readonly outgoing?: Partial<Room.Outgoing>
  readonly make?: Partial<Room.MakeOptions>
  readonly change?: (room: Room.Room["Service"]) => Room.Room["Service"]
  readonly meanwhile?: (incoming: Room.Incoming) => void
}

/** A call of Ann's: she asks at 500 ms, and again at 10 s; `meanwhile` happens at 6 s. */
const call = (options: Call): Effect.Effect<Held, unknown> => {
  const events: Array<Event.Event> = []
  const asks = (incoming: Room.Incoming, words: string) =>
    Effect.forEach(
      slices(Testing.speech(words, { duration: 1000 })),
      (frame) => Effect.delay(Effect.sync(() => incoming.audio("ann", [frame])), "20 millis"),
      { discard: true }
    )
  const silent = (incoming: Room.Incoming, ms: number) =>
    Effect.forEach(
      Array.from({ length: ms / 20 }),
      () => Effect.delay(Effect.sync(() => incoming.audio("ann", [Audio.silence(20, Audio.speech)])), "20 millis"),
      { discard: true }
    )
  const room = Room.make({
    open: (incoming) =>
      Effect.gen(function*() {
        incoming.joined({ identity: "ann" })
        yield* Effect.forkScoped(Effect.gen(function*() {
          yield* silent(incoming, 500)
          yield* asks(incoming, "Who is there?")
          yield* silent(incoming, 4500)
          options.meanwhile?.(incoming)
          yield* silent(incoming, 4000)
          yield* asks(incoming, "Are you still there?")
          yield* silent(incoming, 8000)
          incoming.left("ann")
        }))
        return { play: () => {}, clear: () => {}, ...options.outgoing }
      }),
    ...options.make
  })
  return Pipeline.run(Agent.make({ instructions: "" }), {
    roomTimeout: "2 seconds",
    onEvent: (event) => void events.push(event)
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        Testing.layerVad(),
        Testing.layerStt(),
        Testing.layerLlm(["It is me.", "Still here."]),
        Testing.layerTts({ duration: 500 }),
        Layer.effect(Room.Room, Effect.map(room, options.change ?? ((room) => room)))
      )
    ),
    Effect.timeout("5 minutes"),
    Effect.map((reason) => ({ events, reason })),
    Testing.inVirtualTime,
    quietly
  )
}

const said = ({ events }: Held) => events.flatMap((event) => event._tag === "AgentSpeechCommitted" ? [event.text] : [])

/** Warnings and failures. */
const toldBy = ({ events }: Held) =>
  events.flatMap((event) =>
    event._tag === "Warning"
      ? [event.message]
      : event._tag === "ProviderFailed"
      ? [`${event.component} ${typeof event.reason === "string" ? event.reason : event.reason._tag}`]
      : []
  )

describe("a transport that reports nonsense", () => {
  it.effect.each(members)(
    "to %s throws nothing into it, and the call goes on",
    ([member, count]) =>
      Effect.gen(function*() {
        const thrown: Array<string> = []
        const held = yield* call({
          meanwhile: (incoming) => {
            const all = count === 1
              ? nonsense.map((one) => [one])
              // Of Ann, it may well be true that she has gone.
              : nonsense.flatMap((one) => [[one, one], ...(member === "left" ? [] : [["ann", one]])])
            for (const given of all) {
              try {
                const effect: Effect.Effect<unknown> | undefined = (incoming as Unsafe)[member](...given)
                if (effect !== undefined) Effect.runFork(Effect.ignore(effect))
              } catch (defect) {
                thrown.push(
                  `${given.map((one) => typeof one === "symbol" ? "symbol" : JSON.stringify(one)).join()}: ${defect}`
                )
              }
            }
            // What a microphone and a connection are to be again.
            if (member === "muted") incoming.muted("ann", false)
            if (member === "connection") incoming.connection("connected")
          }
        })
        assert.deepStrictEqual(thrown, [])
        assert.deepStrictEqual(said(held), ["It is me.", "Still here."])
        assert.strictEqual(held.reason, "participant_left")
      })
  )
})

const withOutput = (change: (output: Room.Output) => Partial<Room.Output>) => (room: Room.Room["Service"]) => ({
  ...room,
  output: (options?: Room.OutputOptions) =>
    Effect.map(room.output(options), (output): Room.Output => ({ ...output, ...change(output) }))
})

/** What the output says that it has played. */
const played = (give: (played: number, times: number) => unknown): Call => ({
  change: withOutput(({ played }) => {
    let times = 0
    return { played: Effect.map(played, (ms) => give(ms, times++) as number) }
  })
})

const neverOf = (member: keyof Room.Output): Call => ({
  change: withOutput((output) => ({
    [member]: typeof output[member] === "function" ? () => Effect.never : Effect.never
  }))
})

const changing = (change: (room: Room.Room["Service"]) => object): Call => ({
  change: (room) => ({ ...room, ...change(room) })
})

const before = <A>(given: ReadonlyArray<unknown>, stream: Stream.Stream<A, any>) =>
  Stream.concat(Stream.fromIterable(given as ReadonlyArray<A>), stream)

const bare = [
  "ParticipantJoined",
  "ParticipantLeft",
  "TrackPublished",
  "TrackMuted",
  "Dtmf",
  "Data",
  "AttributesChanged",
  "Connection"
].map((_tag) => ({ _tag }))

const boom = (): never => {
  throw new Error("boom")
}

describe("a room of a program's own", () => {
  it.effect.each<readonly [string, () => Effect.Effect<void, Room.RoomError>]>([
    ["dies", () => Effect.die("boom")],
    ["throws", boom],
    ["gives nothing", (() => undefined) as Unsafe],
    ["never ends", () => Effect.never]
  ])(
    "goes on telling a frontend what is said where the first send of each kind %s",
    ([name, first]) =>
      Effect.gen(function*() {
        const sent = new Map<string, number>()
        yield* call({
          make: { attach: Frontend.attach },
          outgoing: {
            send: ({ _tag }) =>
              Effect.suspend(() => {
                sent.set(_tag, (sent.get(_tag) ?? 0) + 1)
                return sent.get(_tag) === 1 ? first() : Effect.void
              })
          }
        })
        assert.isAbove(sent.get("Attributes") ?? 0, 2)
        // In the time of this call, texts wait for the first of each kind.
        if (name !== "never ends") assert.isAbove(sent.get("TextOpened") ?? 0, 1)
      })
  )

  it.effect.each<readonly [string, Call, told?: string]>([
    ["has played far more than it was given", played((ms) => ms + 1e9)],
    ["has played far less than nothing", played((ms) => ms - 1e6)],
    ["has played less than before", played((ms, times) => times % 2 === 0 ? ms : 0)],
    ["never pauses", neverOf("pause")],
    ["never resumes", neverOf("resume")],
    ["never clears", neverOf("clear")],
    ["is never drained", neverOf("drained")],
    ["never changes its level", neverOf("gain")],
    ["never tells the id of its track", neverOf("sid")],
    ["is never subscribed", neverOf("subscribed")],
    ["never ends", changing(() => ({ ended: Effect.never }))],
    ["never leaves", changing(() => ({ leave: Effect.never }))],
    ["has no texts", changing(() => ({ texts: () => Stream.empty }))],
    ["has no name", changing(() => ({ name: undefined, identity: undefined }))],
    ["tells nonsense", changing(({ events }) => ({ events: before(nonsense, events) })), "room Broken"],
    ["tells of nothing", changing(({ events }) => ({ events: before(bare, events) })), "room Broken"],
    [
      "brings texts that are none",
      changing(({ texts }) => ({ texts: (topic: string) => before(nonsense, texts(topic)) }))
    ],
    [
      "knows participants who are nobody",
      changing(({ participants }) => ({
        participants: Effect.map(participants, (all) => [...nonsense, ...all])
      })),
      "room Broken"
    ],
    [
      "brings audio that is none",
      changing(({ audio }) => ({
        audio: (identity: string, format?: Audio.Format) => before(nonsense, audio(identity, format))
      }))
    ],
    ["cannot send, and throws", { outgoing: { send: boom } }],
    ["cannot send, and gives nothing", { outgoing: { send: (() => undefined) as Unsafe } }],
    ["never has sent", { outgoing: { send: () => Effect.never } }]
  ])("costs its call nothing where it %s", ([, odd, told]) =>
    Effect.gen(function*() {
      const held = yield* call(odd)
      assert.deepStrictEqual(said(held), ["It is me.", "Still here."])
      assert.strictEqual(held.reason, "participant_left")
      if (told !== undefined) assert.include(toldBy(held), told)
    }))

  it.effect.each<readonly [string, Call]>([
    ["NaN", played(() => Number.NaN)],
    ["infinite", played(() => Infinity)],
    ["negative", played((ms) => -ms)],
    ["a text", played((ms) => `${ms}`)],
    ["nothing, for ever", played(() => 0)],
    ["null", played(() => null)],
    ["a bigint", played((ms) => BigInt(Math.round(ms)))],
    ["never told", neverOf("played")],
    ["not taken", neverOf("write")],
    ["not taken by the transport", { outgoing: { ready: Effect.never } }]
  ])(
    "is late where what it has played is %s, which is told, and the session ends with the call",
    ([, odd]) =>
      Effect.gen(function*() {
        const held = yield* call(odd)
        assert.include(toldBy(held), "room TimedOut")
        assert.include(["participant_left", "provider_failures"], held.reason)
      })
  )

  it.effect("waits for an attach that never ends no longer than for anything else, and tells it", () =>
    Effect.gen(function*() {
      const held = yield* call({ make: { attach: () => Effect.never } })
      // What she said in these two seconds is lost.
      assert.deepStrictEqual(said(held), ["It is me."])
      assert.deepStrictEqual([held.reason, toldBy(held)], ["participant_left", ["attach did not end in time"]])
    }))

  it.effect("ends where its transport dies, whichever member did", () =>
    Effect.gen(function*() {
      for (const outgoing of [{ ready: Effect.die("boom") }, { play: boom }]) {
        assert.strictEqual((yield* call({ outgoing })).reason, "room_ended")
      }
    }))

  it.effect.each<readonly [string, Call, string]>([
    ["gives no output", changing(() => ({ output: () => Effect.never })), "output: the room gave none within 1 minute"],
    ["gives an attach that is none", { make: { attach: (() => undefined) as Unsafe } }, "attach must give an Effect"],
    ["is made of nothing", { make: { open: (() => Effect.void) as Unsafe } }, "open must give { play, clear, … }"],
    ["cannot play", { outgoing: { play: undefined as Unsafe } }, "play must be a function, not undefined"],
    ["cannot clear", { outgoing: { clear: 7 as Unsafe } }, "clear must be a function, not 7"],
    ["sends by nothing", { outgoing: { send: {} as Unsafe } }, "send must be a function, not an object"],
    ["is ready by a number", { outgoing: { ready: 7 as Unsafe } }, "ready must be an Effect, not 7"]
  ])("is refused where it %s", ([, odd, why]) =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(call(odd))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", why)
    }))
})
