/** What models write for a page, for the eye, or without a space. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result, Stream } from "effect"
import { Audio, Llm, Text } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { cut, random } from "./support/fragments.ts"

const spoken = (text: string): string => Text.applyTransforms(text, Text.speechTransforms)

/** The same, given piece by piece. */
const inPieces = (written: string, size: number): string => {
  const run = Text.speechTransforms.map((transform) => transform.open())
  const pass = (text: string, from = 0): string =>
    run.slice(from).reduce((out, one) => out === "" ? "" : one.push(out), text)
  let out = ""
  for (let at = 0; at < written.length; at += size) out += pass(written.slice(at, at + size))
  run.forEach((one, i) => void (out += pass(one.end(), i + 1)))
  return out
}

const scraps =
  "* - _ ~ ~~ ` # [ ]( ) ! \\ | > < . ? ! What then a b_c https://x.y/ = 1 \" 🙂 <b> </b> &amp; 【1† 】 e.g."
    .split(" ").concat(" ", " ", " ", "\n", "\t", "\r\n", "")

const pages: ReadonlyArray<readonly [string, string]> = [
  ["One.<br>Two.<br/>Three.", "One.\nTwo.\nThree."],
  ["<b>Really</b> <span class=\"x\">good</span>.", "Really good."],
  ["Fish &amp; chips, &#163;5, &quot;hot&quot; &#x2014; now", "Fish & chips, £5, \"hot\" — now"],
  ["It opens at nine【4:0†source】 and closes at five【12†hotel.pdf】.", "It opens at nine and closes at five."],
  ["a <!-- note > --> b", "a  b"],
  [
    "See <https://e.example/a_b>, <me@e.example> or <mailto:x@y.z>.",
    "See https://e.example/a_b, me@e.example or x@y.z."
  ],
  ["It is so\ue200cite\ue202turn0search0\ue202turn1news2\ue201. Yes.", "It is so. Yes."],
  ["2 < 3 and 5 > 4, AT&T, R&D; <your name>, 【注】", "2 < 3 and 5 > 4, AT&T, R&D; <your name>, 【注】"],
  ["See https://a.example/b_c?x=*1*&y=~~2~~ now", "See https://a.example/b_c?x=*1*&y=~~2~~ now"],
  [
    "See https://a.example/*a*/_b_ and *c* and https://a.example/~~x~~*",
    "See https://a.example/*a*/_b_ and c and https://a.example/~~x~~*"
  ],
  ["See **https://a.example/x** now, _http://b.example/c_d_.", "See https://a.example/x now, http://b.example/c_d."],
  ["**At https://a.example/b_c: *now*** https: *//* x", "At https://a.example/b_c: now https: // x"],
  ["Above\n* * *\nbelow", "Above\n\nbelow"],
  ["Above\n- - -\nbelow", "Above\n\nbelow"],
  ["Above\n _  _ _ \r\nbelow", "Above\n\nbelow"],
  ["* one\n* two", "one\ntwo"],
  ["- - one\n* * **two**\n- -3 degrees\n* *four*\n** five", "one\ntwo\n-3 degrees\nfour\n** five"],
  ["* # Head\n- [ ] task\n- * - both", "Head\ntask\nboth"]
]

describe("A text for the eye", () => {
  for (const [written, heard] of pages) {
    it(`is spoken as it is meant, however it is cut: ${JSON.stringify(written)}`, () => {
      assert.strictEqual(spoken(written), heard)
      for (let size = 1; size < 8; size++) assert.strictEqual(inPieces(written, size), heard, `cut at ${size}`)
    })
  }

  it("is cut into sentences where a space is missing, and nowhere in a name", () => {
    assert.deepStrictEqual(
      Text.splitSentences(
        "I can tell you more.What would you like then?Nobody at all knows it.And you better don't.I do not like it at all!Ah well then."
      ),
      [
        "I can tell you more.",
        "What would you like then?",
        "Nobody at all knows it.",
        "And you better don't.",
        "I do not like it at all!",
        "Ah well then."
      ]
    )
    for (
      const whole of [
        "We met at example.com/Home?Page=One today.",
        "The U.S.A won it.",
        "See a.B and e.g.What here.",
        "Use Node.Js or System.Out now.",
        "Write to a.b@example.Com or get x_y.Zip there."
      ]
    ) {
      assert.deepStrictEqual(Text.splitSentences(whole), [whole])
    }
  })

  it("is heard alike however it is cut, and always to its end", () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const dice = random(seed)
      const written = Array.from({ length: dice.below(60) }, () => dice.one(scraps)).join("")
      const whole = spoken(written)
      const told = `seed ${seed}: ${JSON.stringify(written)}`
      assert.isAtMost(whole.length, 2 * written.length, told)
      assert.strictEqual(inPieces(written, 1 + dice.below(9)), whole, told)
      const segmenter = Text.segmenter()
      const cuts = cut(written, dice).flatMap((piece) => segmenter.push(piece)).concat(segmenter.end())
      assert.deepStrictEqual(cuts.map((piece) => piece.trim()), Text.splitSentences(written), told)
      assert.strictEqual(cuts.join("").trim(), written.trim(), told)
    }
  })

  it.effect("is told in whole characters, where a model parts them", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Hello?")],
        layer: Layer.succeed(
          Llm.Llm,
          Llm.make({
            name: "halves",
            reply: () =>
              Stream.fromIterable(["Well \ud83d", "\ude00 done."]).pipe(
                Stream.map((text) => ({ _tag: "Text" as const, text })),
                Stream.rechunk(1)
              )
          })
        ),
        options: { syncTranscript: false }
      })
      const texts = timeline.of("AgentTranscript").map(({ text }) => text)
      assert.isTrue(texts.every((text) => text.isWellFormed()))
      assert.include(texts.join(""), "\ud83d\ude00")
    }))

  it("is no matter of WAV files, but these are read where their sizes say that nothing follows", () => {
    const file = Audio.encodeWav({ samples: new Int16Array(320).fill(7), sampleRate: 16_000, channels: 1 })
    const view = new DataView(file.buffer)
    view.setUint32(4, 36, true)
    view.setUint32(40, 0, true)
    assert.strictEqual(Result.getOrThrow(Audio.decodeWav(file)).samples.length, 320)
  })
})
