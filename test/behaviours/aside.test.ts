/** What is set aside beside an agent that speaks, why, and where it stands. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { History, Text, type Turn } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { diceOf } from "../support/dice.ts"
import { thorough } from "../support/thorough.ts"

const judged = { backchannel: true, echoWarmUp: 0 } as const
const statement = "Your room is ready on the second floor with a view of the old town and the river."

const committed = (timeline: Testing.Timeline) => timeline.of("UserSpeechCommitted").map(({ text }) => text)
const setAside = (timeline: Testing.Timeline) =>
  timeline.of("UserSpeechSetAside").map(({ reason, text }) => [text, reason] as const)

/** The agent says `text` from 200 on, for ten seconds. */
const over = (
  text: string,
  user: ReadonlyArray<Testing.UserAction>,
  turn: Turn.Options = {},
  script: Omit<Testing.Scenario<never, never>, "user" | "options"> = {}
) =>
  Testing.scenario({
    at: [{ at: 0, do: (session) => session.say(text) }],
    tts: [{ duration: 10_000 }, { duration: 1000 }, { duration: 1000 }],
    llm: ["Fine.", "Good."],
    ...script,
    user,
    options: { turn: { ...turn, interruption: { ...judged, ...turn.interruption } } }
  })

const whole = (timeline: Testing.Timeline) =>
  assert.deepInclude(timeline.playbacks[0], { playedMs: 10_000, interrupted: false })

const holds = (timeline: Testing.Timeline, options?: Testing.InvariantOptions) =>
  assert.deepStrictEqual(Testing.invariants(timeline, options), [])

describe("signs of listening", () => {
  it.effect("are items of their own, each in its place, and no part of the answer that follows", () =>
    Effect.gen(function*() {
      for (const minWords of [0, 2]) {
        const said = [[1500, "Yeah."], [3000, "Right."], [4500, "Okay."], [6000, "Sure."]] as const
        const timeline = yield* over(
          `${statement} Shall I cancel it?`,
          [...said.map(([at, text]) => Testing.say(at, at + 300, text)), Testing.say(11_000, 11_300, "No.")],
          { interruption: { minWords } }
        )
        whole(timeline)
        assert.deepStrictEqual(committed(timeline), ["No."])
        assert.deepStrictEqual(setAside(timeline), said.map(([, text]) => [text, "agreement"] as const))
        const items = timeline.history.items.flatMap((item) => item._tag === "Message" ? [item] : [])
        assert.deepStrictEqual(
          items.map(({ role, setAside, text }) => [role, text, setAside]),
          [
            ["assistant", `${statement} Shall I cancel it?`, undefined],
            ...said.map(([, text]) => ["user", text, "agreement"]),
            ["user", "No.", undefined],
            ["assistant", "Fine.", undefined]
          ]
        )
        assert.deepStrictEqual(items.slice(1, 5).map(({ createdAt }) => createdAt), said.map(([at]) => at))
        holds(timeline)
      }
    }))

  it.effect.each(
    [
      ["de", "Ja.", "continuer"],
      ["de-AT", "Genau.", "agreement"],
      ["german", "Mhm.", "continuer"],
      ["fr", "D'accord.", "agreement"],
      ["es-MX", "Ajá.", "continuer"],
      ["pt-BR", "Uhum.", "continuer"],
      ["ja", "なるほど。", "continuer"]
    ] as const
  )(
    "in %s, %s is one, by the transcript's language or by the option",
    ([language, text, reason]) =>
      Effect.gen(function*() {
        const told = yield* over(statement, [Testing.say(4000, 4400, text, { language })])
        const set = yield* over(statement, [Testing.say(4000, 4400, text)], { language })
        for (const timeline of [told, set]) {
          whole(timeline)
          assert.deepStrictEqual(setAside(timeline), [[text, reason]])
          assert.strictEqual(timeline.requests.length, 0)
          holds(timeline)
        }
      })
  )

  it.effect("are none in a language without a list, until there is one", () =>
    Effect.gen(function*() {
      for (const text of ["No.", "Okay.", "Evet."]) {
        const unknown = yield* over(statement, [Testing.say(4000, 4700, text, { language: "tr" })])
        assert.deepStrictEqual(committed(unknown), [text])
        const known = yield* over(statement, [Testing.say(4000, 4700, text, { language: "tr-TR" })], {
          phrases: { tr: { continuers: ["no", "evet"], agreement: ["okay"] } }
        })
        whole(known)
        assert.strictEqual(setAside(known).length, 1)
      }
    }))

  it.effect.each(
    [["Yeah.", 2], ["Mm-hm. Okay. Right.", 2], ["No problem.", 1], ["Okay, sure, sounds good.", 3]] as const
  )(
    "%s does not interrupt, however many words do",
    ([text, minWords]) =>
      Effect.gen(function*() {
        for (const interims of [true, false]) {
          const timeline = yield* over(statement, [Testing.say(4000, 5200, text)], { interruption: { minWords } }, {
            stt: { interims }
          })
          assert.isFalse(timeline.playbacks[0]!.interrupted)
          assert.strictEqual(timeline.requests.length, 0)
        }
      })
  )

  it.effect("are judged by the time of the words, however late their transcript is", () =>
    Effect.gen(function*() {
      for (const times of [true, false]) {
        for (const finalDelay of [100, 3000, 4500]) {
          const timeline = yield* over(statement, [Testing.say(6500, 6800, "Okay.", { finalDelay })], {}, {
            stt: { times }
          })
          whole(timeline)
          assert.deepStrictEqual(setAside(timeline), [["Okay.", "agreement"]])
          assert.deepStrictEqual(committed(timeline), [])
          holds(timeline)
        }
      }
    }))
})

