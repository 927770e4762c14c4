import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema, Stream } from "effect"
import { Text } from "effect-voice"
import { thorough } from "./support/thorough.ts"

const cut = (text: string, sizes: ReadonlyArray<number>): Array<string> => {
  const chunks: Array<string> = []
  let at = 0
  for (let i = 0; at < text.length; i++) {
    const size = sizes.length === 0
      ? text.length
      : Math.max(sizes[i % sizes.length] ?? 1, i % sizes.length === 0 ? 1 : 0)
    chunks.push(text.slice(at, at + size))
    at += size
  }
  return chunks
}

const stream = (chunks: ReadonlyArray<string>, options?: Text.SentenceOptions): Array<string> => {
  const segmenter = Text.segmenter(options)
  return [...chunks.flatMap(segmenter.push), ...segmenter.end()]
}

const tour =
  "Hi! LiveKit is a platform for live audio and video applications and services. R.T.C stands for Real-Time " +
  "Communication... again R.T.C. Mr. Theo is testing the sentence tokenizer. This is a test. Another test. " +
  "A short sentence. A longer sentence that is longer than the previous sentence. Find additional resources on " +
  "livekit.com. Find additional resources on docs.livekit.com. f(x) = x * 2.54 + 42. Hey! Hi! Hello! "

const tourPieces = [
  "Hi! LiveKit is a platform for live audio and video applications and services.",
  "R.T.C stands for Real-Time Communication... again R.T.C.",
  "Mr. Theo is testing the sentence tokenizer.",
  "This is a test. Another test.",
  "A short sentence. A longer sentence that is longer than the previous sentence.",
  "Find additional resources on livekit.com.",
  "Find additional resources on docs.livekit.com.",
  "f(x) = x * 2.54 + 42.",
  "Hey! Hi! Hello!"
]

const fragments = [
  ..."a I the The He word Hello Mr Dr e.g U.S R.T.C etc No p.m 1 42 3.14 1,000 https://a.io/b?c=1 me@x.org f.tar.gz"
    .split(" "),
  ...". . . ... … ! ? ?! 。 ！ ？ । ؟ ۔ , ， 、 : “ ” 「 」 ( ) \" ' * - — 你好 世界 नमस्ते مرحبا 한국어 😀 👩‍👧 🇩🇪".split(
    " "
  ),
  " ",
  " ",
  " ",
  "  ",
  "\n",
  "\n\n",
  "\r\n",
  "\t",
  "\ud83d",
  "\ude00",
  "\u0301",
  "\u200d"
]
const Texts = Schema.Array(Schema.Literals(fragments))
const Units = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff })))
const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })))
const Length = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))
const many = { arbitrary: { runs: thorough ? 2000 : 400, size: 60 } }

