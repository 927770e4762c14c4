/** The call of a telephone that is given to somebody else. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { Agent, Pipeline, Room, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

type Asked = Session.TransferOptions
type Transfer = NonNullable<Room.Room["Service"]["transfer"]>

const number = "+4930123456"
const secret = /30123456/

const closings = (timeline: Testing.Timeline) => timeline.of("SessionClosed").map(({ at, reason }) => [reason, at])

/** A call that is transferred at 1,000 ms, and what came of that, in order. */
const transferring = (
  asked: Asked | ReadonlyArray<Asked>,
  script: Partial<Testing.Scenario> = {},
  own?: (transfer: Transfer, room: Room.Room["Service"], caller: Testing.Caller["Service"]) => Transfer
) =>
  Effect.gen(function*() {
    const told: Array<readonly [at: number, what: string]> = []
    const note = (what: string) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        told.push([at, what])
      })
    const timeline = yield* Testing.scenario({
      tts: { duration: 1000 },
      ...(own === undefined ? {} : {
        layer: Layer.effect(
          Room.Room,
          Effect.gen(function*() {
            const room = yield* Room.Room
            const caller = yield* Testing.Caller
            return { ...room, transfer: own(room.transfer!, room, caller) }
          })
        )
      }),
      at: [{
        at: 1000,
        do: (session) =>
          Effect.forEach([asked].flat(), (options) =>
            Effect.matchEffect(session.transfer(options), {
              onFailure: ({ detail, reason }) => note(`${reason}: ${detail}`),
              onSuccess: () => note("transferred")
            }), { concurrency: "unbounded" })
      }],
      ...script,
      room: { kind: "sip", ...script.room }
    })
    const said = timeline.playbacks.map(({ interrupted, start }) => [start, interrupted])
    return { timeline, told, said, closed: closings(timeline), text: `${timeline.print()}${JSON.stringify(told)}` }
  })

