/** A recogniser that tells again what it has told: it is heard once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"

const text = "Book room seven."
const reply = "Room seven is yours, for two nights from today."

/** One utterance from 500 to 1500, with its transcripts at times from its start. */
const heard = (
  transcripts: ReadonlyArray<Testing.TimedTranscript>,
  said = text,
  more: ReadonlyArray<Testing.UserAction> = []
) =>
  Effect.map(
    Testing.scenario({
      user: [Testing.say(500, 1500, said, { transcripts }), ...more],
      llm: () => reply,
      tts: { duration: 4000 }
    }),
    (timeline) => {
      assert.deepStrictEqual(Testing.invariants(timeline), [])
      return timeline
    }
  )

const turns = (timeline: Testing.Timeline) => timeline.of("UserSpeechCommitted").map((turn) => turn.text)

const times = [["with times", { start: 0, end: 950 }], ["without times", {}]] as const

describe("a final transcript that is told twice", () => {
  const late = [0, 100, 500, 1500, 3000, 9000]
  it.effect.each(
    times.flatMap(([how, place]) => late.map((after) => [how, place, after] as const)).filter(([how, , after]) =>
      how === "with times" || after <= 3000
    )
  )(
    "is heard and answered once: %s (%j), %d ms later",
    ([, place, after]) =>
      Effect.gen(function*() {
        const timeline = yield* heard([{ at: 1200, text, ...place }, { at: 1200 + after, text, ...place }])
        assert.deepStrictEqual(timeline.messages, [`user: ${text}`, `assistant: ${reply}`])
        assert.deepStrictEqual(timeline.of("UserTranscript").map((told) => told.text), [text])
        assert.strictEqual(timeline.playbacks.length, 1)
      })
  )

  it.effect("is heard once with an interim one of the same words before it, and with those that came between", () =>
    Effect.gen(function*() {
      const again = yield* heard([
        { at: 600, text: "Book room", final: false },
        { at: 1200, text },
        { at: 1900, text: "Book room seven", final: false },
        { at: 2400, text }
      ])
      assert.deepStrictEqual(turns(again), [text])
      const one = { text, start: 0, end: 500 }
      const other = { text: "And a taxi.", start: 600, end: 950 }
      const all = yield* heard([
        { at: 1200, ...one },
        { at: 1250, ...other },
        { at: 2600, ...one },
        { at: 2650, ...other }
      ], `${text} And a taxi.`)
      assert.deepStrictEqual(turns(all), [`${text} And a taxi.`])
    }))

  it.effect("is still two where it was said twice", () =>
    Effect.gen(function*() {
      const no = "No."
      for (
        const transcripts of [
          [{ at: 1200, text: no }, { at: 1250, text: no }],
          [{ at: 1200, text: no, start: 0, end: 300 }, { at: 1250, text: no, start: 500, end: 800 }],
          [{ at: 500, text: no }, { at: 1200, text: no }]
        ]
      ) {
        assert.deepStrictEqual(turns(yield* heard(transcripts, "No. No.")), ["No. No."])
      }
      const digits = [1200, 1210, 1220].map((at) => ({ at, text: "seven" }))
      assert.deepStrictEqual(turns(yield* heard(digits, "seven seven seven")), ["seven seven seven"])
      // The detector has missed the voice of the second.
      assert.deepStrictEqual(turns(yield* heard([{ at: 1200, text }, { at: 9000, text }])), [text, text])
      // Each has its own voice.
      const later = Testing.say(3500, 4500, text, { transcripts: [{ at: 1200, text }] })
      assert.deepStrictEqual(turns(yield* heard([{ at: 1200, text }], text, [later])), [text, text])
    }))

  it.effect("is two where each was said, whatever times a recogniser tells", () =>
    Effect.gen(function*() {
      // Those of each utterance begin at 0 of the stream.
      const one = (from: number) =>
        Testing.say(from, from + 1000, text, { transcripts: [{ at: 1200, text, start: -from, end: 950 - from }] })
      const timeline = yield* Testing.scenario({ user: [one(500), one(6000)], llm: () => reply })
      assert.deepStrictEqual(turns(timeline), [text, text])
    }))

  const stale: ReadonlyArray<readonly [string, Testing.TimedTranscript]> = [
    ["the same words", { at: 1900, text, final: false }],
    ["the first of them", { at: 1900, text: "Book", final: false }],
    ["with times", { at: 1900, text: "Book", final: false, start: 0, end: 400 }]
  ]
  it.effect.each(stale)("leaves an interim one of it behind that comes late: %s", ([, late]) =>
    Effect.gen(function*() {
      const place = late.end === undefined ? {} : { start: 0, end: 950 }
      const timeline = yield* heard([{ at: 1100, text, ...place }, late])
      assert.deepStrictEqual(timeline.messages, [`user: ${text}`, `assistant: ${reply}`])
      assert.strictEqual(timeline.of("InterimTranscriptUsed").length, 0)
    }))

  const slow = [{}, { finalDelay: 1500 }, { finalDelay: 2500, interims: true }]
  it.effect.each(slow.flatMap((stt) => [300, 700, 2000].map((gap) => [stt, gap] as const)))(
    "is two, too, where the recogniser is slow, and gives no times: %j, a pause of %d ms",
    ([stt, gap]) =>
      Effect.gen(function*() {
        const yes = (at: number) => Testing.say(at, at + 600, "Yes.")
        const timeline = yield* Testing.scenario({ user: [yes(1000), yes(1600 + gap)], stt, llm: () => reply })
        // The second may be a sign of listening by then.
        const said = timeline.messages.filter((line) => line.startsWith("user")).join(" ")
        assert.strictEqual(said.match(/Yes\./g)?.length, 2)
      })
  )

  it.effect("is in the history once where it comes with the end", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, text, { transcripts: [{ at: 850, text }, { at: 1300, text }] })],
        at: [{ at: 1650, do: (session) => session.close() }],
        llm: () => reply
      })
      assert.deepStrictEqual(timeline.messages, [`user: ${text}`])
    }))
})

describe("an interim transcript that was used for the final one", () => {
  it.effect.each(times.flatMap(([how, place]) => [7000, 9000, 12_000, 15_000].map((at) => [how, place, at] as const)))(
    "is not heard again when that comes: %s (%j), at %d",
    ([, place, at]) =>
      Effect.gen(function*() {
        const timeline = yield* heard([
          { at: 800, text: "Book room seven", final: false },
          { at, text, ...place }
        ])
        assert.strictEqual(timeline.of("InterimTranscriptUsed").length, 1)
        assert.deepStrictEqual(timeline.messages, ["user: Book room seven", `assistant: ${reply}`])
      })
  )

  it.effect("is heard again where the caller has spoken again, and more of it is heard however late", () =>
    Effect.gen(function*() {
      const interim = { at: 800, text: "Book room seven", final: false }
      const again = Testing.say(12_000, 13_000, text, { transcripts: [{ at: 1200, text }] })
      assert.deepStrictEqual(turns(yield* heard([interim], text, [again])), ["Book room seven", text])
      const more = { at: 12_000, text: `${text} And a taxi.`, start: 0, end: 950 }
      assert.deepStrictEqual(turns(yield* heard([interim, more])), ["Book room seven", "And a taxi."])
    }))
})
