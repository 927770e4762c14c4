import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Stream } from "effect"
import { Agent, Failure, Llm, Room, type Session, Stt, type Text, Tts, Vad } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Prompt } from "effect/ai"
import { withOutput } from "../support/output.ts"

const sorry = "I'm experiencing technical difficulties. Please try again later."
const refused = new Failure.Rejected({ status: 401 })
const once = { retries: 0 }

const questions = (count: number, everyMs = 3000) =>
  Array.from({ length: count }, (_, i) => ({
    at: 1000 + everyMs * i,
    do: (session: Session.Session["Service"]) => session.send(`question ${i}`)
  }))

const sound = (timeline: Testing.Timeline) => {
  assert.strictEqual(timeline.left, "")
  assert.deepStrictEqual(Testing.invariants(timeline), [])
}

describe("when all is lost", () => {
  it.effect("the caller hears an apology although the synthesiser is dead, and the session ends", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          onEscalation: ({ cause, component, failures }) =>
            Effect.sync(() => void seen.push(`${component} ${cause} ${failures}`))
        }),
        at: questions(3),
        tts: { fail: refused },
        options: { resilience: once }
      })
      assert.deepStrictEqual(seen, ["tts consecutive 3"])
      assert.strictEqual(timeline.messages.at(-1), `assistant: ${sorry}`)
      const heard = timeline.playbacks.find(({ speech }) => speech === "apology")
      assert.closeTo(heard!.playedMs, 4355.5, 1)
      const [escalated] = timeline.of("Escalated")
      assert.strictEqual(escalated!.level, "critical")
      assert.strictEqual(timeline.of("SessionClosed")[0]!.reason, "provider_failures")
      assert.isTrue(timeline.logs.some(({ level }) => level === "Fatal"))
      sound(timeline)
    }))

  it.effect("it is not to be interrupted, and begins when what was said has stopped", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{ at: 900, do: (session) => session.say("one two three four five six seven eight nine ten.") }],
        user: [Testing.say(3000, 5000, "Hello? Are you there?")],
        stt: { faults: [{ fail: refused, afterTime: 2000 }] },
        options: { resilience: once }
      })
      const [said, apology] = timeline.playbacks
      assert.deepStrictEqual([said!.interrupted, said!.end], [true, 2000])
      assert.deepStrictEqual([apology!.start, apology!.interrupted], [2000, false])
      sound(timeline)
    }))

  it.effect("more than ten failures of one kind in five minutes are too many, whatever worked between them", () =>
    Effect.gen(function*() {
      const script = (count: number, everyMs: number) =>
        Testing.scenario({
          at: questions(count, everyMs),
          llm: ({ index }) => index % 2 === 0 ? { fail: refused } : "OK.",
          tts: { duration: 200 },
          options: { resilience: once }
        })
      const ten = yield* script(20, 3000)
      assert.deepStrictEqual(ten.of("Escalated"), [])
      const eleven = yield* script(22, 3000)
      assert.deepStrictEqual(
        eleven.of("Escalated").map(({ cause, component, failures }) => [component, cause, failures]),
        [
          ["llm", "window", 11]
        ]
      )
      const slowly = yield* script(22, 16_000)
      assert.deepStrictEqual(slowly.of("Escalated"), [])
    }))

  it.effect("another text is made beforehand, once, and heard when the synthesiser has died meanwhile", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: questions(3),
        tts: ({ text }) => text.startsWith("Leider") ? { duration: 2000 } : { fail: refused },
        options: { resilience: once, apology: { text: "Leider ist etwas kaputt." } }
      })
      assert.strictEqual(timeline.messages.at(-1), "assistant: Leider ist etwas kaputt.")
      assert.strictEqual(timeline.speeches.filter(({ pieces }) => pieces[0]!.startsWith("Leider")).length, 1)
      assert.isBelow(timeline.speeches[0]!.at, 1000)
      assert.strictEqual(timeline.playbacks.at(-1)!.playedMs, 2000)
    }))

  it.effect("with a clip of one's own, and without a word where that is wished or the room is what failed", () =>
    Effect.gen(function*() {
      const clip = { samples: new Int16Array(16_000), sampleRate: 16_000, channels: 1 }
      const own = yield* Testing.scenario({
        at: questions(3),
        llm: () => ({ fail: refused }),
        options: { resilience: once, apology: { text: "Sorry.", clip } }
      })
      assert.strictEqual(own.playbacks.at(-1)!.playedMs, 1000)
      const silent = yield* Testing.scenario({
        at: questions(3),
        llm: () => ({ fail: refused }),
        options: { resilience: once, apology: false, failedReply: false }
      })
      assert.deepStrictEqual(silent.playbacks, [])
      silent.expect(["Escalated", 7100], ["SessionClosed", 7100, { reason: "provider_failures" }])
      sound(silent)
    }))

  it.effect("an escalation hook that hangs or fails holds nothing up", () =>
    Effect.gen(function*() {
      for (const onEscalation of [() => Effect.never, () => Effect.die("boom")]) {
        const timeline = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", onEscalation }),
          at: questions(3),
          llm: () => ({ fail: refused }),
          options: { resilience: once }
        })
        assert.strictEqual(timeline.of("SessionClosed").length, 1)
        assert.strictEqual(timeline.left, "")
      }
    }))

  it.effect("everything at once: synthesiser dead in mid-sentence, model 401, recogniser silent for a minute", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 3000, "Hello, how are you?"), Testing.say(70_000, 71_000, "Still there?")],
        at: [
          { at: 500, do: (session) => session.say("This is one sentence. And this is another one.") },
          ...questions(2, 30_000).map((step) => ({ ...step, at: step.at + 20_000 }))
        ],
        llm: () => ({ fail: refused }),
        tts: { fail: true, after: 1 },
        stt: { faults: [{ hang: true }] }
      })
      assert.strictEqual(timeline.of("SessionClosed").length, 1)
      sound(timeline)
    }))
})

