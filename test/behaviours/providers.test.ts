import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Schedule, Stream, Tracer } from "effect"
import { Agent, Failure, Llm, Stt, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { inspect } from "node:util"

const hello = Testing.say(500, 2500, "Hello, how are you?")
const ten = "one two three four five six seven eight nine ten."
const refused = new Failure.InvalidRequest({ detail: "no such model" })
const once = { retries: 0 }

/** The last thing that can be said of a session: it went quiet, and left nothing behind. */
const settled = (timeline: Testing.Timeline) => {
  assert.strictEqual(timeline.left, "")
  if (timeline.stoppedAt !== undefined) assert.strictEqual(timeline.states().at(-1)![0], "listening")
}

describe("a recogniser that fails", () => {
  it.effect.each([[1, 1, false], [1, 2, true], [0, 1, true], [2, 2, false], [2, 3, true]] as const)(
    "%d unrecovered failures are tolerated, %d happen",
    ([tolerated, happen, ends]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          stt: { faults: Array.from({ length: happen }, () => ({ fail: true as const })) },
          options: { resilience: once, turn: { toleratedFailures: tolerated } },
          user: [Testing.say(5000, 6000, "Hello.")]
        })
        assert.strictEqual(timeline.of("ProviderFailed").length, happen)
        assert.strictEqual(timeline.of("SessionClosed").length, 1)
        assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, ends ? "provider_failures" : "closed")
        assert.strictEqual(timeline.messages.includes("user: Hello."), !ends)
        settled(timeline)
      })
  )

  it.effect.each([["hello", true], ["", false]] as const)(
    "between failures it hears %j, the count is reset: %s",
    ([heard, reset]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          stt: { faults: [{ fail: true }, { fail: true, afterTime: 4000 }, { fail: true, afterTime: 4000 }] },
          options: { resilience: once, turn: { toleratedFailures: 1 } },
          user: [Testing.say(1000, 2000, "Hello.", { heard }), Testing.say(5000, 6000, "Hello.", { heard })]
        })
        assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, reset ? "closed" : "provider_failures")
        assert.strictEqual(timeline.of("ProviderFailed").length, reset ? 3 : 2)
      })
  )

  it.effect.each([[once, "the session's"], [{ retries: 3 }, "its own"]] as const)(
    "is opened again, and what is said next arrives (%j: %s retries)",
    ([resilience]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          stt: { faults: [{ fail: new Failure.Disconnected({ code: "ECONNRESET" }), afterTime: 1000 }] },
          options: { resilience },
          user: [Testing.say(2000, 3000, "Are you there?")],
          tts: { duration: 500 }
        })
        timeline.expect(["UserTranscript", 3200, { text: "Are you there?" }], ["UserSpeechCommitted", 3500])
        assert.strictEqual(timeline.connections.length, 2)
        settled(timeline)
      })
  )

  it.effect("what was said while it was away is heard when it is back", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        stt: { faults: [{ fail: true, afterTime: 1500 }] },
        user: [Testing.say(1000, 3000, "A table for two, please.")]
      })
      assert.deepStrictEqual(timeline.messages.slice(0, 1), ["user: A table for two, please."])
    }))

  it.effect.each(
    [
      [refused, "InvalidRequest"],
      [new Failure.Rejected({ status: 401 }), "Rejected"],
      [new Failure.Rejected({ status: 404 }), "Rejected"]
    ] as const
  )(
    "a failure that cannot be mended is not retried: the session ends and says why (%s)",
    ([reason]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({ stt: { faults: { fail: reason } }, user: [hello] })
        assert.strictEqual(timeline.connections.length, 1)
        timeline.expect(
          ["ProviderFailed", 0, { component: "stt", provider: "scripted-stt", recovered: false }],
          ["Escalated", 0, { component: "stt", cause: "fatal" }],
          ["AgentStartedSpeaking", 0, { speech: "apology" }],
          ["SessionClosed", 4356, { reason: "provider_failures" }]
        )
        assert.strictEqual((timeline.of("ProviderFailed")[0]!.reason as Failure.Reason)._tag, reason._tag)
        settled(timeline)
      })
  )

  it.effect("while the session drains it is opened again, for what is said then is kept", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        stt: { faults: [{ fail: true, afterTime: 3000 }] },
        at: [
          { at: 1000, do: (session) => Effect.andThen(session.say(ten), session.close({ drain: true })) }
        ],
        tts: { duration: 5000 },
        options: { resilience: once }
      })
      timeline.expect(["SessionClosed", 6200, { reason: "closed" }])
      assert.strictEqual(timeline.connections.length, 2)
      settled(timeline)
    }))

  it.effect("one that ends early is opened again, and the end counts as a failure", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        stt: { faults: [{ end: true }, { end: true }] },
        options: { resilience: once },
        user: [Testing.say(2000, 3000, "Hello.")]
      })
      assert.deepStrictEqual(
        timeline.of("ProviderFailed").map(({ reason }) => (reason as Failure.Reason)._tag),
        ["EndedEarly", "EndedEarly"]
      )
      assert.include(timeline.messages, "user: Hello.")
    }))

  it.effect("one that always ends early ends the session", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ stt: { faults: { end: true } }, user: [hello] })
      assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "provider_failures")
      settled(timeline)
    }))

  it.effect("one that hangs has ten seconds from the end of speech; a quiet user is no failure", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        stt: { faults: [{ hang: true }] },
        user: [Testing.say(60_000, 61_000, "Hello."), Testing.say(80_000, 81_000, "Hello again.")],
        options: { resilience: once }
      })
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ at, component }) => [component, at]), [
        ["stt", 71_500]
      ])
      assert.include(timeline.messages.join("\n"), "Hello again.")
    }))

  it.effect("one that is slow is waited for", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ stt: { finalDelay: 4000 }, user: [hello] })
      timeline.expect(["UserSpeechCommitted", 6500])
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
    }))

  it.effect("one that gives itself up is opened again", () =>
    Effect.gen(function*() {
      let opened = 0
      const { stt } = yield* Testing.stt()
      const timeline = yield* Testing.scenario({
        user: [Testing.say(2000, 3000, "Hello?")],
        llm: ["Fine."],
        layer: Layer.succeed(
          Stt.Stt,
          Stt.Stt.of({
            ...stt,
            resilient: true,
            transcribe: (audio) => opened++ === 0 ? Stream.fromEffect(Effect.interrupt) : stt.transcribe(audio)
          })
        )
      })
      assert.include(timeline.messages, "assistant: Fine.")
    }))
})