describe("Text.splitSentences", () => {
  it("joins short sentences and knows abbreviations, domains and numbers", () => {
    assert.deepStrictEqual(Text.splitSentences(tour, { minLength: 20 }), tourPieces)
    assert.deepStrictEqual(Text.splitSentences(tour), tourPieces)
  })

  const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>, Text.SentenceOptions?]> = [
    ["", []],
    [" \n\t ", []],
    ["这是第一句话。这是第二句话！这是第三句话？好的。", [
      "这是第一句话。",
      "这是第二句话！",
      "这是第三句话？",
      "好的。"
    ]],
    ["他说：“你好。”然后走了。「本当？！」と聞いた。太好了！！", [
      "他说：“你好。”",
      "然后走了。",
      "「本当？！」",
      "と聞いた。",
      "太好了！！"
    ]],
    ["नमस्ते। आप कैसे हैं? ठीक॥", ["नमस्ते।", "आप कैसे हैं?", "ठीक॥"]],
    ["مرحبا؟ كيف حالك. شكرا۔ نعم", ["مرحبا؟", "كيف حالك.", "شكرا۔", "نعم"]],
    ["გამარჯობა. როგორ ხარ?", ["გამარჯობა.", "როგორ ხარ?"]],
    ["Dr. Smith of the U.S. Army left. In the U.S. We stay.", [
      "Dr. Smith of the U.S. Army left.",
      "In the U.S.",
      "We stay."
    ]],
    ["J.R.R. Tolkien met J. Smith. Use plan B. We go.", ["J.R.R. Tolkien met J. Smith.", "Use plan B.", "We go."]],
    ["It cost $3.50, i.e. 1,000.25 yen approx. as ever.", ["It cost $3.50, i.e. 1,000.25 yen approx. as ever."]],
    ["Room No. 5 is free. The answer is no. Sorry.", ["Room No. 5 is free.", "The answer is no.", "Sorry."]],
    ["Open at 9 a.m. sharp. Bring tea, milk etc. The end.", [
      "Open at 9 a.m. sharp.",
      "Bring tea, milk etc.",
      "The end."
    ]],
    ["See https://a.io/x?y=1.2. Mail me@x.co.uk. Get v1.2.tar.gz! Ok", [
      "See https://a.io/x?y=1.2.",
      "Mail me@x.co.uk.",
      "Get v1.2.tar.gz!",
      "Ok"
    ]],
    ["He said \"Stop.\" Then left. \"Why?!\" she said. (Late.) Bye.", [
      "He said \"Stop.\"",
      "Then left.",
      "\"Why?!\" she said.",
      "(Late.)",
      "Bye."
    ]],
    ["« Oui ! » dit-il. « Non. » Il part.", ["« Oui ! » dit-il.", "« Non. »", "Il part."]],
    ["Well... maybe. Hello . . . world… Yes?! No", ["Well... maybe.", "Hello . . . world…", "Yes?!", "No"]],
    ["i am fine today. how are you?", ["i am fine today.", "how are you?"]],
    ["Great! 😀 Next. 👍🏽 Yes.", ["Great!", "😀 Next.", "👍🏽 Yes."]],
    ["Title\n\nbody text\ngoes on\nNext line", ["Title", "body text\ngoes on", "Next line"]],
    ["1. First\n2. Second one.\n\nDone", ["1. First", "2. Second one.", "Done"]],
    ["Am 3. Oktober kam Hr. Meier z.B. spät. Es war am 5. Dann nicht mehr.", [
      "Am 3. Oktober kam Hr. Meier z.B. spät.",
      "Es war am 5.",
      "Dann nicht mehr."
    ], { language: "de-AT" }],
    ["Es la Sra. López y el núm. 3. Gracias.", ["Es la Sra. López y el núm. 3.", "Gracias."], { language: "es" }],
    ["Chez Mme. Dupont, env. Dix. Il part.", ["Chez Mme. Dupont, env. Dix.", "Il part."], { language: "fr" }],
    ["Es kostet ca. 5 Mio. Euro. Wir wohnen in der Hauptstr. 12. Bitte klingeln.", [
      "Es kostet ca. 5 Mio. Euro.",
      "Wir wohnen in der Hauptstr. 12.",
      "Bitte klingeln."
    ], { language: "de" }],
    ["Vive en EE. UU. desde 1999. ¿Qué tal?", ["Vive en EE. UU. desde 1999.", "¿Qué tal?"], { language: "es" }],
    ["Il Sig. Rossi arriva alle 15.30. È a p. 4.", ["Il Sig. Rossi arriva alle 15.30.", "È a p. 4."], {
      language: "it"
    }],
    ["O Sr. Silva mora na Av. Paulista, n. 1000. Obrigado.", [
      "O Sr. Silva mora na Av. Paulista, n. 1000.",
      "Obrigado."
    ], { language: "pt-BR" }],
    ["Dhr. Jansen komt, bijv. Dinsdag. Mevr. de Vries ook.", [
      "Dhr. Jansen komt, bijv. Dinsdag.",
      "Mevr. de Vries ook."
    ], { language: "Dutch" }],
    ["Pan mgr inż. Kowalski mieszka na ul. Długiej 5. Dobrze.", [
      "Pan mgr inż. Kowalski mieszka na ul. Długiej 5.",
      "Dobrze."
    ], { language: "pl" }],
    ["Г-н Иванов живёт на ул. Ленина, д. 5. Это всё.", ["Г-н Иванов живёт на ул. Ленина, д. 5.", "Это всё."], {
      language: "ru"
    }],
    ["कीमत रु. 500 है।", ["कीमत रु. 500 है।"], { language: "hi" }],
    ...([
      ["ru", "В 2024 г. Москва приняла 20 млн. туристов. Это много."],
      ["ru", "г. Москва, ул. Ленина, д. 5, кв. 12. Спасибо."],
      ["ru", "В XX в. Россия росла, и т. д. Потом нет."],
      ["ru", "А. С. Пушкин, т. е. Поэт, родился в 1799 г. Это всё."],
      ["ru", "Звоните по тел. +7 495 или (495) 123. Ждём."],
      ["en", "В 2024 г. Москва, ул. Ленина. Это всё."],
      ["de", "Wir haben z. B. Berlin und d. h. München. Gut."],
      ["de", "Auf S. 5, Nr. A5, Tel. +49 30, in Kap. IV. Danke."],
      ["de", "Prof. Dr. med. Müller ist i. d. R. Montags da. Er hilft."],
      ["de", "Das war 44 v. Chr. Caesar starb am 15. März. So war es."],
      ["fr", "M. Dupont, Me Durand et le Pr. Martin. Bien."],
      ["fr", "Au chap. IV, p. ex. Jean, av. Foch, vol. II. Merci."],
      ["es", "El Sr. López vive en Av. Libertador, p. ej. Madrid. Gracias."],
      ["es", "La Dra. Ruiz llega a las 9 a. m. Mañana vamos."],
      ["pl", "W 2024 r. Warszawa, w XX w. Polska, m. in. Kraków. Tak."],
      ["pl", "Mieszkam na 5. piętrze, pl. Wolności 3 m. 2. Dobrze."],
      ["pl", "Pan p. Kowalski, ul. Długa, pok. 5. Dobrze."],
      ["it", "L'on. Bianchi abita p. es. Roma, S. Pietro, n. 5. Bene."],
      ["nl", "Mr. Jansen, o. a. Amsterdam, d. w. z. Nederland. Goed."],
      ["pt", "A Dra. Souza mora na R. Augusta, apto. 5. Sim."],
      ["cs", "Bydlím ve 3. patře. Dobře."],
      ["en", "Take vitamin c. Then rest."],
      ["en", "See Vol. II and No. 5. I know."],
      ["en", "Mail jo.Smith@x.org today. Thanks."]
    ] as const).map(([language, text]): readonly [string, ReadonlyArray<string>, Text.SentenceOptions] => {
      const last = text.lastIndexOf(" ", text.length - 2)
      const from = language === "es" && text.endsWith("vamos.")
        ? text.indexOf("Mañana")
        : ["Это много.", "Потом нет.", "Это всё.", "Er hilft.", "So war es.", "Then rest.", "I know."]
          .map((end) => text.lastIndexOf(end)).find((at) => at > 0) ?? last + 1
      return [text, [text.slice(0, from).trim(), text.slice(from)], { language }]
    }),
    ["המחיר הוא 3.50 ש\"ח. תודה.", ["המחיר הוא 3.50 ש\"ח.", "תודה."]],
    ["Τι κάνετε; Είμαι καλά. One; two.", ["Τι κάνετε;", "Είμαι καλά.", "One; two."]],
    ["Բարև։ Լավ։ ሰላም፧ དེ་རིང།", ["Բարև։", "Լավ։", "ሰላም፧", "དེ་རིང།"]],
    ["Tell me more.What then?Nobody.So", ["Tell me more.", "What then?", "Nobody.So"]],
    ["Tell me more.What", ["Tell me more.", "What"]],
    ["It is 5 ft. 3 in. tall. Fine.", ["It is 5 ft. 3 in. tall.", "Fine."]],
    ["A long sentence, with several clauses, goes on and on without an end", [
      "A long sentence,",
      "with several clauses,",
      "goes on and on without an",
      "end"
    ], { maxLength: 25 }],
    ["这是一个很长的句子，有几个分句，一直没有结束", ["这是一个很长的句子，", "有几个分句，", "一直没有结束"], {
      maxLength: 10
    }],
    ["Donaudampfschifffahrt", ["Donaudampfschifffahrt"], { maxLength: 5 }]
  ]
  for (const [text, expected, options] of cases) {
    it(`cuts ${JSON.stringify(text.slice(0, 50))}`, () => {
      assert.deepStrictEqual(Text.splitSentences(text, { minLength: 1, ...options }), expected)
    })
  }

  it("joins fewer Chinese characters than Latin letters", () => {
    const text = "今天天气很好。我们去公园吧。"
    assert.lengthOf(Text.splitSentences(text), 1)
    assert.lengthOf(Text.splitSentences(`${text}${text}`, { language: "zh" }), 2)
  })

  it("lets the first piece be shorter", () => {
    assert.deepStrictEqual(
      Text.splitSentences("Sure! I can do that. And so on. Bye.", { minLength: 20, firstMinLength: 4 }),
      ["Sure!", "I can do that. And so on.", "Bye."]
    )
  })
})