describe("a transfer", () => {
  it.effect("comes when its words were heard, and ends the session", () =>
    Effect.gen(function*() {
      const { closed, text, timeline, told } = yield* transferring({ to: "tel:+49 (30) 123-456", say: "One moment." })
      const end = timeline.playbacks.at(-1)?.end ?? 0
      assert.isAtLeast(end, 2000)
      assert.deepStrictEqual(timeline.transfers, [{ at: end, identity: "caller", to: number, accepted: true }])
      assert.deepStrictEqual(told, [[end, "transferred"]])
      assert.deepStrictEqual(closed, [["transferred", end]])
      assert.deepStrictEqual(timeline.messages, ["assistant: One moment."])
      assert.deepStrictEqual(timeline.warnings, [])
      assert.notMatch(text, secret)
    }))

  it.effect("goes to an address at once where nothing is said", () =>
    Effect.gen(function*() {
      const { closed, timeline } = yield* transferring({ to: "sip:desk@example.com;transport=tls" })
      assert.deepStrictEqual(timeline.transfers.map(({ at, to }) => [at, to]), [
        [1000, "sip:desk@example.com;transport=tls"]
      ])
      assert.deepStrictEqual(closed, [["transferred", 1000]])
    }))

  it.effect.each<unknown>([
    "030123456",
    "+49",
    "+49301234567890123",
    "sip:",
    "sip:a b@example.com",
    "sip:desk@example.com>",
    "<Sip>x</Sip>",
    `${number}</Number><Number>+1900123456`,
    "",
    42,
    undefined,
    null
  ])("is refused before a word is said if it goes nowhere: %s", (to) =>
    Effect.gen(function*() {
      const { said, timeline, told } = yield* transferring({ to: to as string, say: "One moment." })
      assert.lengthOf(told, 1)
      assert.match(
        told[0]![1],
        /^InvalidOption: (?:to is missing|to must be a number with its country, such as \+4930123456, or an)/
      )
      assert.isFalse(typeof to === "string" && to !== "" && to !== "+49" && told[0]![1].includes(`not ${to}`))
      assert.deepStrictEqual([said, timeline.transfers], [[], []])
    }))

  it.effect.each<readonly [string, Partial<Testing.Scenario>, string]>([
    ["is at no telephone", { room: { kind: "standard" } }, "Unsupported: transfer: only the call of a telephone"],
    [
      "is in a room without transfers",
      { room: { transfers: "unsupported" } },
      "Unsupported: transfer: this room has no"
    ],
    ["is not there yet", { room: { joins: 5000 } }, "NotTransferred: transfer: nobody is on the line yet"],
    [
      "has not answered yet",
      { room: { direction: "outbound", call: "ringing" } },
      "NotTransferred: transfer: nobody is on the line yet"
    ]
  ])("is refused before a word is said to who %s", ([, script, why]) =>
    Effect.gen(function*() {
      const { said, timeline, told } = yield* transferring({ to: number, say: "One moment." }, script)
      assert.lengthOf(told, 1)
      assert.include(told[0]![1], why)
      assert.deepStrictEqual([said, timeline.transfers], [[], []])
    }))

  it.effect("that is refused lets the conversation go on", () =>
    Effect.gen(function*() {
      const { closed, text, timeline, told } = yield* transferring({ to: number, say: "One moment." }, {
        room: { transfers: "refused" },
        user: [Testing.say(5000, 6000, "Hello?")],
        llm: ["I am still here."]
      })
      assert.deepStrictEqual(told.map(([, what]) => what), ["NotTransferred: transfer: the other side refused it"])
      assert.deepStrictEqual(timeline.transfers.map(({ accepted }) => accepted), [false])
      assert.deepStrictEqual(timeline.messages, [
        "assistant: One moment.",
        "user: Hello?",
        "assistant: I am still here."
      ])
      assert.deepStrictEqual(closed, [["closed", timeline.stoppedAt]])
      assert.notMatch(text, secret)
    }))

  it.effect("may be tried again when it was refused", () =>
    Effect.gen(function*() {
      let times = 0
      const { closed, told } = yield* transferring(
        { to: number },
        {
          at: [1000, 3000].map((at) => ({
            at,
            do: (session) => Effect.ignore(session.transfer({ to: number }))
          }))
        },
        (transfer) => (identity, to) =>
          ++times === 1
            ? Effect.fail(new Room.RoomError({ reason: "SendFailed", detail: "busy" }))
            : transfer(identity, to)
      )
      assert.deepStrictEqual([times, told], [2, []])
      assert.deepStrictEqual(closed, [["transferred", 3000]])
    }))

  it.effect("is one, however often it is asked for meanwhile", () =>
    Effect.gen(function*() {
      const { closed, timeline, told } = yield* transferring([
        { to: number, say: "One moment." },
        { to: number, say: "One moment." },
        { to: "sip:desk@example.com" }
      ])
      assert.lengthOf(timeline.transfers, 1)
      assert.deepStrictEqual(told.map(([, what]) => what), [
        "NotTransferred: transfer: another transfer is under way",
        "NotTransferred: transfer: another transfer is under way",
        "transferred"
      ])
      assert.deepStrictEqual(closed.map(([reason]) => reason), ["transferred"])
      assert.deepStrictEqual(timeline.messages, ["assistant: One moment."])
    }))

  it.effect("comes to nothing when the session is ending", () =>
    Effect.gen(function*() {
      const { closed, timeline, told } = yield* transferring({ to: number }, {
        at: [{
          at: 1000,
          do: (session) =>
            Effect.gen(function*() {
              yield* session.hangUp({ say: "Goodbye!" })
              const { detail, reason } = yield* Effect.flip(session.transfer({ to: number }))
              assert.deepStrictEqual([reason, detail], ["NotTransferred", "transfer: the session ends"])
            })
        }]
      })
      assert.deepStrictEqual([timeline.failures, timeline.transfers, told], [[], [], []])
      assert.deepStrictEqual(closed.map(([reason]) => reason), ["hang_up"])
    }))

  describe("while its words are said", () => {
    it.effect("is not stopped by a voice", () =>
      Effect.gen(function*() {
        const { closed, said, timeline } = yield* transferring({ to: number, say: "One moment, please." }, {
          preset: "mechanics",
          tts: { duration: 3000 },
          user: [Testing.say(1800, 3000, "No, wait, one more thing.")]
        })
        assert.deepStrictEqual(said.map(([, interrupted]) => interrupted), [false])
        assert.lengthOf(timeline.transfers, 1)
        assert.deepStrictEqual(closed.map(([reason]) => reason), ["transferred"])
      }))

    it.effect.each<readonly [string, (session: Session.Session["Service"]) => Effect.Effect<unknown, unknown>, string]>(
      [
        [
          "an interruption by force, and the call goes on",
          (session) => session.interrupt({ force: true }),
          "NotTransferred: transfer: the caller did not hear the words before it to their end"
        ],
        ["the end of the session", (session) => session.close(), "NotTransferred: transfer: the session ends"]
      ]
    )("is stopped by %s", ([, stop, why]) =>
      Effect.gen(function*() {
        const { timeline } = yield* Effect.gen(function*() {
          const told: Array<string> = []
          const timeline = yield* Testing.scenario({
            room: { kind: "sip" },
            tts: { duration: 3000 },
            at: [
              {
                at: 1000,
                do: (session) =>
                  Effect.map(
                    Effect.flip(session.transfer({ to: number, say: "One moment." })),
                    ({ detail, reason }) => told.push(`${reason}: ${detail}`)
                  )
              },
              { at: 2000, do: stop }
            ]
          })
          assert.deepStrictEqual(told, [why])
          return { timeline }
        })
        assert.deepStrictEqual(timeline.transfers, [])
        assert.deepStrictEqual(closings(timeline).map(([reason]) => reason), ["closed"])
      }))

    it.effect("is not asked for of a caller who has hung up", () =>
      Effect.gen(function*() {
        const { closed, timeline, told } = yield* transferring({ to: number, say: "One moment." }, {
          tts: { duration: 3000 },
          user: [Testing.leave(2000, "left")]
        })
        assert.deepStrictEqual(told, [[2000, "NotTransferred: transfer: the session ends"]])
        assert.deepStrictEqual(timeline.transfers, [])
        assert.deepStrictEqual(closed, [["participant_left", 2000]])
      }))
  })

  it.effect("is not kept up by a voice that fails", () =>
    Effect.gen(function*() {
      const { closed, timeline } = yield* transferring({ to: number, say: "One moment." }, {
        tts: { fail: Array.from({ length: 10 }, () => true) } as never
      })
      assert.lengthOf(timeline.transfers, 1)
      assert.deepStrictEqual(closed.map(([reason]) => reason), ["transferred"])
    }))

  describe("that takes its time", () => {
    /** The room answers after four seconds. */
    const slowly = (end: Effect.Effect<void, Room.RoomError>) => () => () => Effect.andThen(Effect.sleep(4000), end)
    const refusal = Effect.fail(new Room.RoomError({ reason: "SendFailed", detail: "busy" }))

    it.effect("ends as transferred, though the caller is seen to go before the room has answered", () =>
      Effect.gen(function*() {
        const { closed, told } = yield* transferring({ to: number }, {
          user: [Testing.leave(3000, "left")]
        }, slowly(Effect.void))
        assert.deepStrictEqual(told, [[5000, "transferred"]])
        assert.deepStrictEqual(closed, [["transferred", 5000]])
      }))

    it.effect("ends as what happened, if it was refused", () =>
      Effect.gen(function*() {
        const { closed, told } = yield* transferring({ to: number }, {
          user: [Testing.leave(3000, "left")]
        }, slowly(refusal))
        assert.deepStrictEqual(told, [[5000, "NotTransferred: busy"]])
        assert.deepStrictEqual(closed, [["participant_left", 5000]])
      }))

    it.effect("lets nobody speak into the line meanwhile, and then goes on", () =>
      Effect.gen(function*() {
        const { closed, said, timeline } = yield* transferring({ to: number }, {
          user: [Testing.say(1500, 2500, "Hello, is anybody there?")],
          llm: ["I am still here."]
        }, slowly(refusal))
        assert.lengthOf(said, 1)
        assert.isAtLeast(Number(said[0]![0]), 5000)
        assert.deepStrictEqual(timeline.messages.at(-1), "assistant: I am still here.")
        assert.deepStrictEqual(closed.map(([reason]) => reason), ["closed"])
      }))

    it.effect("is given up after a minute", () =>
      Effect.gen(function*() {
        const { told } = yield* transferring({ to: number }, { until: 70_000 }, () => () => Effect.never)
        assert.deepStrictEqual(told, [[61_000, "NotTransferred: transfer: the room did not answer in time"]])
      }))

    it.effect("goes on when whoever asked waits no longer", () =>
      Effect.gen(function*() {
        const { closed } = yield* transferring({ to: number }, {
          at: [{
            at: 1000,
            do: (session) =>
              Effect.gen(function*() {
                const fiber = yield* Effect.forkChild(session.transfer({ to: number }))
                yield* Effect.sleep(1000)
                yield* Fiber.interrupt(fiber)
                const { detail } = yield* Effect.flip(session.transfer({ to: number }))
                assert.strictEqual(detail, "transfer: another transfer is under way")
              })
          }]
        }, slowly(Effect.void))
        assert.deepStrictEqual(closed, [["transferred", 5000]])
      }))
  })

  it.effect("that a room breaks at is refused", () =>
    Effect.gen(function*() {
      const { closed, told } = yield* transferring({ to: number }, {}, () => () => Effect.die(new TypeError(number)))
      assert.deepStrictEqual(told, [[1000, "NotTransferred: transfer: the room broke: TypeError"]])
      assert.deepStrictEqual(closed.map(([reason]) => reason), ["closed"])
    }))
})

