/** Words beside an agent that speaks: which are answers, which are signs of listening, which take the floor. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Schema } from "effect"
import { Agent, Config, Stt, Text, type Turn } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { diceOf } from "../support/dice.ts"

const ten = "one two three four five six seven eight nine ten."
const question = "There is a room for two on Friday, shall I book it?"

const whole = { backchannel: true, echoWarmUp: 3000 } as const
const environment = Config.options.pipe(
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: {} })),
  Effect.map(({ turn }): Turn.Options => Config.merge(turn, { interruption: whole }))
)
const programs: ReadonlyArray<readonly [string, Effect.Effect<Turn.Options, unknown>]> = [
  ["the default options", Effect.succeed({ interruption: whole, preemption: { llm: true } })],
  [
    "two words and learned pauses",
    Effect.succeed({ interruption: { ...whole, minWords: 2 }, endpointing: { mode: "dynamic" } })
  ],
  ["one word, and a third of a second", Effect.succeed({ interruption: { ...whole, minWords: 1, minDuration: 300 } })],
  ["an empty environment", environment],
  ["two words without signs of listening", Effect.succeed({ interruption: { minWords: 2 } })]
]

/** One word, with an interim before it where the recogniser has them. */
const word = (from: number, to: number, text: string, interims: boolean, finalDelay = 100) =>
  Testing.say(from, to, text, {
    finalDelay,
    ...(interims
      ? {
        transcripts: [
          { at: to - from - 50, text: text.replace(/\W+$/u, ""), final: false },
          { at: to - from + finalDelay, text }
        ]
      }
      : {})
  })

const setAside = (timeline: Testing.Timeline) => timeline.of("UserSpeechSetAside").map(({ text }) => text)

const committed = (timeline: Testing.Timeline) => timeline.of("UserSpeechCommitted").map(({ text }) => text)

