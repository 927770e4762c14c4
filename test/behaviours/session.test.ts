import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Agent, type Event, Processor, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"

const hello = Testing.say(500, 2500, "Hello, how are you?")
const ten = "one two three four five six seven eight nine ten."
const { Session: TheSession } = Session
type TheSession = Session.Session["Service"]

const at = (
  at: number,
  act: (session: TheSession, caller: Testing.Caller["Service"]) => Effect.Effect<unknown, unknown>
) => ({ at, do: act })

/** The grammar of events (I10), said in one place. */
const grammatical = (timeline: Testing.Timeline) => {
  const { events } = timeline
  const open = new Map<string, string>()
  const begin = (what: string, id: string) => {
    assert.isFalse(open.has(what), `${what} ${id} begins inside ${open.get(what)}`)
    open.set(what, id)
  }
  const end = (what: string, id: string) => {
    assert.strictEqual(open.get(what), id, `${what} ${id} ends without a beginning`)
    open.delete(what)
  }
  for (const event of events) {
    switch (event._tag) {
      case "UserStartedSpeaking":
        begin("user", "")
        break
      case "UserStoppedSpeaking":
        end("user", "")
        break
      case "SpeechCreated":
        begin(`speech ${event.speech}`, event.speech)
        break
      case "SpeechFinished":
        end(`speech ${event.speech}`, event.speech)
        break
      case "AgentStartedSpeaking":
        assert.isTrue(open.has(`speech ${event.speech}`))
        begin("agent", event.speech)
        break
      case "AgentStoppedSpeaking":
        end("agent", event.speech)
        break
    }
  }
  assert.strictEqual(events.filter(({ _tag }) => _tag === "SessionStarted").length, 1)
  assert.strictEqual(events.at(-1)!._tag, "SessionClosed")
  for (const what of open.keys()) assert.strictEqual(what, "user")
  assert.strictEqual(timeline.left, "")
}

describe("say and reply", () => {
  it.effect("what is not to be recorded is heard and not remembered", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [at(1000, (session) => session.say("One moment.", { record: false })), at(4000, (s) => s.send("Hi"))],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hi", "assistant: OK."])
      assert.strictEqual(timeline.playbacks.length, 2)
      assert.notInclude(JSON.stringify(timeline.requests[0]!.prompt), "One moment")
    }))

  it.effect("a reply may be told something that counts for it alone", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          at(1000, (session) => session.reply({ instructions: "Greet the user." })),
          at(4000, (session) => session.reply({ record: false }))
        ],
        llm: ["Welcome!", "Again."]
      })
      assert.include(JSON.stringify(timeline.requests[0]!.prompt), "Greet the user.")
      assert.notInclude(JSON.stringify(timeline.requests[1]!.prompt), "Greet the user.")
      assert.deepStrictEqual(timeline.messages, ["assistant: Welcome!"])
    }))

  it.effect("the voice is that of the speech, else of the agent, else the layer's own", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", voice: "anna" }),
        at: [
          at(1000, (session) => session.say("one")),
          at(2000, (session) => session.say("two", { voice: "bob" })),
          at(3000, (session) => session.update({ voice: "carl" })),
          at(3001, (session) => session.reply())
        ]
      })
      assert.deepStrictEqual(timeline.speeches.map(({ voice }) => voice), ["anna", "bob", "carl"])
      const plain = yield* Testing.scenario({ at: [at(1000, (session) => session.say("one"))] })
      assert.deepStrictEqual(plain.speeches.map(({ voice }) => voice), [undefined])
    }))

  it.effect("a text that comes as a stream is spoken as it comes", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          at(1000, (session) =>
            session.say(
              Stream.make("This is the first sentence. ", "And here is another one.").pipe(
                Stream.mapEffect((text, i) => Effect.delay(Effect.succeed(text), i === 0 ? 100 : 3000))
              )
            ))
        ]
      })
      assert.isAtMost(timeline.playbacks[0]!.start, 4301)
      assert.strictEqual(
        timeline.messages.join(),
        "assistant: This is the first sentence. And here is another one."
      )
    }))

  it.effect("a stream of text that breaks: what was said is remembered, the failure is told", () =>
    Effect.gen(function*() {
      const outcomes: Array<string> = []
      const timeline = yield* Testing.scenario({
        at: [
          at(1000, (session) =>
            Effect.flatMap(
              session.say(Stream.concat(Stream.make("This is the first sentence. And so"), Stream.die("boom"))),
              (speech) => Effect.map(speech.heard, ({ outcome }) => outcomes.push(outcome))
            )),
          at(6000, (session) => session.say("Still here."))
        ],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(outcomes, ["failed"])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Still here.")
      assert.isNotEmpty(timeline.logs.filter(({ level }) => level === "Error"))
    }))

  it.effect.each(["", "   ", "..."])("nothing to say (%j) is no speech", (text) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [at(1000, (session) => session.say(text)), at(2000, (session) => session.say("Hello."))],
        tts: ({ text }) => text.trim() === "..." ? { empty: true } : {}
      })
      grammatical(timeline)
      assert.strictEqual(timeline.messages.at(-1), "assistant: Hello.")
    }))

  it.effect("heard tells what was heard", () =>
    Effect.gen(function*() {
      const heard: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        at: [
          at(0, (session) => Effect.flatMap(session.say(ten), (s) => Effect.map(s.heard, (h) => heard.push(h)))),
          at(2700, (session) => session.interrupt())
        ],
        tts: { duration: 10_000 }
      })
      assert.deepStrictEqual(heard, [{ text: "one two three", playedMs: 2500, outcome: "interrupted" }])
      assert.strictEqual(timeline.messages.join(), "assistant: one two three—")
    }))
})

