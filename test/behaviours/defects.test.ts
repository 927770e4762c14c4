/** Whatever dies in a conversation ends or mends that conversation alone, and somebody is told. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Schema, Stream } from "effect"
import { Agent, Llm, OverlapClassifier, Recorder, Room, Stt, Tts, TurnDetector, Vad } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

/** How a member dies: where it is called, as what it gives, or in what that does later. */
const deaths = ["throws", "dies", "is nothing"] as const
type Death = typeof deaths[number]

const secret = "the secret of the caller"
const bug = () => new TypeError(secret)

/** A value as the member of a service that has a defect. */
const broken = (value: unknown, death: Death): unknown => {
  if (typeof value === "function") {
    const f = value as (...args: ReadonlyArray<unknown>) => unknown
    return (...args: ReadonlyArray<unknown>) => {
      if (death === "throws") throw bug()
      const given = f(...args)
      if (Effect.isEffect(given)) return death === "dies" ? Effect.die(bug()) : Effect.succeed(undefined)
      if (Stream.isStream(given)) return death === "dies" ? Stream.die(bug()) : Stream.make(null)
      if (death === "dies") throw bug()
      return undefined
    }
  }
  if (Effect.isEffect(value)) {
    return Effect.suspend((): Effect.Effect<unknown, unknown> => {
      if (death === "throws") throw bug()
      return death === "dies" ? Effect.die(bug()) : Effect.succeed(undefined)
    })
  }
  if (Stream.isStream(value)) {
    return Stream.suspend((): Stream.Stream<unknown, unknown> => {
      if (death === "throws") throw bug()
      return death === "dies" ? Stream.die(bug()) : Stream.make(null)
    })
  }
  return value
}

const spoilt = <S extends object>(service: S, member: string, death: Death): S => ({
  ...service,
  [member]: broken((service as Record<string, unknown>)[member], death)
})

const Kit = Toolkit.make(Tool.make("lookup", { success: Schema.String }))

type Unsafe = any

/** One conversation with every part in it that a program can give. */
const talk = (change: {
  readonly layer?: Layer.Layer<never, unknown, Testing.Services>
  readonly hook?: string
  readonly option?: string
  readonly death?: Death
}): Effect.Effect<Exit.Exit<Testing.Timeline, unknown>> => {
  const { death = "dies", hook, option } = change
  const one = (name: string, value: unknown) => name === (hook ?? option) ? broken(value, death) : value
  const hooks = {
    onEnter: one("onEnter", Effect.void),
    onExit: one("onExit", Effect.void),
    onUserTurn: one("onUserTurn", () => Effect.void),
    onTurnLimit: one("onTurnLimit", () => Effect.void),
    onKey: one("onKey", () => Effect.void),
    onFailure: one("onFailure", () => Effect.void),
    onEscalation: one("onEscalation", () => Effect.void)
  }
  const lookup = () => Effect.succeed("It is at noon.")
  const options = {
    closeTimeout: "2 seconds",
    onEvent: one("onEvent", () => {}),
    onText: one("onText", (message: Unsafe, session: Unsafe) => session.send(message.text)),
    processors: [{ name: "own", open: one("processor", Effect.succeed(one("step", (frames: unknown) => frames))) }],
    transforms: [{ name: "own", open: one("transform", () => ({ push: (text: string) => text, end: () => "" })) }],
    budget: { maxTokens: 10, strategy: "truncate", estimate: one("estimate", () => 4) }
  }
  return Effect.exit(Testing.scenario({
    agent: Agent.make({ instructions: "You help.", tools: Kit, ...hooks } as Unsafe) as Unsafe,
    user: [
      Testing.say(1000, 2000, "When is the concert?"),
      Testing.say(8000, 9000, "And where is it then?"),
      Testing.say(10_500, 12_000, "Stop it right there please."),
      Testing.say(16_000, 17_000, "Thank you very much.")
    ],
    at: [
      { at: 6000, do: (_: Unsafe, caller: Unsafe) => caller.presses("1") },
      { at: 20_000, do: (_: Unsafe, caller: Unsafe) => caller.types("Hello?") }
    ],
    llm: [
      { tools: [{ name: "lookup" }] },
      ...Array.from({ length: 9 }, () => ({ text: "It is at noon in the great hall of the city, as every year." }))
    ],
    ...(change.layer === undefined ? {} : { layer: change.layer }),
    options,
    until: 60_000
  } as Unsafe) as Effect.Effect<Testing.Timeline, unknown>).pipe(
    Effect.provide(Kit.toLayer({ lookup: one("handler", lookup) as Unsafe }))
  ) as Unsafe
}

/** What a session has said of it: to its listeners, or in the log. */
const toldOf = ({ events, logs }: Testing.Timeline): ReadonlyArray<string> => [
  ...events.flatMap((event) =>
    event._tag === "ProviderFailed" || event._tag === "Warning" || event._tag === "Escalated"
      ? [`${event._tag} ${event.component}`]
      : []
  ),
  ...logs.flatMap(({ level, text }) => level === "Error" || level === "Warn" || level === "Fatal" ? [text] : [])
]