describe("an answer that comes before the question is at its end", () => {
  const asks = { at: [{ at: 500, do: (session) => session.say(question) }] } satisfies Testing.Scenario
  const tts = [{ duration: 8000 }, { duration: 1000 }]
  // It begins at 700.
  const end = 8700

  it.effect.each(programs)(
    "is decided on when the agent falls silent, and answered, with %s",
    ([, program]) =>
      Effect.gen(function*() {
        const turn = yield* program
        for (const interims of [false, true]) {
          for (const before of [150, 300, 500, 1000]) {
            for (const length of [250, 700]) {
              for (const finalDelay of [50, 1500]) {
                const timeline = yield* Testing.scenario({
                  ...asks,
                  tts,
                  llm: ["Booked."],
                  stt: { interims },
                  user: [word(end - before - length, end - before, "Yes.", interims, finalDelay)],
                  options: { turn }
                })
                const [said, answer] = timeline.playbacks
                const about = JSON.stringify({ interims, before, length, finalDelay })
                assert.isFalse(said!.interrupted, about)
                assert.deepStrictEqual(committed(timeline), ["Yes."], about)
                assert.isAtLeast(timeline.of("UserSpeechCommitted")[0]!.at, said!.end!, about)
                const settled = Math.max(said!.end!, end - before + 500, end - before + finalDelay)
                assert.isAtMost(timeline.of("UserSpeechCommitted")[0]!.at, settled + 1, about)
                assert.isDefined(answer, about)
                assert.deepStrictEqual(Testing.invariants(timeline), [], about)
              }
            }
          }
        }
      })
  )

  it.effect.each([[2000, 100], [2000, 1500], [4000, 100], [4000, 4500]] as const)(
    "is none %d ms before: by the time of the word, with its transcript after %d",
    ([before, finalDelay]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          ...asks,
          tts,
          user: [Testing.say(end - before - 300, end - before, "Yeah.", { finalDelay })],
          options: { turn: { interruption: whole } },
          until: 20_000
        })
        assert.strictEqual(timeline.requests.length, 0)
        assert.deepStrictEqual(timeline.messages, [`assistant: ${question}`, "user: Yeah."])
      })
  )

  it.effect("is one, too, where the agent is made to fall silent", () =>
    Effect.gen(function*() {
      for (const interruption of [whole, { minWords: 2 }]) {
        const timeline = yield* Testing.scenario({
          at: [...asks.at, { at: 5000, do: (session) => session.interrupt() }],
          tts,
          llm: ["Booked."],
          user: [Testing.say(4200, 4500, "Yes.")],
          options: { turn: { interruption } }
        })
        assert.deepStrictEqual(timeline.messages.slice(1), ["user: Yes.", "assistant: Booked."])
        assert.strictEqual(timeline.of("UserSpeechCommitted")[0]!.at, 5000)
      }
    }))

  it.effect("is one over protected speech, which is heard to its end", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 500, do: (session) => session.say(question, { protected: true }) }],
        tts,
        llm: ["Booked."],
        user: [Testing.say(8000, 8400, "Yes.")],
        options: { turn: { interruption: whole } }
      })
      assert.deepStrictEqual(timeline.messages, [`assistant: ${question}`, "user: Yes.", "assistant: Booked."])
    }))

  it.effect("is none between two things that the agent says, unless it takes long for the second", () =>
    Effect.gen(function*() {
      for (const finalDelay of [100, 900]) {
        for (const [firstByte, expected] of [[200, []], [3000, ["Okay."]]] as const) {
          const timeline = yield* Testing.scenario({
            at: [{ at: 500, do: (session) => Effect.andThen(session.say(question), session.say("It has a bath.")) }],
            tts: [{ duration: 4000 }, { duration: 6000, firstByte }, { duration: 1000 }],
            user: [Testing.say(4100, 4400, "Okay.", { finalDelay })],
            options: { turn: { interruption: whole } },
            until: 9000
          })
          const answered = timeline.of("UserSpeechCommitted").filter(({ at }) => at < 9000).map(({ text }) => text)
          assert.deepStrictEqual(answered, [...expected])
          assert.strictEqual(timeline.requests.length, expected.length)
        }
      }
    }))

  it.effect("is one between them, where it says more than that", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 500, do: (session) => Effect.andThen(session.say(question), session.say("It has a bath.")) }],
        tts: [{ duration: 4000 }, { duration: 1000 }],
        llm: ["Paris it is."],
        user: [Testing.say(4000, 4300, "Paris.")],
        options: { turn: { interruption: { ...whole, minWords: 2 } } }
      })
      assert.deepStrictEqual(timeline.messages.slice(1, 3), ["user: Paris.", "assistant: Paris it is."])
    }))

  it.effect.each(
    [
      ["Shall I book it as well?", 800, "turn: Okay."],
      ["Shall I book it as well?", 1100, "turn: Okay."],
      ["Shall I book it as well?", 2000, "agreement: Okay."],
      ["Let me look for that one.", 800, "agreement: Okay."]
    ] as const
  )(
    "is one before tools that take long, if it was a question: %s, %d ms before its end: %s",
    ([text, before, what]) =>
      Effect.gen(function*() {
        const Kit = Toolkit.make(Tool.make("look", { success: Schema.String }))
        const timeline = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", tools: Kit }),
          at: [{ at: 500, do: (session) => session.send("Is it free?") }],
          // It is heard from 1000 to 5000.
          llm: [{ text, tools: [{ name: "look" }] }, "Fine."],
          tts: [{ duration: 4000 }, { duration: 1000 }],
          user: [Testing.say(4700 - before, 5000 - before, "Okay.")],
          options: { turn: { interruption: whole } }
        }).pipe(Effect.provide(Kit.toLayer({ look: () => Effect.as(Effect.sleep(10_000), "free") })))
        const [kind, words] = what.split(": ")
        assert.deepStrictEqual(kind === "turn" ? committed(timeline).slice(1) : setAside(timeline), [words!])
        // Nobody waits for the tool who has answered.
        assert.strictEqual((timeline.playbacks[1]?.start ?? Infinity) < 8000, kind === "turn")
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      })
  )

  it.effect("sent while a tool works is in the prompt that tells its result, and does not end the reply", () =>
    Effect.gen(function*() {
      const Kit = Toolkit.make(Tool.make("look", { success: Schema.String }))
      for (const [from, to] of [[2000, 2300], [3000, 3400]] as const) {
        const timeline = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", tools: Kit }),
          at: [{ at: 500, do: (session) => session.send("Is it free?") }],
          // The first line is heard from 1000 to 2500.
          llm: [{ text: "Let me check that.", tools: [{ name: "look" }] }, "It is free."],
          tts: [{ duration: 1500 }, { duration: 1000 }],
          user: [Testing.say(from, to, "Okay.")],
          options: { turn: { interruption: whole } }
        }).pipe(Effect.provide(Kit.toLayer({ look: () => Effect.as(Effect.sleep(4000), "free") })))
        assert.deepStrictEqual(timeline.messages, [
          "user: Is it free?",
          "assistant: Let me check that.",
          "call: look",
          "output: look",
          "user: Okay.",
          "assistant: It is free."
        ])
        assert.strictEqual(timeline.requests.length, 2)
        assert.include(JSON.stringify(timeline.requests[1]!.prompt), "Okay.")
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))
})