describe("Text.segmenter", () => {
  it("gives the same nine pieces from chunks of 1, 2 and 4", () => {
    assert.deepStrictEqual(stream(cut(tour, [1, 2, 4])).map((piece) => piece.trim()), tourPieces)
  })

  const latency: ReadonlyArray<
    readonly [name: string, ...steps: ReadonlyArray<readonly [string, ReadonlyArray<string>]>]
  > = [
    ["a full stop waits for white space", ["It is late.", []], [" ", ["It is late. "]]],
    ["a full stop after a short word waits for what follows", ["I see it. ", []], ["N", ["I see it. "]]],
    ["… and is none before lower case", ["I see it. ", []], ["not you", []]],
    ["a full stop in a number or a name is none", ["Take 3.", []], ["5 from a.", []], ["b", []]],
    ["a question mark waits for white space", ["Are you there?", []], [" ", ["Are you there? "]]],
    ["an ideographic stop waits for nothing", ["这是第一句话。", ["这是第一句话。"]]],
    ["… unless a quotation is open", ["他说：“好。", []], ["”", ["他说：“好。”"]]],
    ["a full-width mark waits for one character", ["真的吗？", []], ["是", ["真的吗？"]]],
    ["a danda waits for nothing", ["नमस्ते।", ["नमस्ते।"]], [" आप।", [" आप।"]]],
    ["a title never ends a sentence", ["Ask Dr. ", []], ["No about", []]],
    ["an acronym waits for the whole next word", ["In the U.S. Th", []], ["e", []], [" ", ["In the U.S. "]]],
    ["… and ends nothing before a name", ["In the U.S. Th", []], ["eodore ", []]],
    ["a blank line waits for nothing", ["A heading\n", []], ["\n", ["A heading\n\n"]]],
    ["a line break after a stop waits for nothing", ["See it.", []], ["\n", ["See it.\n"]]],
    ["a surrogate pair in two chunks stays whole", ["Good.  \ud83d", ["Good. "]], ["\ude00 Goodbye. ", [
      " 😀 Goodbye. "
    ]]]
  ]
  for (const [name, ...steps] of latency) {
    it(name, () => {
      const segmenter = Text.segmenter({ minLength: 1 })
      for (const [chunk, expected] of steps) {
        assert.deepStrictEqual(segmenter.push(chunk), expected, chunk)
      }
    })
  }

  it("decides at the end what waited for a whole word", () => {
    assert.deepStrictEqual(stream(["In the U.S. The"], { minLength: 1 }), ["In the U.S. ", "The"])
    assert.deepStrictEqual(stream(["In the U.S. Theo"], { minLength: 1 }), ["In the U.S. Theo"])
  })

  it("begins anew after its end", () => {
    const segmenter = Text.segmenter({ firstMinLength: 1, minLength: 50 })
    for (let i = 0; i < 2; i++) {
      assert.deepStrictEqual(segmenter.push("Hello. (Again. "), ["Hello. "])
      assert.deepStrictEqual(segmenter.end(), ["(Again. "])
      assert.deepStrictEqual(segmenter.end(), [])
    }
  })

  const check = (text: string, sizes: ReadonlyArray<number>, options: Text.SentenceOptions) => {
    const whole = stream([text], options)
    const pieces = stream(cut(text, sizes), options)
    assert.deepStrictEqual(pieces, whole)
    const joined = pieces.join("")
    assert.isTrue(text.startsWith(joined), "lossless")
    assert.strictEqual(text.slice(joined.length).trim(), "")
    assert.deepStrictEqual(pieces.map((piece) => piece.trim()), [...Text.splitSentences(text, options)])
    assert.isTrue(pieces.every((piece) => piece.trim() !== ""))
    if (text.isWellFormed()) {
      assert.isTrue(pieces.every((piece) => piece.isWellFormed()), "no pair is cut")
    }
  }

  it.prop("neither loses nor moves anything, however the text is cut", {
    parts: Texts,
    sizes: Sizes,
    minLength: Length,
    maxLength: Length
  }, ({ maxLength, minLength, parts, sizes }) => {
    check(parts.join(""), sizes, { minLength, maxLength: maxLength === 0 ? undefined : maxLength })
  }, many)

  it.prop("… made of any code units", { units: Units, sizes: Sizes }, ({ sizes, units }) => {
    check(String.fromCharCode(...units), sizes, { minLength: 1, maxLength: 9 })
  }, many)

  it.prop(
    "keeps to the minimum length, save at the end",
    { parts: Texts, minLength: Length },
    ({ minLength, parts }) => {
      for (const piece of Text.splitSentences(parts.join(""), { minLength }).slice(0, -1)) {
        assert.isAtLeast(piece.length, minLength)
      }
    },
    many
  )

  const million = 1_000_000
  const long: ReadonlyArray<readonly [string, string]> = [
    ["sentences", tour.repeat(million / tour.length)],
    ["one word", "a".repeat(million)],
    ["one sentence", "word ".repeat(million / 5)],
    ["full stops", ".".repeat(million)],
    ["spaces after a stop", `Stop.${" ".repeat(million)}`],
    ["initials", "A.".repeat(million / 2)],
    ["opening brackets", "(a ".repeat(million / 3)]
  ]
  for (const [name, text] of long) {
    it(`takes a megabyte of ${name}, one character at a time, in linear time`, () => {
      const segmenter = Text.segmenter({ maxLength: 1e9 })
      let length = 0
      for (let i = 0; i < text.length; i++) {
        for (const piece of segmenter.push(text.charAt(i))) {
          length += piece.length
        }
      }
      for (const piece of segmenter.end()) {
        length += piece.length
      }
      assert.strictEqual(text.slice(length).trim(), "")
    })
  }
})

