/** What people say beside an agent, and just before and after it: one row for each, with what becomes of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"
import { over, type Script } from "../support/overSpeech.ts"

const { say } = Testing

const statement = "Your room is ready on the second floor with a view of the old town and the river and the harbour."
const question = "Shall I book the room with the view of the old town for you now?"

/** Whether the first speech was heard to its end, and what became of the words: turns, and what was set aside. */
const outcome = (timeline: Testing.Timeline): ReadonlyArray<string> => [
  timeline.of("SpeechFinished")[0]?.outcome === "interrupted" ? "cut" : "whole",
  ...timeline.events.flatMap((event) => {
    if (event._tag === "UserSpeechCommitted") return [`turn: ${event.text}`]
    return event._tag === "UserSpeechSetAside" ? [`${event.reason}: ${event.text}`] : []
  })
]

const holds = (timeline: Testing.Timeline, options?: Testing.InvariantOptions) =>
  assert.deepStrictEqual(Testing.invariants(timeline, options), [])

/** Transcripts one by one: so long (ms) after the voice began. */
const interim = (at: number, text: string) => ({ at, text, final: false })
const final = (at: number, text: string) => ({ at, text })

type Row = readonly [words: string, outcome: ReadonlyArray<string>]

const check = (title: string, rows: ReadonlyArray<Row>, language?: string, ms = 500) =>
  it.effect.each(rows)(`${title}: %s`, ([words, expected]) =>
    Effect.gen(function*() {
      for (const interims of [true, false]) {
        const timeline = yield* over(statement, [say(6000, 6000 + ms, words)], {
          stt: { interims, ...(language === undefined ? {} : { language }) },
          until: 30_000
        })
        assert.deepStrictEqual(outcome(timeline), expected, interims ? "with interims" : "without")
        holds(timeline)
      }
    }))

const sign = (reason: string, words: string): Row => [words, ["whole", `${reason}: ${words}`]]
const turn = (words: string): Row => [words, ["cut", `turn: ${words}`]]
const hold = (words: string): Row => [words, ["cut", `hold: ${words}`]]

describe("over a statement", () => {
  check(
    "a sound, however it is spelled, is a continuer",
    ["Mhmm.", "Mmhmm.", "Mmmhm.", "Hmhm.", "Uh, huh.", "Uh-hum.", "Mm hm hm.", "Hmmm hmm.", "MM-HM!"].map((words) =>
      sign("continuer", words)
    )
  )
  check(
    "who bids the agent go on agrees",
    [
      "Go ahead.",
      "Continue.",
      "Yes, go on.",
      "Okay, go ahead.",
      "Yeah yeah yeah yeah.",
      "Right, right, got it."
    ]
      .map((words) => sign("agreement", words))
  )
  check("who bids it go on in German agrees", [sign("agreement", "Ja, weiter.")], "de")
  check("and in French", [sign("agreement", "Continuez."), sign("agreement", "Oui, continuez.")], "fr")
  check("and in Spanish", [sign("agreement", "Siga."), sign("agreement", "Sí, adelante.")], "es-419")
  check("and in Portuguese", [sign("agreement", "Sim, continue."), sign("agreement", "Tá, tá.")], "pt-BR")
  check("and in Japanese", [sign("agreement", "続けてください。"), sign("continuer", "はい。はい。")], "ja")
  check(
    "a refusal takes the floor",
    ["Oh no.", "No no no no.", "STOP!!!", "Okay, wait.", "Yes, stop.", "Well, no.", "No, go on.", "Please wait."]
      .map(turn)
  )
  check(
    "a question back takes the floor",
    ["What?", "Sorry?", "Sorry, what?", "Wait, what?", "Hello?", "Are you there?", "Yes, but."].map(turn),
    undefined,
    700
  )
  check("a refusal takes it in French", [turn("Non non non, attendez."), turn("Pardon ?")], "fr")
  check("in Spanish", [turn("Espera, no."), turn("Sí, pero no.")], "es")
  check("in Portuguese", [turn("Não, não.")], "pt")
  check("in German", [turn("Ja okay, stopp."), turn("Ja genau, aber morgen.")], "de")
  check(
    "who asks for a moment gets it",
    ["Okay, one moment.", "Hold on, hold on.", "Alright, hang on.", "Let me look, hang on."].map(hold),
    undefined,
    900
  )
  check("in German, too", [hold("Ja, Moment bitte.")], "de")
  check("and in Japanese, too", [hold("はい、ちょっと待ってください。")], "ja")
  check("in words of everyday", [hold("Hold up."), turn("Nah.")], undefined, 400)
  check("in German", [
    hold("Warten Sie mal kurz."),
    hold("Bin gleich wieder da."),
    hold("Momentchen."),
    turn("Seien Sie still.")
  ], "de")
  check("in Spanish", [hold("Espéreme un momento."), turn("Espérame.")], "es")
  check("in Portuguese", [hold("Fique na linha.")], "pt")
  check("and in Japanese", [sign("continuer", "へえー。")], "ja", 400)
  check("a tag for no language is none", [sign("agreement", "Yes."), turn("Stop.")], "und")
  check("nor is one for several", [sign("continuer", "Mm-hm."), hold("Hang on.")], "multi")
})