describe("after a question", () => {
  // It is heard from 200 to about 1800.
  const question = "Shall I book it? "
  const asking = question + statement
  const ends = (timeline: Testing.Timeline) =>
    timeline.of("AgentTranscript").find(({ text }) => text.trim() === "Your")!.at

  it.effect("an answer that begins just before or after its end takes the floor at once, however short", () =>
    Effect.gen(function*() {
      const end = ends(yield* over(asking, []))
      for (const text of ["Yes.", "Mm-hm.", "Monday.", "Okay."]) {
        for (const after of [-250, 0, 700, 1400]) {
          for (const minWords of [0, 3]) {
            const from = end + after
            const timeline = yield* over(asking, [Testing.say(from, from + 300, text)], { interruption: { minWords } })
            const about = JSON.stringify({ text, after, minWords })
            assert.isTrue(timeline.playbacks[0]!.interrupted, about)
            assert.isAtMost(timeline.playbacks[0]!.end!, from + 500, about)
            assert.deepStrictEqual(committed(timeline), [text], about)
            assert.strictEqual(timeline.requests.length, 1, about)
            holds(timeline)
          }
        }
      }
    }))

  it.effect("agreement within eight seconds is not set aside, a mere sound is, and later both are", () =>
    Effect.gen(function*() {
      const end = ends(yield* over(asking, [], {}, { tts: [{ duration: 20_000 }] }))
      const at = (after: number, text: string) =>
        over(asking, [Testing.say(end + after, end + after + 300, text)], {}, {
          tts: [{ duration: 20_000 }, { duration: 1000 }]
        })
      assert.deepStrictEqual(committed(yield* at(5000, "Okay.")), ["Okay."])
      assert.deepStrictEqual(setAside(yield* at(5000, "Mm-hm.")), [["Mm-hm.", "continuer"]])
      assert.deepStrictEqual(setAside(yield* at(9000, "Okay.")), [["Okay.", "agreement"]])
    }))

  it.effect("that was answered, agreement is a sign of listening again", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("How can I help?") }],
        user: [Testing.say(1500, 2200, "I want a room."), Testing.say(5000, 5300, "Okay.")],
        tts: [{ duration: 1000 }, { duration: 8000 }],
        llm: [statement],
        options: { turn: { interruption: judged } }
      })
      assert.deepStrictEqual(committed(timeline), ["I want a room."])
      assert.deepStrictEqual(setAside(timeline), [["Okay.", "agreement"]])
      holds(timeline)
    }))

  it.effect.each(["予約しますか?", "予約しますか。", "Reservieren wir?", "¿Reservamos?"])(
    "%s asks",
    (text) =>
      Effect.gen(function*() {
        // A mere sound in the last second: an answer to a question, and soon.
        const timeline = yield* over(text, [Testing.say(9000, 9300, "Mm-hm.")])
        timeline.exactly(["UserSpeechCommitted", 10_200, { text: "Mm-hm." }])
      })
  )
})