describe("nobody listens to an agent that nobody hears", () => {
  it.effect.each([["Uhm", "yes."], ["Let me think…", "okay."], ["Well…", "sure."]] as const)(
    "%j and %j are one turn",
    ([one, other]) =>
      Effect.gen(function*() {
        for (const llm of [true, false]) {
          const timeline = yield* Testing.scenario({
            user: [Testing.say(500, 900, one), Testing.say(1600, 2000, other)],
            llm: [...(llm ? ["Guessed."] : []), { text: "Booked.", firstToken: 1500 }],
            options: { turn: { interruption: whole, preemption: { llm } } }
          })
          assert.deepStrictEqual(timeline.messages, [`user: ${one} ${other}`, "assistant: Booked."])
        }
      })
  )

  it.effect("who goes on no more than that is answered when the longest wait is over", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [Testing.say(500, 900, "Uhm…")] })
      timeline.exactly(["UserSpeechCommitted", 3900, { text: "Uhm…" }])
    }))

  it.effect("a word said while the model thinks is answered, too", () =>
    Effect.gen(function*() {
      for (const minWords of [0, 2]) {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(500, 1500, "Book the room."), Testing.say(2300, 2700, "okay?")],
          llm: [{ text: "No.", firstToken: 3000 }, "Booked."],
          options: { turn: { interruption: { ...whole, minWords } } }
        })
        assert.deepStrictEqual(timeline.messages, ["user: Book the room.", "user: okay?", "assistant: Booked."])
      }
    }))

  it.effect.each(["protected", "not to be interrupted"])(
    "a word said just before a speech that is %s begins is answered after it",
    (how) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          at: [{ at: 0, do: (session) => session.say(ten, { protected: how === "protected" }) }],
          user: [Testing.say(2600, 2750, "Yes, sure.", { finalDelay: 700 })],
          // It begins while the detector is not sure yet that the voice is over.
          tts: [{ duration: 4000, firstByte: 2900 }, { duration: 1000 }],
          llm: ["Booked."],
          options: { turn: { interruption: { ...whole, enabled: how === "protected" } } }
        })
        assert.deepStrictEqual(timeline.messages, [`assistant: ${ten}`, "user: Yes, sure.", "assistant: Booked."])
        assert.isFalse(timeline.playbacks[0]!.interrupted)
      })
  )

  it.effect.each([3800, 4400, 4700, 5200, 6000])(
    "I4: what a typed turn has paused, a word from %d resumes as little as one before it",
    (from) =>
      Effect.gen(function*() {
        for (const interims of [true, false]) {
          const timeline = yield* Testing.scenario({
            agent: Agent.make({ instructions: "", onUserTurn: () => Effect.sleep(2000) }),
            at: [{ at: 0, do: (session) => session.say(ten) }],
            user: [Testing.type(5000, "hello"), word(from, from + 400, "yeah", interims)],
            stt: { interims },
            tts: [{ duration: 14_000 }, { duration: 1000 }],
            options: { turn: { interruption: whole } }
          })
          assert.strictEqual(timeline.audible.length, 2)
          assert.deepStrictEqual(timeline.audible[0], { from: 200, to: 5000 })
          assert.sameMembers([...committed(timeline), ...setAside(timeline)], ["hello", "yeah"])
          assert.deepStrictEqual(Testing.invariants(timeline), [])
        }
      })
  )
})

