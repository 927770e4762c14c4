/** Calls over a telephone: when they begin, and that they end. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { Agent, Failure, Pipeline, Room, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

const agent = Agent.make({
  instructions: "",
  onEnter: Session.Session.use((session) => session.say("I call about your booking."))
})

it("knows how far a call may be", () => {
  const unknown: any = "active"
  assert.throws(() => Testing.callStatus(1000, unknown), "status must be one of dialing, ringing, answered")
})

describe("a line that the agent hangs up", () => {
  type Remove = NonNullable<Room.Room["Service"]["remove"]>

  /** A conversation that is ended at 1,000 ms, and when the room was asked to remove whom. */
  const ending = (
    options: {
      readonly kind?: Room.Participant["kind"]
      readonly remove?: (remove: Remove) => Remove | undefined
      readonly end?: (session: Session.Session["Service"], caller: Testing.Caller["Service"]) => Effect.Effect<unknown>
      readonly agent?: Agent.Agent<Session.Session>
      readonly script?: Partial<Testing.Scenario>
    } = {}
  ) =>
    Effect.gen(function*() {
      const asked: Array<readonly [at: number, identity: string]> = []
      let there: ReadonlyArray<string> = []
      const { end = (session) => session.hangUp({ say: "Goodbye!" }), kind = "sip", remove } = options
      const timeline = yield* Testing.scenario({
        room: { kind },
        ...(options.agent === undefined ? {} : { agent: options.agent }),
        layer: Layer.effect(
          Room.Room,
          Effect.map(Room.Room, (room) => {
            const own: Remove = (identity) =>
              Clock.currentTimeMillis.pipe(
                Effect.tap((at) => Effect.sync(() => asked.push([at, identity]))),
                Effect.andThen(room.remove?.(identity) ?? Effect.die("the room cannot")),
                Effect.andThen(room.participants),
                Effect.map((all) => void (there = all.map(({ identity }) => identity)))
              )
            return { ...room, remove: remove === undefined ? own : remove(own) }
          })
        ),
        at: [{ at: 1000, do: end }],
        tts: { duration: 1000 },
        options: { closeTimeout: "5 seconds" },
        ...options.script
      })
      const warnings = timeline.of("Warning").map(({ message }) => message)
      const [closed] = timeline.of("SessionClosed")
      return { timeline, asked, there, warnings, closed, goodbye: timeline.playbacks.at(-1)?.end }
    })

  it.effect("ends once the goodbye has been heard, while the agent still cleans up", () =>
    Effect.gen(function*() {
      const slow = Agent.make({
        instructions: "",
        onExit: Effect.asVoid(Session.Session.use(() => Effect.sleep(3000)))
      })
      const { asked, closed, goodbye, there, warnings } = yield* ending({ agent: slow })
      assert.isAbove(goodbye ?? 0, 1000)
      assert.deepStrictEqual(asked, [[goodbye ?? 0, "caller"]])
      assert.deepStrictEqual(there, [])
      assert.deepStrictEqual([closed?.reason, closed?.at], ["hang_up", (goodbye ?? 0) + 3000])
      assert.deepStrictEqual(warnings, [])
    }))

  it.effect.each<readonly [string, Parameters<typeof ending>[0]]>([
    ["who is not at a telephone", { kind: "standard" }],
    ["a session that is closed", { end: (session) => session.close() }],
    ["a session that is drained", { end: (session) => session.close({ drain: true }) }],
    ["who has gone", { end: (_, caller) => Effect.andThen(caller.leaves, Effect.void) }]
  ])("is left to %s", ([, options]) =>
    Effect.gen(function*() {
      const { asked, closed, warnings } = yield* ending(options)
      assert.deepStrictEqual(asked, [])
      assert.isDefined(closed)
      assert.deepStrictEqual(warnings, [])
    }))

  it.effect.each([false, true])(
    "ends after the apology, unless somebody is alerted who may go on: %s",
    (alerts) =>
      Effect.gen(function*() {
        const { asked, closed, goodbye, timeline } = yield* ending({
          agent: Agent.make({ instructions: "", ...(alerts ? { onEscalation: () => undefined } : {}) }),
          end: (session) => session.send("Hello?"),
          script: {
            llm: () => ({ fail: new Failure.Rejected({ status: 401 }) }),
            options: { turn: { toleratedFailures: 0 } }
          }
        })
        assert.strictEqual(closed?.reason, "provider_failures")
        assert.lengthOf(timeline.of("AgentSpeechCommitted"), 1)
        assert.deepStrictEqual(asked, alerts ? [] : [[goodbye ?? 0, "caller"]])
      })
  )

  it.effect.each<readonly [string, (remove: Remove) => Remove | undefined, number, string]>([
    ["cannot", () => undefined, 0, "the room cannot remove who is in it"],
    [
      "may not",
      () => () => Effect.fail(new Room.RoomError({ reason: "Unsupported", detail: "remove: not allowed" })),
      0,
      "remove: not allowed"
    ],
    ["does not answer", () => () => Effect.never, 5000, "the room did not answer in time"]
  ])(
    "stays open where the room %s, which is told, and the session ends",
    ([, remove, later, why]) =>
      Effect.gen(function*() {
        const { closed, goodbye, warnings } = yield* ending({ remove })
        assert.deepStrictEqual(warnings, [`the telephone's line stays open: ${why}`])
        assert.deepStrictEqual([closed?.reason, closed?.at], ["hang_up", (goodbye ?? 0) + later])
      })
  )
})