describe("push to talk", () => {
  const turn = { detection: "manual" } as const
  it.effect("the turn is what was said until it was committed", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "I would like"), Testing.say(5000, 6000, "a room.")],
        at: [at(6000, (session) => session.commitTurn())],
        options: { turn }
      })
      timeline.exactly(["UserSpeechCommitted", 6200, { text: "I would like a room.", source: "manual" }])
      assert.strictEqual(timeline.turns[0]!.source, "manual")
      grammatical(timeline)
    }))

  it.effect("the transcript is waited for, for as long as was said", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "A room.", { finalDelay: 5000 })],
        at: [at(2000, (session) => session.commitTurn({ wait: 500 }))],
        options: { turn }
      })
      assert.deepStrictEqual(timeline.of("UserSpeechCommitted").filter(({ at }) => at < 7000), [])
    }))

  it.effect("what was cleared is not in it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Never mind."), Testing.say(5000, 6000, "A room.")],
        at: [at(3000, (session) => session.clearTurn), at(6500, (session) => session.commitTurn())],
        options: { turn }
      })
      timeline.exactly(["UserSpeechCommitted", 6500, { text: "A room." }])
    }))

  it.effect("the reply does not wait for the silence after what was committed", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 2000, "Hello there")],
        llm: ["Fine."],
        options: { turn: { detection: "manual" } },
        at: [{ at: 2050, do: (session) => session.commitTurn() }]
      })
      assert.strictEqual(timeline.of("UserSpeechCommitted")[0]!.at, 2200)
      assert.strictEqual(timeline.of("AgentStartedSpeaking")[0]!.at, 2700)
    }))

  it.effect("what was cleared away does not come back with its transcript", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 2000, "Forget this."), Testing.say(4000, 5000, "Keep this.")],
        options: { turn: { detection: "manual" } },
        at: [
          { at: 2100, do: (session) => session.clearTurn },
          { at: 5300, do: (session) => session.commitTurn() }
        ]
      })
      assert.strictEqual(timeline.messages[0], "user: Keep this.")
    }))

  it.effect.each(
    [
      ["a noise just before it", [Testing.cough(1000, 1400)], 1450],
      ["the first sounds of who goes on", [Testing.cough(4900, 5000)], 5050],
      ["a noise out of which they speak", [Testing.cough(4500, 4900)], 4950]
    ] as const
  )(
    "what is said after it counts where the recogniser tells no times, whatever was cleared: %s",
    ([, before, at]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [...before, Testing.say(5100, 5600, "Stop.")],
          at: [{ at, do: (session) => session.clearTurn }]
        })
        assert.deepStrictEqual(timeline.of("UserSpeechCommitted").map(({ text }) => text), ["Stop."])
      })
  )
})

