/** The big property: random conversations with random faults, of which no part of the whole breaks an invariant. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect } from "effect"
import * as Testing from "effect-voice/testing"

/** `EFFECT_VOICE_RUNS` says how many conversations are held over all shards. @default 200 */
const runs = Config.Int("EFFECT_VOICE_RUNS").pipe(Config.withDefault(200))

/** `EFFECT_VOICE_FIRST_SEED` says where they begin: others than those of every run. @default 1 */
const first = Config.Int("EFFECT_VOICE_FIRST_SEED").pipe(Config.withDefault(1))

export const shards = 4

/** One shard a test file, so that they run side by side. The failure names the seed: `Testing.replay(seed)` holds it again. */
export const hold = (shard: number): void => {
  describe(`random conversations, part ${shard} of ${shards}`, () => {
    it.effect("keep every invariant", () =>
      Effect.gen(function*() {
        const count = Math.ceil((yield* runs) / shards)
        const { answers } = yield* Testing.check({
          runs: count,
          seed: (yield* first) + (shard - 1) * count,
          twiceEvery: 20
        })
        yield* Effect.logInfo("what became of those who want to be answered", answers)
        assert.strictEqual(answers.unanswered, 0)
        // The invariant must have something to hold: most of what is not overtaken by what comes next is answered.
        if (count >= 100) assert.isAbove(answers.answered, 2 * (answers.setAside + answers.unheard + answers.wordless))
      }), 600_000)

    // One in fifty of them is heard from samples.
    it.effect("keep every invariant, heard from real samples", () =>
      Effect.gen(function*() {
        const count = Math.ceil((yield* runs) / shards / 50)
        yield* Testing.check({ runs: count, seed: (yield* first) + (shard - 1) * count, twiceEvery: 20, frames: 20 })
      }), 600_000)
  })
}
