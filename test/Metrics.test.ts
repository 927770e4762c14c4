import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, Metric, Schedule, Schema, Scope } from "effect"
import { Event, Failure, Metrics } from "effect-voice"
import * as Cost from "effect-voice/Cost"
import { TestClock } from "effect/testing"

const turn: Event.TurnRecord = {
  turn: 1,
  speech: "speech-1",
  source: "voice",
  userStoppedAt: 1000,
  committedAt: 1500,
  audibleAt: 1900,
  endOfUtterance: 500,
  transcriptionDelay: 220,
  tools: 0,
  llmFirstToken: 180,
  firstSentence: 70,
  ttsFirstByte: 120,
  playoutStart: 30,
  total: 900,
  ttsMs: 120,
  steps: 1,
  toolCalls: 0,
  inputTokens: 100,
  outputTokens: 20,
  audioMs: 2500,
  preempted: false,
  interrupted: false
}

const call = (isFailure: boolean): Event.FunctionCall => ({
  id: "call-1",
  name: "get_weather",
  params: { city: "Oslo" },
  result: "rain",
  isFailure
})

const measured = (record: Partial<Event.TurnRecord>): Event.Event => ({
  _tag: "TurnMeasured",
  at: 1900,
  record: { ...turn, ...record }
})

const failed = (
  component: Event.Component,
  reason: Event.Of<"ProviderFailed">["reason"] = new Failure.EndedEarly(),
  recovered = false
): Event.Of<"ProviderFailed"> => ({ _tag: "ProviderFailed", at: 1, component, provider: "p", reason, recovered })

const llm = (provider: string, requestMs: number, firstTokenMs: number): Event.Event => ({
  _tag: "LlmMeasured",
  at: 1,
  speech: "speech-1",
  provider,
  firstTokenMs,
  requestMs,
  inputTokens: 100,
  outputTokens: 20
})

const tts = (provider: string, firstByteMs: number): Event.Event => ({
  _tag: "TtsMeasured",
  at: 1,
  speech: "speech-1",
  provider,
  firstByteMs,
  audioMs: 2500,
  characters: 40
})

const conversation: ReadonlyArray<Event.Event> = [
  { _tag: "SessionStarted", at: 0, session: "s-1" },
  { _tag: "UserStoppedSpeaking", at: 1500, startedAt: 0, endedAt: 1000 },
  { _tag: "UserSpeechCommitted", at: 1500, turn: 1, id: "m-1", text: "What is the weather?", source: "voice" },
  { _tag: "FunctionCallsFinished", at: 1600, speech: "speech-1", calls: [call(false), call(true)] },
  llm("openai", 400, 180),
  tts("elevenlabs", 120),
  measured({ preempted: true }),
  { _tag: "FalseInterruption", at: 2000, speech: "speech-1", resumed: true },
  { _tag: "AgentStoppedSpeaking", at: 4400, speech: "speech-1", playedMs: 2500, interrupted: true },
  { _tag: "AgentSpeechCommitted", at: 4400, speech: "speech-1", id: "m-2", text: "It rains.", interrupted: true },
  { _tag: "SpeechFinished", at: 4400, speech: "speech-1", outcome: "interrupted" }
]

const isolated = (): Context.Context<never> => Context.make(Metric.MetricRegistry, new Map())

const all = (events: ReadonlyArray<Event.Event>, context = isolated()): Context.Context<never> => {
  for (const event of events) {
    Metrics.record(event, context)
  }
  return context
}

/** What a counter or gauge says, or a histogram's count and sum, by name and labels. */
const values = (context: Context.Context<never>): Record<string, number | readonly [count: number, sum: number]> =>
  Object.fromEntries(
    Metric.snapshotUnsafe(context).map((series) => {
      const labels = Object.entries(series.attributes ?? {}).filter(([name]) => name !== "unit")
      const key = [series.id, ...labels.map(([name, value]) => `${name}=${value}`).sort()].join(" ")
      switch (series.type) {
        case "Counter":
          return [key, Number(series.state.count)]
        case "Gauge":
          return [key, Number(series.state.value)]
        case "Histogram":
          return [key, [series.state.count, series.state.sum] as const]
        default:
          throw new Error(`unexpected ${series.type}`)
      }
    })
  )