describe("a call that the agent's side has made", () => {
  const calling = (
    at: NonNullable<Testing.Scenario["at"]>,
    who: { readonly direction?: Room.Participant["direction"]; readonly status?: string } = { status: "dialing" }
  ) =>
    Testing.scenario({
      room: { joins: false },
      agent,
      llm: ["Yes?"],
      options: { turn: { awayAfter: "5 seconds" } },
      at: [{
        at: 1000,
        do: (_, caller) =>
          caller.room.join({
            identity: caller.identity,
            kind: "sip",
            direction: who.direction ?? "outbound",
            attributes: who.status === undefined ? {} : { "sip.callStatus": who.status }
          })
      }, ...at],
      until: 30_000
    })
  const status = (at: number, value: string) => ({
    at,
    do: (_: unknown, caller: Testing.Caller["Service"]) =>
      caller.room.setAttributes(caller.identity, { "sip.callStatus": value })
  })

  it.effect("is entered when it is answered: nothing is said, heard or waited for while it rings", () =>
    Effect.gen(function*() {
      const timeline = yield* calling([
        status(2000, "ringing"),
        // What is heard of a line that rings is no turn.
        { at: 4000, do: (_, caller) => caller.speaks(4000, 6000, "The number you have dialled") },
        status(13_000, "active"),
        { at: 17_000, do: (_, caller) => caller.speaks(17_000, 18_000, "Hello?") }
      ])
      const [first] = timeline.playbacks
      assert.isAtLeast(first?.start ?? 0, 13_000)
      assert.isBelow(first?.start ?? 0, 14_000)
      assert.deepStrictEqual(timeline.messages, [
        "assistant: I call about your booking.",
        "user: Hello?",
        "assistant: Yes?"
      ])
      assert.isTrue(timeline.of("UserStateChanged").every(({ at }) => at > 13_000))
    }))

  it.effect.each(
    [
      ["user_rejected", "refused"],
      ["user_unavailable", "unanswered"],
      ["sip_failure", "call_failed"],
      ["left", "unanswered"]
    ] as const
  )(
    "that is not answered (%s) ends as %s, and the agent was never there",
    ([reason, outcome]) =>
      Effect.gen(function*() {
        const timeline = yield* calling([
          status(2000, "ringing"),
          { at: 8000, do: (_, caller) => caller.room.leave(caller.identity, reason) }
        ])
        assert.deepStrictEqual(timeline.of("SessionClosed").map(({ at, reason }) => [at, reason]), [[8000, outcome]])
        assert.deepStrictEqual(timeline.messages, [])
        assert.deepStrictEqual(timeline.speeches, [])
        assert.strictEqual(timeline.left, "")
      })
  )

  it.effect.each(
    [["busy", "busy"], ["refused", "refused"], ["unanswered", "unanswered"], ["failed", "call_failed"]] as const
  )("that is %s ends the run of the pipeline as %s", ([status, outcome]) =>
    Effect.gen(function*() {
      const reason = yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const { identity, room } = yield* Testing.Caller
          const call = yield* Effect.forkChild(Pipeline.run(agent))
          yield* Effect.sleep(4000)
          const code = { busy: "486", refused: "603", unanswered: "480", failed: "503" }[status]
          yield* room.setAttributes(identity, { "sip.callStatus": "hangup", "sip.callStatusCode": code })
          yield* room.leave(identity, "user_unavailable")
          return yield* Fiber.join(call)
        }).pipe(
          Effect.provide(Testing.layer({ room: { kind: "sip", direction: "outbound", call: "ringing" } }))
        )
      )
      assert.strictEqual(reason, outcome)
    }))

  it.effect("that was answered ends as participant_left when they hang up", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { kind: "sip", direction: "outbound", call: "dialing" },
        agent,
        user: [
          Testing.callStatus(1000, "ringing"),
          Testing.callStatus(3000, "answered"),
          Testing.callStatus(9000, "ended")
        ]
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: I call about your booking."])
      assert.deepStrictEqual(timeline.of("SessionClosed").map(({ reason }) => reason), ["participant_left"])
    }))

  it.effect("that is hung up while it rings ends without a goodbye, which nobody would hear", () =>
    Effect.gen(function*() {
      const hangUp: Testing.Step<never> = { at: 5000, do: (session) => session.hangUp({ say: "Never mind." }) }
      const timeline = yield* calling([status(2000, "ringing"), hangUp])
      assert.deepStrictEqual(timeline.of("SessionClosed").map(({ at, reason }) => [at, reason]), [[5000, "hang_up"]])
      assert.deepStrictEqual([timeline.messages, timeline.audible], [[], []])
    }))

  it.effect.each<readonly [string, Pipeline.Options | undefined, number]>([
    ["two minutes", undefined, 120_000],
    ["what the program says", { timeLimits: { ringing: "30 seconds" } }, 30_000]
  ])("that rings for longer than %s is over, and its line is ended", ([, options, at]) =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const timeline = yield* Testing.scenario({
        room: { kind: "sip", direction: "outbound", call: "ringing" },
        agent,
        options,
        layer: Layer.effect(
          Room.Room,
          Effect.map(Room.Room, (room) => ({
            ...room,
            remove: (identity: string) =>
              Effect.andThen(Effect.sync(() => asked.push(identity)), room.remove!(identity))
          }))
        ),
        until: 180_000
      })
      assert.deepStrictEqual(timeline.of("SessionClosed").map(({ at, reason }) => [at, reason]), [[at, "unanswered"]])
      assert.deepStrictEqual([asked, timeline.messages, timeline.left], [["caller"], [], ""])
    }))

  const tells = Testing.callStatus
  it.effect.each<
    readonly [string, ReadonlyArray<Testing.UserAction>, ReadonlyArray<readonly [number, string]>, number]
  >([
    ["answered at once", [tells(1000, "answered")], [], 1],
    ["answered, and said to ring again", [tells(1000, "answered"), tells(3000, "ringing")], [], 1],
    ["answered twice", [tells(1000, "answered"), tells(3000, "answered")], [], 1],
    ["ended while it rings", [tells(1000, "ringing"), tells(3000, "ended")], [[3000, "unanswered"]], 0],
    ["busy, and then answered", [tells(1000, "busy"), tells(3000, "answered")], [[1000, "busy"]], 0],
    ["failed in the first moment", [tells(1, "failed")], [[1, "call_failed"]], 0],
    ["answered, and then failed", [tells(1000, "answered"), tells(9000, "failed")], [[9000, "participant_left"]], 1],
    ["answered, and then busy", [tells(1000, "answered"), tells(9000, "busy")], [[9000, "participant_left"]], 1],
    ["answered in the moment in which they leave", [tells(3000, "answered"), Testing.leave(3000, "left")], [[
      3000,
      "unanswered"
    ]], 0],
    ["refused after a while", [tells(1000, "ringing"), tells(40_000, "refused")], [[40_000, "refused"]], 0],
    ["answered after keys", [Testing.press(500, "1"), tells(3000, "answered")], [], 1]
  ])("is told as it was: %s", ([, user, closed, messages]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { kind: "sip", direction: "outbound", call: "dialing" },
        agent,
        user,
        options: { turn: { awayAfter: "5 seconds" } },
        until: 60_000
      })
      const ends = timeline.of("SessionClosed").filter(({ reason }) => reason !== "closed")
      assert.deepStrictEqual(ends.map(({ at, reason }) => [at, reason]), closed.map((end) => [...end]))
      assert.strictEqual(
        timeline.messages.filter((line) => line === "assistant: I call about your booking.").length,
        messages
      )
      assert.strictEqual(timeline.left, "")
    }))

  it.effect.each<readonly [Room.LeaveReason, boolean]>([
    ["left", false],
    ["left", true],
    ["connection_lost", false],
    ["sip_failure", true]
  ])(
    "and that is ended at any moment of it ends once, and leaves nothing open: %s, made by us: %s",
    ([reason, made]) =>
      Effect.gen(function*() {
        const bank = Agent.make({
          instructions: "",
          onEnter: async (session) => {
            if (made) await session.answeredBy()
            await session.say("Welcome to the bank.")
          },
          tools: Tools.functions({
            pin: {
              run: async (_, { session }) => {
                await session.say("Please enter your PIN.")
                return (await session.keys({ most: 4, secret: true })).length
              }
            },
            transfer: {
              voice: { result: "silent" },
              run: async (_, { session }) => {
                const goodbye = await session.say("I put you through.", { protected: true })
                await goodbye.heard()
              }
            },
            bye: { run: (_, { session }) => session.hangUp({ say: "Goodbye!" }) }
          })
        })
        for (let at = 300; at < 26_000; at += 1170) {
          const timeline = yield* Testing.scenario({
            room: made ? { kind: "sip", direction: "outbound", call: "ringing" } : { kind: "sip" },
            agent: bank,
            user: [
              ...(made ? [tells(1000, "answered"), Testing.say(1500, 2000, "Hello?")] : []),
              Testing.say(5000, 6000, "My balance, please."),
              ...[..."1234"].map((key, i) => Testing.press(10_000 + 200 * i, key)),
              Testing.say(15_000, 16_000, "A person, please."),
              Testing.say(21_000, 22_000, "Thank you, bye."),
              Testing.leave(at, reason)
            ],
            llm: [{ tools: [{ name: "pin" }] }, "Ten euros.", { tools: [{ name: "transfer" }] }, {
              tools: [{ name: "bye" }]
            }],
            llmOptions: { otherwise: "Bye." },
            tts: { duration: 1500 },
            options: { returnTimeout: "5 seconds" }
          })
          const where = `at ${at}`
          assert.lengthOf(timeline.of("SessionClosed"), 1, where)
          assert.deepStrictEqual(
            [timeline.left, timeline.warnings, Testing.invariants(timeline)],
            ["", [], []],
            where
          )
          assert.notMatch(timeline.print(), /1234/, where)
        }
      })
  )

  it.effect.each(
    [
      ["one that came in", { direction: "inbound", status: "ringing" }],
      ["one that is active already", { direction: "outbound", status: "active" }],
      ["one whose status nobody tells", { direction: "outbound" }]
    ] as const
  )("is entered at once: %s", ([, who]) =>
    Effect.gen(function*() {
      const timeline = yield* calling([], who)
      assert.isBelow(timeline.playbacks[0]?.start ?? Infinity, 2000)
    }))

  it.effect("knows the participant as they are when it is answered", () =>
    Effect.gen(function*() {
      let seen: string | undefined
      const looking = Agent.make({
        instructions: "",
        onEnter: Effect.flatMap(Session.Session, (session) =>
          Effect.map(session.participant, (participant) => {
            seen = participant?.attributes["sip.callStatus"]
          }))
      })
      yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const { identity, room } = yield* Testing.Caller
          yield* Pipeline.make(looking)
          yield* room.join({ identity, kind: "sip", attributes: { "sip.callStatus": "ringing" } })
          yield* Effect.sleep(3000)
          assert.isUndefined(seen)
          yield* room.setAttributes(identity, { "sip.callStatus": "active" })
          yield* Effect.sleep(1000)
        }).pipe(Effect.provide(Testing.layer({ room: { joins: false } })))
      )
      assert.strictEqual(seen, "active")
    }))
})