describe("a model that fails", () => {
  it.effect("one that never answers is given up after ten seconds, and the user may go on", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(20_000, 21_000, "Hello?")],
        llm: ({ text }) => text === "Hello?" ? "Hi." : { hang: true },
        tts: { duration: 500 }
      })
      timeline.expect(
        ["ProviderFailed", 13_000, { component: "llm", recovered: false }],
        ["SpeechFinished", 13_000, { outcome: "failed" }],
        ["AgentStateChanged", 13_000, { to: "listening" }],
        ["AgentStartedSpeaking", 13_200],
        ["AgentSpeechCommitted", 22_500, { text: "Hi." }]
      )
      assert.deepStrictEqual(timeline.messages, [
        "user: Hello, how are you?",
        "assistant: Sorry, I could not answer that. Could you say it again?",
        "user: Hello?",
        "assistant: Hi."
      ])
      settled(timeline)
    }))

  it.effect("one that fails once is asked again, and nobody notices", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        llm: [{ fail: true }, "I am fine."],
        tts: { duration: 500 }
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: I am fine."])
      assert.deepStrictEqual(timeline.of("ProviderFailed").filter(({ recovered }) => !recovered), [])
    }))

  it.effect.each([[1, "listening"], [2, "listening"], [3, "closed"]] as const)(
    "counts %d unrecovered failures in a row, and a success between them resets",
    ([failures, end]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          at: Array.from({ length: failures }, (_, i) => ({
            at: 1000 + 3000 * i,
            do: (session) => session.send(`question ${i}`)
          })),
          llm: () => ({ fail: refused })
        })
        assert.strictEqual(timeline.of("ProviderFailed").length, failures)
        assert.strictEqual(timeline.stoppedAt === undefined ? "closed" : "listening", end)
        const between = yield* Testing.scenario({
          at: Array.from({ length: 6 }, (_, i) => ({
            at: 1000 + 3000 * i,
            do: (session) => session.send(`question ${i}`)
          })),
          llm: ({ index }) => index % 3 === 2 ? "OK." : { fail: refused }
        })
        assert.strictEqual(between.of("ProviderFailed").length, 4)
        assert.isDefined(between.stoppedAt)
      })
  )

  it.effect.each([{ fail: true }, { hang: true }] as const)(
    "one that dies in mid-stream: what it had said is said and remembered, and the caller learns that no more comes (%j)",
    (fault) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [hello],
          llm: [{ text: "This is the first sentence. And this is the second one.", after: 6, ...fault }],
          tts: { duration: 1000 },
          quiet: "60 seconds",
          options: { turn: { preemption: { llm: false } } }
        })
        assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component }) => component), ["llm"])
        assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["failed", "completed"])
        assert.match(timeline.messages[1]!, /^assistant: This is the first sentence\./)
        assert.strictEqual(timeline.messages[2], "assistant: Sorry, I could not answer that. Could you say it again?")
        assert.strictEqual(timeline.playbacks.length, 2)
        settled(timeline)
      })
  )

  it.effect("one that dies in mid-stream before the turn is over is asked once more, for nobody has heard it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        llm: [{ text: "Let me see. I", firstToken: 50, after: 3, fail: true }, "I am fine."]
      })
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ recovered }) => recovered), [true])
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: I am fine."])
      assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["completed"])
      settled(timeline)
    }))

  it.effect("one that answers with nothing is no failure", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        llm: ["", ""],
        options: { failedReply: false }
      })
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
      assert.deepStrictEqual(timeline.playbacks, [])
      timeline.expect(["AgentStateChanged", 3000, { to: "thinking" }], ["AgentStateChanged", 3600, { to: "listening" }])
    }))

  it.effect("Agent.onFailure sees each failure that nobody mended, and may speak", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          onFailure: (failure) =>
            Effect.sync(() => void seen.push([failure.component, (failure.reason as Failure.Reason)._tag]))
        }),
        user: [hello],
        llm: [{ fail: refused }]
      })
      assert.deepStrictEqual(seen, [["llm", "InvalidRequest"]])
      settled(timeline)
    }))

  it.effect("a failing Agent.onFailure is reported and harms nothing", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onFailure: () => Effect.die("boom") }),
        at: [{ at: 1000, do: (session) => session.send("one") }, { at: 4000, do: (session) => session.send("two") }],
        llm: [{ fail: refused }, "Two."]
      })
      assert.include(timeline.messages, "assistant: Two.")
      assert.deepInclude(timeline.of("ProviderFailed").map(({ component }) => component), "hook")
    }))
})