describe("a request that begins politely", () => {
  it.effect.each(["Please stop talking.", "Please wait."])(
    "%s silences the agent no later than another one",
    (words) =>
      Effect.gen(function*() {
        const timeline = yield* over(statement, [say(6000, 7200, words)], { stt: { interims: true } })
        assert.isAtMost(timeline.of("AgentPaused")[0]!.at, 6600)
      })
  )
})

describe("a tag that names no language", () => {
  it.effect("leaves the words to the language of the options", () =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [say(6000, 6500, "Genau.", { language: "und" })], {
        options: { turn: { language: "de" } }
      })
      assert.deepStrictEqual(outcome(timeline), ["whole", "agreement: Genau."])
    }))
})

const changing: ReadonlyArray<
  readonly [title: string, transcripts: NonNullable<Testing.Saying["transcripts"]>, outcome: ReadonlyArray<string>]
> = [
  ["No becomes November", [interim(400, "No"), interim(700, "November"), final(1700, "November the third.")], [
    "cut",
    "turn: November the third."
  ]],
  ["Yes becomes yesterday", [interim(400, "Yes"), interim(500, "Yes"), final(1700, "Yesterday I called.")], [
    "cut",
    "turn: Yesterday I called."
  ]],
  ["Stop becomes a stopover", [interim(400, "Stop"), interim(500, "Stop"), final(1700, "Stopover in Rome?")], [
    "cut",
    "turn: Stopover in Rome?"
  ]],
  ["a hum becomes a refusal", [interim(400, "Mm"), interim(800, "Mm actually"), final(1700, "Mm, actually no.")], [
    "cut",
    "turn: Mm, actually no."
  ]],
  ["a refusal becomes agreement", [interim(300, "No"), interim(450, "No"), final(1700, "No problem.")], [
    "whole",
    "agreement: No problem."
  ]],
  ["a hum becomes a cut-in", [interim(400, "Mm"), final(1000, "Stop.")], ["cut", "turn: Stop."]],
  ["words shrink on the way", [interim(500, "I want"), interim(800, "I"), final(1700, "I want tea.")], [
    "cut",
    "turn: I want tea."
  ]],
  ["a request to wait goes on", [
    interim(600, "One moment"),
    interim(800, "One moment"),
    final(1700, "One moment, why?")
  ], [
    "cut",
    "turn: One moment, why?"
  ]],
  ["what was heard was nothing", [interim(400, "Stop"), interim(600, "Stop"), final(1700, "")], ["whole"]],
  ["a hum, then a cut-in", [final(500, "Mm-hm."), final(1700, "Stop.")], ["cut", "turn: Mm-hm. Stop."]],
  ["a cut-in, then a hum", [final(500, "Stop."), final(1700, "Mm-hm.")], ["cut", "turn: Stop. Mm-hm."]],
  ["a refusal that is cut in two", [final(600, "No,"), final(1700, "not that one.")], [
    "cut",
    "turn: No, not that one."
  ]]
]