describe("a mere sound in the last second of a statement", () => {
  it.effect("is a turn when the floor has been free for two seconds", () =>
    Effect.gen(function*() {
      for (const from of [9000, 9600, 9850]) {
        const timeline = yield* over(statement, [Testing.say(from, from + 200, "Mm-hm.", { finalDelay: 50 })])
        timeline.exactly(["UserSpeechCommitted", 12_200, { text: "Mm-hm." }])
        assert.deepStrictEqual(timeline.messages, [`assistant: ${statement}`, "user: Mm-hm.", "assistant: Fine."])
        holds(timeline)
      }
    }))

  it.effect("is none when the user goes on, or the agent does", () =>
    Effect.gen(function*() {
      const goesOn = yield* over(statement, [
        Testing.say(9500, 9800, "Mm-hm."),
        Testing.say(11_000, 12_000, "And the price?")
      ])
      assert.deepStrictEqual(committed(goesOn), ["And the price?"])
      const agent = yield* over(statement, [Testing.say(9500, 9800, "Mm-hm.")], {}, {
        at: [
          { at: 0, do: (session) => session.say(statement) },
          { at: 11_000, do: (session) => session.say("It has a bath.") }
        ]
      })
      assert.deepStrictEqual(committed(agent), [])
      for (const timeline of [goesOn, agent]) {
        assert.deepStrictEqual(setAside(timeline), [["Mm-hm.", "continuer"]])
        holds(timeline)
      }
    }))
})