describe("words that were set aside", () => {
  it.effect("are items of their own, joined to nothing that follows, soon or late", () =>
    Effect.gen(function*() {
      for (const next of [6800, 7100, 14_000, 60_000]) {
        const timeline = yield* Testing.scenario({
          at: [{ at: 0, do: (session) => session.say(ten) }],
          user: [Testing.say(5000, 5400, "Right."), Testing.say(next, next + 800, "No thanks.")],
          tts: [{ duration: 10_000 }, { duration: 1000 }],
          options: { turn: { interruption: { ...whole, minWords: 2 } } }
        })
        assert.deepStrictEqual(committed(timeline), ["No thanks."])
        assert.deepStrictEqual(setAside(timeline), ["Right."])
        assert.strictEqual(timeline.requests.length, 1)
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))

  it.effect("stand before what is typed", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say(ten) }],
        user: [Testing.say(3000, 3400, "Right."), Testing.type(5000, "Stop it.")],
        tts: [{ duration: 10_000 }, { duration: 1000 }],
        options: { turn: { interruption: whole } }
      })
      assert.deepStrictEqual(committed(timeline), ["Stop it."])
      assert.deepStrictEqual(timeline.messages.slice(0, 3), [
        "assistant: one two three four five—",
        "user: Right.",
        "user: Stop it."
      ])
      assert.strictEqual(timeline.requests.length, 1)
    }))

  it.effect("are not brought up by a noise", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say(ten) }],
        user: [Testing.say(2000, 2300, "Right."), Testing.cough(5000, 5300)],
        tts: { duration: 10_000 },
        options: { turn: { interruption: whole } }
      })
      assert.isFalse(timeline.playbacks[0]!.interrupted)
      assert.strictEqual(timeline.requests.length, 0)
    }))
})

