/** Transcripts that the recogniser owes: waited for, settled, late, or never there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { Stt } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { TestClock } from "effect/testing"
import { drive, final, interim, speaks, started, stopped } from "../support/turn.ts"

const noise = (from: number) => [started(from), stopped(from + 600)] as const

describe("a transcript that is owed", () => {
  it.effect("is waited for: what a slow recogniser hears in two parts is one turn", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "I would like a room"), Testing.say(2200, 3200, "for two nights.")],
        stt: { finalDelay: 1200 },
        llm: ["Gladly."]
      })
      assert.deepStrictEqual(
        timeline.of("UserSpeechCommitted").map(({ at, text }) => [at, text]),
        [[4400, "I would like a room for two nights."]]
      )
    }))

  const twice = (turn = {}) =>
    drive({ turn }).at(0, started(0)).at(1200, final("a room")).at(1300, stopped(1000))
      .at(1450, started(1400)).at(2600, stopped(2100))

  it("is waited for no longer than the recogniser takes, as it was measured, and 200 ms", () => {
    assert.deepStrictEqual(twice().until(9000).commits(), [[3300, "a room"]])
    const slow = drive().at(0, { _tag: "Measured", delay: 1500 }, started(0)).at(1200, final("a room"))
      .at(1300, stopped(1000)).at(1450, started(1400)).at(2600, stopped(2100))
    assert.deepStrictEqual(slow.until(9000).commits(), [[4300, "a room"]])
  })

  it("is not waited for beyond maxDelay", () => {
    assert.deepStrictEqual(twice({ endpointing: { maxDelay: 800 } }).until(9000).commits(), [[2900, "a room"]])
  })

  it("is settled by an answer without words, at once", () => {
    assert.deepStrictEqual(twice().at(2700, final("")).until(9000).commits(), [[2700, "a room"]])
  })

  it("is not settled by an answer to what was said before", () => {
    assert.deepStrictEqual(twice().at(2700, final("", 1000)).until(9000).commits(), [[3300, "a room"]])
    assert.deepStrictEqual(twice().at(2700, final("", 2100)).until(9000).commits(), [[2700, "a room"]])
  })

  it("is none where less than 250 ms were heard", () => {
    const blip = drive().at(0, started(0)).at(1200, final("a room")).at(1300, stopped(1000))
      .at(1450, started(1400)).at(2140, stopped(1640))
    assert.deepStrictEqual(blip.until(9000).commits(), [[2140, "a room"]])
  })

  it("lets an agent go on at once that was silenced by a noise", () => {
    const paused = drive().at(0, ...speaks("a")).at(1050, started(1000)).at(2100, stopped(1600))
    assert.deepStrictEqual(paused.at(2150, final("")).until(9000).times("Resume"), [2150])
    const mute = drive().at(0, ...speaks("a")).at(1050, started(1000)).at(2100, stopped(1600))
    assert.deepStrictEqual(mute.until(9000).times("Resume"), [2900])
    const slow = drive().at(0, ...speaks("a"), { _tag: "Measured", delay: 1000 }).at(1050, started(1000))
    assert.deepStrictEqual(slow.at(2100, stopped(1600)).until(9000).times("Resume"), [3400])
  })

  it("is as long as the program says, where it says so", () => {
    const turn = { interruption: { falseInterruptionTimeout: 2000 } }
    const paused = drive({ turn }).at(0, ...speaks("a")).at(1050, started(1000)).at(2100, stopped(1600))
    assert.deepStrictEqual(paused.at(2150, final("")).until(9000).times("Resume"), [4100])
  })

  it.effect.each([3020, 3300])(
    "is of the first of two voices: the second, a short one, has its own (%s)",
    (to) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          at: [
            { at: 500, do: (session) => session.say("Shall I book it?") },
            { at: 4000, do: (session) => session.say("It is a house by the sea, with a garden and a lake.") }
          ],
          tts: [{ duration: 2000 }, { duration: 8000 }],
          user: [Testing.say(2900, to, "For two."), Testing.say(3900, 4050, "Yes.")],
          stt: { finalDelay: 1900 },
          llm: ["OK.", "Done."]
        })
        assert.deepStrictEqual(timeline.of("UserSpeechSetAside"), [])
        assert.deepStrictEqual(timeline.of("UserSpeechCommitted").map(({ text }) => text), ["For two.", "Yes."])
      })
  )

  it("begins the turn: a noise before it that nobody heard words of is none of it", () => {
    const turn = { interruption: { falseInterruptionTimeout: 300 } }
    const reply = drive({ turn, onCommit: () => undefined }).at(0, started(0)).at(4000, stopped(3500)).at(
      4100,
      final("")
    )
      .at(9000, ...speaks("older", { source: "reply" }).slice(0, 1)).at(9200, started(9150)).at(9900, stopped(9500))
      .at(9950, { _tag: "AudioReady", speech: "older" })
    assert.deepStrictEqual(reply.until(10_500).times("Play"), [10_000])
    // It was made before they spoke: it is silent while the turn waits for its own reply.
    assert.deepStrictEqual(reply.at(11_000, final("What is it?")).times("Pause"), [11_000])
  })

  it("keeps nothing waiting without a recogniser", () => {
    assert.deepStrictEqual(drive({ ears: { stt: false } }).at(1050, ...noise(1000)).until(9000).commits(), [])
  })
})

describe("an interim transcript that is never final", () => {
  it.effect("is told, and used in its place", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Book it.", { transcripts: [{ at: 800, text: "Book it", final: false }] })],
        llm: ["Booked."],
        until: 30_000
      })
      timeline.expect(
        ["TranscriptionTimedOut", 6500],
        ["InterimTranscriptUsed", 6500, { text: "Book it", reason: "timeout" }],
        ["UserSpeechCommitted", 6500, { text: "Book it" }]
      )
      assert.deepStrictEqual(timeline.messages, ["user: Book it", "assistant: Booked."])
    }))

  it.effect("is told to be used when a turn is over, and when the session ends", () =>
    Effect.gen(function*() {
      const user = [
        Testing.say(500, 1500, "Book it, please.", {
          transcripts: [
            { at: 800, text: "Book it", final: false },
            { at: 4000, text: "Book it, please." }
          ]
        })
      ]
      const ended = yield* Testing.scenario({
        user,
        llm: ["Booked.", "With pleasure."],
        at: [{ at: 2000, do: (session) => session.commitTurn({ wait: "1 second" }) }],
        options: { turn: { detection: "manual" } },
        until: 20_000
      })
      ended.expect(
        ["InterimTranscriptUsed", 3000, { text: "Book it", reason: "commit" }],
        ["UserSpeechCommitted", 3000, { text: "Book it" }]
      )
      const closed = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Book it.", { transcripts: [{ at: 800, text: "Book it", final: false }] })],
        llm: [],
        at: [{ at: 1800, do: (session) => session.close() }],
        until: 20_000
      })
      closed.expect(["InterimTranscriptUsed", 1800, { text: "Book it", reason: "close" }])
      assert.deepStrictEqual(closed.messages, ["user: Book it"])
    }))

  it("is set aside once, where a tool works and its final one comes late", () => {
    const aside = drive({ turn: { interruption: { backchannel: true } } }).at(0, ...speaks("a")).at(500, {
      _tag: "PlayoutEnded",
      speech: "a",
      next: "tools"
    })
      .at(20_050, started(20_000)).at(20_400, final("okay")).at(20_500, interim("yeah")).at(21_100, stopped(20_600))
      .until(24_000)
    assert.deepStrictEqual(aside.times("SetAside"), [23_600])
    assert.deepStrictEqual(aside.at(25_000, final("Yeah.")).until(30_000).times("SetAside"), [23_600])
    assert.deepStrictEqual(aside.commits(), [])
  })

  it("adds only what is new when its final one comes late", () => {
    const used = () => drive().at(0, started(0)).at(500, interim("book it")).at(1500, stopped(1000)).until(6100)
    assert.deepStrictEqual(used().commits(), [[6000, "book it"]])
    assert.deepStrictEqual(used().at(6500, final("Book it.")).until(20_000).commits(), [[6000, "book it"]])
    assert.deepStrictEqual(used().at(6500, final("Book it for two.")).until(20_000).commits(), [
      [6000, "book it"],
      [7000, "for two."]
    ])
    const next = used().at(7050, started(7000)).at(8500, stopped(8000)).at(8600, final("Book it.", 8000))
    assert.deepStrictEqual(next.until(20_000).commits(), [[6000, "book it"], [8600, "Book it."]])
  })
})

describe("a recogniser that falls silent", () => {
  it.effect("is opened again within four seconds, and given what it owes", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(9000, 10_500, "Are you still there?")],
        stt: { faults: [{ hang: true }] },
        llm: ["I am."],
        until: 30_000
      })
      const { at, text } = timeline.of("UserSpeechCommitted")[0]!
      assert.strictEqual(text, "Are you still there?")
      assert.isAtMost(at, 11_000 + 4500)
      const told = timeline.of("ProviderRetried").map((
        { attempt, component, reason }
      ) => [component, attempt, reason._tag])
      assert.deepStrictEqual(told, [["stt", 1, "TimedOut"]])
    }))

  const utterances: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["one utterance", ["Book room seven."]],
    ["several utterances", ["Book room seven.", "For two nights.", "And a parking lot."]]
  ]
  for (const [many, texts] of utterances) {
    for (const finalDelay of [3000, 3900, 4050, 4100, 4150, 4500, 6000, 8200, 9000]) {
      it.effect(`is not thought so where it is slow: ${many}, heard after ${finalDelay} ms, count once each`, () =>
        Effect.gen(function*() {
          for (const stt of [{}, { interims: true }]) {
            const timeline = yield* Testing.scenario({
              user: texts.map((text, i) => Testing.say(1000 + i * 15_000, 2500 + i * 15_000, text, { finalDelay })),
              stt,
              llm: texts.map(() => "Fine."),
              until: 60_000
            })
            const words = timeline.of("UserTranscript").filter(({ final }) => final).map(({ text }) => text)
            assert.deepStrictEqual(words, texts)
            // An interim transcript stands in for a final one that is very late, which adds the rest.
            const committed = timeline.of("UserSpeechCommitted").map(({ text }) => text)
            assert.strictEqual(committed.join(" "), texts.join(" "))
            assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
          }
        }))
    }
  }

  it.effect("is heard out where the audio has ended, and the second connection with it", () =>
    Effect.gen(function*() {
      let opened = 0
      const slow = Stt.make({
        name: "slow",
        transcribe: (audio) =>
          Stream.suspend(() =>
            ++opened === 1
              ? Stream.concat(
                Stream.drain(audio),
                Stream.fromEffect(Effect.delay(Effect.succeed({ text: "Hm.", final: true }), 6000))
              )
              : Stream.drain(audio)
          )
      })
      const frame = { samples: new Int16Array(16_000), sampleRate: 16_000, channels: 1 }
      const heard = yield* Effect.forkChild(
        Stream.runCollect(Stt.resilient(slow).transcribe(Stream.make<Array<Stt.Input>>(frame, Stt.Finalize)))
      )
      yield* TestClock.adjust(20_000)
      assert.deepStrictEqual((yield* Fiber.join(heard)).map(({ text }) => text), ["Hm."])
      assert.strictEqual(opened, 2)
    }))

  for (const policy of [{}, { retries: 0 }, { attempt: 700 }, { attempt: 1500, firstOutput: 20_000 }]) {
    it.effect(`is heard out where another connection gives less: ${JSON.stringify(policy)}`, () =>
      Effect.gen(function*() {
        for (const delay of [1200, 2500, 4500, 6000]) {
          let opened = 0
          const slow = Stt.make({
            name: "slow",
            transcribe: (audio) =>
              Stream.suspend(() => {
                opened++
                return opened === 1
                  ? Stream.flatMap(
                    Stream.filter(audio, (input) => "_tag" in input),
                    () => Stream.fromEffect(Effect.delay(Effect.succeed({ text: "Hm.", final: true }), delay))
                  )
                  : Stream.drain(audio)
              })
          })
          const timeline = yield* Testing.scenario({
            user: Array.from({ length: 3 }, (_, i) => Testing.say(1000 + i * 15_000, 2000 + i * 15_000, "Hm.")),
            layer: Layer.succeed(Stt.Stt, Stt.resilient(slow, policy)),
            until: 60_000
          })
          assert.deepStrictEqual(
            timeline.of("UserTranscript").map(({ text }) => text),
            ["Hm.", "Hm.", "Hm."],
            `delay ${delay}`
          )
          assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
        }
      }))
  }

  it.effect("is not thought so because it takes its time, as long as it always does", () =>
    Effect.gen(function*() {
      let opened = 0
      const slow = Stt.make({
        name: "slow",
        transcribe: (audio) =>
          Stream.suspend(() => {
            opened++
            return Stream.flatMap(
              Stream.filter(audio, (input) => "_tag" in input),
              () => Stream.fromEffect(Effect.delay(Effect.succeed({ text: "Hm.", final: true }), 3500))
            )
          })
      })
      yield* Testing.scenario({
        user: Array.from({ length: 6 }, (_, i) => Testing.say(1000 + i * 20_000, 2000 + i * 20_000, "Hm.")),
        layer: Layer.succeed(Stt.Stt, slow),
        until: 150_000
      })
      assert.strictEqual(opened, 1)
    }))
})
