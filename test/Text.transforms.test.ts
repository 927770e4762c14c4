import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema, Stream } from "effect"
import { Text } from "effect-voice"
import { thorough } from "./support/thorough.ts"

const cut = (text: string, size: number): Array<string> => {
  const chunks: Array<string> = []
  for (let at = 0; at < text.length; at += size) {
    chunks.push(text.slice(at, at + size))
  }
  return chunks
}

const apply = (transform: Text.Transform, chunks: ReadonlyArray<string>): string => {
  const run = transform.open()
  return chunks.map(run.push).join("") + run.end()
}

const sizes = [1, 2, 3, 5, 7, 11, 50, 1000]

const rewrites = (transform: Text.Transform, cases: ReadonlyArray<readonly [string, string]>) => {
  for (const [text, expected] of cases) {
    it(`${JSON.stringify(text)} → ${text === expected ? "unchanged" : JSON.stringify(expected)}`, () => {
      for (const size of sizes) {
        assert.strictEqual(apply(transform, cut(text, size)), expected, `in chunks of ${size}`)
      }
    })
  }
}

const fragments = [
  ..."a word I You'll 1 2.5 C++ SQL sql LiveKit Live Kit livekit ab abc x_y 你好 한국어 ไทย 😀 👩‍👧 🇩🇪 1️⃣ ❤️ © #".split(
    " "
  ),
  ..."$ $x$ $5 ^ ^2 ^{ } \\( \\) \\[ \\frac{ \\times <b> <sup> </sup> <td> </td> < > & &amp; [1] [^1] ]: ^1 :-- --- |-- <!-- --> = \\begin{a} \\end{a}"
    .split(" "),
  ..."* ** *** **** _ __ ` `` ``` ~ ~~ ~~~ [ ] ( ) ![ ]( (a) [a](b) # ## - + • > | |-| | --- ! \\ . , : / & 0".split(
    " "
  ),
  " ",
  " ",
  " ",
  " ",
  "\n",
  "\n",
  "\n\n",
  "\r\n",
  "\t",
  "\ud83d",
  "\ude00",
  "\ufe0f",
  "\u200d",
  "\u20e3",
  "\ud83c",
  "\uddea"
]
const Texts = Schema.Array(Schema.Literals(fragments))
const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })))
const many = { arbitrary: { runs: thorough ? 2000 : 400, size: 60 } }

const pieces = (text: string, sizes: ReadonlyArray<number>): Array<string> => {
  const chunks: Array<string> = []
  let at = 0
  for (const size of sizes) {
    chunks.push(text.slice(at, at + size))
    at += size
  }
  return [...chunks, text.slice(at)]
}

const unchanged = (texts: ReadonlyArray<string>) => texts.map((text) => [text, text] as const)

/** What a transform has given after each chunk. */
const steps = (transform: Text.Transform, chunks: ReadonlyArray<string>): Array<string> => {
  const run = transform.open()
  return [...chunks.map(run.push), run.end()]
}