describe("Metrics", () => {
  describe("record", () => {
    it("measures four latencies in milliseconds", () => {
      const seen = values(all(conversation))
      assert.deepStrictEqual(seen["stt_processing_time"], [1, 220])
      assert.deepStrictEqual(seen["llm_response_time"], [1, 400])
      assert.deepStrictEqual(seen["llm_first_token_time"], [1, 180])
      assert.deepStrictEqual(seen["tts_synthesis_time"], [1, 120])
      assert.deepStrictEqual(seen["total_response_time"], [1, 900])
    })

    it("counts conversations, messages and function calls", () => {
      const seen = values(all(conversation))
      assert.strictEqual(seen["conversations_started"], 1)
      assert.strictEqual(seen["agent_conversations_total"], 1)
      assert.strictEqual(seen["messages_processed"], 2)
      assert.strictEqual(seen["function_calls_executed"], 2)
      assert.strictEqual(seen["function_calls_failed"], 1)
    })

    it("puts response times into fixed buckets, in seconds", () => {
      const context = all([50, 100, 300, 700, 1500, 4000, 9000].map((total) => measured({ total })))
      const series = Metric.snapshotUnsafe(context).find(({ id }) => id === "agent_response_time_seconds")!
      assert(series.type === "Histogram")
      assert.deepStrictEqual(series.state.buckets, [[0.1, 2], [0.5, 3], [1, 4], [2, 5], [5, 6]])
      assert.strictEqual(series.state.count, 7)
      assert.approximately(series.state.sum, 15.65, 1e-9)
    })

    it("shows the stages of a turn, which add up to the total", () => {
      const seen = Object.entries(values(all([measured({})])))
      const stages = seen.filter(([key]) => key.startsWith("agent_turn_stage_time "))
      assert.strictEqual(stages.length, 6)
      assert.strictEqual(
        stages.reduce((sum, [, value]) => sum + (Array.isArray(value) ? value[1] : NaN), 0),
        turn.total
      )
    })

    it("has no transcription time for a typed turn", () => {
      const seen = values(all([measured({ source: "text" }), measured({ source: "manual" })]))
      assert.deepStrictEqual(seen["stt_processing_time"], [1, 220])
      assert.deepStrictEqual(seen["total_response_time"], [2, 1800])
    })

    it("keeps the number of open sessions", () => {
      const start = (session: string): Event.Event => ({ _tag: "SessionStarted", at: 0, session })
      const context = all([start("a"), start("b"), start("c")])
      assert.strictEqual(values(context)["agent_sessions_active"], 3)
      all([{ _tag: "SessionClosed", at: 1, session: "b", reason: "hang_up" }], context)
      const seen = values(context)
      assert.strictEqual(seen["agent_sessions_active"], 2)
      assert.strictEqual(seen["agent_sessions_closed_total reason=hang_up"], 1)
      assert.strictEqual(seen["agent_conversations_total"], 3)
    })

    it("tells interruptions from false ones, and how speeches ended", () => {
      const seen = values(all([
        ...conversation,
        { _tag: "SpeechFinished", at: 5000, speech: "speech-2", outcome: "completed" }
      ]))
      assert.strictEqual(seen["agent_interruptions_total"], 1)
      assert.strictEqual(seen["agent_false_interruptions_total resumed=true"], 1)
      assert.strictEqual(seen["agent_speeches_total outcome=interrupted"], 1)
      assert.strictEqual(seen["agent_speeches_total outcome=completed"], 1)
      assert.strictEqual(seen["agent_preempted_turns_total"], 1)
      assert.strictEqual(seen["agent_speech_seconds_total"], 2.5)
      assert.strictEqual(seen["agent_user_speech_seconds_total"], 1)
    })

    it("counts what providers were used for", () => {
      const seen = values(all([llm("openai", 1, 1), llm("openai", 1, 1), llm("local", 1, 1), tts("elevenlabs", 1)]))
      assert.strictEqual(seen["agent_llm_tokens_total direction=input provider=openai"], 200)
      assert.strictEqual(seen["agent_llm_tokens_total direction=output provider=openai"], 40)
      assert.strictEqual(seen["agent_llm_tokens_total direction=input provider=local"], 100)
      assert.strictEqual(seen["agent_llm_requests_total provider=openai"], 2)
      assert.strictEqual(seen["agent_tts_characters_total provider=elevenlabs"], 40)
      assert.strictEqual(seen["agent_tts_audio_seconds_total provider=elevenlabs"], 2.5)
    })

    it("shows which providers may be asked", () => {
      const say = (available: boolean): Event.Event => ({
        _tag: "ProviderAvailability",
        at: 1,
        component: "llm",
        provider: "openai",
        available
      })
      const key = "agent_provider_available component=llm provider=openai"
      assert.strictEqual(values(all([say(true), say(false)]))[key], 0)
      assert.strictEqual(values(all([say(false), say(true)]))[key], 1)
    })

    it("counts what an operator should look at", () => {
      const seen = values(all([
        { _tag: "Warning", at: 1, component: "processor", message: "bypassed" },
        { _tag: "TranscriptionTimedOut", at: 1, startedAt: 0, speechMs: 900 },
        { _tag: "UserTurnLimitReached", at: 1, words: 500, speechMs: 90_000 },
        { _tag: "AgentChanged", at: 1, to: "billing" },
        { _tag: "HistorySummarized", at: 1, removed: 12 }
      ]))
      assert.deepStrictEqual(seen, {
        "agent_warnings_total component=processor": 1,
        agent_transcriptions_timed_out_total: 1,
        agent_user_turn_limits_total: 1,
        agent_handoffs_total: 1,
        agent_history_summaries_total: 1
      })
    })

    it("is not spoiled by a value that is no length", () => {
      const seen = values(all([
        measured({ total: NaN }),
        measured({ total: Infinity }),
        measured({ total: -5 }),
        measured({ total: 800 })
      ]))
      assert.deepStrictEqual(seen["total_response_time"], [1, 800])
      assert.deepStrictEqual(seen["agent_response_time_seconds"], [1, 0.8])
    })

    it("does not grow without end when names of providers do", () => {
      const context = all(Array.from({ length: 1000 }, (_, i) => llm(`provider-${i}`, 1, 1)))
      const series = Object.entries(values(context)).filter(([key]) => key.startsWith("agent_llm_requests_total"))
      assert.isAtMost(series.length, 65)
      assert.strictEqual(series.reduce((sum, [, value]) => sum + Number(value), 0), 1000)
    })
  })

  describe("registries", () => {
    it.effect("keeps what one registry counts out of every other", () =>
      Effect.gen(function*() {
        const counted = (times: number) =>
          Effect.gen(function*() {
            const record = yield* Metrics.recorder
            for (let i = 0; i < times; i++) {
              record(conversation[0]!)
            }
            return values(yield* Effect.context<never>())["agent_conversations_total"]
          }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
        assert.deepStrictEqual(yield* Effect.all([counted(2), counted(5)]), [2, 5])
      }))

    it.effect("uses the registry of the process where none is given", () =>
      Effect.gen(function*() {
        const before = values(Context.empty())["agent_handoffs_total"] ?? 0
        Metrics.record({ _tag: "AgentChanged", at: 1, to: "billing" })
        assert.strictEqual(values(Context.empty())["agent_handoffs_total"], Number(before) + 1)
      }))

    it.effect("adds the attributes that are in force", () =>
      Effect.gen(function*() {
        const record = yield* Metrics.recorder
        record(conversation[0]!)
        const seen = values(yield* Effect.context<never>())
        assert.strictEqual(seen["agent_conversations_total tenant=a"], 1)
      }).pipe(
        Effect.provideService(Metric.CurrentMetricAttributes, { tenant: "a" }),
        Effect.provideService(Metric.MetricRegistry, new Map())
      ))

    it.effect("shows all series at zero once registered, and registering again changes nothing", () =>
      Effect.gen(function*() {
        yield* Metrics.register
        const record = yield* Metrics.recorder
        for (const event of conversation) {
          record(event)
        }
        const before = values(yield* Effect.context<never>())
        yield* Metrics.register
        assert.deepStrictEqual(values(yield* Effect.context<never>()), before)
        for (const type of Metrics.ErrorType.literals) {
          assert.strictEqual(before[`agent_errors_total error_type=${type}`], 0)
        }
        assert.strictEqual(before["agent_handoffs_total"], 0)
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
  })

  describe("errorType", () => {
    const cases: ReadonlyArray<readonly [Event.Of<"ProviderFailed">, Metrics.ErrorType]> = [
      [failed("stt"), "stt_error"],
      [failed("llm"), "llm_error"],
      [failed("tts"), "tts_error"],
      [failed("room"), "connection_error"],
      [failed("vad"), "unknown_error"],
      [failed("processor"), "unknown_error"],
      [failed("hook"), "unknown_error"],
      [failed("detector"), "unknown_error"],
      [failed("stt", new Failure.Disconnected({})), "stt_error"],
      [failed("detector", new Failure.Disconnected({})), "connection_error"],
      [failed("detector", new Failure.TimedOut({ afterMs: 10 })), "unknown_error"]
    ]

    it("goes by the component, and by the tag where the component has no type", () => {
      for (const [event, expected] of cases) {
        assert.strictEqual(Metrics.errorType(event), expected, `${event.component}`)
      }
    })

    it("does not read text", () => {
      for (const text of ["stt_error", "connection refused", "Disconnected", "tts failed"]) {
        assert.strictEqual(Metrics.errorType(failed("hook", text)), "unknown_error")
        assert.strictEqual(
          Metrics.errorType(failed("hook", new Failure.Broken({ detail: text }))),
          "unknown_error"
        )
      }
    })

    it("labels the two counters, of which one leaves the recovered out", () => {
      const seen = values(all([
        failed("stt"),
        failed("stt", undefined, true),
        failed("llm", undefined, true),
        failed("room")
      ]))
      assert.strictEqual(seen["agent_errors_total error_type=stt_error"], 2)
      assert.strictEqual(seen["agent_errors_total error_type=llm_error"], 1)
      assert.strictEqual(seen["agent_errors_total error_type=connection_error"], 1)
      assert.strictEqual(seen["agent_errors_unrecovered_total error_type=stt_error"], 1)
      assert.isUndefined(seen["agent_errors_unrecovered_total error_type=llm_error"])
    })
  })

  describe("collector", () => {
    it("sums up a conversation under fixed names", () => {
      const collector = Metrics.collector()
      for (
        const event of [...conversation, llm("openai", 200, 60), measured({ total: 500, transcriptionDelay: 100 })]
      ) {
        collector.push(event)
      }
      const summary = collector.summary()
      assert.strictEqual(summary.stt_avg_latency, 160)
      assert.strictEqual(summary.llm_avg_latency, 300)
      assert.strictEqual(summary.tts_avg_latency, 120)
      assert.strictEqual(summary.total_avg_latency, 700)
      assert.strictEqual(summary.total_conversations, 1)
      assert.strictEqual(summary.total_messages, 2)
      assert.strictEqual(summary.total_function_calls, 2)
      assert.strictEqual(summary.latency.llmFirstToken.average, 120)
      assert.deepStrictEqual([summary.latency.total.min, summary.latency.total.max], [500, 900])
      assert.deepStrictEqual([summary.interruptions, summary.falseInterruptions], [1, 1])
      assert.deepStrictEqual(summary.usage, {
        openai: { requests: 2, inputTokens: 200, outputTokens: 40, characters: 0, audioMs: 0 },
        elevenlabs: { requests: 1, inputTokens: 0, outputTokens: 0, characters: 40, audioMs: 2500 }
      })
      assert.deepStrictEqual(summary.turns.map(({ total }) => total), [900, 500])
    })

    it("is all zeros before anything has happened", () => {
      const { errors, latency, spent, turns, usage, ...totals } = Metrics.collector().summary()
      assert.deepStrictEqual(new Set(Object.values(totals)), new Set([0]))
      assert.deepStrictEqual(new Set(Object.values(latency).flatMap((one) => Object.values(one))), new Set([0]))
      assert.deepStrictEqual(new Set(Object.values(errors)), new Set([0]))
      assert.deepStrictEqual([turns, usage, spent], [[], {}, Cost.nothing])
    })

    it("gives summaries that later events do not change", () => {
      const collector = Metrics.collector()
      collector.push(measured({}))
      const first = collector.summary()
      const copy = structuredClone(first)
      for (const event of [...conversation, failed("stt")]) {
        collector.push(event)
      }
      assert.deepStrictEqual(first, copy)
      assert.strictEqual(collector.summary().errors.stt_error, 1)
    })

    it.prop(
      "has percentiles within one percent of the true ones",
      [Schema.NonEmptyArray(Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 3_600_000 })))],
      ([totals]) => {
        const collector = Metrics.collector()
        for (const total of totals) {
          collector.push(measured({ total }))
        }
        const sorted = totals.toSorted((a, b) => a - b)
        const { latency: { total } } = collector.summary()
        for (const [q, value] of [[0.5, total.p50], [0.9, total.p90], [0.95, total.p95], [0.99, total.p99]] as const) {
          const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!
          assert.approximately(value, exact, exact * 0.0101, `p${q * 100}`)
        }
        assert.strictEqual(total.min, sorted[0])
        assert.strictEqual(total.max, sorted.at(-1))
        assert.approximately(total.average, totals.reduce((a, b) => a + b, 0) / totals.length, 1e-6 * total.max)
      },
      { arbitrary: { runs: 300 } }
    )

    it("finds the percentiles of many turns", () => {
      const collector = Metrics.collector()
      for (let ms = 1; ms <= 10_000; ms++) {
        collector.push(measured({ total: ms }))
      }
      const { total } = collector.summary().latency
      assert.deepStrictEqual([total.count, total.average, total.min, total.max], [10_000, 5000.5, 1, 10_000])
      assert.approximately(total.p50, 5000, 51)
      assert.approximately(total.p90, 9000, 91)
      assert.approximately(total.p95, 9500, 96)
      assert.approximately(total.p99, 9900, 100)
    })

    it("takes a turn without any delay for what it is", () => {
      const collector = Metrics.collector()
      for (const total of [0, 0, 0, 100]) {
        collector.push(measured({ total }))
      }
      const { total } = collector.summary().latency
      assert.deepStrictEqual([total.p50, total.min, total.max, total.average], [0, 0, 100, 25])
    })

    it("keeps as many turn records as it should, the latest", () => {
      const collector = Metrics.collector({ turns: 3 })
      for (let i = 1; i <= 10; i++) {
        collector.push(measured({ turn: i }))
      }
      assert.deepStrictEqual(collector.summary().turns.map(({ turn }) => turn), [8, 9, 10])
      assert.strictEqual(collector.summary().latency.total.count, 10)
      const none = Metrics.collector({ turns: 0 })
      none.push(measured({}))
      assert.deepStrictEqual(none.summary().turns, [])
    })

    it("does not grow with the length of a call", () => {
      const size = (turns: number) => {
        const collector = Metrics.collector()
        for (let i = 0; i < turns; i++) {
          collector.push(measured({ total: i % 5000, turn: i }))
          collector.push(llm(`provider-${i}`, i % 3000, i % 300))
          collector.push({ _tag: "UserTranscript", at: i, text: "x".repeat(100), final: false })
        }
        return JSON.stringify(collector.summary()).length
      }
      assert.isBelow(size(40_000), size(4000) * 1.1)
    })
  })

  describe("privacy", () => {
    const secret = "TOP-SECRET"
    const strings = (value: unknown): unknown => {
      if (typeof value === "string") {
        return secret
      }
      if (Array.isArray(value)) {
        return value.map(strings)
      }
      return value
    }

    it.prop(
      "lets no word of an event into a label or a summary",
      [Schema.Array(Event.Event)],
      ([events]) => {
        const context = isolated()
        const collector = Metrics.collector()
        for (const event of events) {
          const kept = new Set(["_tag", "component", "provider", "outcome", "source", "record", "stage", "model"])
          if (event._tag === "SessionClosed" || event._tag === "TranscriptEmpty") {
            kept.add("reason")
          }
          const said = Object.fromEntries(
            Object.entries(event).map(([key, value]) => [key, kept.has(key) ? value : strings(value)])
          ) as unknown as Event.Event
          Metrics.record(said, context)
          collector.push(said)
        }
        assert.notInclude(JSON.stringify(Metric.snapshotUnsafe(context)), secret)
        assert.notInclude(JSON.stringify(collector.summary()), secret)
      },
      { arbitrary: { runs: 200 } }
    )
  })

  describe("exporters", () => {
    const logged = () => {
      const lines: Array<string> = []
      return [lines, Logger.layer([Logger.formatJson.pipe(Logger.map((line) => void lines.push(line)))])] as const
    }

    const orders = Metric.counter("orders_total", { description: "Orders taken" })

    it.effect("see the metrics of the library and of the program, on schedule and at the end", () =>
      Effect.gen(function*() {
        const seen: Array<ReadonlyArray<number>> = []
        const exporter: Metrics.Exporter = {
          name: "memory",
          schedule: Schedule.spaced("1 second"),
          export: (snapshot) =>
            Effect.sync(() => {
              const count = (id: string) => {
                const found = snapshot.find((series) => series.id === id)
                return found?.type === "Counter" ? Number(found.state.count) : NaN
              }
              seen.push([count("orders_total"), count("agent_conversations_total")])
            })
        }
        const scope = yield* Scope.make()
        yield* Layer.buildWithScope(Metrics.layer({ metrics: [orders], exporters: [exporter] }), scope)
        const record = yield* Metrics.recorder
        assert.deepStrictEqual(seen, [])
        yield* TestClock.adjust("1 second")
        yield* Metric.update(orders, 3)
        record(conversation[0]!)
        yield* TestClock.adjust("1 second")
        yield* Metric.update(orders, 1)
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(seen, [[0, 0], [3, 1], [4, 1]])
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

    it.effect("are tried again after they fail, break or hang, and only the tag is logged", () => {
      const [lines, logger] = logged()
      const outcomes: Array<Effect.Effect<void, Failure.Disconnected>> = [
        Effect.fail(new Failure.Disconnected({ code: "key=sk-1" })),
        Effect.die(new TypeError("sk-1")),
        Effect.never,
        Effect.void
      ]
      let attempts = 0
      return Effect.gen(function*() {
        yield* Metrics.exporter({
          name: "push",
          schedule: Schedule.spaced("1 second"),
          timeout: "2 seconds",
          export: () => outcomes[attempts++] ?? Effect.void
        })
        for (let i = 0; i < 6; i++) {
          yield* TestClock.adjust("1 second")
        }
        assert.strictEqual(attempts, 4)
        const logs = lines.map((line) => JSON.parse(line) as { readonly annotations: Record<string, string> })
        assert.deepStrictEqual(logs.map(({ annotations }) => annotations["error"]), [
          "Disconnected",
          "TypeError",
          "TimeoutError"
        ])
        assert.isTrue(logs.every(({ annotations }) => annotations["exporter"] === "push"))
        assert.notInclude(lines.join(), "sk-1")
      }).pipe(Effect.provide(logger))
    })

    it.effect("are stopped by closing the scope, also while one hangs", () =>
      Effect.gen(function*() {
        let stopped = 0
        const scope = yield* Scope.make()
        yield* Metrics.exporter({
          name: "hung",
          schedule: Schedule.spaced("1 second"),
          timeout: "3 seconds",
          export: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => stopped++))
        }).pipe(Scope.provide(scope))
        yield* TestClock.adjust("2 seconds")
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("3 seconds")
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(closing)))
        assert.strictEqual(stopped, 2)
      }))

    it.effect("get the services that they ask for", () => {
      class Sink extends Context.Service<Sink, { readonly write: (count: number) => void }>()(
        "effect-voice/test/Metrics.test/Sink"
      ) {}
      const written: Array<number> = []
      return Effect.scoped(
        Layer.build(
          Metrics.layer({
            exporters: [{
              name: "sink",
              export: (snapshot) => Sink.useSync((sink) => sink.write(snapshot.length))
            }]
          }).pipe(Layer.provide(Layer.succeed(Sink, { write: (count) => written.push(count) })))
        )
      ).pipe(
        Effect.provideService(Metric.MetricRegistry, new Map()),
        Effect.map(() => {
          assert.strictEqual(written.length, 1)
          assert.isAbove(written[0]!, 30)
        })
      )
    })
  })

  describe("annotations", () => {
    it("leave out what is not known", () => {
      assert.deepStrictEqual(Metrics.annotations({ session: "s", turn: undefined }), { session: "s" })
      assert.deepStrictEqual(Metrics.annotations({ session: "s", turn: 3, participant: "p", job: "j" }), {
        [Metrics.annotationNames.session]: "s",
        [Metrics.annotationNames.turn]: 3,
        [Metrics.annotationNames.participant]: "p",
        [Metrics.annotationNames.job]: "j"
      })
    })
  })
})