describe("failures are told as what they are", () => {
  it.effect("a stream given to say that breaks off: the text's, and no provider's", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [{
          at: 1000,
          do: (session) =>
            session.say(Stream.concat(Stream.make("This much was said. "), Stream.die(new Error("secret words"))))
        }]
      })
      assert.deepStrictEqual(
        timeline.of("ProviderFailed").map(({ component, provider, reason, recovered }) => ({
          component,
          provider,
          reason,
          recovered
        })),
        [{ component: "text", provider: "say", reason: "SourceFailed", recovered: false }]
      )
      assert.deepStrictEqual(timeline.of("SpeechFinished").map(({ outcome }) => outcome), ["failed"])
      assert.deepStrictEqual(timeline.messages, ["assistant: This much was said."])
      assert.isFalse(timeline.logs.some((line) => line.level !== "Debug" && JSON.stringify(line).includes("secret")))
      sound(timeline)
    }))

  it.effect("a transform that throws is left out, and the text is said as it is", () =>
    Effect.gen(function*() {
      const broken: Text.Transform = {
        name: "broken",
        open: () => ({
          push: () => {
            throw new Error("secret words")
          },
          end: () => ""
        })
      }
      const timeline = yield* Testing.scenario({
        at: questions(1),
        llm: ["I am fine, and how are you today? I hope that all is well."],
        options: { transforms: [broken] }
      })
      assert.deepStrictEqual(
        timeline.of("ProviderFailed").map(({ component, provider, reason, recovered }) => ({
          component,
          provider,
          reason,
          recovered
        })),
        [{ component: "text", provider: "broken", reason: "Bypassed", recovered: true }]
      )
      assert.strictEqual(
        timeline.messages.at(-1),
        "assistant: I am fine, and how are you today? I hope that all is well."
      )
      sound(timeline)
    }))

  it.effect("a recogniser that closes itself after a long silence is opened again, and that is no failure", () =>
    Effect.gen(function*() {
      const idle = { end: true, afterTime: 30_000 } as const
      const timeline = yield* Testing.scenario({
        stt: { faults: [idle, idle, idle, idle] },
        user: [Testing.say(130_000, 131_000, "Hello.")],
        options: { resilience: once, turn: { toleratedFailures: 0 } }
      })
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
      assert.strictEqual(timeline.connections.length, 5)
      assert.include(timeline.messages, "user: Hello.")
    }))
})