describe("Text.markdown strips", () => {
  rewrites(Text.markdown, [
    ["He said *hello* again.", "He said hello again."],
    ["Call ***now***!", "Call now!"],
    ["Press (**1**) to confirm.", "Press (1) to confirm."],
    ["**_mixed_** here.", "mixed here."],
    ["这是**很重要**的文本。", "这是很重要的文本。"],
    ["한국어**강조**입니다.", "한국어강조입니다."],
    ["***bold** italic* and *a **b***", "bold italic and a b"],
    ["**Note**: _one_ ~~two~~ __three__", "Note: one two three"],
    ["# Title\nBody\n### Sub\r\nMore", "Title\nBody\nSub\r\nMore"],
    ["- a\n* b\n+ c\n  • d\n1. e\n- [x] f", "a\nb\nc\nd\n1. e\nf"],
    ["> quote\n>\n> more", "quote\n\nmore"],
    ["Above\n\n---\n***\nbelow", "Above\n\n\n\nbelow"],
    ["Run `npm *install*` or ``a`b``", "Run npm *install* or a`b"],
    ["See [the *docs*](https://x.io/a_b_(c) \"Title\") now", "See the docs now"],
    ["Look: ![a *b*](x.png) [![c](d)](e) there", "Look:   there"],
    ["|\n||\nno cells", "\n\nno cells"],
    ["| Name | Age |\n|:---|--:|\n| **Bob** | 5 |\nafter", "Name, Age\nBob, 5\nafter"],
    ["```js\nconst *a* = `b`\n```\nafter\n~~~\n# x", "const *a* = `b`\nafter\n# x"],
    [">> quote\n> > more\n>>\n>> - most", "quote\nmore\n\nmost"],
    ["‣ a\n◦ b", "a\nb"],
    ["Above\n======\nbelow == x, = y", "Above\n\nbelow == x, = y"],
    ["**Q:**What? **A:**That, **5 €**je Stück.", "Q:What? A:That, 5 €je Stück."],
    ["\\*not\\* C:\\dir", "*not* C:\\dir"],
    ["1\\. One costs \\$5 \\- now", "1. One costs $5 - now"],
    ["Name | Age\n--- | ---\nBob | 5\n\nafter", "Name, Age\nBob, 5\n\nafter"],
    ["Name|Age\n:--|--:\nBob|5\nafter", "Name, Age\nBob, 5\nafter"],
    [`| Name | Age |\n|${"-".repeat(150)}|:---:|\n| *Bob* | 5 |`, "Name, Age\nBob, 5"],
    ["one | **two** | \\| three\n---|:-:|---\n1 | 2 | 3", "one, two, | three\n1, 2, 3"],
    ["See it.[^1] And more[^note]!\n\n[^1]: As of 2024.", "See it. And more!\n\nAs of 2024."],
    ["The capital is Paris [1]. It is big[2][3], yes [4, 5]! Done.[6]", "The capital is Paris. It is big, yes! Done."],
    ["In 2024[1] and so forth [2]", "In 2024 and so forth"],
    ["It is so [1][2] now.", "It is so now."],
    ["**It grew in 2020 [1]** and fell [2], see *that* [3], [5].", "It grew in 2020 and fell, see that, ."],
    ["So it is [1](https://a.io), [[2]](https://b.io).", "So it is, ."],
    ["It is [the text][ref].\n\n[ref]: https://a.io \"Title\"\n[1]: <www.b.io>\nafter", "It is the text.\n\nafter"],
    ["A fact [1†source], another [doc2].", "A fact, another."],
    ["> [!NOTE]\n> Mind the gap", "\nMind the gap"],
    ["One\\\ntwo", "One\ntwo"]
  ])
})

describe("Text.markdown preserves", () => {
  rewrites(
    Text.markdown,
    unchanged([
      "",
      "2 * 3 = 6",
      "Use *.py files",
      "x**2 + y**2 = z**2",
      "__dunder_method__ stays",
      "call some_function_name here",
      "变量__name__的值",
      "****quad****",
      "unterminated ***open",
      "unterminated [link](http://a.io",
      "unterminated `code",
      "over *two\nlines* of text",
      "#hashtag, -5 degrees, 5 > 3, a|b, ~5",
      "Note [1] and [this](see there), arr[0](x y)!",
      "Press [1] for sales or [2].",
      "To book, press [1].",
      "Your options are [1] tea, [2] coffee.",
      "As shown in [1] and [2]",
      "Options: [1], [2].",
      "[1] Smith, 2020",
      "[Anna]: Hello, arr[i][j]",
      "https://a.io/x[1] ok",
      "x || y, a|b or c|d",
      "Wait! What?! [ok]!",
      "https://a.io/foo_bar_baz",
      "3* and 4* stars",
      `*${"long ".repeat(80)}*`,
      "last \\"
    ])
  )
})

