import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, PubSub, Result, Stream } from "effect"
import { Agent, Audio, type Event, Pipeline, Room, Session } from "effect-voice"
import * as Frontend from "effect-voice/Frontend"
import * as Testing from "effect-voice/testing"

const frameMs = 20

/** A microphone that is open all the time: what it says, at which time (ms). */
const microphone = (lines: ReadonlyArray<readonly [at: number, text: string]>, length: number) => {
  const samples = new Int16Array(length * 16)
  for (const [at, text] of lines) samples.set(Testing.speech(text).samples, at * 16)
  return Array.from({ length: length / frameMs }, (_, i): Audio.Frame => ({
    ...Audio.speech,
    samples: samples.slice(i * frameMs * 16, (i + 1) * frameMs * 16)
  }))
}

const talks = (control: Testing.RoomControl, identity: string, frames: ReadonlyArray<Audio.Frame>) =>
  Effect.forEach(
    frames,
    (frame) => Effect.andThen(Effect.sleep(frameMs), control.feed(identity, [frame])),
    { discard: true }
  )

type Told = Event.Event & { readonly who: string }

/** A room where each is talked with by themselves, and what happened in it. */
const company = <A>(
  options: Pipeline.EachOptions,
  body: (
    control: Testing.RoomControl,
    told: ReadonlyArray<Told>,
    fiber: Fiber.Fiber<void, Pipeline.PipelineError>
  ) => Effect.Effect<A, unknown>
) =>
  Testing.inVirtualTime(
    Effect.gen(function*() {
      const told: Array<Told> = []
      const { room: control } = yield* Testing.Caller
      const fiber = yield* Effect.forkChild(
        Pipeline.each(Agent.make({ instructions: "Be brief." }), {
          turn: { preemption: { llm: false, tts: false }, interruption: { echoWarmUp: 0 } },
          ...options,
          onEvent: (event, { identity }) => told.push({ ...event, who: identity })
        }),
        { startImmediately: true }
      )
      const result = yield* body(control, told, fiber)
      yield* control.disconnect("room_closed")
      yield* Fiber.join(fiber)
      const open = yield* control.open
      assert.deepStrictEqual(Object.values(open).filter((count) => count > 0), [])
      return { result, told }
    }).pipe(Effect.provide(
      Layer.provideMerge(
        Layer.effect(
          Room.Room,
          Effect.map(Room.Room, (room) => ({ ...room, attach: (session) => Frontend.attach(session) }))
        ),
        Testing.layer({
          room: { joins: false },
          llm: ({ text }) => `You said ${text}`,
          llmOptions: { firstToken: 100, total: 200 }
        })
      )
    ))
  )

const texts = (told: ReadonlyArray<Told>, tag: "UserSpeechCommitted" | "AgentSpeechCommitted", who: string) =>
  told.flatMap((event) => event._tag === tag && event.who === who && "text" in event ? [event.text] : [])

describe("five users at once in one room", () => {
  it.live("each has three turns, and every reply reaches its own caller, and soon", () =>
    Effect.gen(function*() {
      const people = ["ann", "bob", "cem", "dee", "eve"]
      const lines = (who: string, i: number) =>
        [0, 1, 2].map((turn) => [1000 + i * 130 + turn * 6000, `${who} has question ${turn}`] as const)
      const { result, told } = yield* company({}, (control, told) =>
        Effect.gen(function*() {
          yield* Effect.forEach(people, (identity, i) =>
            Effect.andThen(
              control.join({ identity }),
              talks(control, identity, microphone(lines(identity, i), 22_000))
            ), { concurrency: "unbounded", discard: true })
          const outputs = yield* control.outputs
          const heard = yield* Effect.forEach(outputs, (output) =>
            Effect.map(output.heard, (all) => {
              const converter = Audio.converter({ to: Audio.speech })
              const frames = [...converter.push(all.map(({ frame }) => frame)), ...converter.flush()]
              return [output.name, Testing.readSpeech(Audio.concat(frames)).text] as const
            }))
          assert.strictEqual(told.filter(({ _tag }) => _tag === "SessionStarted").length, 5)
          return { heard, sent: yield* control.sent }
        }))
      for (const [i, who] of people.entries()) {
        const questions = lines(who, i).map(([, text]) => text)
        assert.deepStrictEqual(texts(told, "UserSpeechCommitted", who), questions)
        assert.deepStrictEqual(texts(told, "AgentSpeechCommitted", who), questions.map((text) => `You said ${text}`))
        // One track for each conversation, with nobody else's replies on it.
        const track = result.heard.filter(([name]) => name === `agent-audio-${who}`)
        assert.deepStrictEqual(track.map(([, text]) => text), [questions.map((text) => `You said ${text}`).join(" ")])
        const records = told.flatMap((event) =>
          event._tag === "TurnMeasured" && event.who === who ? [event.record] : []
        )
        assert.strictEqual(records.length, 3)
        for (const { total } of records) assert.isBelow(total, 3000)
      }
      // Transcripts go to the one they concern, none to all, and no two conversations share a segment.
      const owners = new Map<string, string>()
      for (const message of result.sent) {
        assert.notStrictEqual(message._tag, "Transcription")
        if (message._tag !== "Text" && message._tag !== "TextOpened") continue
        assert.strictEqual(message.to?.length, 1)
        const [to] = message.to ?? []
        if (message._tag === "Text") assert.include(message.text, to ?? "nobody")
        const segment = message.attributes["lk.segment_id"] ?? ""
        assert.strictEqual(owners.get(segment) ?? to, to)
        owners.set(segment, to ?? "")
      }
      assert.strictEqual(owners.size, 30)
    }))
})

