import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { Config } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** A conversation with the settings that an environment gives, and what the scenario adds to them. */
const talk = (env: Record<string, string>, scenario: Omit<Testing.Scenario, "options">) =>
  Effect.gen(function*() {
    const { turn, vad } = yield* Config.options
    return yield* Testing.scenario({
      ...scenario,
      options: {
        vad,
        turn: Config.merge(turn, { interruption: { echoWarmUp: 0, backchannel: false } })
      }
    })
  }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })))

const hello = Testing.say(1000, 3000, "Hello, how are you?")
const long = "one two three four five six seven eight nine ten."

describe("settings from the environment change the conversation", () => {
  it.effect.each([[undefined, 1100], ["0.25", 1250], ["0.6", 1600]] as const)(
    "MIN_SPEECH_DURATION=%s",
    ([value, at]) =>
      Effect.gen(function*() {
        const timeline = yield* talk(value === undefined ? {} : { MIN_SPEECH_DURATION: value }, { user: [hello] })
        assert.strictEqual(timeline.of("UserStartedSpeaking")[0]?.at, at)
      })
  )

  it.effect.each([[undefined, 3500], ["0.2", 3200], ["1.5", 4500]] as const)(
    "MIN_SILENCE_DURATION=%s",
    ([value, at]) =>
      Effect.gen(function*() {
        const timeline = yield* talk(value === undefined ? {} : { MIN_SILENCE_DURATION: value }, { user: [hello] })
        assert.strictEqual(timeline.of("UserStoppedSpeaking")[0]?.at, at)
      })
  )

  it.effect.each([[undefined, 3500], ["0.5", 3500], ["1.25", 4250]] as const)(
    "MIN_ENDPOINTING_DELAY=%s",
    ([value, at]) =>
      Effect.gen(function*() {
        const timeline = yield* talk(value === undefined ? {} : { MIN_ENDPOINTING_DELAY: value }, { user: [hello] })
        assert.strictEqual(timeline.of("UserSpeechCommitted")[0]?.at, at)
      })
  )

  it.effect.each([[undefined, 2], ["1", 1], ["3", 3]] as const)(
    "INTERRUPT_MIN_WORDS=%s",
    ([value, words]) =>
      Effect.gen(function*() {
        const timeline = yield* talk(value === undefined ? {} : { INTERRUPT_MIN_WORDS: value }, {
          at: [{ at: 0, do: (session) => session.say(long) }],
          user: [Testing.say(1000, 4000, "a b c", {
            transcripts: [
              { at: 1000, text: "a", final: false },
              { at: 2000, text: "a b", final: false },
              { at: 3000, text: "a b c", final: false }
            ]
          })],
          stt: { interims: true },
          tts: { duration: 10_000 }
        })
        assert.strictEqual(timeline.of("AgentPaused")[0]?.at, 1000 + words * 1000)
      })
  )

  it.effect.each([[undefined, 1300], ["0.7", 1700]] as const)(
    "INTERRUPT_SPEECH_DURATION=%s",
    ([value, at]) =>
      Effect.gen(function*() {
        const env = { INTERRUPT_MIN_WORDS: "0", ...(value === undefined ? {} : { INTERRUPT_SPEECH_DURATION: value }) }
        const timeline = yield* talk(env, {
          at: [{ at: 0, do: (session) => session.say(long) }],
          user: [Testing.cough(1000, 2000)],
          tts: { duration: 10_000 }
        })
        assert.strictEqual(timeline.of("AgentPaused")[0]?.at, at)
      })
  )

  it.effect.each([[undefined, 700], ["TRUE", 700], ["false", 1100]] as const)(
    "PREEMPTIVE_SYNTHESIS=%s",
    ([value, total]) =>
      Effect.gen(function*() {
        const timeline = yield* talk(value === undefined ? {} : { PREEMPTIVE_SYNTHESIS: value }, {
          user: [Testing.say(500, 2000, "Hello", { finalDelay: 100 })],
          llm: ["Hi there."],
          tts: { duration: 1000, firstByte: 300 }
        })
        assert.strictEqual(timeline.turns[0]?.total, total)
      })
  )
})