describe("Text.markdown", () => {
  it("holds only what may still become markup", () => {
    assert.deepStrictEqual(
      steps(Text.markdown, ["He is ", "2", " * ", "3", " *b", "ig", "* and", "!"]),
      // A space may stand before a cell of a table, or the mark of a source.
      ["He is", " 2", " *", " 3", "", "", " big and", "", "!"]
    )
    assert.deepStrictEqual(
      steps(Text.markdown, ["-", " Milk", "\n#", "1 is", " a[", "1", "]", " x"]),
      ["", "Milk", "\n", "#1 is", " a", "", "", " x", ""]
    )
  })

  it("gives up on a mark that nothing closes within 300 characters", () => {
    const run = Text.markdown.open()
    assert.strictEqual(run.push(`*${"a".repeat(299)}`), "")
    assert.strictEqual(run.push("bc"), `*${"a".repeat(299)}bc`)
    assert.strictEqual(run.push("*"), "")
    assert.strictEqual(run.end(), "*")
  })
})

describe("Text.html", () => {
  rewrites(Text.html, [
    ["a<br>b<br/>c <b>x</b> <a title=\"a>b\" href='y'>z</a>", "a\nb\nc x z"],
    ["<div\nclass=\"x\">hi</div>!", "\nhi\n!"],
    ["<table><tr><th>Name</th><th>Age</th></tr><tr><td>Bob</td><td>5</td></tr></table>", "\n\nName, Age\n\nBob, 5\n\n"],
    ["5 m<sup>2</sup>, 10<sup>6</sup>, the 4<sup>th</sup>, H<sub>2</sub>O", "5 m², 10^6, the 4th, H2O"],
    ["The capital<sup>1</sup> of it.<sup>[2]</sup> So", "The capital of it. So"],
    ["&eacute;&Uuml;&szlig;&ntilde; &amp; &lt;b&gt; &#233; &#x1F600; &frac12;", "éÜßñ & <b> é 😀 ½"],
    [`<!-- ${"x ".repeat(200)}-->a <a href="https://a.io/${"x".repeat(400)}">b</a>`, "a b"],
    ["a<script>if (a<b) { x('</b>') }</script>b<style>p { }</style>c", "abc"],
    ["A【1†source】 b【4:0†x】 c【1】 d【笑】", "A b c d【笑】"],
    ["<me@x.org> or <https://a.io>", "me@x.org or https://a.io"],
    ...unchanged([
      "",
      "2 < 3, x <y and <your name>, I <3 you",
      "AT&T, R&D, &copy=1",
      "<speak>Hi <break time=\"1s\"/></speak>"
    ])
  ])
})