describe("a request to wait", () => {
  it.effect.each(["Hang on.", "One moment.", "Yes, one second please.", "Wait a minute."])(
    "%s silences the agent, without a reply, and nobody is away for 45 seconds",
    (text) =>
      Effect.gen(function*() {
        for (const minWords of [0, 2, 5]) {
          const timeline = yield* over(statement, [Testing.say(4000, 4500, text)], { interruption: { minWords } }, {
            until: 60_000
          })
          assert.isAtMost(timeline.playbacks[0]!.end!, 4700)
          assert.strictEqual(timeline.playbacks.length, 1)
          assert.deepStrictEqual(committed(timeline), [])
          assert.deepStrictEqual(setAside(timeline), [[text, "hold"]])
          assert.strictEqual(timeline.requests.length, 0)
          assert.deepStrictEqual(timeline.userStates().filter(([state]) => state === "away"), [["away", 49_500]])
          holds(timeline)
        }
      })
  )

  it.effect("is none of a reply either while the agent is silent, and over when the user goes on", () =>
    Effect.gen(function*() {
      const timeline = yield* over(
        "What is your number?",
        [
          Testing.say(11_000, 11_800, "One moment."),
          Testing.say(40_000, 42_000, "It is twelve.")
        ],
        {},
        { until: 70_000 }
      )
      assert.deepStrictEqual(committed(timeline), ["It is twelve."])
      assert.deepStrictEqual(timeline.messages, [
        "assistant: What is your number?",
        "user: One moment.",
        "user: It is twelve.",
        "assistant: Fine."
      ])
      assert.isEmpty(timeline.userStates().filter(([state, at]) => state === "away" && at < 42_000))
      holds(timeline)
    }))

  it.effect("keeps back what the program says until the wait is over", () =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [Testing.say(4000, 4500, "Hang on.")], { holdFor: "10 seconds" }, {
        at: [
          { at: 0, do: (session) => session.say(statement) },
          { at: 8000, do: (session) => session.say("Your taxi is here.") }
        ],
        until: 30_000
      })
      assert.isAtLeast(timeline.playbacks[1]!.start, 14_500)
      assert.isAtMost(timeline.playbacks[1]!.start, 14_800)
      holds(timeline)
    }))

  it.effect("loses none of it where they go on before, and answers them first", () =>
    Effect.gen(function*() {
      const user = [Testing.say(4000, 4500, "Hang on."), Testing.say(12_000, 12_700, "What is the time?")]
      const timeline = yield* over(statement, user, {}, {
        at: [
          { at: 0, do: (session) => session.say(statement) },
          { at: 6000, do: (session) => session.say("Your taxi is here.") },
          { at: 8000, do: (session) => session.say("So is your bag.") }
        ],
        llm: ["It is noon."],
        tts: [{ duration: 10_000 }, { duration: 1000 }, { duration: 1000 }, { duration: 1000 }],
        until: 30_000
      })
      const heard = timeline.of("AgentSpeechCommitted").map(({ text }) => text)
      assert.deepStrictEqual(heard.slice(1), ["It is noon.", "Your taxi is here.", "So is your bag."])
      holds(timeline)
    }))

  it.effect("does not silence protected speech", () =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [Testing.say(4000, 4500, "Hang on.")], {}, {
        at: [{ at: 0, do: (session) => session.say(statement, { protected: true }) }]
      })
      whole(timeline)
      assert.strictEqual(timeline.requests.length, 0)
    }))
})

describe("the agent's own words", () => {
  it.effect.each(["the second floor", "second floor with a few of the old", "a view of the old town", "river."])(
    "%j that comes back is nobody's",
    (text) =>
      Effect.gen(function*() {
        // It comes back a fifth of a second later.
        const script = { tts: [{ duration: 5000 }, { duration: 1000 }], stt: { interims: true } }
        const words = (yield* over(statement, [], {}, script)).of("AgentTranscript").filter(({ text }) => text !== "")
        const [first] = text.split(" ")
        const at = words.findIndex((word) => word.text.trim() === first)
        const from = words[at]!.at + 200
        const to = (words[at + text.split(" ").length]?.at ?? 5200) + 200
        const timeline = yield* over(statement, [Testing.say(from, to, text, { finalDelay: 20 })], {}, script)
        assert.isFalse(timeline.playbacks[0]!.interrupted)
        assert.deepStrictEqual(setAside(timeline), [[text, "echo"]])
        assert.strictEqual(timeline.requests.length, 0)
        holds(timeline)
      })
  )

  it.effect("are the user's where a question has asked for them, or when they are long past", () =>
    Effect.gen(function*() {
      const asked = yield* over("Is it Monday or Tuesday?", [Testing.say(9900, 10_400, "Tuesday.")])
      assert.deepStrictEqual(committed(asked), ["Tuesday."])
      const past = yield* over(statement, [Testing.say(8000, 8700, "Your room.")])
      assert.deepStrictEqual(committed(past), ["Your room."])
    }))

  it.effect.each(
    [
      ["The room is ninety euros a night. If you want it, please say yes or no.", "Yes.", "en"],
      ["The room is ninety euros a night. If you want it, please say yes or no.", "No.", "en"],
      ["To speak with the reception desk, say reception. To book a room, say booking.", "Booking.", "en"],
      ["Möchten Sie das Zimmer, dann sagen Sie jetzt bitte ja oder nein.", "Ja.", "de"],
      ["Si desea la habitación, diga ahora por favor sí o no.", "Sí.", "es"],
      ["Si vous voulez la chambre, dites maintenant oui ou non.", "Non.", "fr"]
    ] as const
  )("%s: %s, which no question mark has asked for, is its answer when it comes too late for an echo", (
    [prompt, answer, language]
  ) =>
    Effect.gen(function*() {
      for (const interims of [true, false]) {
        for (const from of answer.startsWith("N") ? [10_400, 10_650] : [9900, 10_400, 10_650]) {
          const script = { stt: { interims, language } }
          const timeline = yield* over(prompt, [Testing.say(from, from + 400, answer)], {}, script)
          assert.deepStrictEqual(committed(timeline), [answer], `${from}, interims ${interims}`)
          assert.strictEqual(timeline.requests.length, 1)
          holds(timeline)
        }
      }
    }))

  it.effect.each([9700, 10_100])(
    "%d: the last of them that comes back at once is an echo",
    (from) =>
      Effect.gen(function*() {
        const prompt = "The room is ninety euros a night. If you want it, please say yes or no."
        const timeline = yield* over(prompt, [Testing.say(from, from + 400, "No.")])
        assert.deepStrictEqual(setAside(timeline), [["No.", "echo"]])
      })
  )

  it.effect("ask for nothing: a stop that it said itself is no stop", () =>
    Effect.gen(function*() {
      const text = "Take the tram to the last stop and walk along the river for a while until you see us."
      const timeline = yield* over(text, [Testing.say(4300, 4600, "Stop.")])
      whole(timeline)
      assert.deepStrictEqual(setAside(timeline), [["Stop.", "echo"]])
    }))
})