/** It ends or goes on, somebody is told, nobody is told what it held; and who talks beside it notices nothing. */
const check = (change: Parameters<typeof talk>[0], silent: boolean) =>
  Effect.gen(function*() {
    const [hurt, other] = yield* Effect.all([talk(change), talk({})], { concurrency: 2 })
    assert.isTrue(Exit.isSuccess(other))
    if (Exit.isSuccess(other)) {
      assert.deepStrictEqual(toldOf(other.value), [])
      assert.deepStrictEqual(other.value.of("SessionClosed").map(({ at, reason }) => [at, reason]), [[
        60_000,
        "closed"
      ]])
      assert.isAtLeast(other.value.of("AgentSpeechCommitted").length, 3)
    }
    if (Exit.isFailure(hurt)) {
      // Whoever opened the session has the error: it is typed, and says no more than what broke.
      assert.isFalse(Cause.hasDies(hurt.cause), Cause.pretty(hurt.cause))
      return assert.notInclude(Cause.pretty(hurt.cause), secret)
    }
    const { events, logs } = hurt.value
    assert.strictEqual(hurt.value.of("SessionClosed").length, 1)
    assert.notInclude(JSON.stringify(events), secret)
    if (silent) return
    assert.isNotEmpty(toldOf(hurt.value), `nobody is told\n${logs.map(({ text }) => text).join("\n")}`)
  })

const layerOf = <S>(tag: Unsafe, change: (service: S) => S): Layer.Layer<never, unknown, Testing.Services> =>
  Layer.effect(tag, Effect.map(tag as Effect.Effect<S>, change)) as Unsafe

type Break = (member: string, death: Death) => Layer.Layer<never, unknown, Testing.Services>

const judge = (tag: Unsafe, model: object): Break => (member, death) =>
  Layer.succeed(
    tag,
    member === "open"
      ? spoilt({ name: "judge", open: Effect.succeed(model) }, member, death)
      : { name: "judge", open: Effect.succeed(spoilt(model, member, death)) }
  ) as Unsafe

const recording = { event: () => {}, audio: () => {} }

/** Of each service, the members; and those whose nothing is nothing wrong. */
const services: ReadonlyArray<readonly [name: string, members: ReadonlyArray<string>, Break]> = [
  [
    "Room",
    ["participants", "events", "audio", "tracks", "output", "texts", "ended"],
    (member, death) => layerOf<object>(Room.Room, (room) => spoilt(room, member, death))
  ],
  [
    "Output",
    ["write", "pause", "resume", "clear", "played", "drained", "gain"],
    (member, death) =>
      layerOf<Room.Room["Service"]>(Room.Room, (room) => ({
        ...room,
        output: (options) => Effect.map(room.output(options), (output) => spoilt(output, member, death))
      }))
  ],
  ["Vad", ["detector"], (member, death) => layerOf<object>(Vad.Vad, (vad) => spoilt(vad, member, death))],
  ["Stt", ["transcribe"], (member, death) => layerOf<object>(Stt.Stt, (stt) => spoilt(stt, member, death))],
  ["Llm", ["reply"], (member, death) => layerOf<object>(Llm.Llm, (llm) => spoilt(llm, member, death))],
  ["Tts", ["speak"], (member, death) => layerOf<object>(Tts.Tts, (tts) => spoilt(tts, member, death))],
  [
    "TurnDetector",
    ["open", "ask", "push"],
    judge(TurnDetector.TurnDetector, { ask: () => Effect.succeed({ probability: 1 }), push: () => {} })
  ],
  [
    "OverlapClassifier",
    ["open", "ask"],
    judge(OverlapClassifier.OverlapClassifier, { ask: () => Effect.succeed({ meaning: "sign" }) })
  ],
  [
    "Recorder",
    ["open", "event", "audio"],
    (member, death) =>
      Layer.succeed(
        Recorder.Recorder,
        (member === "open"
          ? spoilt({ open: () => Effect.succeed(recording) }, member, death)
          : { open: () => Effect.succeed(spoilt(recording, member, death)) }) as Unsafe
      ) as Unsafe
  ]
]

/** What gives nothing anyway, or whose nothing has a meaning of its own. */
const givesNothing = new Set([
  ...["write", "pause", "resume", "clear", "drained", "gain", "played"].map((member) => `Output.${member}`),
  "Room.participants",
  "Room.texts",
  "Room.tracks",
  "Room.ended",
  "TurnDetector.push",
  "Recorder.event",
  "Recorder.audio",
  "OverlapClassifier.ask",
  "OverlapClassifier.open"
])

/** What this conversation has no use for. */
const unused = new Set(["Output.resume", "Room.tracks"])

describe("a defect of a service", () => {
  for (const [name, members, spoil] of services) {
    for (const member of members) {
      it.effect.each(deaths)(`ends or mends its conversation alone, and is told: ${name}.${member} %s`, (death) => {
        const place = `${name}.${member}`
        return check(
          { layer: spoil(member, death) },
          unused.has(place) || (death === "is nothing" && givesNothing.has(place))
        )
      })
    }
  }
})

describe("a defect of the program", () => {
  const hooks = ["onEnter", "onExit", "onUserTurn", "onKey", "handler"]
  for (const hook of hooks) {
    it.effect.each(deaths)(
      `ends or mends its conversation alone, and is told: ${hook} %s`,
      (death) => check({ hook, death }, death === "is nothing")
    )
  }
  for (const option of ["onEvent", "onText", "processor", "step", "transform", "estimate"]) {
    it.effect.each(deaths)(
      `ends or mends its conversation alone, and is told: ${option} %s`,
      (death) => check({ option, death }, death === "is nothing")
    )
  }
})