describe("conversations side by side", () => {
  it.live("are as many as they may be: who comes then waits", () =>
    company({ concurrency: 2 }, (control, told) =>
      Effect.gen(function*() {
        const started = () => told.flatMap((event) => event._tag === "SessionStarted" ? [event.who] : [])
        for (const identity of ["ann", "bob", "cem", "dee"]) yield* control.join({ identity })
        yield* Effect.sleep(100)
        assert.deepStrictEqual(started(), ["ann", "bob"])
        // One who waits and goes is not waited for.
        yield* control.leave("cem")
        yield* Effect.sleep(100)
        yield* control.leave("ann")
        yield* Effect.sleep(100)
        assert.deepStrictEqual(started(), ["ann", "bob", "dee"])
      })))

  it.live("begin anew with who comes again, and are held with people alone", () =>
    company({}, (control, told) =>
      Effect.gen(function*() {
        yield* control.join({ identity: "recorder", kind: "egress" })
        yield* control.join({ identity: "avatar", attributes: { "lk.publish_on_behalf": "agent" } })
        yield* control.join({ identity: "ann" })
        yield* Effect.sleep(100)
        yield* control.leave("ann")
        yield* control.join({ identity: "ann" })
        yield* Effect.sleep(100)
        yield* control.leave("ann")
        yield* Effect.sleep(100)
        yield* control.join({ identity: "ann" })
        yield* Effect.sleep(100)
        assert.deepStrictEqual(
          told.flatMap((event) => event._tag === "SessionStarted" ? [[event.who, event.session]] : []),
          [["ann", "test-room-ann-1"], ["ann", "test-room-ann-2"], ["ann", "test-room-ann-3"]]
        )
      })))

  it.live("show one state: of the conversation where the agent does most", () =>
    company({}, (control) =>
      Effect.gen(function*() {
        const state = Effect.map(control.attributes, (attributes) => attributes["lk.agent.state"])
        yield* control.join({ identity: "ann" })
        yield* control.join({ identity: "bob" })
        yield* Effect.sleep(100)
        assert.strictEqual(yield* state, "listening")
        yield* control.sendText({ identity: "ann", topic: "lk.chat", text: "Hi" })
        yield* Effect.sleep(100)
        assert.strictEqual(yield* state, "thinking")
        yield* control.sendText({ identity: "bob", topic: "lk.chat", text: "Hello there" })
        yield* Effect.sleep(500)
        assert.strictEqual(yield* state, "speaking")
        yield* control.leave("bob")
        yield* control.leave("ann")
        yield* Effect.sleep(100)
        assert.strictEqual(yield* state, "idle")
      })))

  it.live("see and hear their own participant alone, by the agent that they ask for", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const agent = ({ identity }: Room.Participant) =>
        Agent.make({
          instructions: `Talk with ${identity}.`,
          onEnter: Effect.gen(function*() {
            const room = yield* Room.Room
            const there = yield* room.participants
            seen.push(`${identity} sees ${there.map((one) => one.identity).join()}`)
            const told = Stream.merge(
              Stream.map(room.texts("note"), (message) => `is told ${message.text}`),
              Stream.filterMap(
                room.events,
                (event) => event._tag === "Dtmf" ? Result.succeed(`hears ${event.digit}`) : Result.failVoid
              )
            )
            yield* Stream.runForEach(told, (what) => Effect.sync(() => void seen.push(`${identity} ${what}`)))
          })
        })
      yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const { room: control } = yield* Testing.Caller
          const fiber = yield* Effect.forkChild(Pipeline.each(agent), { startImmediately: true })
          yield* control.join({ identity: "ann" })
          yield* control.join({ identity: "bob" })
          yield* Effect.sleep(100)
          yield* control.sendText({ identity: "bob", topic: "note", text: "a secret" })
          yield* control.sendDtmf("ann", "5")
          yield* Effect.sleep(100)
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(Object.values(yield* control.open).filter((count) => count > 0), [])
        }).pipe(Effect.provide(Testing.layer({ room: { joins: false } })))
      )
      assert.deepStrictEqual(seen.toSorted(), ["ann hears 5", "ann sees ann", "bob is told a secret", "bob sees bob"])
    }))

  it.live("are refused with a bound that is none", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Pipeline.each(Agent.make({ instructions: "" }), { concurrency: 0 }).pipe(Effect.provide(Testing.layer()))
      )
      assert.include(error.message, "concurrency")
    }))
})