describe("a tool that transfers the call", () => {
  const calling = (transfers: "accepted" | "refused", tools = 1, more: Partial<Testing.Scenario> = {}) => {
    const agent = Agent.make({
      instructions: "",
      tools: Tools.functions({
        to_a_person: {
          voice: { duplicate: "allow" },
          run: async (_, { session }) => {
            try {
              await session.transfer({ to: number, say: "I put you through." })
            } catch {
              throw new Tools.ToolError({ message: "Nobody can take the call now." })
            }
          }
        }
      })
    })
    return Testing.scenario({
      agent,
      room: { kind: "sip", transfers },
      user: [Testing.say(500, 1500, "A person, please.")],
      llm: [{ tools: Array.from({ length: tools }, () => ({ name: "to_a_person" })) }, "I am sorry, nobody is there."],
      tts: { duration: 1000 },
      options: { filler: false },
      ...more
    })
  }

  it.effect.each([1, 2])(
    "says its words, ends the session, and waits for nothing: %d calls",
    (tools) =>
      Effect.gen(function*() {
        const timeline = yield* calling("accepted", tools)
        const [closed] = timeline.of("SessionClosed")
        assert.strictEqual(closed?.reason, "transferred")
        assert.strictEqual(closed?.at, timeline.playbacks.at(-1)?.end)
        assert.lengthOf(timeline.transfers, 1)
        assert.deepStrictEqual(timeline.messages.filter((line) => line.startsWith("assistant")), [
          "assistant: I put you through."
        ])
        assert.include(timeline.messages, "output: to_a_person")
        assert.deepStrictEqual(timeline.warnings, [])
        assert.strictEqual(timeline.left, "")
      })
  )

  it.effect("says its words after those of the reply that calls it", () =>
    Effect.gen(function*() {
      const timeline = yield* calling("accepted", 1, {
        llm: [{ text: "Of course.", tools: [{ name: "to_a_person" }] }, "I am sorry, nobody is there."]
      })
      assert.deepStrictEqual(timeline.messages.filter((line) => line.startsWith("assistant")), [
        "assistant: Of course.",
        "assistant: I put you through."
      ])
      assert.strictEqual(timeline.transfers[0]?.at, timeline.playbacks.at(-1)?.end)
      assert.deepStrictEqual(closings(timeline).map(([reason]) => reason), ["transferred"])
    }))

  it.effect("lets the agent go on when it was refused", () =>
    Effect.gen(function*() {
      const timeline = yield* calling("refused")
      assert.deepStrictEqual(timeline.messages, [
        "user: A person, please.",
        "call: to_a_person",
        "assistant: I put you through.",
        "output: to_a_person failed",
        "assistant: I am sorry, nobody is there."
      ])
    }))

  it.effect("is the first of a step that hands the call over: the other fails", () =>
    Effect.gen(function*() {
      const other = Agent.make({ instructions: "other", name: "other" })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          tools: Tools.functions({
            give: { run: (_, { session }) => session.handoff(other) },
            put_through: { run: (_, { session }) => session.transfer({ to: number }) }
          })
        }),
        room: { kind: "sip" },
        user: [Testing.say(500, 1500, "A person, please.")],
        llm: [{ tools: [{ name: "give" }, { name: "put_through" }] }, "Hello."]
      })
      assert.deepStrictEqual(timeline.transfers, [])
      assert.include(timeline.messages, "output: put_through failed")
    }))
})