describe("a synthesiser that fails", () => {
  it.effect("before any audio: the speech has failed, nothing was heard, nothing is remembered", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        llm: ["I am fine."],
        tts: { fail: refused },
        options: { failedReply: false }
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?"])
      assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["failed"])
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component }) => component), ["tts"])
      settled(timeline)
    }))

  it.effect.each([{ fail: true }, { hang: true }] as const)(
    "in mid-speech: what was heard is remembered, as cut (%j)",
    (fault) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [hello],
          llm: [{ text: "This is the first sentence. And this is the second one.", firstToken: 0, total: 0 }],
          tts: { after: 1, ...fault },
          quiet: "60 seconds"
        })
        assert.deepStrictEqual(timeline.messages, [
          "user: Hello, how are you?",
          "assistant: This is the first sentence.—",
          "assistant: Sorry, I could not answer that. Could you say it again?"
        ])
        assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ component }) => component), ["tts"])
        assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["failed", "completed"])
        settled(timeline)
      })
  )

  it.effect.each([["hangs", { hang: true }], ["ends without audio", { empty: true }]] as const)(
    "one that %s is given up, and the session goes on",
    ([, fault]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [hello],
          tts: ({ text }) => text.startsWith("Hi") ? { duration: 500 } : fault,
          llm: ({ text }) => text === "And now?" ? "Hi." : ten,
          at: [{ at: 30_000, do: (session) => session.send("And now?") }]
        })
        const failure = timeline.of("ProviderFailed").find(({ recovered }) => !recovered)
        assert.strictEqual(failure!.component, "tts")
        assert.isAtMost(failure!.at, 13_300)
        assert.deepStrictEqual(timeline.messages.at(-1), "assistant: Hi.")
        settled(timeline)
      })
  )

  it.effect("one that is slow is waited for", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        tts: { firstByte: 3900, duration: 500 },
        llm: ["Hi."]
      })
      timeline.expect(["AgentStateChanged", 7200, { to: "speaking" }])
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
    }))

  it.effect("one whose rate is impossible fails the speech, and is told", () =>
    Effect.gen(function*() {
      const frame = { samples: new Int16Array(100), sampleRate: 0, channels: 1 }
      const timeline = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("Hello") }],
        layer: Layer.succeed(
          Tts.Tts,
          Tts.make({ name: "odd", sampleRate: 8000, channels: 1, speak: () => Stream.make({ frame }) })
        )
      })
      assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["failed"])
      assert.isAbove(timeline.of("ProviderFailed").length, 0)
    }))
})