describe("typed text", () => {
  it.effect("is a turn of its own", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [Testing.type(1000, "Hello")], llm: ["Hi."] })
      timeline.exactly(["UserSpeechCommitted", 1000, { text: "Hello", source: "text" }])
      assert.deepStrictEqual(timeline.messages, ["user: Hello", "assistant: Hi."])
      assert.strictEqual(timeline.turns[0]!.endOfUtterance, 0)
    }))

  it.effect("comes over the topic that was chosen, or none", () =>
    Effect.gen(function*() {
      const other = yield* Testing.scenario({
        user: [Testing.type(1000, "Hello")],
        room: { textTopic: "chat" },
        options: { textTopic: "chat" }
      })
      assert.include(other.messages, "user: Hello")
      const none = yield* Testing.scenario({ user: [Testing.type(1000, "Hello")], options: { textTopic: false } })
      assert.deepStrictEqual(none.messages, [])
    }))

  it.effect.each(["", "   ", "\n"])("of nothing is no turn (%j)", (text) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [Testing.type(1000, text)] })
      assert.deepStrictEqual(timeline.messages, [])
    }))
})

describe("onUserTurn", () => {
  const hooked = (
    onUserTurn: NonNullable<Agent.Options["onUserTurn"]>,
    script: Testing.Scenario<never, never> = {}
  ) =>
    Testing.scenario({
      preset: "mechanics",
      user: [hello],
      ...script,
      agent: Agent.make({ instructions: "Base.", onUserTurn })
    })

  it.effect("edits the turn", () =>
    Effect.gen(function*() {
      const timeline = yield* hooked(({ text }) => Effect.succeed({ text: text.toUpperCase() }))
      assert.deepStrictEqual(timeline.messages[0], "user: HELLO, HOW ARE YOU?")
      assert.strictEqual(timeline.requests[0]!.text, "HELLO, HOW ARE YOU?")
    }))

  it.effect("adds context to this reply alone", () =>
    Effect.gen(function*() {
      const timeline = yield* hooked(
        ({ turn }) => Effect.succeed(turn === 1 ? { context: "Breakfast is at seven." } : {}),
        { at: [at(6000, (session) => session.send("And?"))] }
      )
      assert.include(JSON.stringify(timeline.requests[0]!.prompt), "Breakfast is at seven.")
      assert.notInclude(JSON.stringify(timeline.requests[1]!.prompt), "Breakfast")
      assert.notInclude(JSON.stringify(timeline.history), "Breakfast")
    }))

  it.effect("vetoes the reply; the turn stays", () =>
    Effect.gen(function*() {
      const timeline = yield* hooked(() => Effect.succeed({ reply: false }))
      assert.deepStrictEqual(timeline.requests, [])
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?"])
      assert.strictEqual(timeline.states().at(-1)![0], "listening")
    }))

  it.effect.each(
    [
      ["slow", Effect.delay(Effect.succeed({ reply: false }), 60_000), 13_000],
      ["failing", Effect.fail("no"), 3000],
      ["broken", Effect.die("no"), 3000]
    ] as const
  )("one that is %s changes nothing, and is told of", ([, answer, asked]) =>
    Effect.gen(function*() {
      const timeline = yield* hooked(() => answer, { quiet: "30 seconds" })
      assert.strictEqual(timeline.requests[0]!.at, asked)
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: OK."])
      assert.isNotEmpty([...timeline.warnings, ...timeline.of("ProviderFailed")])
      grammatical(timeline)
    }))

  it.effect.each([true, false])(
    "is called once a turn with preemption, and what it adds is asked anew (%s)",
    (llm) =>
      Effect.gen(function*() {
        let called = 0
        const timeline = yield* hooked(() => Effect.sync(() => (called++, { context: "It rains." })), {
          options: { turn: { preemption: { llm } } }
        })
        assert.strictEqual(called, 1)
        assert.include(JSON.stringify(timeline.requests.at(-1)!.prompt), "It rains.")
        assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: OK."])
        grammatical(timeline)
      })
  )

  it.effect("sees the conversation without this turn", () =>
    Effect.gen(function*() {
      const seen: Array<ReadonlyArray<string>> = []
      yield* hooked(
        ({ history, source }) =>
          Effect.sync(() =>
            void seen.push([source, ...history.items.map((item) => item._tag === "Message" ? item.text : "")])
          ),
        { at: [at(6000, (session) => session.send("And?"))] }
      )
      assert.deepStrictEqual(seen, [["voice"], ["text", "Hello, how are you?", "OK."]])
    }))

  it.effect("a newer turn overtakes one that the hook still thinks about; both are remembered", () =>
    Effect.gen(function*() {
      const timeline = yield* hooked(
        ({ turn }) => turn === 1 ? Effect.never : Effect.void,
        { at: [at(5000, (session) => session.send("And?"))] }
      )
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "user: And?", "assistant: OK."])
      assert.strictEqual(timeline.requests.length, 1)
    }))
})