describe("the participant of one conversation", () => {
  const leaving = (reason: Room.LeaveReason | undefined, back: number | undefined, options?: Pipeline.Options) =>
    Effect.map(
      Testing.scenario({
        options: { returnTimeout: "10 seconds", ...options },
        at: [
          { at: 2000, do: (_, caller) => caller.room.leave(caller.identity, reason) },
          ...(back === undefined
            ? []
            : [{ at: back, do: (_: unknown, caller: Testing.Caller["Service"]) => caller.joins }])
        ],
        until: 30_000
      }),
      (timeline) => timeline.of("SessionClosed").flatMap(({ at, reason }) => reason === "closed" ? [] : [[at, reason]])
    )

  it.effect("ends it by leaving for a reason that says so", () =>
    Effect.gen(function*() {
      for (
        const reason of [
          undefined,
          "left",
          "room_closed",
          "user_rejected",
          "user_unavailable",
          "sip_failure",
          "removed"
        ] as const
      ) {
        assert.deepStrictEqual(yield* leaving(reason, undefined), [[2000, "participant_left"]], reason)
      }
    }))

  it.effect("has some time to be back when they have gone for any other", () =>
    Effect.gen(function*() {
      for (const reason of ["connection_lost", "duplicate_identity", "unknown"] as const) {
        assert.deepStrictEqual(yield* leaving(reason, undefined), [[12_000, "participant_left"]])
        assert.deepStrictEqual(yield* leaving(reason, 9000), [])
        assert.deepStrictEqual(yield* leaving(reason, undefined, { closeOnLeave: false }), [])
      }
    }))
})

describe("a participant of whom the room does not say why they have gone", () => {
  it.effect.each([[undefined, 12_000], [9000, 30_000]] as const)(
    "has some time to be back (%s)",
    ([back, end]) =>
      Effect.gen(function*() {
        const silent = Layer.effect(
          Room.Room,
          Room.Room.useSync((room) => ({
            ...room,
            events: Stream.map(
              room.events,
              (event): Room.Event =>
                event._tag === "ParticipantLeft" ? { _tag: "ParticipantLeft", identity: event.identity } : event
            )
          }))
        )
        const timeline = yield* Testing.scenario({
          layer: silent,
          options: { returnTimeout: "10 seconds" },
          user: [Testing.leave(2000), ...(back === undefined ? [] : [Testing.join(back)])],
          until: 30_000
        })
        assert.deepStrictEqual(timeline.of("SessionClosed").map(({ at }) => at), [end])
      })
  )
})

describe("a connection that is lost twice", () => {
  it.effect("has its time from the second time on", () =>
    Effect.gen(function*() {
      const lose = (_: unknown, caller: Testing.Caller["Service"]) =>
        caller.room.leave(caller.identity, "connection_lost")
      const timeline = yield* Testing.scenario({
        options: { returnTimeout: "10 seconds" },
        at: [
          { at: 2000, do: lose },
          { at: 9000, do: (_, caller) => caller.joins },
          { at: 11_000, do: lose }
        ],
        until: 30_000
      })
      assert.deepStrictEqual(timeline.of("SessionClosed").map(({ at }) => at), [21_000])
    }))
})