describe("Text.sentences", () => {
  it.effect("streams what the segmenter gives", () =>
    Effect.gen(function*() {
      const data = yield* Stream.fromIterable(cut(tour, [3])).pipe(Text.sentences(), Stream.runCollect)
      assert.deepStrictEqual(data, stream([tour]))
      const first = yield* Text.sentences(Stream.make("Yes. ", "No."), { minLength: 1 }).pipe(Stream.runCollect)
      assert.deepStrictEqual(first, ["Yes. ", "No."])
    }))

  it.effect("keeps chunks together", () =>
    Effect.gen(function*() {
      const chunks = yield* Stream.fromIterable(["One more. Two", " more! Three"]).pipe(
        Text.sentences({ minLength: 1 }),
        Stream.chunks,
        Stream.runCollect
      )
      assert.deepStrictEqual(chunks, [["One more. ", "Two more! "], ["Three"]])
    }))

  it.effect("does not speak half a sentence when the text fails", () =>
    Effect.gen(function*() {
      const heard: Array<string> = []
      const exit = yield* Stream.make("All is well. But th").pipe(
        Stream.concat(Stream.fail("lost")),
        Text.sentences({ minLength: 1 }),
        Stream.runForEach((piece) => Effect.sync(() => heard.push(piece))),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("lost"))
      assert.deepStrictEqual(heard, ["All is well. "])
    }))
})