describe("Text.math", () => {
  rewrites(Text.math, [
    ["The area is $x^2$, or \\(\\pi r^2\\).", "The area is x squared, or pi r squared."],
    [
      "\\[ E = mc^2 \\] and $$a^3 \\cdot b^{n+1}$$!",
      "E equals m c squared and a cubed times b to the power of n plus 1!"
    ],
    ["So \\frac{a}{b + 1} is it, \\frac12 too.", "So a over b plus 1 is it, 1 over 2 too."],
    ["\\sqrt{2}, \\sqrt[3]{x} and \\boxed{42}.", "the square root of 2, the cube root of x and 42."],
    ["5 \\times 3 = 15, 2\\times3, 3\\,000, 10\\%", "5 times 3 = 15, 2 times 3, 3000, 10%"],
    ["$\\alpha \\le \\beta$ and $x_{max}$, $-5$", "alpha is at most beta and x max, minus 5"],
    ["Let $f: A \\to B$, $x, y$.", "Let f: A → B, x, y."],
    ["\\begin{align} a &= b \\\\ c &= d \\end{align} ok", "a equals b, c equals d ok"],
    [
      "10^6, 2^{10}, x^n, km^2, 90^\\circ, x^2y",
      "10 to the power of 6, 2 to the power of 10, x to the power of n, km squared, 90°, x squared y"
    ],
    ["\\sum_{i=1}^n i, \\alpha_1, \\lim_{x \\to 0} x", "the sum of i equals 1, n, i, alpha 1, lim x → 0, x"],
    ["The capital^1 on the 4^{th}", "The capital on the 4th"],
    ["It is \\$5 \\(see below\\)", "It is $5 (see below)"],
    ["$\\sum_{i=1}^n i$ and \\text{speed of light}", "the sum of i equals 1, n, i and speed of light"],
    ...unchanged([
      "",
      "It costs $5. Or $10, from $20 to 30$, US$5/A$6.",
      "$5-$10, $1,000.50! $100k per year, $ 5",
      "Is it $5? Yes, $6",
      "C:\\dir\\text, C:\\frac, line\\nnext, \\unknown{a}",
      "`echo $HOME` and $PATH/$USER, $A and ($B)",
      "https://a.io/$x$/b^2 and ^_^ and a^",
      "$$ prices here, $$$"
    ])
  ])

  it.each([
    ["de", "x zum Quadrat plus a durch b gleich die Wurzel aus 2"],
    ["fr-CA", "x au carré plus a sur b égale la racine carrée de 2"],
    ["es", "x al cuadrado más a entre b es igual a la raíz cuadrada de 2"],
    ["it", "x al quadrato più a fratto b è uguale a la radice quadrata di 2"],
    ["pt-BR", "x ao quadrado mais a sobre b é igual a a raiz quadrada de 2"],
    ["nl", "x kwadraat plus a gedeeld door b is gelijk aan de wortel van 2"],
    ["pl", "x do kwadratu plus a przez b równa się pierwiastek z 2"],
    ["ru", "x в квадрате плюс a делить на b равно корень из 2"],
    ["ja", "x² + a / b = √ 2"]
  ])("says formulas in %s: %s", (language, said) => {
    const formula = "$x^2 + \\frac{a}{b} = \\sqrt{2}$"
    assert.strictEqual(Text.applyTransforms(formula, Text.speechTransforms, language), said)
  })

  it("does not hold a price, nor what comes behind it", () => {
    assert.deepStrictEqual(steps(Text.math, ["It costs $5. ", "Then", " $6 a", " night"]), [
      "It costs $5. ",
      "Then",
      " ",
      "$6 a night",
      ""
    ])
  })
})

describe("Text.emoji", () => {
  rewrites(Text.emoji, [
    ["Hi👋🏽 there", "Hi there"],
    ["Family: 👨‍👩‍👧‍👦, pride 🏳️‍🌈.", "Family: , pride ."],
    ["🇩🇪🇫🇷 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿!", " and !"],
    ["Dial 1️⃣ then #️⃣ or *️⃣", "Dial 1 then # or *"],
    ["I ❤️ it ✔", "I  it "],
    ["👩🏽‍❤️‍💋‍👨🏻 🧑‍🚀 🏴‍☠️ 🇺🇸🇬🇧 🏳️‍⚧️ ok", "     ok"],
    ["🔟 rooms, 1️⃣2️⃣", "10 rooms, 12"],
    ...unchanged([
      "",
      "0123456789 # * © ® ™ ‼ → ✓ “quoted” – 5 €",
      "क्‍ष نمی‌خواهم",
      "𝒳 𠮷 lone \ud83d half"
    ])
  ])
})

const names = Text.replace({ LiveKit: "Lyve Kit", SQL: "sequel", boundary: "EDGE" })