describe("limits of a turn", () => {
  it.effect("onTurnLimit runs once", () =>
    Effect.gen(function*() {
      const limits: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onTurnLimit: (limit) =>
            Effect.andThen(
              Effect.sync(() => limits.push(limit.words)),
              TheSession.use((session) => session.say("Let me stop you there."))
            )
        }),
        user: [Testing.say(1000, 8000, "one two three four five six seven eight")],
        stt: { interims: true },
        options: { turn: { limits: { maxWords: 3 } } }
      })
      assert.deepStrictEqual(limits, [3])
      assert.strictEqual(timeline.of("UserTurnLimitReached").length, 1)
      grammatical(timeline)
    }))

  it.effect("that no transcript came is told once", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 3000, "Hello?")],
        stt: { faults: { hang: true } },
        options: { turn: { transcriptionTimeout: 2000 } },
        until: 6000
      })
      timeline.exactly(["TranscriptionTimedOut", 5000, { startedAt: 1000, speechMs: 2000 }])
    }))
})

describe("away", () => {
  it.effect("after silence of both; what is said brings the user back", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(40_000, 41_000, "Back.")],
        tts: { duration: 2000 },
        until: 80_000
      })
      const away = timeline.of("UserStateChanged").filter(({ to }) => to === "away").map(({ at }) => at)
      assert.deepStrictEqual(away, [5500 + 15_000, 44_000 + 15_000])
    }))

  it.effect("a final transcript while the user is silent restarts the timer; an interim one does not", () =>
    Effect.gen(function*() {
      const final = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Hm", { heard: "", transcripts: [{ at: 5000, text: "hm" }] })],
        options: { turn: { detection: "manual" } },
        until: 40_000
      })
      assert.deepStrictEqual(final.userStates().at(-1), ["away", 21_000])
      const interim = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "Hm", { transcripts: [{ at: 9000, text: "hm", final: false }] })],
        options: { turn: { detection: "manual" } },
        until: 40_000
      })
      assert.deepStrictEqual(interim.userStates().at(-1), ["away", 17_500])
    }))
})