describe("a caller whose app starts again under the same identity", () => {
  const question = (from: number, text: string) => (_: unknown, caller: Testing.Caller["Service"]) =>
    caller.speaks(from, from + 1000, text)
  const talk = (
    swap: ReadonlyArray<NonNullable<Testing.Scenario["at"]>[number]>,
    layer?: Testing.Scenario["layer"]
  ) =>
    Testing.scenario({
      options: { returnTimeout: "10 seconds" },
      llm: ["First.", "Second."],
      ...(layer === undefined ? {} : { layer }),
      at: [
        { at: 1000, do: question(1000, "Are you there?") },
        ...swap,
        { at: 9000, do: question(9000, "And now?") }
      ],
      until: 20_000
    })
  const whole = ["user: Are you there?", "assistant: First.", "user: And now?", "assistant: Second."]

  it.effect("is heard again, in the same conversation", () =>
    Effect.gen(function*() {
      for (const reason of ["unknown", "duplicate_identity", "connection_lost"] as const) {
        for (const away of [0, 800]) {
          const timeline = yield* talk([
            { at: 6000, do: (_, caller) => caller.room.leave(caller.identity, reason) },
            { at: 6000 + away, do: (_, caller) => caller.joins }
          ])
          assert.deepStrictEqual(timeline.messages, whole, `${reason} ${away}`)
          assert.deepStrictEqual(timeline.of("SessionStarted").length, 1)
        }
      }
    }))

  it.effect.each(["left", "unknown", "duplicate_identity", undefined] as const)(
    "has not gone, though it is told late that the one before has (%s)",
    (reason) =>
      Effect.gen(function*() {
        const told = yield* PubSub.unbounded<Room.Event>()
        const joined: Room.Participant = { identity: "caller", kind: "standard", attributes: {} }
        const timeline = yield* talk(
          [{
            at: 6000,
            do: () =>
              PubSub.publishAll(told, [
                { _tag: "ParticipantJoined", participant: joined },
                { _tag: "ParticipantLeft", identity: "caller", reason }
              ])
          }],
          Layer.effect(
            Room.Room,
            Effect.map(Room.Room, (room) => ({ ...room, events: Stream.merge(room.events, Stream.fromPubSub(told)) }))
          )
        )
        assert.deepStrictEqual(timeline.messages, whole)
        assert.isFalse(timeline.of("SessionClosed").some(({ at }) => at < 20_000))
      })
  )

  it.effect("before the agent has entered is waited for, and greeted once", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { joins: false },
        agent: Agent.make({
          instructions: "",
          onEnter: Session.Session.use((session) => session.say("Welcome."))
        }),
        at: [
          {
            at: 1000,
            do: (_, caller) => Effect.andThen(caller.joins, caller.room.leave(caller.identity, "unknown"))
          },
          { at: 1700, do: (_, caller) => caller.joins }
        ],
        until: 20_000
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: Welcome."])
      assert.isAtLeast(timeline.of("AgentStartedSpeaking")[0]?.at ?? 0, 1700)
    }))
})

describe("what the participant types", () => {
  const typed = (options: Pipeline.Options) =>
    Testing.scenario({
      options,
      llm: ["Yes?"],
      at: [
        { at: 1000, do: (_, caller) => caller.types("Hello") },
        { at: 3000, do: (_, caller) => caller.presses("1#") },
        {
          at: 4000,
          do: (_, caller) => Effect.andThen(caller.room.join({ identity: "other" }), caller.room.sendDtmf("other", "2"))
        }
      ]
    })

  it.effect("goes to the program that wants it, text and keys", () =>
    Effect.gen(function*() {
      const keys: Array<string> = []
      const timeline = yield* typed({
        onText: ({ text }, session) => session.say(`${text} to you, too.`),
        onKey: (key) => key === "#" ? Effect.fail("no such key") : Effect.sync(() => void keys.push(key))
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: Hello to you, too."])
      assert.deepStrictEqual(keys, ["1"])
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ provider }) => provider), ["onKey"])
    }))

  it.effect("is answered, and keys are told, when nobody wants it", () =>
    Effect.gen(function*() {
      const timeline = yield* typed({})
      assert.deepStrictEqual(timeline.messages, ["user: Hello", "assistant: Yes?"])
      assert.deepStrictEqual(
        timeline.of("UserPressedKey").map(({ key, participant }) => [key, participant]),
        [["1", "caller"], ["#", "caller"]]
      )
    }))
})