describe("what was set aside", () => {
  it.effect("is in prompts and transcripts as far as it says anything", () =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [
        Testing.say(2500, 2800, "Mm-hm."),
        Testing.say(5000, 5300, "Right."),
        Testing.say(11_000, 12_000, "Is there a bath?")
      ])
      assert.deepStrictEqual(
        timeline.requests[0]!.prompt.content.flatMap(({ content, role }) =>
          role === "system" || typeof content === "string"
            ? []
            : content.map((part) => [role, part.type === "text" ? part.text : ""])
        ),
        [["assistant", statement], ["user", "Right."], ["user", "Is there a bath?"]]
      )
      assert.strictEqual(
        History.toTranscript(timeline.history, "text"),
        [
          `Assistant: ${statement}`,
          "User (caller): Mm-hm. [continuer]",
          "User (caller): Right. [agreement]",
          "User (caller): Is there a bath?",
          "Assistant: Fine."
        ].join("\n")
      )
      holds(timeline)
    }))
})

describe("silence of words", () => {
  const finals = [{ at: 1500, text: "What time is breakfast?" }, { at: 19_500, text: "And now the weather." }]

  it.effect("ends a turn where a television never falls silent, and the reply is heard", () =>
    Effect.gen(function*() {
      for (const detection of ["vad", "stt"] as const) {
        for (const interims of [true, false]) {
          const timeline = yield* Testing.scenario({
            user: [Testing.say(1000, 120_000, "What time is breakfast? And now the weather.", { transcripts: finals })],
            stt: { interims },
            llm: ["At seven.", "It rains."],
            tts: [{ duration: 2000 }, { duration: 2000 }],
            options: { turn: { detection, interruption: judged } }
          })
          const about = `${detection}, interims ${interims}\n${timeline.print()}`
          const [first] = timeline.playbacks
          assert.isAtMost(first!.start, 14_000, about)
          assert.isAtLeast(first!.playedMs, 2000, about)
          assert.isAtMost(first!.end!, 19_500, about)
          assert.deepStrictEqual(committed(timeline), finals.map(({ text }) => text), about)
          assert.isAtMost(timeline.playbacks[1]!.start, 34_000, about)
          holds(timeline)
        }
      }
    }))

  it.effect("resumes what a sound without end and without words has paused", () =>
    Effect.gen(function*() {
      for (const interims of [true, false]) {
        const timeline = yield* over(statement, [Testing.cough(3000, 60_000)], {}, { stt: { interims }, until: 90_000 })
        timeline.expect(["AgentPaused", interims ? 3600 : 3500], ["FalseInterruption", interims ? 6500 : 13_000, {
          resumed: true
        }])
        assert.isFalse(timeline.playbacks[0]!.interrupted)
        assert.isAtLeast(timeline.playbacks[0]!.playedMs, 10_000)
        holds(timeline)
      }
    }))
})