describe("Text.words", () => {
  it("ignores punctuation, or keeps it", () => {
    assert.deepStrictEqual(
      Text.words("This is a test. Blabla another test! multiple consecutive spaces:     done"),
      ["This", "is", "a", "test", "Blabla", "another", "test", "multiple", "consecutive", "spaces", "done"]
    )
    const tagged = Text.words(
      "This is <phoneme alphabet=\"cmu-arpabet\" ph=\"AE K CH UW AH L IY\">actually</phoneme> tricky to handle.",
      { punctuation: "keep" }
    )
    assert.lengthOf(tagged, 14)
    assert.deepStrictEqual(tagged.slice(-3), ["tricky", "to", "handle."])
    assert.deepStrictEqual(Text.words("你好，world！ “don’t”"), ["你好", "world", "don’t"])
    assert.deepStrictEqual(Text.words("你好，world！", { punctuation: "keep" }), ["你好，", "world！"])
  })

  it("counts what was said", () => {
    const counts: ReadonlyArray<readonly [string, number]> = [
      ["", 0],
      ["   ", 0],
      ["hello", 1],
      ["hello world", 2],
      ["Hello, world!", 2],
      ["  hello   world  ", 2],
      ["...", 0],
      ["— 😀 !", 0],
      ["$5 mm-hm 3.14", 3],
      ["你好世界", 2],
      ["สวัสดีครับ", 2]
    ]
    for (const [text, count] of counts) {
      assert.strictEqual(Text.countWords(text), count, text)
    }
  })

  it.prop("keeps every character but white space", { parts: Texts }, ({ parts }) => {
    const text = parts.join("")
    assert.strictEqual(Text.words(text, { punctuation: "keep" }).join(""), text.replace(/\s/g, ""))
  }, many)
})

