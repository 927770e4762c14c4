import { assert, describe, it } from "@effect/vitest"
import { Config as EffectConfig, ConfigProvider, Duration, Effect, Layer, Redacted, Result, Schema } from "effect"
import { Config, type Vad } from "effect-voice"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"

const provide = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env))

const read = (env: Record<string, string>) => Config.options.pipe(provide(env))

const problems = (env: Record<string, string>) => read(env).pipe(Effect.flip, Effect.map(Config.problems))

const silent: Config.Options = {
  livekit: { url: undefined, apiKey: undefined, apiSecret: undefined },
  openai: { apiKey: undefined, model: "gpt-4o-mini", temperature: 0.7 },
  elevenlabs: { apiKey: undefined, voice: "Rachel", model: "eleven_turbo_v2" },
  vad: { activation: 0.5, minSpeech: Duration.millis(100), minSilence: Duration.millis(500) },
  turn: {
    endpointing: { minDelay: Duration.millis(500) },
    interruption: { minDuration: Duration.millis(300), minWords: 2 },
    preemption: { llm: true, tts: true }
  },
  metrics: { enabled: true, port: 8000, host: "127.0.0.1" }
}

describe("Config", () => {
  describe("options", () => {
    it.effect("needs nothing: a silent environment gives the defaults", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* read({}), silent)
      }))

    it.effect("reads nothing before it is yielded, and then from the provider in force", () =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const provider = ConfigProvider.make((path) =>
          Effect.sync(() => {
            asked.push(path.join("."))
            return undefined
          })
        )
        const options = Config.options
        assert.deepStrictEqual(asked, [])
        yield* options.pipe(Effect.provideService(ConfigProvider.ConfigProvider, provider))
        assert.deepStrictEqual([...asked].sort(), Config.variables.map(({ name }) => name).sort())
      }))

    it.effect("keeps secrets out of whatever prints the result", () =>
      Effect.gen(function*() {
        const options = yield* read({
          LIVEKIT_API_KEY: "APIabc",
          LIVEKIT_API_SECRET: "s3cret",
          OPENAI_API_KEY: "sk-1",
          ELEVENLABS_API_KEY: "xi-1"
        })
        for (const secret of ["APIabc", "s3cret", "sk-1", "xi-1"]) {
          assert.notInclude(JSON.stringify(options), secret)
          assert.notInclude(String(options.livekit.apiSecret), secret)
        }
        assert.strictEqual(Redacted.value(options.livekit.apiSecret!), "s3cret")
      }))

    it.effect("ignores space around a value, and takes an empty one for absent", () =>
      Effect.gen(function*() {
        const empty = Object.fromEntries(Config.variables.map(({ name }, i) => [name, i % 2 === 0 ? "" : " "]))
        assert.deepStrictEqual(yield* read(empty), silent)
        const { elevenlabs, vad } = yield* read({ VAD_THRESHOLD: " 0.6 ", ELEVENLABS_VOICE: "Antoni\n" })
        assert.deepStrictEqual([vad.activation, elevenlabs.voice], [0.6, "Antoni"])
      }))

    it.effect("is not confused by a longer variable that begins alike", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* read({ OPENAI_MODEL_NEXT: "x", METRICS_PORT_NAME: "y" }), silent)
      }))

    it.effect("can be nested under a prefix like any other config", () =>
      Effect.gen(function*() {
        const options = yield* Config.options.pipe(
          EffectConfig.nested("DESK"),
          provide({ DESK_METRICS_PORT: "9000", METRICS_PORT: "1" })
        )
        assert.strictEqual(options.metrics.port, 9000)
      }))

    it.effect("passes on that the source itself cannot be read", () =>
      Effect.gen(function*() {
        const broken = ConfigProvider.make(() => Effect.fail(new ConfigProvider.SourceError({ message: "no disk" })))
        const error = yield* Config.options.pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, broken),
          Effect.flip
        )
        assert.deepStrictEqual(Config.problems(error), [])
        assert.include(error.message, "no disk")
      }))

    it.effect("says in a sentence what is wrong", () =>
      Effect.gen(function*() {
        const wrong = yield* read({ METRICS_PORT: "http", VAD_THRESHOLD: "2" }).pipe(Effect.flip)
        assert.strictEqual(
          wrong.message,
          "VAD_THRESHOLD must be a decimal number between 0 and 1; METRICS_PORT must be a whole number between 0 and 65535"
        )
        const missing = yield* Layer.build(DeepgramStt.layerConfig()).pipe(provide({}), Effect.flip, Effect.scoped)
        assert.strictEqual(missing.message, "DEEPGRAM_API_KEY is not set")
      }))

    it.effect("counts a wrong value as wrong, also where a default or an alternative is given", () =>
      Effect.gen(function*() {
        const fallback = Config.metrics.pipe(EffectConfig.withDefault({ enabled: false, port: 1 }))
        const error = yield* fallback.pipe(provide({ METRICS_PORT: "http" }), Effect.flip)
        assert.deepStrictEqual(Config.problems(error).map(({ variable }) => variable), ["METRICS_PORT"])
      }))
  })

  describe("values", () => {
    const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>, ReadonlyArray<string>]> = [
      ["VAD_THRESHOLD", ["0", "1", "0.35", ".5", "1.0"], ["1.01", "-0.1", "half", "0,5", "NaN", "5e-1", "0x1"]],
      ["OPENAI_TEMPERATURE", ["0", "2", "1.5"], ["2.1", "-1", "hot", "Infinity"]],
      ["MIN_SPEECH_DURATION", ["0", "0.05", "60"], ["100ms", "-1", "60.1", "500", "1 second"]],
      ["MIN_SILENCE_DURATION", ["0", "1.25"], ["half a second", "500"]],
      ["INTERRUPT_SPEECH_DURATION", ["0", "0.3"], ["300", "0.3s"]],
      ["MIN_ENDPOINTING_DELAY", ["0", "3"], ["3000", "PT3S"]],
      ["INTERRUPT_MIN_WORDS", ["0", "2", "100"], ["2.0", "-1", "two", "101", "1e1"]],
      ["METRICS_PORT", ["0", "1", "65535"], ["65536", "-1", "80.5", "http"]],
      ["PREEMPTIVE_SYNTHESIS", ["true", "TRUE", "True", "false", "FALSE"], ["yes", "1", "0", "on", "truely"]],
      ["ENABLE_METRICS", ["true", "False", "fALSE"], ["no", "off", "2"]],
      ["LIVEKIT_URL", ["wss://desk.example", "ws://localhost:7880", "https://x.example/y"], ["localhost", "ftp://x"]]
    ]

    it.effect.each(cases)("%s takes what it says and nothing else", ([name, good, bad]) =>
      Effect.gen(function*() {
        for (const value of good) {
          assert.isTrue(Result.isSuccess(yield* Effect.result(read({ [name]: value }))), `${name}=${value}`)
        }
        const { expects } = Config.variables.find((variable) => variable.name === name)!
        for (const value of bad) {
          const result = yield* Effect.result(read({ [name]: value }))
          assert.isTrue(Result.isFailure(result), `${name}=${value}`)
          if (Result.isFailure(result)) {
            assert.deepStrictEqual(Config.problems(result.failure), [{ variable: name, detail: `must be ${expects}` }])
          }
        }
      }))

    it.effect.prop(
      "reads decimal seconds to the microsecond",
      [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60_000_000 }))],
      ([micros]) =>
        Effect.gen(function*() {
          const whole = Math.floor(micros / 1e6)
          const text = `${whole}.${String(micros - whole * 1e6).padStart(6, "0")}`
          const { vad } = yield* read({ MIN_SILENCE_DURATION: text })
          assert.strictEqual(Duration.toMillis(vad.minSilence), micros / 1000)
        })
    )
  })

  describe("errors", () => {
    it.effect("tells all that is wrong at once, in one error that names each variable", () =>
      Effect.gen(function*() {
        const wrong = {
          LIVEKIT_URL: "localhost",
          OPENAI_TEMPERATURE: "warm",
          VAD_THRESHOLD: "2",
          MIN_SPEECH_DURATION: "100",
          INTERRUPT_MIN_WORDS: "2.5",
          PREEMPTIVE_SYNTHESIS: "maybe",
          METRICS_PORT: "70000"
        }
        const found = yield* problems(wrong)
        assert.deepStrictEqual(found.map(({ variable }) => variable).sort(), Object.keys(wrong).sort())
        const error = yield* Effect.flip(read(wrong))
        assert.strictEqual(error._tag, "ConfigError")
        for (const name of Object.keys(wrong)) {
          assert.include(error.message, name)
        }
      }))

    it.effect("shows no value: one may be a key that stands in the wrong place", () =>
      Effect.gen(function*() {
        const key = "sk-live-0123456789"
        const env = Object.fromEntries(
          Config.variables.filter((v) => v.default !== undefined && v.expects !== "text").map(({ name }) => [name, key])
        )
        const error = yield* Effect.flip(read({ ...env, LIVEKIT_URL: `ftp://u:${key}@host` }))
        assert.strictEqual(Config.problems(error).length, Object.keys(env).length + 1)
        assert.notInclude(error.message, key)
        assert.notInclude(String(error), key)
        assert.notInclude(JSON.stringify(error), key)
      }))
  })

  describe("merge", () => {
    it.effect("lets what the program says explicitly win, at every depth", () =>
      Effect.gen(function*() {
        const settings = yield* read({ INTERRUPT_MIN_WORDS: "5", PREEMPTIVE_SYNTHESIS: "false" })
        const merged = Config.merge(settings, {
          turn: { interruption: { minDuration: "1 second", enabled: false }, preemption: { llm: true } },
          metrics: { port: 9100 }
        })
        assert.deepStrictEqual(merged, {
          ...settings,
          turn: {
            ...settings.turn,
            interruption: { minDuration: "1 second", minWords: 5, enabled: false },
            preemption: { llm: true, tts: false }
          },
          metrics: { enabled: true, port: 9100, host: "127.0.0.1" }
        })
      }))

    it("is pipeable, and changes neither side", () => {
      const explicit = { metrics: { port: 1 } }
      const merged = Config.merge(explicit)(silent)
      assert.strictEqual(merged.metrics.port, 1)
      assert.strictEqual(silent.metrics.port, 8000)
      assert.deepStrictEqual(explicit, { metrics: { port: 1 } })
    })

    it("takes undefined for silence, and false, 0 and \"\" for an answer", () => {
      assert.deepStrictEqual(
        Config.merge({ a: 1, b: true, c: 3, d: "x" }, { a: undefined, b: false, c: 0, d: "" }),
        { a: 1, b: false, c: 0, d: "" }
      )
    })

    it("replaces whatever is no plain object as a whole", () => {
      const key = Redacted.make("k")
      const f = () => 1
      const merged = Config.merge(
        { list: [1, 2, 3], delay: Duration.seconds(1), key: Redacted.make("old"), f: () => 0, deep: { x: 1 } },
        { list: [9], delay: Duration.seconds(2), key, f, deep: null }
      )
      assert.deepStrictEqual(merged.list, [9])
      assert.deepStrictEqual(merged.delay, Duration.seconds(2))
      assert.strictEqual(merged.key, key)
      assert.strictEqual(merged.f, f)
      assert.isNull(merged.deep)
    })

    it("does not reach a prototype", () => {
      const merged = Config.merge({ a: 1 }, JSON.parse("{\"__proto__\":{\"polluted\":true}}") as object)
      assert.isUndefined(({} as { polluted?: boolean }).polluted)
      assert.isUndefined((merged as { polluted?: boolean }).polluted)
    })

    it("has the type of what it gives", () => {
      const vad: Vad.Options = Config.merge(silent.vad, { deactivation: 0.2, minSpeech: "80 millis" })
      const port: number = Config.merge(silent, { metrics: { port: 1 } }).metrics.port
      const words: number = Config.merge(silent, { turn: { preemption: { tts: false } } }).turn.interruption.minWords
      assert.deepStrictEqual([vad.deactivation, port, words], [0.2, 1, 2])
    })

    it.prop(
      "changes nothing where one side is empty, or both are equal",
      [Schema.Record(Schema.String, Schema.Union([Schema.Int, Schema.Record(Schema.String, Schema.Int)]))],
      ([a]) => {
        assert.deepStrictEqual(Config.merge(a, {}), a)
        assert.deepStrictEqual(Config.merge({}, a), a)
        assert.deepStrictEqual(Config.merge(a, a), a)
      }
    )
  })
})