describe("a room that hangs", () => {
  it.effect.each(["clear", "pause", "write", "drained", "played"] as const)(
    "on %s holds the conversation up for ten seconds at most",
    (what) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          at: questions(1),
          llm: ["one two three four five six seven eight nine ten."],
          user: [Testing.say(2000, 3500, "Stop it, please.")],
          layer: withOutput((output) => ({
            ...output,
            [what]: what === "write" ? () => Effect.never : Effect.never
          })),
          quiet: "60 seconds"
        })
        const failures = timeline.of("ProviderFailed")
        assert.isNotEmpty(failures)
        for (const { component, reason } of failures) {
          assert.strictEqual(component, "room")
          assert.strictEqual((reason as Failure.Reason)._tag, "TimedOut")
        }
        const finished = timeline.of("SpeechFinished").length
        assert.strictEqual(finished, timeline.of("SpeechCreated").length)
        assert.strictEqual(timeline.left, "")
      })
  )
})

describe("a room that fails", () => {
  it.effect("and ends the session by that: what was begun is told to have stopped, and how far it was heard", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: questions(3, 10_000),
        layer: withOutput((output) => ({
          ...output,
          drained: Effect.andThen(Effect.sleep(700), Effect.die(new Error("secret words")))
        }))
      })
      assert.deepStrictEqual(timeline.of("Escalated").map(({ component }) => component), ["room"])
      const started = timeline.of("AgentStartedSpeaking").map(({ speech }) => speech)
      assert.strictEqual(started.length, 3)
      assert.deepStrictEqual(timeline.of("AgentStoppedSpeaking").map(({ speech }) => speech), started)
      assert.strictEqual(timeline.left, "")
      assert.notInclude(JSON.stringify([timeline.events, timeline.logs]), "secret")
    }))
})