describe("a transfer in a hook", () => {
  it.effect.each<readonly [string, Partial<Agent.Agent>]>([["onEnter", {}], ["onUserTurn", {}]])(
    "says its words and goes: %s",
    ([hook]) =>
      Effect.gen(function*() {
        const run = Session.Session.use((session) => session.transfer({ to: number, say: "I put you through." }))
        const timeline = yield* Testing.scenario({
          agent: Agent.make({
            instructions: "",
            ...(hook === "onEnter" ? { onEnter: run } : { onUserTurn: () => Effect.as(run, { reply: false }) })
          }),
          room: { kind: "sip" },
          user: [Testing.say(500, 1500, "A person, please.")],
          llm: ["No."],
          tts: { duration: 1000 }
        })
        assert.lengthOf(timeline.transfers, 1)
        assert.strictEqual(timeline.transfers[0]?.at, timeline.playbacks[0]?.end)
        assert.deepStrictEqual(closings(timeline).map(([reason]) => reason), ["transferred"])
        assert.deepStrictEqual(timeline.warnings, [])
      })
  )
})

describe("a transfer among others in the room", () => {
  it.effect("is of the one whose conversation it is", () =>
    Effect.gen(function*() {
      const { caller, room } = yield* Testing.room({ kind: "sip" })
      const reasons: Array<string> = []
      const other = yield* caller.other("other")
      yield* other.joins
      yield* Pipeline.each(
        Agent.make({
          instructions: "",
          onEnter: Session.Session.use((session) =>
            Effect.flatMap(session.participant, (one) =>
              one?.identity === "other" ? session.transfer({ to: number }) : Effect.void)
          )
        }),
        {
          onEvent: (event) => {
            if (event._tag === "SessionClosed") {
              reasons.push(event.reason)
            }
          }
        }
      ).pipe(
        Effect.provideService(Room.Room, room),
        Effect.provide(Testing.layer()),
        Effect.timeoutOption("1 second")
      )
      const transfers = yield* caller.transfers
      assert.deepStrictEqual(transfers.map(({ identity, to }) => [identity, to]), [["other", number]])
      assert.include(reasons, "transferred")
    }).pipe(Effect.scoped, Testing.inVirtualTime))
})