describe("several providers", () => {
  it.effect("the second recogniser hears what the first one could not", () =>
    Effect.gen(function*() {
      const one = yield* Testing.stt({ name: "one", faults: [{ fail: true }, {}] })
      const two = yield* Testing.stt({ name: "two" })
      const timeline = yield* Testing.scenario({
        layer: Layer.effect(Stt.Stt, Stt.fallback([one.stt, two.stt], { policy: once, probe: () => Effect.void })),
        user: [Testing.say(500, 1500, "hello world")]
      })
      timeline.expect(["ProviderAvailability", 0, { component: "stt", provider: "one", available: false }])
      timeline.expect(["ProviderAvailability", 1000, { component: "stt", provider: "one", available: true }])
      timeline.expect(["UserTranscript", 1700, { text: "hello world" }])
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
    }))

  it.effect("both fail: a typed error names both", () =>
    Effect.gen(function*() {
      const one = yield* Testing.stt({ name: "one", faults: { fail: true } })
      const two = yield* Testing.stt({ name: "two", faults: { fail: refused } })
      const timeline = yield* Testing.scenario({
        layer: Layer.effect(Stt.Stt, Stt.fallback([one.stt, two.stt], { policy: once })),
        user: [hello]
      })
      const failure = timeline.of("ProviderFailed")[0]!.reason as Failure.Exhausted
      assert.strictEqual(failure._tag, "Exhausted")
      assert.deepStrictEqual(failure.providers, ["one", "two"])
      assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "provider_failures")
    }))

  it.effect("timestamps go on after a switch 30 s into the call", () =>
    Effect.gen(function*() {
      const one = yield* Testing.stt({ name: "one", times: true, faults: { fail: true, afterTime: 30_000 } })
      const two = yield* Testing.stt({ name: "two", times: true })
      const timeline = yield* Testing.scenario({
        room: { frames: 100 },
        layer: Layer.effect(Stt.Stt, Stt.fallback([one.stt, two.stt], { policy: once })),
        user: [Testing.say(31_000, 32_000, "hello world")]
      })
      const [transcript] = timeline.of("UserTranscript")
      assert.closeTo(transcript!.start!, 31_000, 110)
      assert.closeTo(transcript!.end!, 32_000, 110)
    }))

  it.effect.each([0, 1, 2, 3])(
    "timestamps go on when the session itself has opened it again, %d times",
    (lost) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          room: { frames: 100 },
          stt: {
            times: true,
            resilient: true,
            faults: Array.from({ length: lost }, (_, i) => ({ fail: true as const, afterTime: i === 0 ? 30_000 : 0 }))
          },
          options: { turn: { toleratedFailures: 9 } },
          user: [Testing.say(31_000, 32_000, "hello world")]
        })
        const [transcript] = timeline.of("UserTranscript")
        assert.closeTo(transcript!.start!, 31_000, 110)
        assert.closeTo(transcript!.end!, 32_000, 110)
      })
  )

  it.effect("timestamps go on when only speech is fed to it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { frames: 100 },
        stt: { times: true, resilient: true },
        options: { feed: "speech" },
        user: [Testing.say(3000, 4000, "hello world"), Testing.say(31_000, 32_000, "and again")]
      })
      const times = timeline.of("UserTranscript").map(({ end, start }) => [start!, end!] as const)
      assert.strictEqual(times.length, 2)
      // The recogniser takes the padding, half a second, for a part of the speech.
      assert.closeTo(times[0]![0], 2750, 360)
      assert.closeTo(times[0]![1], 4000, 110)
      assert.closeTo(times[1]![0], 30_750, 360)
      assert.closeTo(times[1]![1], 32_000, 110)
    }))

  it.effect("the second synthesiser's audio at the room's rate, the first byte from the first attempt", () =>
    Effect.gen(function*() {
      const one = yield* Testing.tts({ fail: true, firstByte: 300 }, { name: "one" })
      const two = yield* Testing.tts({ duration: 5000, firstByte: 200 }, { name: "two", sampleRate: 48_000 })
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        layer: Layer.effect(Tts.Tts, Tts.fallback([one.tts, two.tts], { policy: once })),
        user: [hello],
        llm: ["I am fine."]
      })
      assert.closeTo(timeline.playbacks[0]!.playedMs, 5000, 1)
      assert.strictEqual(timeline.turns[0]!.ttsFirstByte, 500)
      assert.strictEqual(timeline.of("TtsMeasured")[0]!.firstByteMs, 500)
      timeline.expect(["ProviderAvailability", 3600, { component: "tts", provider: "one", available: false }])
      assert.deepStrictEqual(timeline.messages.at(-1), "assistant: I am fine.")
    }))

  it.effect("the availability of an agent's own providers is told, too, once", () =>
    Effect.gen(function*() {
      const one = yield* Testing.llm(() => ({ fail: true }), { name: "one" })
      const two = yield* Testing.llm([], { name: "two" })
      const llm = yield* Llm.fallback([one.llm, two.llm], { policy: once, recovery: Schedule.recurs(0) })
      const agent = Agent.make({ instructions: "", llm })
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        at: [{ at: 100, do: (session) => session.handoff(agent) }],
        user: [hello]
      })
      timeline.exactly(["ProviderAvailability", 3100, { component: "llm", provider: "one", available: false }])
      assert.strictEqual(timeline.messages.at(-1), "assistant: OK.")
    }))

  it.effect("the second model replies, also with tool calls alone", () =>
    Effect.gen(function*() {
      const one = yield* Testing.llm(() => ({ hang: true }), { name: "one" })
      const two = yield* Testing.llm(["I am fine.", "OK."], { name: "two" })
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        layer: Layer.effect(
          Llm.Llm,
          Llm.fallback([one.llm, two.llm], { policy: { retries: 0, firstOutput: "2 seconds" } })
        ),
        user: [hello],
        tts: { duration: 500 },
        at: [{ at: 10_000, do: (session) => session.send("And now?") }]
      })
      timeline.expect(
        ["ProviderAvailability", 5000, { component: "llm", provider: "one", available: false }],
        ["AgentStartedSpeaking", 5500]
      )
      assert.deepStrictEqual(timeline.messages, [
        "user: Hello, how are you?",
        "assistant: I am fine.",
        "user: And now?",
        "assistant: OK."
      ])
    }))
})

