/** What a call has in mind: one value that its tools, hooks and agents share. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, References, Schema } from "effect"
import { Agent, CallState, type Event, Failure, Pipeline, Recorder, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Booking = Schema.Struct({
  guest: Schema.NullOr(Schema.String),
  nights: Schema.Int.check(Schema.isGreaterThan(0))
})
const booking = CallState.make("booking", Booking, { initial: { guest: null, nights: 1 } })

const { Session: Current } = Session

const SetNights = Tool.make("set_nights", {
  parameters: Schema.Struct({ nights: Schema.Int }),
  success: Booking,
  failure: CallState.CallStateError,
  failureMode: "return",
  dependencies: [Current]
})
const ToBilling = Tool.make("to_billing", { dependencies: [Current] })
const WhatIsBooked = Tool.make("what_is_booked", { success: Schema.String, dependencies: [Current] })

const BillingKit = Toolkit.make(WhatIsBooked)
const billing = Agent.make({
  name: "billing",
  instructions: "You take money.",
  tools: BillingKit,
  onEnter: Effect.flatMap(
    booking.get,
    ({ nights }) => Current.use((session) => session.say(`That is ${nights} nights.`))
  )
}).pipe(Agent.provide(BillingKit.toLayer({
  what_is_booked: () => Effect.map(booking.get, ({ guest, nights }) => `${guest} for ${nights}`)
})))

const DeskKit = Toolkit.make(SetNights, ToBilling)
const desk = Agent.make({
  name: "desk",
  instructions: "You book rooms.",
  tools: DeskKit,
  onUserTurn: ({ text }) =>
    text.includes("Ann")
      ? Effect.as(booking.update((before) => ({ ...before, guest: "Ann" })), { context: "The guest is Ann." })
      : Effect.void
}).pipe(Agent.provide(DeskKit.toLayer({
  set_nights: ({ nights }) => booking.update((before) => ({ ...before, nights })),
  to_billing: () => Current.use((session) => session.handoff(billing))
})))

const nights = (nights: number): Testing.LlmReply => ({ tools: [{ name: "set_nights", params: { nights } }] })
const changes = (timeline: Testing.Timeline) =>
  timeline.of("CallStateChanged").map(({ at, name, value }) => [at, name, value] as const)

describe("the state of a call", () => {
  it.effect("is shared by the hooks and tools of all its agents, told and kept", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: desk,
        user: [
          Testing.say(500, 1500, "Three nights."),
          Testing.say(4000, 5000, "My name is Ann."),
          Testing.say(8000, 9000, "I pay now."),
          Testing.say(13_000, 14_000, "What is booked?")
        ],
        llm: ({ step, text }) => {
          if (text === "Three nights." && step === 0) return nights(3)
          if (text === "I pay now." && step === 0) return { tools: [{ name: "to_billing" }] }
          if (text === "What is booked?" && step === 0) return { tools: [{ name: "what_is_booked" }] }
          return "Fine."
        },
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(changes(timeline), [
        [2300, "booking", { guest: null, nights: 3 }],
        [5500, "booking", { guest: "Ann", nights: 3 }]
      ])
      assert.includeMembers([...timeline.messages], ["handoff: billing", "assistant: That is 3 nights."])
      const outputs = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls.map(({ result }) => result))
      assert.deepStrictEqual(outputs, [{ guest: null, nights: 3 }, null, "Ann for 3"])
      // What the kit has of it: at the end, and at any time before.
      assert.deepStrictEqual(timeline.callState(booking), { guest: "Ann", nights: 3 })
      assert.deepStrictEqual(timeline.callState(booking, 5000), { guest: null, nights: 3 })
      assert.deepStrictEqual(timeline.callState(booking, 2000), { guest: null, nights: 1 })
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("stays as it was where a value does not fit, which whoever has set it learns", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: desk,
        user: [Testing.say(500, 1500, "No night at all.")],
        llm: [nights(0), "At least one, please."]
      })
      assert.deepStrictEqual(changes(timeline), [])
      const [{ isFailure, result }] = timeline.of("FunctionCallsFinished")[0]!.calls as [Event.FunctionCall]
      assert.isTrue(isFailure)
      assert.deepInclude(result as object, { _tag: "CallStateError", state: "booking", reason: "DoesNotFit" })
      assert.deepStrictEqual(timeline.callState(booking), { guest: null, nights: 1 })
    }))

  it.effect("is another one in each call, and there for whoever has the session", () =>
    Effect.gen(function*() {
      const list = CallState.make("list", Schema.mutable(Schema.Array(Schema.String)), { initial: ["first"] })
      const seen: Array<ReadonlyArray<string>> = []
      const hold = Testing.scenario({
        agent: Agent.make({ instructions: "" }),
        user: [],
        at: [
          { at: 100, do: (session) => Effect.map(session.callState(list).get, (now) => void seen.push([...now])) },
          // Whoever changes what they have been given, or have given, changes nothing of the call's.
          {
            at: 200,
            do: (session) => {
              const mine = ["mine"]
              return Effect.map(session.callState(list).set(mine), () => void mine.push("more"))
            }
          },
          { at: 300, do: (session) => Effect.map(session.callState(list).get, (now) => void seen.push([...now])) },
          { at: 400, do: (session) => session.callState(list).set(["mine"]) }
        ]
      })
      const first = yield* hold
      yield* hold
      assert.deepStrictEqual(seen, [["first"], ["mine"], ["first"], ["mine"]])
      assert.deepStrictEqual(changes(first), [[200, "list", ["mine"]]], "the same once more is no change")
    }))

  it.effect("is read and set at once by plain functions, for whom what is refused throws", () =>
    Effect.gen(function*() {
      const failures: Array<unknown> = []
      const guest = Agent.make({
        instructions: "You book rooms.",
        tools: Tools.functions({
          book: {
            parameters: Schema.Struct({ nights: Schema.Int }),
            run: async ({ nights }, { session }) => {
              const held = session.callState(booking)
              try {
                held.set({ guest: "Bob", nights })
              } catch (error) {
                failures.push(error)
                throw new Tools.ToolError({ message: "at least one night" })
              }
              return held.update((before) => ({ ...before, nights: before.nights + 1 }))
            }
          }
        }),
        onUserTurn: async (_, session) => ({ context: `So far: ${session.callState(booking).get().nights}` })
      })
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: guest,
        user: [Testing.say(500, 1500, "Two nights."), Testing.say(4000, 5000, "No, none.")],
        llm: [
          { tools: [{ name: "book", params: { nights: 2 } }] },
          "Done.",
          { tools: [{ name: "book", params: { nights: -1 } }] },
          "I cannot."
        ],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(timeline.callState(booking), { guest: "Bob", nights: 3 })
      assert.deepStrictEqual(changes(timeline).map(([, , value]) => (value as typeof Booking.Type).nights), [2, 3])
      assert.lengthOf(failures, 1)
      assert.instanceOf(failures[0], CallState.CallStateError)
      assert.include(JSON.stringify(timeline.requests[2]!.prompt), "So far: 3")
      assert.include(JSON.stringify(timeline.requests[3]!.prompt), "at least one night")
    }))

  it.effect("stands in the record, with its value where the content of tools is kept", () =>
    Effect.gen(function*() {
      const events: Array<Event.Event> = []
      const recorder = Recorder.Recorder.of({
        open: () => Effect.succeed({ event: (event) => void events.push(event) })
      })
      yield* Testing.scenario({
        agent: desk,
        user: [Testing.say(500, 1500, "Two nights.")],
        llm: [nights(2), "Done."]
      }).pipe(Effect.provideService(Recorder.Recorder, recorder))
      const of = (content: Recorder.Content) =>
        events.flatMap((event) => Recorder.entries(event, content)).filter(({ _tag }) => _tag === "CallStateChanged")
      const [{ at }] = of({}) as [Recorder.Entry]
      assert.deepStrictEqual(of({ transcript: true }), [{ _tag: "CallStateChanged", at, name: "booking" }])
      assert.deepStrictEqual(of({ tools: true }), [
        { _tag: "CallStateChanged", at, name: "booking", value: { guest: null, nights: 2 } }
      ])
      for (const entry of of({ tools: true })) Schema.decodeUnknownSync(Recorder.Entry)(entry)
    }))
})

describe("CallState.make", () => {
  it("refuses a name that is none, and a value to begin with that does not fit, and quotes nothing", () => {
    const problems = (make: () => unknown): string => {
      try {
        make()
      } catch (error) {
        assert.instanceOf(error, Failure.InvalidOptions)
        return (error as Error).message
      }
      return assert.fail("nothing was refused")
    }
    assert.strictEqual(
      problems(() => CallState.make(" ", Schema.Int, { initial: 1 })),
      "name must be a text that is not empty"
    )
    const secret: any = { guest: 4711, nights: "secret" }
    assert.strictEqual(
      problems(() => CallState.make("booking", Booking, { initial: secret })),
      "initial must fit the schema: the state booking does not take this value: it does not fit the schema at guest, nights"
    )
  })

  const values = CallState.make("anything", Schema.Unknown, { initial: null })
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  const session = (use: (held: CallState.Held<unknown>) => Effect.Effect<unknown, unknown>) =>
    Testing.scenario({
      agent: Agent.make({ instructions: "" }),
      user: [],
      at: [{ at: 100, do: (session) => use(session.callState(values)) }]
    })

  it.effect.each<readonly [string, unknown, string]>([
    ["a BigInt", { cents: 1n }, "DoesNotFit"],
    ["a cycle", cycle, "DoesNotFit"],
    ["a function", () => 1, "DoesNotFit"],
    ["more than it may be", "x".repeat(65_537), "TooLong"]
  ])("gives a state that refuses %s", ([, value, reason]) =>
    Effect.gen(function*() {
      let error: unknown
      yield* session((held) => Effect.catch(held.set(value), (failed) => Effect.sync(() => void (error = failed))))
      assert.instanceOf(error, CallState.CallStateError)
      assert.strictEqual((error as CallState.CallStateError).reason, reason)
    }))

  it.effect("keeps what its schema makes of JSON: dates, classes, options", () =>
    Effect.gen(function*() {
      const since = DateTime.toDateUtc(DateTime.makeUnsafe(0))
      class Guest extends Schema.Class<Guest>("Guest")({ name: Schema.String, since: Schema.Date }) {}
      const state = CallState.make("guest", Schema.NullOr(Guest), { initial: null })
      let seen: unknown
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "" }),
        user: [],
        at: [{
          at: 100,
          do: (session) =>
            Effect.gen(function*() {
              const held = session.callState(state)
              yield* held.set(new Guest({ name: "Ann", since }))
              seen = yield* held.get
            })
        }]
      })
      assert.instanceOf(seen, Guest)
      assert.deepStrictEqual(changes(timeline), [[100, "guest", { name: "Ann", since: "1970-01-01T00:00:00.000Z" }]])
      assert.instanceOf(timeline.callState(state), Guest)
    }))

  it.effect("is to be called once for each name: another of that name is a mistake that is told", () =>
    Effect.gen(function*() {
      const twin = CallState.make("booking", Schema.Int, { initial: 1 })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "" }),
        user: [],
        at: [{ at: 100, do: (session) => Effect.andThen(session.callState(booking).get, session.callState(twin).get) }]
      }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
      assert.include(timeline.failures[0]?.cause, "has the name of another one")
    }))
})

describe("a program with a session of its own", () => {
  it.effect("looks at the state of its call", () =>
    Effect.gen(function*() {
      const session = yield* Pipeline.make(Agent.make({ instructions: "" }))
      yield* session.callState(booking).set({ guest: "Joe", nights: 2 })
      const of = Effect.provideService(booking.get, Current, session)
      assert.deepStrictEqual(yield* of, { guest: "Joe", nights: 2 })
    }).pipe(Effect.scoped, Effect.provide(Testing.layer())))

  it.effect("has its last value after the end, and nothing is told of it then", () =>
    Effect.gen(function*() {
      const events: Array<Event.Event> = []
      const agent = Agent.make({
        instructions: "",
        onEnter: Current.use((session) => session.close()),
        onExit: Effect.orDie(booking.set({ guest: "Eve", nights: 9 }))
      })
      const session = yield* Pipeline.make(agent, { onEvent: (event) => void events.push(event) })
      yield* session.ended
      yield* session.callState(booking).update((now) => ({ ...now, nights: now.nights + 1 }))
      assert.deepStrictEqual(yield* session.callState(booking).get, { guest: "Eve", nights: 10 })
      const told = events.flatMap((event) => event._tag === "CallStateChanged" ? [event.value] : [])
      assert.deepStrictEqual(told, [{ guest: "Eve", nights: 9 }])
      assert.strictEqual(events.at(-1)?._tag, "SessionClosed")
    }).pipe(Effect.scoped, Effect.provide(Testing.layer())))
})