describe("while the transcript changes", () => {
  it.effect.each(changing)("%s", ([, transcripts, expected]) =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [say(6000, 7500, "x", { transcripts })])
      assert.deepStrictEqual(outcome(timeline), expected)
    }))

  it.effect.each(
    [
      ["Stop", ["cut", "turn: Stop"]],
      ["I want to speak to somebody", ["cut", "turn: I want to speak to somebody"]],
      ["One moment", ["cut", "hold: One moment"]]
    ] as const
  )("%s, and no final transcript: the agent does not talk on into it", ([words, expected]) =>
    Effect.gen(function*() {
      const transcripts = [interim(400, words), interim(600, words)]
      const timeline = yield* over(statement, [say(6000, 6700, "x", { transcripts })], { until: 11_000 })
      assert.deepStrictEqual(outcome(timeline), expected)
      assert.isAtMost(timeline.playbacks[0]!.end!, 6500)
      assert.deepStrictEqual(timeline.of("FalseInterruption"), [])
      timeline.exactly(["InterimTranscriptUsed", 8000, { text: words, reason: "commit" }])
    }))

  it.effect("a sign of listening without a final transcript stops nobody", () =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [say(6000, 6400, "x", { transcripts: [interim(300, "Mm")] })], {
        until: 11_000
      })
      assert.strictEqual(outcome(timeline)[0], "whole")
    }))

  it.effect("a final transcript that is late adds what the interim one lacked", () =>
    Effect.gen(function*() {
      const transcripts = [
        interim(500, "I want"),
        interim(900, "I want to speak"),
        final(4000, "I want to speak to Ann.")
      ]
      const timeline = yield* over(statement, [say(6000, 7500, "x", { transcripts })])
      assert.deepStrictEqual(outcome(timeline), ["cut", "turn: I want to speak", "turn: to Ann."])
    }))
})

describe("a request to wait", () => {
  it.effect("that was taken from an interim transcript is the same when it has become more polite", () =>
    Effect.gen(function*() {
      const transcripts = [interim(400, "One moment"), final(3000, "One moment, please.")]
      const timeline = yield* over(statement, [say(6000, 6700, "x", { transcripts })], { until: 30_000 })
      assert.deepStrictEqual(outcome(timeline), ["cut", "hold: One moment", "hold: please."])
      assert.strictEqual(timeline.requests.length, 0)
    }))

  it.effect("behind other words of the turn is one: they are kept, in their order, and answered with what follows", () =>
    Effect.gen(function*() {
      const transcripts = [final(900, "My number is four five"), final(2700, "hang on.")]
      for (const [text, from] of [["How can I help?", 12_000], [statement, 6000]] as const) {
        const timeline = yield* over(text, [
          say(from, from + 2500, "x", { transcripts }),
          say(20_000, 21_500, "six seven eight.")
        ], { llm: ["Fine.", "Fine."] })
        assert.deepStrictEqual(
          timeline.messages.slice(text === statement ? 0 : 1).filter((one) => !one.includes("Your")),
          [
            "user: My number is four five",
            "user: hang on.",
            "user: six seven eight.",
            "assistant: Fine."
          ]
        )
        assert.deepStrictEqual(timeline.of("UserSpeechSetAside").map(({ reason }) => reason), ["hold"])
        holds(timeline)
      }
    }))

  it.effect("keeps a reply that is being made until the user goes on, who gets one to both", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [
          say(500, 2500, "A room, please."),
          say(3300, 3700, "One moment."),
          say(12_000, 13_000, "Two nights.")
        ],
        llm: [{ text: "Fine.", firstToken: 3000 }, "Good."]
      })
      assert.deepStrictEqual(timeline.messages, [
        "user: A room, please.",
        "user: One moment.",
        "user: Two nights.",
        "assistant: Good."
      ])
      holds(timeline)
    }))

  it.effect.each(
    [
      ["a question", say(7300, 8300, "What was that?"), "What was that?"],
      ["okay", say(15_000, 15_400, "Okay."), "Okay."],
      ["a hum", say(15_000, 15_400, "Mm-hm."), "Mm-hm."],
      ["what they type", Testing.type(15_000, "room 7"), "room 7"]
    ] as const
  )("ends with %s", ([, next, words]) =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [say(6000, 6500, "Hang on."), next])
      assert.deepStrictEqual(outcome(timeline), ["cut", "hold: Hang on.", `turn: ${words}`])
      assert.strictEqual(timeline.requests.length, 1)
      holds(timeline)
    }))

  it.effect("is one again, for 45 more seconds", () =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [
        say(6000, 6500, "One moment."),
        say(40_000, 40_600, "One more moment."),
        say(80_000, 81_000, "I am back.")
      ])
      assert.deepStrictEqual(outcome(timeline), [
        "cut",
        "hold: One moment.",
        "hold: One more moment.",
        "turn: I am back."
      ])
      assert.isFalse(timeline.userStates().some(([state, at]) => state === "away" && at < 80_000))
    }))
})