describe("Text.paragraphs", () => {
  it("gives exact offsets", () => {
    const offsets = (text: string) => Text.paragraphs(text).map(({ end, start }) => [start, end])
    assert.deepStrictEqual(offsets("Paragraph 1.\n\nParagraph 2."), [[0, 12], [14, 26]])
    assert.deepStrictEqual(offsets("\n\n  Paragraph with leading and trailing spaces.  \n\n"), [[4, 47]])
    assert.deepStrictEqual(offsets("Para 1.\n \n \nPara 2."), [[0, 7], [12, 19]])
    assert.deepStrictEqual(offsets("Para 1.\r\n\r\nPara 2."), [[0, 7], [11, 18]])
    assert.deepStrictEqual(offsets(""), [])
    assert.deepStrictEqual(offsets("\n\n\n"), [])
    assert.deepStrictEqual(offsets("Line 1\nLine 2\nLine 3"), [[0, 20]])
  })

  it.prop("… of any text", { parts: Texts }, ({ parts }) => {
    const text = parts.join("")
    let at = 0
    for (const paragraph of Text.paragraphs(text)) {
      assert.strictEqual(text.slice(at, paragraph.start).trim(), "")
      assert.strictEqual(text.slice(paragraph.start, paragraph.end), paragraph.text)
      assert.strictEqual(paragraph.text.trim(), paragraph.text)
      assert.isFalse(/\n[^\S\n]*\n/.test(paragraph.text))
      at = paragraph.end
    }
    assert.strictEqual(text.slice(at).trim(), "")
  }, many)
})

describe("Text.equivalent", () => {
  const cases: ReadonlyArray<readonly [string, string, boolean]> = [
    ["BOOK   A ROOM", "book a room.", true],
    ["book a", "book a room", false],
    ["booka room", "book a room", false],
    ["...", "", false],
    ["...", "... ", true],
    ["你好world", "你 好 world", true],
    ["你好，世界。", "你好世界", true],
    ["STRASSE", "straße", false],
    ["don’t", "don't", true],
    ["3.14", "3, 14", false],
    ["cafe\u0301", "café", true]
  ]
  for (const [a, b, expected] of cases) {
    it(`${JSON.stringify(a)} ${expected ? "is" : "is not"} ${JSON.stringify(b)}`, () => {
      assert.strictEqual(Text.equivalent(a, b), expected)
      assert.strictEqual(Text.equivalent(a)(b), expected)
    })
  }

  it.prop("is an equivalence", { a: Texts, b: Texts }, ({ a, b }) => {
    const [left, right] = [a.join(""), b.join("")]
    assert.isTrue(Text.equivalent(left, `  ${left}\n`))
    assert.strictEqual(Text.equivalent(left, right), Text.equivalent(right, left))
  }, many)
})

