import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { Pipeline, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"

describe("text without a word", () => {
  const texts = ["...", "…", "—", "♪", "👍", "🙂 🙂", "?!", "* * *", "→", "【】", "...!", "![", "👍!", " ... \n\n — "]
  const unheard = ({ text }: { readonly text: string }) =>
    /[\p{L}\p{N}]/u.test(text) ? { duration: 500 } : { empty: true }
  const script = (sync: boolean, transforms: Pipeline.Options["transforms"]) => ({
    user: texts.map((_, i) => Testing.type(1000 + 2000 * i, `Question ${i}`))
      .concat(Testing.type(1000 + 2000 * texts.length, "And now?")),
    tts: unheard,
    options: { syncTranscript: sync, resilience: { retries: 0 }, ...(transforms === undefined ? {} : { transforms }) }
  })
  const told = texts.map((_, i) => `user: Question ${i}`)

  it.effect.each(
    [[true, undefined], [true, []], [false, undefined], [false, []]] as const
  )("is all that the model replies, time and again: nobody is asked to speak it, and the conversation goes on", (
    [sync, transforms]
  ) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        ...script(sync, transforms),
        llm: [...texts, "Here I am."]
      })
      assert.deepStrictEqual(timeline.speeches.map(({ pieces }) => pieces), [["Here I am."]])
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
      assert.deepStrictEqual(timeline.messages, [...told, "user: And now?", "assistant: Here I am."])
      assert.deepStrictEqual(
        timeline.states().slice(1, 2 * texts.length + 1).map(([state]) => state),
        texts.flatMap(() => ["thinking", "listening"])
      )
      assert.isTrue(timeline.of("SpeechFinished").every(({ outcome }) => outcome === "completed"))
      // A transcript that was begun ends.
      for (const { speech } of timeline.of("AgentTranscript")) {
        assert.isTrue(timeline.of("AgentTranscript").findLast((event) => event.speech === speech)?.final, speech)
      }
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect.each(texts)(
    "is given to say (%j): nothing is heard, and it has been said",
    (text) =>
      Effect.gen(function*() {
        const heard: Array<Session.Heard> = []
        const timeline = yield* Testing.scenario({
          at: [text, Stream.fromIterable(text)].map((given, i) => ({
            at: 1000 * i,
            do: (session) =>
              Effect.flatMap(
                session.say(given),
                (speech) => Effect.map(speech.heard, (one) => void heard.push(one))
              )
          })),
          tts: unheard,
          options: { transforms: [] }
        })
        assert.deepStrictEqual(heard, [
          { text: "", playedMs: 0, outcome: "completed" },
          { text: "", playedMs: 0, outcome: "completed" }
        ])
        assert.deepStrictEqual([timeline.speeches, timeline.messages, timeline.of("ProviderFailed")], [[], [], []])
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      })
  )

  it.effect("ends a sentence: what a transform has held back of it is spoken", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("Goodbye!") }]
      })
      assert.deepStrictEqual(timeline.speeches.map(({ pieces }) => pieces.join("")), ["Goodbye!"])
      assert.deepStrictEqual(timeline.messages, ["assistant: Goodbye!"])
    }))

  it.effect.each(
    [
      ["**Hello there.**", "Hello there."],
      ["*Shall I book it?*", "Shall I book it?"],
      ["_Hello_", "Hello"],
      ["`seven`", "seven"],
      ["**Hello", "**Hello"],
      ["👍 **Hello**", "Hello"],
      ["**One moment. I am looking.**", "One moment. I am looking."],
      ["**Hello** **there and welcome", "Hello **there and welcome"]
    ] as const
  )(
    "%s, which a transform holds back to its end: it is spoken, and no more of it is heard than was",
    ([text, spoken]) =>
      Effect.gen(function*() {
        const said = yield* Testing.scenario({ at: [{ at: 0, do: (session) => session.say(text) }] })
        const replied = yield* Testing.scenario({ user: [Testing.type(1000, "Hi.")], llm: [text] })
        for (const timeline of [said, replied]) {
          assert.deepStrictEqual(timeline.speeches.map(({ pieces }) => pieces.join("").trim()), [spoken])
          assert.strictEqual(timeline.messages.at(-1), `assistant: ${text}`)
          assert.deepStrictEqual(timeline.of("ReplyEmpty"), [])
          assert.deepStrictEqual(Testing.invariants(timeline), [])
        }
        for (const alignment of ["word", false] as const) {
          const cut = yield* Testing.scenario({
            at: [
              { at: 0, do: (session) => session.say(text) },
              { at: 4000, do: (session) => session.interrupt() }
            ],
            tts: { duration: 10_000, alignment }
          })
          const heard = cut.messages.at(-1) ?? "—"
          assert.isAtMost(heard.length, `assistant: ${text}`.length / 2 + 10)
        }
      })
  )

  it.effect.each(["It is sunny.\n\n♪", "It is sunny. 👍", "It is sunny. — "])(
    "stands behind words (%j): these are spoken, and all of it is remembered",
    (text) =>
      Effect.gen(function*() {
        for (const alignment of ["word", "piece", false] as const) {
          const timeline = yield* Testing.scenario({
            user: [Testing.type(1000, "How is it?")],
            llm: [text],
            tts: (call) => ({ ...unheard(call), alignment }),
            options: { transforms: [], minSentence: 1 }
          })
          assert.deepStrictEqual(timeline.speeches.map(({ pieces }) => pieces.join("").trim()), ["It is sunny."])
          assert.deepStrictEqual(timeline.messages, ["user: How is it?", `assistant: ${text.trim()}`])
          assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
        }
      })
  )
})
