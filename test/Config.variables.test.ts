import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Redacted } from "effect"
import { Config } from "effect-voice"

const read = (env: Record<string, string>) =>
  Config.options.pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env)))

interface Row {
  readonly name: string
  readonly given: string
  readonly unset: unknown
  readonly set: unknown
  readonly at: (options: Config.Options) => unknown
}

const reveal = (secret: Redacted.Redacted | undefined) => secret && Redacted.value(secret)

const rows: ReadonlyArray<Row> = [
  { name: "LIVEKIT_URL", given: "wss://a.example", unset: undefined, set: "wss://a.example", at: (o) => o.livekit.url },
  { name: "LIVEKIT_API_KEY", given: "k", unset: undefined, set: "k", at: (o) => reveal(o.livekit.apiKey) },
  { name: "LIVEKIT_API_SECRET", given: "s", unset: undefined, set: "s", at: (o) => reveal(o.livekit.apiSecret) },
  { name: "OPENAI_API_KEY", given: "sk", unset: undefined, set: "sk", at: (o) => reveal(o.openai.apiKey) },
  { name: "ELEVENLABS_API_KEY", given: "xi", unset: undefined, set: "xi", at: (o) => reveal(o.elevenlabs.apiKey) },
  { name: "OPENAI_MODEL", given: "gpt-4o", unset: "gpt-4o-mini", set: "gpt-4o", at: (o) => o.openai.model },
  { name: "OPENAI_TEMPERATURE", given: "0.2", unset: 0.7, set: 0.2, at: (o) => o.openai.temperature },
  { name: "ELEVENLABS_VOICE", given: "Antoni", unset: "Rachel", set: "Antoni", at: (o) => o.elevenlabs.voice },
  {
    name: "ELEVENLABS_MODEL",
    given: "eleven_v3",
    unset: "eleven_turbo_v2",
    set: "eleven_v3",
    at: (o) => o.elevenlabs.model
  },
  { name: "VAD_THRESHOLD", given: "0.6", unset: 0.5, set: 0.6, at: (o) => o.vad.activation },
  { name: "MIN_SPEECH_DURATION", given: "0.2", unset: 100, set: 200, at: (o) => Duration.toMillis(o.vad.minSpeech) },
  { name: "MIN_SILENCE_DURATION", given: "0.8", unset: 500, set: 800, at: (o) => Duration.toMillis(o.vad.minSilence) },
  {
    name: "INTERRUPT_SPEECH_DURATION",
    given: "0.7",
    unset: 300,
    set: 700,
    at: (o) => Duration.toMillis(o.turn.interruption.minDuration)
  },
  { name: "INTERRUPT_MIN_WORDS", given: "3", unset: 2, set: 3, at: (o) => o.turn.interruption.minWords },
  {
    name: "MIN_ENDPOINTING_DELAY",
    given: "0.57",
    unset: 500,
    set: 570,
    at: (o) => Duration.toMillis(o.turn.endpointing.minDelay)
  },
  {
    name: "PREEMPTIVE_SYNTHESIS",
    given: "FALSE",
    unset: { llm: true, tts: true },
    set: { llm: false, tts: false },
    at: (o) => o.turn.preemption
  },
  { name: "ENABLE_METRICS", given: "False", unset: true, set: false, at: (o) => o.metrics.enabled },
  { name: "METRICS_PORT", given: "9000", unset: 8000, set: 9000, at: (o) => o.metrics.port },
  { name: "METRICS_HOST", given: "0.0.0.0", unset: "127.0.0.1", set: "0.0.0.0", at: (o) => o.metrics.host }
]

describe("the variables of the environment", () => {
  it("has nineteen variables, each of them documented", () => {
    assert.deepStrictEqual(Config.variables.map(({ name }) => name).sort(), rows.map(({ name }) => name).sort())
    assert.strictEqual(Config.variables.length, 19)
    for (const variable of Config.variables) {
      assert.isNotEmpty(variable.description)
      assert.isNotEmpty(variable.expects)
    }
  })

  it("holds four secrets", () => {
    assert.deepStrictEqual(Config.variables.filter(({ secret }) => secret).map(({ name }) => name).sort(), [
      "ELEVENLABS_API_KEY",
      "LIVEKIT_API_KEY",
      "LIVEKIT_API_SECRET",
      "OPENAI_API_KEY"
    ])
  })

  it.effect.each(rows)(
    "$name has its default, and setting it changes the options",
    ({ at, given, name, set, unset }) =>
      Effect.gen(function*() {
        const silent = yield* read({})
        const changed = yield* read({ [name]: given })
        assert.deepStrictEqual(at(silent), unset)
        assert.deepStrictEqual(at(changed), set)
        for (const other of rows) {
          if (other.name !== name) {
            assert.deepStrictEqual(other.at(changed), other.at(silent), `${name} changed ${other.name}, too`)
          }
        }
      })
  )

  it.effect("has defaults that are what one may write into the environment", () =>
    Effect.gen(function*() {
      const env = Object.fromEntries(
        Config.variables.flatMap((v) => v.default === undefined ? [] : [[v.name, v.default]])
      )
      assert.strictEqual(Object.keys(env).length, 14)
      assert.deepStrictEqual(yield* read(env), yield* read({}))
    }))

  const blank = ["", " ", "\t\r\n", "\u00a0\u2003"]
  const nonsense = [
    "-1",
    "-0",
    "+1",
    "NaN",
    "Infinity",
    "1e309",
    "1e2",
    "0x10",
    "1_000",
    "1,5",
    "١٢",
    "１２",
    "99999999999999999999",
    "1".repeat(400),
    "0.1.2",
    "truth",
    "null",
    "__proto__",
    "\u0000",
    "x".repeat(1_000_000),
    "https://",
    "file:///etc/passwd",
    "1 2",
    "\"1\"",
    "\ud800"
  ]

  it.effect.each(rows)(
    "$name is as it was when it is blank, and refused by name or what it says when it is nonsense",
    ({ at, name }) =>
      Effect.gen(function*() {
        const silent = yield* read({})
        for (const text of blank) assert.deepStrictEqual(at(yield* read({ [name]: text })), at(silent))
        for (const text of nonsense) {
          const result = yield* Effect.result(read({ [name]: text }))
          if (result._tag === "Failure") {
            assert.deepStrictEqual(Config.problems(result.failure).map(({ variable }) => variable), [name])
            continue
          }
          const value = at(result.success)
          if (typeof value === "string") assert.strictEqual(value, text)
          else if (Duration.isDuration(value)) assert.isTrue(Duration.isFinite(value))
          else {assert.isTrue(
              typeof value === "number" && Number.isFinite(value) && value >= 0,
              `${name}=${text.slice(0, 40)}`
            )}
        }
      })
  )
})