describe("Text.isBackchannel and Text.isCutIn", () => {
  it("know acknowledgements from answers and requests", () => {
    for (
      const text of [
        "Yeah.",
        "Mm-hm",
        "mhm",
        "uh-huh",
        "Uh huh, okay.",
        "I see!",
        "Got it",
        "Hmmmm…",
        "Okaaay",
        "oh, right"
      ]
    ) {
      assert.isTrue(Text.isBackchannel(text), text)
    }
    for (const text of ["", "...", "no", "yes please", "stop", "wait", "yeah but", "see", "what", "go"]) {
      assert.isFalse(Text.isBackchannel(text), text)
    }
  })

  it("know requests to stop", () => {
    for (
      const text of [
        "Stop!",
        "please wait a second",
        "Hold on",
        "HANG ON.",
        "excuse me, sir",
        "no, no",
        "No!",
        "Okay, cancel that"
      ]
    ) {
      assert.isTrue(Text.isCutIn(text), text)
    }
    for (
      const text of [
        "",
        "okay",
        "nonstop",
        "don't stop",
        "I can't wait",
        "No problem.",
        "Yeah, no.",
        "November",
        "The bus stop is near the station"
      ]
    ) {
      assert.isFalse(Text.isCutIn(text), text)
    }
  })

  it("take other phrases, and other languages", () => {
    assert.isTrue(Text.isBackchannel("Ja, genau.", { language: "de-DE" }))
    assert.isFalse(Text.isBackchannel("Ja, genau."))
    assert.isTrue(Text.isBackchannel("jep", { phrases: ["jep"] }))
    assert.isFalse(Text.isBackchannel("yeah", { phrases: ["jep"] }))
    assert.isTrue(Text.isBackchannel("a b c", { phrases: ["a", "a b", "b c"] }))
    assert.isTrue(Text.isCutIn("等一下", { phrases: ["等一下"] }))
    assert.isFalse(Text.isCutIn("stop", { phrases: [] }))
  })
})