describe("providers in a session", () => {
  it.effect("availability and circuit breakers are events of the session", () =>
    Effect.gen(function*() {
      const one = yield* Testing.llm(() => ({ fail: true }), { name: "one" })
      const two = yield* Testing.llm(() => "Two.", { name: "two" })
      const timeline = yield* Testing.scenario({
        at: questions(2),
        tts: { duration: 300 },
        layer: Layer.effect(
          Llm.Llm,
          Llm.fallback([one.llm, two.llm], {
            policy: once,
            breaker: { consecutiveFailures: 1, recovery: Schedule.spaced("1 hour") }
          })
        )
      })
      assert.deepStrictEqual(
        timeline.of("BreakerChanged").map(({ component, from, provider, to }) => [component, provider, from, to]),
        [["llm", "one", "closed", "open"]]
      )
      assert.deepStrictEqual(
        timeline.of("ProviderAvailability").map(({ available, provider }) => [provider, available]),
        [["one", false]]
      )
      assert.strictEqual((yield* one.calls.requests).length, 1)
    }))

  describe("while a session opens", () => {
    const lost = (provider: string) => ({ provider, reason: new Failure.Disconnected({}) })
    const fallback = {
      policy: once,
      probe: () => Effect.void,
      breaker: { consecutiveFailures: 1, recovery: Schedule.spaced(500) }
    }
    const after = <E>(ms: number, error: E) =>
      ms === 0 ? Effect.fail(error) : Effect.andThen(Effect.sleep(ms), Effect.fail(error))
    /** Of two, the first fails at its first request, after so long. */
    const failing = {
      llm: (ms: number) =>
        Effect.gen(function*() {
          const { llm } = yield* Testing.llm(() => "One.", { name: "one" })
          let asked = 0
          const fails = Stream.fromEffect(after(ms, new Llm.LlmError(lost("one"))))
          const one = Llm.make({
            ...llm,
            reply: (request) => Stream.suspend(() => asked++ === 0 ? fails : llm.reply(request))
          })
          return yield* Llm.fallback([one, (yield* Testing.llm(() => "Two.", { name: "two" })).llm], fallback)
        }),
      tts: (ms: number) =>
        Effect.gen(function*() {
          const { tts } = yield* Testing.tts({}, { name: "one" })
          let asked = 0
          const fails = Stream.fromEffect(after(ms, new Tts.TtsError(lost("one"))))
          const one = Tts.make({
            ...tts,
            speak: (text, options) => Stream.suspend(() => asked++ === 0 ? fails : tts.speak(text, options))
          })
          return yield* Tts.fallback([one, (yield* Testing.tts({}, { name: "two" })).tts], fallback)
        })
    }
    const slow = {
      room: Layer.effect(
        Room.Room,
        Room.Room.useSync((room) =>
          Room.Room.of({ ...room, output: (options) => Effect.andThen(Effect.sleep(200), room.output(options)) })
        )
      ),
      detector: Layer.effect(
        Vad.Vad,
        Vad.Vad.useSync((vad) =>
          Vad.Vad.of({ ...vad, detector: (options) => Effect.andThen(Effect.sleep(200), vad.detector(options)) })
        )
      )
    }
    const check = (timeline: Testing.Timeline, component: "llm" | "tts", at: number) => {
      assert.deepStrictEqual(
        timeline.of("ProviderAvailability").map((
          event
        ) => [event.at, event.component, event.provider, event.available]),
        [[at, component, "one", false], [at + 1000, component, "one", true]]
      )
      assert.deepStrictEqual(
        timeline.of("BreakerChanged").map((event) => [event.component, event.provider, event.from, event.to]),
        [
          [component, "one", "closed", "open"],
          [component, "one", "open", "half_open"],
          [component, "one", "half_open", "closed"]
        ]
      )
      assert.strictEqual(timeline.of("BreakerChanged")[0]!.at, at)
      assert.strictEqual(timeline.events[0]!.at, at)
      assert.strictEqual(timeline.playbacks.length, 2)
      assert.strictEqual(timeline.left, "")
    }

    it.effect.each([0, 50, 199])(
      "a provider whose warm-up fails after %d ms is told to be lost, and to be back",
      (ms) =>
        Effect.gen(function*() {
          const script = { at: questions(2, 2000), options: { prewarm: "paid" } } as const
          for (const what of [slow.room, slow.detector]) {
            const llm = Layer.mergeAll(Layer.effect(Llm.Llm, failing.llm(ms)), what)
            check(yield* Testing.scenario({ ...script, layer: llm }), "llm", ms)
            const tts = Layer.mergeAll(Layer.effect(Tts.Tts, failing.tts(ms)), what)
            check(yield* Testing.scenario({ ...script, layer: tts }), "tts", ms)
          }
        })
    )

    it.effect("a provider that another conversation loses is told, too", () =>
      Effect.gen(function*() {
        const shared = Layer.effect(
          Llm.Llm,
          Effect.gen(function*() {
            const llm = yield* failing.llm(100)
            yield* Effect.forkDetach(
              Effect.ignore(Stream.runDrain(llm.reply({ prompt: Prompt.empty, tools: [], toolChoice: "none" })))
            )
            return llm
          })
        )
        const timeline = yield* Testing.scenario({
          at: questions(2, 2000),
          layer: Layer.merge(shared, slow.room)
        })
        check(timeline, "llm", 100)
      }))
  })

  it.effect("an open breaker of the recogniser is waited for, not counted until the session ends", () =>
    Effect.gen(function*() {
      let opened = 0
      const service = Stt.make({
        name: "a",
        transcribe: <E, R>(audio: Stream.Stream<Stt.Input, E, R>) =>
          Stream.suspend((): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> =>
            ++opened === 1
              ? Stream.fail(new Stt.SttError({ provider: "a", reason: new Failure.Disconnected({}) }))
              : Stream.drain(audio)
          )
      })
      const timeline = yield* Testing.scenario({
        layer: Stt.layerResilient(Layer.succeed(Stt.Stt, service), {
          policy: once,
          breaker: { consecutiveFailures: 1 }
        }),
        until: 60_000
      })
      assert.strictEqual(opened, 2)
      assert.deepStrictEqual(
        timeline.of("ProviderFailed").map(({ reason }) => (reason as Failure.Reason)._tag),
        ["Disconnected", "Unavailable"]
      )
      assert.deepStrictEqual(timeline.of("Escalated"), [])
    }))

  it.effect("a warm-up that fails is logged without the key, and the session goes on", () =>
    Effect.gen(function*() {
      const key = "sk-very-secret"
      let warmed = 0
      const base = yield* Testing.llm(() => "OK.", { name: "llm" })
      const llm = Llm.make({
        ...base.llm,
        prewarm: Effect.andThen(Effect.sync(() => void warmed++), Effect.die(new Error(`https://x/?key=${key}`)))
      })
      const timeline = yield* Testing.scenario({
        layer: Layer.succeed(Llm.Llm, llm),
        at: questions(1),
        tts: { duration: 200 }
      })
      assert.strictEqual(warmed, 1)
      assert.include(timeline.messages, "assistant: OK.")
      assert.isTrue(timeline.logs.some(({ text }) => text.includes("warmed up")))
      assert.notInclude(JSON.stringify([timeline.logs, timeline.events]), key)
      const without = yield* Testing.scenario({
        layer: Layer.succeed(Llm.Llm, llm),
        options: { prewarm: false }
      })
      assert.strictEqual(warmed, 1)
      assert.strictEqual(without.left, "")
    }))

  it.effect("a warm-up costs nothing unless it is asked to", () =>
    Effect.gen(function*() {
      for (const paid of [false, true]) {
        const llm = yield* Testing.llm(() => "OK.")
        const tts = yield* Testing.tts({})
        const stt = yield* Testing.stt({})
        const prewarmed = [
          Llm.prewarm(llm.llm, { paid }),
          Tts.prewarm(tts.tts, { paid }),
          Stt.prewarm(stt.stt, { paid })
        ]
        yield* Effect.all(prewarmed, { concurrency: "unbounded" }).pipe(Testing.inVirtualTime)
        assert.strictEqual((yield* llm.calls.requests).length, paid ? 1 : 0)
        assert.strictEqual((yield* tts.calls.calls).length, paid ? 1 : 0)
      }
    }))
})