describe("a request that is all that is said", () => {
  const over = (
    text: string,
    length: number,
    interims: boolean,
    turn: Turn.Options["interruption"],
    say: { readonly protected?: boolean } = {}
  ) =>
    Testing.scenario({
      at: [{ at: 0, do: (session) => session.say(ten, say) }],
      user: [word(5000, 5000 + length, text, interims, 200)],
      stt: { interims },
      tts: [{ duration: 14_000 }, { duration: 1000 }],
      options: { turn: { interruption: turn } }
    })

  it.effect.each(["Stop!", "Wait.", "Quiet!", "Cancel.", "Stop, stop!", "No!", "Help!", "Enough!"])(
    "%s takes the floor, however many words are wanted",
    (text) =>
      Effect.gen(function*() {
        for (const backchannel of [true, false]) {
          for (const minWords of [0, 2, 5]) {
            for (const interims of [true, false]) {
              for (const length of [300, 700]) {
                const timeline = yield* over(text, length, interims, { backchannel, minWords })
                const about = JSON.stringify({ backchannel, minWords, interims, length })
                assert.isAtMost(timeline.playbacks[0]!.end!, 5000 + length + 200, about)
                assert.isTrue(timeline.playbacks[0]!.interrupted, about)
                assert.strictEqual(timeline.messages[1], `user: ${text}`, about)
                assert.deepStrictEqual(timeline.of("FalseInterruption"), [], about)
              }
            }
          }
        }
      })
  )

  it.effect.each(["Please stop.", "Okay, wait a minute.", "Stop it now!", "Wait, no."])(
    "%s asks for no more in other words",
    (text) =>
      Effect.gen(function*() {
        for (const minWords of [0, 5]) {
          const timeline = yield* over(text, 300, false, { minWords })
          assert.deepInclude(timeline.playbacks[0], { end: 5500, interrupted: true })
        }
      })
  )

  it.effect.each(["Stop!", "No!"])(
    "%s takes it, too, when its transcript comes before the voice is over",
    (text) =>
      Effect.gen(function*() {
        for (const minWords of [0, 2]) {
          const timeline = yield* Testing.scenario({
            at: [{ at: 0, do: (session) => session.say(ten) }],
            user: [Testing.say(5000, 5300, text, { finalDelay: -40 })],
            tts: [{ duration: 14_000 }, { duration: 1000 }],
            options: { turn: { interruption: { minWords } } }
          })
          assert.isAtMost(timeline.playbacks[0]!.end!, 5350)
          assert.strictEqual(timeline.messages[1], `user: ${text}`)
        }
      })
  )

  it.effect.each(["No problem.", "Yeah, no.", "November.", "Hello.", "Don't stop."])(
    "%s is none",
    (text) =>
      Effect.gen(function*() {
        for (const interims of [true, false]) {
          const timeline = yield* over(text, 300, interims, { backchannel: true, minWords: 3 })
          assert.isFalse(timeline.playbacks[0]!.interrupted)
        }
      })
  )

  it.effect("does not in the echo warm-up, over protected speech, or with interruptions off", () =>
    Effect.gen(function*() {
      for (const text of ["Stop!", "No!"]) {
        for (const interims of [true, false]) {
          const early = yield* over(text, 300, interims, { backchannel: true, minWords: 2, echoWarmUp: 8000 })
          const guarded = yield* over(text, 300, interims, { backchannel: true, minWords: 2 }, { protected: true })
          const off = yield* over(text, 300, interims, { backchannel: true, minWords: 2, enabled: false })
          for (const timeline of [early, guarded, off]) {
            assert.deepInclude(timeline.playbacks[0], { playedMs: 14_000, interrupted: false })
          }
        }
      }
    }))
})

describe("the times of what is heard", () => {
  it.effect("are told with its words, by the microphone's time, also after what was said before", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "two words"), Testing.say(9000, 10_000, "three more words")],
        stt: { times: true }
      })
      const told = timeline.of("UserTranscript").filter(({ final }) => final)
      assert.deepStrictEqual(told.map(({ words }) => words?.map(({ text }) => text)), [
        ["two", "words"],
        ["three", "more", "words"]
      ])
      for (const [at, { end, start, words }] of told.entries()) {
        const [from, to] = at === 0 ? [500, 1500] : [9000, 10_000]
        assert.deepStrictEqual([words?.[0]?.start, words?.at(-1)?.end], [from, to])
        assert.deepStrictEqual([start, end], [from, to])
      }
    }))
})

describe("the language of what is heard", () => {
  const speaking = (language: string | undefined, turn: Turn.Options = {}) =>
    Testing.scenario({
      at: [{ at: 0, do: (session) => session.say(ten) }],
      user: [Testing.say(5000, 5300, "Genau.")],
      tts: [{ duration: 14_000 }, { duration: 1000 }],
      layer: Layer.effect(Stt.Stt, Effect.map(Testing.stt({}), ({ stt }) => ({ ...stt, language }))),
      options: { turn: { interruption: { minDuration: 200, backchannel: true }, ...turn } }
    })
  const cut = (timeline: Testing.Timeline) => timeline.playbacks[0]!.interrupted

  it.effect("is the recogniser's own, where its transcripts name none", () =>
    Effect.gen(function*() {
      const german = yield* speaking("de-DE")
      assert.isFalse(cut(german))
      assert.strictEqual(german.of("UserTranscript").at(-1)?.language, "de-DE")
      assert.isTrue(cut(yield* speaking(undefined)))
      assert.isTrue(cut(yield* speaking("fr")))
    }))

  it.effect("is that of the agent's options, where the recogniser knows none", () =>
    Effect.gen(function*() {
      assert.isFalse(cut(yield* speaking(undefined, { language: "de" })))
    }))
})

