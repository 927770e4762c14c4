/** Random conversations whose turn detector listens, and is right, wrong, late, silent or broken at random: no invariant breaks. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect } from "effect"
import { TurnDetector } from "effect-voice"
import * as Testing from "effect-voice/testing"

const runs = Config.Int("EFFECT_VOICE_RUNS").pipe(Config.withDefault(200))
const first = Config.Int("EFFECT_VOICE_FIRST_SEED").pipe(Config.withDefault(1))

/** The same question has the same answer, so that a conversation can be held again. */
const diceOf = ({ length, silence, text }: TurnDetector.Pause): number => {
  let state = Math.round(length) ^ (Math.round(silence) << 12)
  for (const letter of text) state = Math.imul(state ^ letter.charCodeAt(0), 16_777_619)
  for (let i = 0; i < 3; i++) state = Math.imul(state ^ (state >>> 15), 2_246_822_507)
  return (state >>> 0) / 4_294_967_296
}

const answer = (pause: TurnDetector.Pause): Effect.Effect<TurnDetector.Verdict, unknown> => {
  const dice = diceOf(pause)
  if (dice < 0.05) return Effect.fail("secret words")
  if (dice < 0.07) return Effect.die(new Error("secret words"))
  if (dice < 0.1) return Effect.never
  if (dice < 0.13) return Effect.succeed({ probability: Number.NaN })
  const verdict = Effect.succeed({ probability: (dice * 97) % 1 })
  return dice < 0.5 ? verdict : Effect.delay(verdict, Math.round(dice * 1500))
}

const judge = (listens: boolean, onAsk: () => void): TurnDetector.TurnDetector => {
  const ask: TurnDetector.Detector["ask"] = (pause) => {
    onAsk()
    return answer(pause)
  }
  return { name: "wild", open: Effect.succeed(listens ? { ask, push: () => {} } : { ask }) }
}

describe("random conversations with a turn detector at random", () => {
  for (const listens of [true, false]) {
    it.effect(`keep every invariant, where it ${listens ? "listens" : "reads"}`, () =>
      Effect.gen(function*() {
        let asked = 0
        const count = Math.ceil((yield* runs) / 4)
        const { answers } = yield* Testing.check({ runs: count, seed: yield* first, twiceEvery: 20 }).pipe(
          Effect.provideService(TurnDetector.TurnDetector, judge(listens, () => asked++))
        )
        assert.strictEqual(answers.unanswered, 0)
        assert.isAbove(asked, count)
      }), 600_000)
  }
})