describe("Text.phraseKind", () => {
  const kinds = { continuers: "continuer", agreement: "agreement", cutIns: "cut-in", holds: "hold" } as const

  it.each(Object.keys(Text.phrasebooks) as ReadonlyArray<keyof typeof Text.phrasebooks>)(
    "finds each phrase of %s in its own list, and in no other",
    (language) => {
      for (const [name, kind] of Object.entries(kinds)) {
        for (const phrase of Text.phrasebooks[language][name as keyof typeof kinds]) {
          for (const text of [phrase, `${phrase}.`, phrase.toUpperCase()]) {
            assert.strictEqual(Text.phraseKind(text, { language }), kind, text)
          }
        }
      }
    }
  )

  it.each(
    [
      ["Ja.", "de", "continuer"],
      ["Genau.", "german", "agreement"],
      ["Moment bitte!", "de-AT", "hold"],
      ["Nein!", "de", "cut-in"],
      ["Mhm, d'accord", "fr", "agreement"],
      ["Ne quittez pas, s'il vous plaît.", "fr-CA", "hold"],
      ["Taisez-vous !", "fr", "cut-in"],
      ["Ajá", "es", "continuer"],
      ["Sí, un momento por favor", "es-MX", "hold"],
      ["No.", "es", "cut-in"],
      ["Uhum", "pt-BR", "continuer"],
      ["Peraí!", "pt", "hold"],
      ["はい、はい", "ja", "continuer"],
      ["ちょっと待ってください。", "ja-JP", "hold"],
      ["待って!", "ja", "cut-in"],
      ["うーん", "ja", undefined],
      ["No", "pl", "continuer"],
      ["No", "tr", undefined],
      ["Okay", "tr", undefined],
      ["Eh già, capisco.", "it", "continuer"],
      ["Va bene, d'accordo", "it-IT", "agreement"],
      ["Basta!", "italian", "cut-in"],
      ["Scusi, un attimo per favore.", "it", "hold"],
      ["Aspetti un momento", "it", "hold"],
      ["Fine.", "it", undefined],
      ["Ja, ja.", "nl", "continuer"],
      ["Dat klopt, prima.", "nl-BE", "agreement"],
      ["Nee hoor!", "nl", "cut-in"],
      ["Wacht even, alstublieft.", "dut", "hold"],
      ["1 minuutje", "nl", "hold"],
      ["Aha, rozumiem.", "pl", "continuer"],
      ["Tak, jasne.", "pl-PL", "agreement"],
      ["Nie, dziękuję.", "pl", "cut-in"],
      ["Prosze poczekac.", "pol", "hold"],
      ["Tak, chwileczkę!", "pl", "hold"],
      ["Угу, понятно.", "ru", "continuer"],
      ["Да-да, хорошо.", "ru-RU", "agreement"],
      ["Нет, спасибо!", "ru", "cut-in"],
      ["Извините, еще минутку.", "rus", "hold"],
      ["2 секунды", "ru", "hold"],
      ["Hang on.", undefined, "hold"],
      ["Yes, one moment.", "en", "hold"],
      ["No problem.", "en-GB", "agreement"],
      ["O.K.", "en", "agreement"],
      ["Cut it out!", "en", "cut-in"],
      ["One more minute, please.", "en", "hold"],
      ["Halt, stopp!", "de", "cut-in"],
      ["Noch einen kleinen Moment.", "de", "hold"],
      ["Pardon !", "fr", "cut-in"],
      ["Encore un instant.", "fr", "hold"],
      ["¡Paren!", "es", "cut-in"],
      ["Un momento más.", "es", "hold"],
      ["Para com isso!", "pt", "cut-in"],
      ["Só mais um minutinho.", "pt", "hold"],
      ["おやめください。", "ja", "cut-in"],
      ["もうちょっと待って", "ja", "hold"],
      ["Yeah, no.", "en", undefined],
      ["", "en", undefined]
    ] as const
  )("%j in %s is %s", (text, language, kind) => {
    assert.strictEqual(Text.phraseKind(text, { language }), kind)
  })

  it.each(Object.keys(Text.phrasebooks) as ReadonlyArray<keyof typeof Text.phrasebooks>)(
    "lengths of time in %s are requests to wait, and its questions of how long are phrases",
    (language) => {
      const { holds, howLong, lengths } = Text.phrasebooks[language]
      assert.deepStrictEqual(lengths.filter((phrase) => !holds.includes(phrase)), [])
      assert.strictEqual(new Set(howLong).size, howLong.length)
      assert.strictEqual(howLong.length > 0, lengths.length > 0)
    }
  )

  it.each(Object.keys(Text.phrasebooks) as ReadonlyArray<keyof typeof Text.phrasebooks>)(
    "says nothing twice within a list of %s",
    (language) => {
      for (const [name, phrases] of Object.entries(Text.phrasebooks[language])) {
        assert.deepStrictEqual(phrases.filter((phrase: string, i: number) => phrases.indexOf(phrase) !== i), [], name)
      }
    }
  )

  it.each(Object.keys(Text.phrasebooks).filter((language) => language !== "en"))(
    "knows the English that speakers of %s use, but for what is a word of theirs",
    (language) => {
      const kind = (text: string) => Text.phraseKind(text, { language })
      assert.deepStrictEqual(
        ["Okay.", "Sorry, one moment!", "Hold on, please.", "Stop!", "Yes, just a second.", "Thank you.", "Fine."].map(
          kind
        ),
        ["agreement", "hold", "hold", "cut-in", "hold", undefined, undefined]
      )
      const own = Text.phrasebooks[language as "pl"]
      const one = own.lengths[0] ?? own.holds[0]!
      assert.strictEqual(kind(`Sorry, ${one}`), "hold")
      assert.strictEqual(kind(`Okay, ${one}`), "hold")
    }
  )

  it("takes who apologises and asks for a moment to ask for one", () => {
    for (
      const [text, language] of [
        ["Excuse me, one moment.", "en"],
        ["Entschuldigung, einen Moment.", "de"],
        ["Pardon, un instant.", "fr"],
        ["Disculpe, un momento.", "es"],
        ["Scusi, un momento.", "it"],
        ["Desculpe, um momento.", "pt"],
        ["Przepraszam, moment.", "pl"],
        ["Простите, минутку.", "ru"],
        ["すみません、ちょっと待ってください。", "ja"]
      ] as const
    ) {
      assert.strictEqual(Text.phraseKind(text, { language }), "hold", text)
      assert.strictEqual(Text.phraseKind(text.split(/[,、]/)[0]!, { language }), "cut-in", text)
    }
  })

  it("takes more phrases, also of a language that is not known", () => {
    const phrases = { sv: { continuers: ["ja", "precis"], cutIns: ["vänta"] }, de: { agreement: ["passt scho"] } }
    assert.strictEqual(Text.phraseKind("Ja, precis.", { language: "sv-SE", phrases }), "continuer")
    assert.strictEqual(Text.phraseKind("Vänta!", { language: "sv", phrases }), "cut-in")
    assert.strictEqual(Text.phraseKind("Ja, passt scho", { language: "de", phrases }), "agreement")
    assert.isUndefined(Text.phraseKind("Ja", { language: "sv" }))
  })
})