describe("the end", () => {
  it.effect("drain: all that waits is said", () =>
    Effect.gen(function*() {
      const late: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        at: [
          at(1000, (session) => Effect.all([session.say("one"), session.say("two"), session.close({ drain: true })])),
          at(1001, (session) =>
            Effect.gen(function*() {
              const { outcome } = yield* (yield* session.say("too late")).heard
              late.push(outcome, yield* session.send("too late"))
            }))
        ],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: one", "assistant: two"])
      assert.deepStrictEqual(late, ["discarded", false])
      timeline.expect(["SessionClosed", 3400, { reason: "closed" }])
      grammatical(timeline)
    }))

  it.effect("drain: for as long as it may take, then it is cut", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [at(0, (session) => Effect.andThen(session.say(ten), session.close({ drain: true })))],
        tts: { duration: 10_000 },
        options: { drainTimeout: "4 seconds" }
      })
      timeline.expect(["SessionClosed", 4000, { reason: "closed" }])
      assert.match(timeline.messages[0]!, /^assistant: one.*—$/)
      grammatical(timeline)
    }))

  it.effect.each(["tts", "llm"] as const)("drain: what hangs does not keep it (%s)", (what) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [at(0, (session) => Effect.andThen(session.reply(), session.close({ drain: true })))],
        ...(what === "tts" ? { tts: { hang: true } } : { llm: [{ hang: true }] }),
        options: { drainTimeout: "4 seconds" }
      })
      timeline.expect(["SessionClosed", 4000])
      grammatical(timeline)
    }))

  it.effect("hang up: goodbye is heard after what waits", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [at(0, (session) => Effect.andThen(session.say("One thing."), session.hangUp({ say: "Goodbye!" })))],
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: One thing.", "assistant: Goodbye!"])
      timeline.expect(["SessionClosed", 2400, { reason: "hang_up" }])
      const silent = yield* Testing.scenario({ at: [at(700, (session) => session.hangUp())] })
      silent.expect(["SessionClosed", 700, { reason: "hang_up" }])
    }))

  it.effect("closed twice and at once: one end", () =>
    Effect.gen(function*() {
      const reasons: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onExit: Effect.sleep(1000) }),
        at: [
          at(1000, (session) => Effect.all([session.close(), session.close()], { concurrency: 2 })),
          at(1500, (session) => session.close({ drain: true })),
          at(1500, (session) => session.hangUp({ say: "Bye" })),
          at(900, (session) => Effect.map(session.ended, (reason) => reasons.push(reason))),
          at(1100, (session) => Effect.map(session.ended, (reason) => reasons.push(reason)))
        ]
      })
      timeline.exactly(["SessionClosed", 2000, { reason: "closed" }])
      grammatical(timeline)
    }))

  it.effect("participant leaves, unless they may come back", () =>
    Effect.gen(function*() {
      const gone = yield* Testing.scenario({ user: [hello, Testing.leave(8000)], llm: [ten], tts: { duration: 9000 } })
      gone.expect(["SessionClosed", 8000, { reason: "participant_left" }])
      grammatical(gone)
      const kept = yield* Testing.scenario({ user: [hello, Testing.leave(8000)], options: { closeOnLeave: false } })
      kept.expect(["SessionClosed", kept.stoppedAt!, { reason: "closed" }])
    }))

  it.effect.each([true, false])(
    "who leaves and comes back is heard again, and what was said before stays (frames: %s)",
    (frames) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          room: frames ? { frames: 20 } : {},
          user: [
            hello,
            Testing.leave(5000),
            Testing.join(8000),
            Testing.say(9000, 10_000, "I am back."),
            Testing.leave(13_000),
            Testing.join(14_000),
            Testing.say(15_000, 16_000, "And again.")
          ],
          options: { closeOnLeave: false },
          until: 20_000
        })
        assert.deepStrictEqual(timeline.messages.filter((message) => message.startsWith("user")), [
          "user: Hello, how are you?",
          "user: I am back.",
          "user: And again."
        ])
        assert.closeTo(timeline.of("UserStartedSpeaking")[1]!.startedAt, 9000, 40)
        grammatical(timeline)
      })
  )

  it.effect("participant leaves in mid-speech: what was said is remembered", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [
          Testing.say(1000, 4000, "I would like to", { transcripts: [{ at: 1500, text: "I would" }] }),
          Testing.leave(3000)
        ]
      })
      assert.deepStrictEqual(timeline.messages, ["user: I would"])
      assert.strictEqual(timeline.of("UserStartedSpeaking").length, timeline.of("UserStoppedSpeaking").length)
      grammatical(timeline)
    }))

  it.effect.each(["room_closed", "removed", "connection_lost"] as const)(
    "the room ends (%s)",
    (reason) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [hello],
          llm: [ten],
          at: [at(4000, (_, caller) => caller.room.disconnect(reason))]
        })
        timeline.expect(["SessionClosed", 4000, { reason: "room_ended" }])
        grammatical(timeline)
      })
  )

  it.effect("onExit has its time and no more", () =>
    Effect.gen(function*() {
      for (
        const [onExit, end] of [[Effect.sleep(2000), 3000], [Effect.never, 6000], [Effect.die("no"), 1000]] as const
      ) {
        const timeline = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", onExit }),
          at: [at(1000, (session) => session.close())]
        })
        timeline.expect(["SessionClosed", end])
      }
    }))
})