describe("keys", () => {
  it.effect("whatever a provider dies of, no key and no word of the call is in a log or an event", () =>
    Effect.gen(function*() {
      const key = "sk-very-secret"
      const dies = () => Effect.die(new Error(`connect wss://provider.example/?token=${key}`))
      const timeline = yield* Testing.scenario({
        user: [Testing.say(1000, 2000, "confidential words")],
        at: questions(3),
        layer: Layer.mergeAll(
          Layer.succeed(Llm.Llm, Llm.make({ name: "llm", prewarm: dies(), reply: () => Stream.fromEffect(dies()) })),
          Layer.succeed(
            Stt.Stt,
            Stt.make({ name: "stt", prewarm: dies(), transcribe: () => Stream.fromEffect(dies()) })
          )
        ),
        options: { spending: { prices: [], budget: { unit: "tokens", limit: 1_000_000 } } }
      })
      assert.isNotEmpty(timeline.of("ProviderFailed"))
      assert.strictEqual(timeline.of("Escalated").length, 1)
      const told = timeline.events.filter(({ _tag }) => _tag !== "UserSpeechCommitted" && _tag !== "UserTranscript")
      for (const secret of [key, "provider.example", "confidential", "question"]) {
        assert.notInclude(JSON.stringify([told, timeline.logs]), secret)
      }
    }))
})