describe("any words beside the agent", () => {
  const said = [
    [
      "en",
      "Mm-hm.",
      "Uh-huh.",
      "Yes.",
      "Okay, right.",
      "Stop!",
      "No.",
      "Hang on.",
      "One second, please.",
      "Paris.",
      "No problem."
    ],
    ["de", "Mhm.", "Ja.", "Genau.", "Nein!", "Moment bitte.", "Morgen um neun."],
    ["fr", "Ouais.", "D'accord.", "Attendez !", "Un instant.", "Demain matin."],
    ["es", "Ajá.", "Claro.", "¡Basta!", "Un momento.", "Mañana."],
    ["pt", "Uhum.", "Certo.", "Chega!", "Peraí.", "Amanhã."],
    ["ja", "うん。", "分かりました。", "やめて。", "ちょっと待って。", "明日です。"],
    ["pl", "No.", "Stop!", "Tak."]
  ] as const

  it.effect(
    "are a turn or an item with the reason that they are of, and nothing of them is lost",
    () =>
      Effect.gen(function*() {
        for (let seed = 1; seed <= (thorough ? 200 : 50); seed++) {
          const dice = diceOf(seed)
          const asks = dice.pick([true, false])
          const length = dice.int(3000, 9000)
          const guarded = dice.int(1, 5) === 1
          const interims = dice.pick([true, false])
          let from = dice.int(300, 2500)
          const words = Array.from({ length: dice.int(1, 4) }, () => {
            const [language, ...texts] = dice.pick(said)
            const text: string = dice.pick(texts)
            const to = from + dice.int(150, 900)
            const one = { from, to, text, language, finalDelay: dice.int(20, 1800) }
            from = to + dice.int(2000, 5000)
            return one
          })
          const timeline = yield* Testing.scenario({
            at: [{
              at: 0,
              do: (session) => session.say(asks ? "Shall I book it for you now?" : statement, { protected: guarded })
            }],
            user: words.map(({ finalDelay, from, language, text, to }) =>
              Testing.say(from, to, text, { finalDelay, language })
            ),
            stt: { interims, times: dice.pick([true, false]) },
            tts: [{ duration: length }, { duration: 1500 }, { duration: 1500 }, { duration: 1500 }, { duration: 1500 }],
            llm: ["Fine.", "Good.", "Well.", "So."],
            options: { turn: { interruption: { ...judged, minWords: dice.pick([0, 1, 2, 4]) } } },
            until: 120_000
          })
          const about = `seed ${seed}\n${timeline.print()}`
          const items = timeline.history.items.flatMap((item) =>
            item._tag === "Message" && item.role === "user" ? [item] : []
          )
          assert.deepStrictEqual(
            items.map(({ text }) => text).join(" ").split(" ").toSorted(),
            words.map(({ text }) => text).join(" ").split(" ").toSorted(),
            about
          )
          for (const [text, reason] of setAside(timeline)) {
            const kinds = words.flatMap((one) =>
              // An interim transcript may have been used, and the rest came later.
              one.text.includes(text) ? [Text.phraseKind(one.text, { language: one.language })] : []
            )
            assert.include(kinds, reason, about)
          }
          for (const { language, text } of words) {
            // In a language that nobody has phrases for, and of any other words, none is set aside.
            if (Text.phraseKind(text, { language }) !== undefined) continue
            assert.include(committed(timeline).join(" "), text, about)
          }
          const options = { protected: new Set(guarded ? ["speech-1"] : []) }
          assert.deepStrictEqual(Testing.invariants(timeline, options), [], about)
        }
      })
  )
})