describe("Text.replace", () => {
  rewrites(names, [
    ["LiveKit uses SQL. livekit boundary test.", "Lyve Kit uses sequel. Lyve Kit EDGE test."],
    ["SQL's MySQL SQLite boundary_x NoSQL, (SQL)", "sequel's MySQL SQLite boundary_x NoSQL, (sequel)"],
    ["LiveKit은 用SQL吧", "Lyve Kit은 用sequel吧"],
    ["Live LiveK SQ", "Live LiveK SQ"],
    ["SQL", "sequel"]
  ])
  rewrites(Text.replace({ a: "X", ab: "Y", "ab cd": "Z" }), [["ab", "Y"], ["a ab ab c ab cd", "X Y Y c Z"]])
  rewrites(Text.replace({ a: "b", b: "c" }), [["a", "b"], ["a b", "b c"]])
  rewrites(Text.replace({ x: "\\1 \\n \\t $& $1" }), [["x", "\\1 \\n \\t $& $1"]])
  rewrites(Text.replace({ "C++": "see plus plus", "->": "to", "😀": "smile", "°": " degrees", "": "never" }), [
    ["c++ a->b 😀😃 5°", "see plus plus atob smile😃 5 degrees"]
  ])
  rewrites(Text.replace({ 你好: "您好" }), [["说你好吗", "说您好吗"]])
  rewrites(Text.replace({ constructor: "maker" }), [["constructor toString", "maker toString"]])
  rewrites(Text.replace({ US: "U S" }, { caseSensitive: true }), [["US and us", "U S and us"]])

  it("holds only what may become a key", () => {
    assert.deepStrictEqual(steps(names, ["visit Live", "Kit now"]), ["visit ", "Lyve Kit now", ""])
    assert.deepStrictEqual(steps(names, ["visit Live", "ly now"]), ["visit ", "Lively now", ""])
    assert.deepStrictEqual(steps(names, ["nothing", " here ", "at xLive"]), ["nothing", " here ", "at xLive", ""])
    assert.deepStrictEqual(steps(Text.replace({ "->": "to" }), ["a -", "> b"]), ["a ", "to b", ""])
    assert.deepStrictEqual(steps(Text.replace({ "->": "to" }), ["a ->"]), ["a to", ""])
    assert.deepStrictEqual(steps(names, ["SQL"]), ["", "sequel"])
  })

  it.effect("does not give the held prefix when the text fails", () =>
    Effect.gen(function*() {
      const heard: Array<string> = []
      const exit = yield* Stream.make("visit Live").pipe(
        Stream.concat(Stream.fail("lost")),
        Text.transform([names]),
        Stream.runForEach((text) => Effect.sync(() => heard.push(text))),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("lost"))
      assert.deepStrictEqual(heard, ["visit "])
    }))

  const literal = /ab c|livekit|sql|ab|a/gi
  const keys: Record<string, string> = { a: "<A>", ab: "<AB>", "ab c": "<ABC>", SQL: "<S>", LiveKit: "<L>" }
  it.prop("agrees with a regular expression where words stand apart", {
    words: Schema.Array(Schema.Literals(["a", "ab", "ab c", "abc", "SQL", "livekit", "Live", "x"])),
    sizes: Sizes
  }, ({ sizes, words }) => {
    const text = words.join(" ")
    const folded = new Map(Object.entries(keys).map(([key, value]) => [key.toLowerCase(), value]))
    const expected = text.replace(
      new RegExp(`(?<![\\p{L}])(?:${literal.source})(?![\\p{L}])`, "giu"),
      (match) => folded.get(match.toLowerCase()) ?? match
    )
    assert.strictEqual(apply(Text.replace(keys), pieces(text, sizes)), expected)
  }, many)
})