describe("a transcript without a word", () => {
  const noted = [
    "[Music]",
    "(laughs)",
    "*coughs*",
    "<noise>",
    "[BLANK_AUDIO]",
    "♪ la la la ♪",
    "（笑い）",
    "[Music] (laughs)"
  ]
  it.effect.each([".", "...", "♪", "…", "—", "[", "*", "👍", "7️⃣ ❤️", "?!", ...noted])(
    "%j is no words: no turn, and nothing is cut",
    (text) =>
      Effect.gen(function*() {
        for (const final of [true, false]) {
          const nothing = (at: number) =>
            Testing.say(at, at + 300, "", {
              transcripts: [{ at: 200, text, final: false }, { at: 400, text, final }]
            })
          const over = yield* Testing.scenario({
            at: [{ at: 0, do: (session) => session.say(ten) }],
            user: [nothing(5000)],
            stt: { interims: true },
            tts: { duration: 10_000 },
            options: { turn: { interruption: { ...whole, minWords: 1 } } }
          })
          const idle = yield* Testing.scenario({ user: [nothing(1000)], stt: { interims: true } })
          for (const timeline of [over, idle]) {
            assert.deepStrictEqual(committed(timeline), [])
            assert.strictEqual(timeline.requests.length, 0)
            assert.deepStrictEqual(Testing.invariants(timeline), [])
          }
          assert.deepInclude(over.playbacks[0], { playedMs: 10_000, interrupted: false })
        }
      })
  )

  it.effect.each(["7", "你好", "é", "٣", "ну", "(555)", "[laughs] Yes.", "(no", "2 * 3 * 4"])(
    "%j has one",
    (text) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({ user: [Testing.say(500, 1000, text)] })
        assert.deepStrictEqual(committed(timeline), [text])
      })
  )
})

describe("every word beside the agent", () => {
  const minWords = [0, 1, 2] as const

  it.effect(
    "is answered soon after the agent falls silent, unless it was a sign of listening, or too few, a second before",
    () =>
      Effect.gen(function*() {
        for (let seed = 1; seed <= 150; seed++) {
          const dice = diceOf(seed)
          const text = dice.pick(["Yes.", "Okay.", "Right.", "Paris.", "Stop!", "No!", "Two rooms."])
          const length = dice.int(100, 900)
          const from = dice.int(1500, 7000)
          const interims = dice.pick([true, false])
          const finalDelay = dice.int(20, 1500)
          const guarded = dice.pick([false, false, false, true])
          const interruption = {
            backchannel: dice.pick([true, true, false]),
            minWords: dice.pick(minWords),
            minDuration: dice.pick([300, 500]),
            echoWarmUp: dice.pick([0, 3000])
          }
          const timeline = yield* Testing.scenario({
            at: [{ at: 0, do: (session) => session.say(ten, { protected: guarded }) }],
            user: [word(from, from + length, text, interims, finalDelay)],
            stt: { interims },
            tts: [{ duration: dice.int(4000, 6000) }, { duration: 1000 }],
            options: { turn: { interruption, preemption: { llm: dice.pick([true, false]) } } }
          })
          const about = `seed ${seed}\n${timeline.print()}`
          const [said] = timeline.playbacks
          const wait = Math.max(500, finalDelay)
          assert.deepStrictEqual([...setAside(timeline), ...committed(timeline)], [text], about)
          const sign = interruption.backchannel && Text.isBackchannel(text)
          const few = Text.countWords(text) < interruption.minWords
          // A pause for the word itself moves the end of the speech.
          const planned = 200 + said!.playedMs
          if (setAside(timeline).length > 0) assert.isTrue(sign && from + length < planned - 1000, about)
          if ((sign || few) && !said!.interrupted && from + length < planned - 1000) continue
          const [answered] = timeline.of("UserSpeechCommitted")
          assert.isAtMost(answered!.at, Math.max(said!.end!, from + length + wait) + 1, about)
          assert.strictEqual(timeline.playbacks.length, 2, about)
          const options = { protected: new Set(guarded ? [said!.speech] : []) }
          assert.deepStrictEqual(Testing.invariants(timeline, options), [], about)
        }
      })
  )
})