describe("hand-over", () => {
  const log: Array<string> = []
  const persona = (name: string, onEnter: Effect.Effect<unknown, unknown, Session.Session> = Effect.void) =>
    Agent.make({
      name,
      instructions: `I am ${name}.`,
      onEnter: Effect.andThen(Effect.sync(() => log.push(`${name} enters`)), onEnter),
      onExit: Effect.sync(() => log.push(`${name} leaves`))
    })
  const handing = (to: Agent.Agent<Session.Session>) => TheSession.use((session) => session.handoff(to))
  const order = (run: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function*() {
      log.length = 0
      yield* run
      return [...log]
    })

  it.effect("from onEnter: ordered, without deadlock", () =>
    Effect.gen(function*() {
      let timeline: Testing.Timeline | undefined
      const seen = yield* order(
        Effect.map(
          Testing.scenario({
            agent: persona("a", handing(persona("b", handing(persona("c"))))),
            user: [hello]
          }),
          (result) => timeline = result
        )
      )
      assert.deepStrictEqual(seen, ["a enters", "a leaves", "b enters", "b leaves", "c enters", "c leaves"])
      assert.include(JSON.stringify(timeline!.requests[0]!.prompt), "I am c.")
      assert.deepStrictEqual(timeline!.of("AgentChanged").map(({ to }) => to), ["b", "c"])
    }))

  it.effect("twice in a row, and at once", () =>
    Effect.gen(function*() {
      const seen = yield* order(Testing.scenario({
        agent: persona("a"),
        at: [
          at(1000, (session) =>
            Effect.all([session.handoff(persona("b")), session.handoff(persona("c"))], { concurrency: 2 })),
          at(2000, (session) =>
            Effect.andThen(session.handoff(persona("d")), session.handoff(persona("a"))))
        ]
      }))
      assert.deepStrictEqual(seen, [
        "a enters",
        "a leaves",
        "b enters",
        "b leaves",
        "c enters",
        "c leaves",
        "d enters",
        "d leaves",
        "a enters",
        "a leaves"
      ])
    }))

  it.effect("from onExit it is refused, or done: no deadlock", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ name: "a", instructions: "", onExit: Effect.ignore(handing(persona("c"))) }),
        at: [at(1000, (session) => session.handoff(persona("b"))), at(20_000, (session) => session.send("Hi"))]
      })
      assert.strictEqual(timeline.messages.at(-1), "assistant: OK.")
      assert.deepStrictEqual(timeline.failures, [])
    }))

  it.effect("the other agent has its own instructions, voice and history", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ name: "a", instructions: "I am a.", voice: "anna" }),
        at: [
          at(1000, (session) => session.send("one")),
          at(4000, (session) => session.handoff(Agent.make({ name: "b", instructions: "I am b.", voice: "bob" }))),
          at(5000, (session) => session.send("two"))
        ]
      })
      assert.deepStrictEqual(timeline.speeches.map(({ voice }) => voice), ["anna", "bob"])
      const prompt = JSON.stringify(timeline.requests[1]!.prompt)
      assert.include(prompt, "I am b.")
      assert.notInclude(prompt, "I am a.")
      assert.include(prompt, "one")
    }))

  it.effect("say while a speech is paused waits for it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [at(0, (session) => session.say(ten)), at(2000, (session) => session.say("And this."))],
        user: [Testing.cough(1000, 2500)],
        tts: { duration: 5000 }
      })
      assert.deepStrictEqual(timeline.messages, [`assistant: ${ten}`, "assistant: And this."])
      assert.strictEqual(timeline.of("FalseInterruption").length, 1)
      grammatical(timeline)
    }))

  it.effect("hand-over during a paused speech", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          at(0, (session) => session.say(ten)),
          at(2000, (session) => session.handoff(persona("b", TheSession.use((s) => s.say("I am b.")))))
        ],
        user: [Testing.cough(1000, 2500)],
        tts: { duration: 5000 }
      })
      assert.deepStrictEqual(timeline.messages.filter((message) => message.startsWith("assistant")), [
        `assistant: ${ten}`,
        "assistant: I am b."
      ])
      grammatical(timeline)
    }))

  it.effect("an agent's own model and synthesiser take the place of the pipeline's", () =>
    Effect.gen(function*() {
      const own = yield* Testing.llm(["From my own model."], { name: "own-llm" })
      const tts = yield* Testing.tts({ duration: 700 }, { name: "own-tts" })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", llm: own.llm, tts: tts.tts }),
        user: [hello]
      })
      assert.deepStrictEqual(timeline.requests, [])
      assert.strictEqual(timeline.messages.at(-1), "assistant: From my own model.")
      assert.strictEqual(timeline.of("TtsMeasured")[0]!.provider, "own-tts")
      assert.strictEqual(timeline.of("LlmMeasured")[0]!.provider, "own-llm")
    }))
})

describe("update", () => {
  it.effect("what is left out stays as it was", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        options: { turn: { interruption: { enabled: false }, awayAfter: "5 seconds", preemption: { llm: false } } },
        at: [
          at(500, (session) =>
            session.update({ turn: { endpointing: { minDelay: 900 }, interruption: { minWords: 0 } } })),
          at(600, (session) =>
            session.update({ instructions: "New." })),
          at(700, (session) => session.update({ turn: { endpointing: { mode: undefined } } }))
        ],
        user: [Testing.say(1000, 2000, "Hello."), Testing.cough(5000, 6500)],
        llm: [ten],
        tts: { duration: 8000 },
        quiet: "30 seconds"
      })
      timeline.expect(["UserSpeechCommitted", 2900], ["AgentStartedSpeaking", 3400])
      assert.deepStrictEqual(timeline.of("AgentPaused"), [])
      assert.strictEqual(timeline.requests.length, 1)
      assert.deepStrictEqual(timeline.userStates().at(-1), ["away", 11_400 + 5000])
      assert.include(JSON.stringify(timeline.requests[0]!.prompt), "New.")
    }))
})