describe("between two things that the agent says", () => {
  const between = (first: string, words: string, ms = 300, script: Script = {}) =>
    over(first, [say(10_250, 10_250 + ms, words)], {
      at: [
        { at: 0, do: (session) => session.say(first) },
        { at: 100, do: (session) => session.say("And welcome to the house.") }
      ],
      ...script
    })

  it.effect.each(["Mm-hm.", "Okay.", "Right."])(
    "%s is a sign of listening, and the second is heard",
    (words) =>
      Effect.gen(function*() {
        const timeline = yield* between("Hello there.", words)
        assert.match(outcome(timeline)[1] ?? "", /^(continuer|agreement): /)
        assert.include(timeline.messages, "assistant: And welcome to the house.")
        holds(timeline)
      })
  )

  it.effect.each([["Stop.", 300], ["I want a room.", 800], ["Tea.", 300]] as const)(
    "%s takes the floor",
    ([words, ms]) =>
      Effect.gen(function*() {
        const timeline = yield* between("Hello there.", words, ms)
        assert.deepStrictEqual(outcome(timeline), ["whole", `turn: ${words}`])
        assert.notInclude(timeline.messages, "assistant: And welcome to the house.")
        holds(timeline)
      })
  )

  it.effect.each(["Yes.", "Mm-hm.", "No."])(
    "%s answers the question that was the first",
    (words) =>
      Effect.gen(function*() {
        const timeline = yield* between("Is it for two?", words)
        assert.deepStrictEqual(outcome(timeline), ["whole", `turn: ${words}`])
        holds(timeline)
      })
  )
})

describe("at the end of a question", () => {
  it.effect.each(
    [
      ["an answer that becomes another", [
        say(9950, 10_400, "x", { transcripts: [interim(300, "Now"), final(600, "No.")] })
      ], [
        "turn: No."
      ]],
      ["an answer that goes on beyond it", [say(9400, 10_500, "Yes, please.")], ["turn: Yes, please."]],
      ["a hum and an answer", [say(9200, 9500, "Mm-hm."), say(9800, 10_000, "Yes.")], ["turn: Mm-hm. Yes."]],
      ["a hum in the middle, an answer after it", [say(5000, 5300, "Mm-hm."), say(10_400, 10_800, "No.")], [
        "continuer: Mm-hm.",
        "turn: No."
      ]],
      ["an answer whose transcript is very late", [say(10_100, 10_400, "Yes.", { finalDelay: 3000 })], ["turn: Yes."]],
      ["an answer, and the caller is gone", [say(10_300, 10_600, "No."), Testing.leave(10_700)], ["turn: No."]]
    ] as const
  )("%s", ([, user, expected]) =>
    Effect.gen(function*() {
      const timeline = yield* over(question, user)
      assert.deepStrictEqual(outcome(timeline).slice(1), [...expected])
      holds(timeline)
    }))

  it.effect("another caller's words are not the caller's", () =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [
        Testing.by("bob", Testing.join(2000)),
        Testing.by("bob", say(6100, 8500, "Stop. No, go on with it, please."))
      ])
      assert.deepStrictEqual(outcome(timeline), ["whole"])
    }))

  it.effect("languages change from word to word, and each is read in its own", () =>
    Effect.gen(function*() {
      const timeline = yield* over(statement, [
        say(4000, 4400, "Mhm.", { language: "de" }),
        say(6000, 6400, "Yeah.", { language: "en" }),
        say(7800, 8200, "Sí.", { language: "es" }),
        say(9000, 9300, "Nein.", { language: "de" })
      ])
      assert.deepStrictEqual(outcome(timeline), [
        "cut",
        "continuer: Mhm.",
        "agreement: Yeah.",
        "agreement: Sí.",
        "turn: Nein."
      ])
      holds(timeline)
    }))
})