describe("a key in a URL", () => {
  const key = "sk-secret-8f14e45f"
  const url = `wss://user:${key}@provider.example/v1?api_key=${key}`
  const stt = Stt.make({
    name: "leaky-stt",
    transcribe: () => Stream.die(new Error(`connect ECONNREFUSED ${url}`))
  })
  const llm = Llm.make({ name: "leaky-llm", reply: () => Stream.die(new Error(`fetch failed: ${url}`)) })
  const tts = Tts.make({
    name: "leaky-tts",
    sampleRate: 24_000,
    channels: 1,
    speak: () => Stream.die(new Error(`bad gateway: ${url}`))
  })
  it.effect.each(
    [
      ["stt", Layer.succeed(Stt.Stt, stt)],
      ["llm", Layer.succeed(Llm.Llm, llm)],
      ["tts", Layer.succeed(Tts.Tts, tts)]
    ] as const
  )("reaches no log line, event, history or span (%s)", ([component, layer]) =>
    Effect.gen(function*() {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const timeline = yield* Testing.scenario({
        layer,
        at: [{ at: 1000, do: (session) => session.send("Hello") }],
        user: component === "stt" ? [hello] : []
      }).pipe(Effect.provideService(Tracer.Tracer, tracer))
      const traced = spans.map((span) => [
        span.name,
        ...span.attributes,
        span.status._tag === "Ended" && Exit.isFailure(span.status.exit) ? Cause.pretty(span.status.exit.cause) : ""
      ])
      assert.isAbove(traced.length, 3)
      assert.notInclude(inspect(traced, { depth: 9 }), key)
      assert.isNotEmpty(timeline.of("ProviderFailed"))
      assert.notInclude(JSON.stringify([timeline.events, timeline.logs, timeline.history, timeline.failures]), key)
      assert.notInclude(timeline.print(), key)
    }))
})