describe("ears and transcript", () => {
  it.effect("what is said while the session does not listen is not heard", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(2000, 3000, "secret"), Testing.say(6000, 7000, "Hello.")],
        at: [at(1000, (session) => session.listen(false)), at(5000, (session) => session.listen(true))]
      })
      assert.strictEqual(timeline.messages[0], "user: Hello.")
      assert.notInclude(JSON.stringify(timeline.events), "secret")
      grammatical(timeline)
    }))

  it.effect("detached in mid-speech, the speech ends there", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 5000, "This is a long sentence of mine"), Testing.say(9000, 10_000, "Hello.")],
        at: [at(2000, (session) => session.listen(false)), at(7000, (session) => session.listen(true))]
      })
      assert.isAtMost(timeline.of("UserStoppedSpeaking")[0]!.at, 2001)
      assert.include(timeline.messages.join("\n"), "Hello.")
      grammatical(timeline)
    }))

  it.effect("words are told as they are heard, or as they are written", () =>
    Effect.gen(function*() {
      const told = (syncTranscript: boolean) =>
        Effect.map(
          Testing.scenario({
            preset: "mechanics",
            user: [hello],
            llm: [{ text: "It is sunny", firstToken: 0, total: 1000 }],
            tts: { duration: 600, firstByte: 0 },
            options: { syncTranscript, minSentence: 1 }
          }),
          (timeline) =>
            timeline.of("AgentTranscript").filter(({ text }) => text !== "").map(({ at, text }) => [at, text])
        )
      const written = yield* told(false)
      assert.deepStrictEqual(written, [[3000, "It "], [3500, "is "], [4000, "sunny"]])
      const heard = yield* told(true)
      assert.strictEqual(heard.map(([, text]) => text).join(""), "It is sunny")
      for (const [at] of heard) assert.isAtLeast(Number(at), 4000)
    }))

  it.effect("without a recogniser typed turns work, and voice alone interrupts and is forgiven", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        options: { stt: false },
        user: [Testing.type(1000, "Hello"), Testing.say(3000, 4000, "hey you")],
        llm: [ten],
        tts: { duration: 8000 }
      })
      assert.deepStrictEqual(timeline.connections, [])
      timeline.expect(["AgentPaused", 3500], ["FalseInterruption", 5300, { resumed: true }])
      assert.deepStrictEqual(timeline.messages, ["user: Hello", `assistant: ${ten}`])
      grammatical(timeline)
    }))

  it.effect("a processor that breaks is left out, with an event", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { frames: 20 },
        user: [hello],
        options: {
          processors: [
            Processor.sync("broken", () => {
              throw new Error("boom")
            }),
            Processor.make({ name: "unopened", open: Effect.fail("no licence") })
          ]
        }
      })
      assert.deepStrictEqual(
        timeline.of("ProviderFailed").map(({ component, provider, recovered }) => [component, provider, recovered])
          .sort(),
        [["processor", "broken", true], ["processor", "unopened", true]]
      )
      assert.strictEqual(timeline.messages[0], "user: Hello, how are you?")
      grammatical(timeline)
    }))

  it.effect("the detector has a chain of its own, which comes after everybody's", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const note = (name: string) =>
        Processor.sync(name, (frames) => {
          seen.push(name)
          return frames
        })
      const script = { room: { frames: 20 }, user: [hello] } as const
      const plain = yield* Testing.scenario(script)
      const timeline = yield* Testing.scenario({
        ...script,
        options: {
          feed: "speech",
          processors: [note("all")],
          detectorProcessors: [
            note("detector"),
            Processor.sync("broken", () => {
              throw new Error("boom")
            })
          ]
        }
      })
      assert.deepStrictEqual([...new Set(seen)], ["all", "detector"])
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ provider, reason }) => [provider, reason]), [
        ["broken", "Bypassed"]
      ])
      assert.deepStrictEqual(timeline.messages, plain.messages)
      // One that silences the microphone is heard by the detector alone: nobody speaks.
      const deaf = yield* Testing.scenario({
        ...script,
        options: {
          detectorProcessors: [
            Processor.sync(
              "mute",
              (frames) => frames.map((frame) => ({ ...frame, samples: frame.samples.map(() => 0) }))
            )
          ]
        }
      })
      assert.deepStrictEqual(deaf.of("UserStartedSpeaking").length, 0)
    }))

  it.effect("feed: speech: the recogniser hears speech with its padding, and the conversation is the same", () =>
    Effect.gen(function*() {
      const script = { room: { frames: 20 }, user: [hello, Testing.say(8000, 9500, "And what now?")] } as const
      const all = yield* Testing.scenario({ ...script, until: 14_000 })
      const speech = yield* Testing.scenario({ ...script, until: 14_000, options: { feed: "speech" } })
      assert.deepStrictEqual(speech.messages, all.messages)
      assert.strictEqual(speech.messages.length, 4)
    }))

  it.effect("the agent's transcript without times from the synthesiser comes with the audio, word by word, and whole", () =>
    Effect.gen(function*() {
      const text = "one two three four five six seven eight nine ten."
      const timeline = yield* Testing.scenario({
        at: [at(0, (session) => session.say(text))],
        tts: { duration: 10_000, alignment: false }
      })
      const told = timeline.of("AgentTranscript").filter(({ final }) => !final)
      assert.strictEqual(told.map(({ text }) => text).join(""), text)
      assert.isAbove(told.length, 5)
      assert.isAtMost(told[0]!.text.length, 10)
      assert.isAtLeast(told.at(-1)!.at, 8000)
    }))
})