describe("any transform", () => {
  const all: ReadonlyArray<Text.Transform> = [
    Text.html,
    Text.math,
    Text.markdown,
    Text.emoji,
    names,
    Text.replace({ a: "X", ab: "Y", "ab cd": "Z", "*": "star", "C++": "see" })
  ]
  for (const transform of all) {
    it.prop(
      `${transform.name} gives the same however the text is cut`,
      { parts: Texts, sizes: Sizes },
      ({ parts, sizes }) => {
        const text = parts.join("")
        const whole = apply(transform, [text])
        assert.strictEqual(apply(transform, pieces(text, sizes)), whole)
        assert.strictEqual(apply(transform, cut(text, 1)), whole)
      },
      many
    )
  }

  it.prop("… so does a chain of them", { parts: Texts, sizes: Sizes }, ({ parts, sizes }) => {
    const text = parts.join("")
    const run = Effect.runSync(Text.transforms(all)).open()
    const streamed = pieces(text, sizes).map(run.push).join("") + run.end()
    assert.strictEqual(streamed, all.reduce((text, transform) => Text.applyTransforms(text, [transform]), text))
    assert.strictEqual(Text.applyTransforms(text, all), streamed)
    assert.strictEqual(run.push(text) + run.end(), streamed, "begins anew after its end")
  }, many)

  it.prop("leaves plain words alone", {
    words: Schema.Array(
      Schema.Literals(["one", "two.", "3", "(four)", "five_six", "7 * 8", "C#", "don't", "你好", "\n"])
    )
  }, ({ words }) => {
    const text = words.join(" ").replaceAll("\n 7 *", "\n 7")
    assert.strictEqual(Text.applyTransforms(text, [...Text.speechTransforms, names]), text)
  }, many)

  const length = 250_000
  const texts = [
    "word ",
    "*",
    "* ",
    "*a",
    "_a",
    "`",
    "[",
    "](",
    "[a](",
    "- ",
    "|",
    "!",
    "#",
    "Live",
    "ab c",
    "😀",
    "\n>",
    "a*b `c",
    "|-"
  ]
  for (const unit of texts) {
    it(`takes 250,000 characters of ${JSON.stringify(unit)}, one character at a time, in linear time`, () => {
      const text = unit.repeat(length / unit.length)
      const run = Effect.runSync(Text.transforms(all)).open()
      for (let i = 0; i < text.length; i++) {
        run.push(text.charAt(i))
      }
      run.end()
    })
  }
})

describe("Text.transforms", () => {
  const shout: Text.Transform = {
    name: "shout",
    open: () => ({ push: (chunk) => chunk.toUpperCase(), end: () => "" })
  }

  it.effect("takes names and transforms, in their order", () =>
    Effect.gen(function*() {
      const chain = yield* Text.transforms(["markdown", shout, "emoji"])
      assert.strictEqual(chain.name, "markdown+shout+emoji")
      assert.strictEqual(Text.applyTransforms("*hi* 😀you", [chain]), "HI YOU")
      assert.strictEqual(Text.applyTransforms("as is", [yield* Text.transforms([])]), "as is")
    }))

  it.effect("rejects an unknown name", () =>
    Effect.gen(function*() {
      for (const name of ["markdwon", "", "constructor"]) {
        const error = yield* Effect.flip(Text.transforms(["markdown", name]))
        assert.strictEqual(error._tag, "TextError")
        assert.strictEqual(error.reason.transform, name)
        assert.deepStrictEqual(error.reason.known, ["html", "math", "markdown", "emoji"])
        assert.include(error.message, `"${name}"`)
        assert.include(error.message, "markdown, emoji")
      }
    }))

  it.effect("streams, keeping chunks together and leaving out what is empty", () =>
    Effect.gen(function*() {
      const chunks = yield* Stream.fromArrays(["**Hi", "** ", "you"], ["😀", "."], [" *o"], ["k*"]).pipe(
        Text.transform(Text.speechTransforms),
        Stream.chunks,
        Stream.runCollect
      )
      assert.deepStrictEqual<ReadonlyArray<ReadonlyArray<string>>>(chunks, [["Hi", " you"], ["."], [" "], ["ok"]])
      assert.deepStrictEqual(
        yield* Stream.make("a", "b").pipe(Text.transform([]), Stream.runCollect),
        ["a", "b"]
      )
    }))

  it.effect("each run of a stream begins anew", () =>
    Effect.gen(function*() {
      const stream = Text.transform(Stream.make("*a", " b*"), [Text.markdown])
      for (let i = 0; i < 2; i++) {
        assert.strictEqual((yield* Stream.runCollect(stream)).join(""), "a b")
      }
    }))
})