describe("events", () => {
  it.effect("a listener that comes late hears what comes then, and is done when the session is", () =>
    Effect.gen(function*() {
      const heard: Array<Event.Event["_tag"]> = []
      let done = false
      const timeline = yield* Testing.scenario({
        user: [hello],
        at: [
          at(2600, (session) =>
            Effect.andThen(
              Stream.runForEach(session.events, (event) => Effect.sync(() => void heard.push(event._tag))),
              Effect.sync(() => done = true)
            )),
          at(9000, (session) => session.close()),
          at(9000, (session) => Effect.andThen(session.ended, Effect.never))
        ]
      })
      assert.notInclude(heard, "SessionStarted")
      assert.deepStrictEqual(heard, timeline.events.filter(({ at }) => at >= 2600).map(({ _tag }) => _tag))
      assert.isTrue(done)
    }))

  it.effect("a listener that fails or sleeps hurts nobody", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        at: [
          at(0, (session) => Stream.runForEach(session.events, () => Effect.die("boom"))),
          at(0, (session) => Stream.runForEach(session.events, () => Effect.never))
        ]
      })
      assert.strictEqual(timeline.messages.at(-1), "assistant: OK.")
      assert.strictEqual(timeline.of("SessionClosed").length, 1)
    }))

  it.effect("I10: their grammar holds through interruptions, tools and failures", () =>
    Effect.gen(function*() {
      for (const preemption of [{ llm: false }, { llm: true, tts: false }, { llm: true, tts: true }]) {
        const timeline = yield* Testing.scenario({
          user: [
            hello,
            Testing.say(4000, 5000, "Stop!"),
            Testing.cough(6000, 6400),
            Testing.say(9000, 10_000, "More", { finalDelay: 900 }),
            Testing.say(10_200, 11_000, "and more"),
            Testing.type(12_000, "typed"),
            Testing.type(12_000, "and typed")
          ],
          llm: ({ index }) => index === 2 ? { fail: true } : { text: ten },
          tts: ({ index }) => index === 3 ? { fail: true, after: 1 } : { duration: 3000 },
          at: [at(13_000, (session) => session.say("one")), at(13_000, (session) => session.interrupt())],
          options: { turn: { preemption } }
        })
        grammatical(timeline)
      }
    }))

  it.effect("state, participant, job and id are there to be asked", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        options: { job: { id: "job-7" }, sessionId: "session-7" },
        at: [
          at(1000, (session) =>
            Effect.gen(function*() {
              seen.push(session.id, session.job["id"], (yield* session.participant)?.identity)
              seen.push(yield* session.state, yield* session.agent)
            })),
          at(3600, (session) => Effect.map(session.state, ({ agent, user }) => seen.push([agent, user])))
        ]
      })
      assert.deepStrictEqual(seen, [
        "session-7",
        "job-7",
        "caller",
        { agent: "listening", user: "speaking", status: "open", turn: 1 },
        "agent",
        ["speaking", "listening"]
      ])
    }))

  it.effect("nobody is there yet: the agent enters when they come", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { joins: false },
        user: [Testing.join(5000)],
        agent: Agent.make({ instructions: "", onEnter: TheSession.use((session) => session.say("Hello.")) })
      })
      timeline.expect(["SessionStarted", 5000], ["AgentStartedSpeaking", 5200])
      grammatical(timeline)
    }))
})
