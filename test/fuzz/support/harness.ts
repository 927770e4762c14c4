/** What a decoder must do whatever it is given: end soon, with a result or an error of its own, and keep nothing. */
import { assert } from "@effect/vitest"
import { Cause, Effect, Exit, References } from "effect"
import { collect } from "../../support/kept.ts"
import { Chance, firstSeed, inputs } from "./mutation.ts"

/** Time in ms that one input may take, on a machine that does much else. */
const longestMs = 5000

/** Bytes that may be kept after all inputs. */
const mostKept = 96 * 1024 * 1024

// A stack for each error would take most of the time.
Error.stackTraceLimit = 0

const heap = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

/** Whether it only tells of a defect: a layer's own are told by their kind, so that a call survives them. */
const isDefect = (error: unknown): boolean =>
  error instanceof Error && /: (?:Type|Range|Reference|Syntax|URI|Eval)?Error$/.test(error.message)

/** Asks with one input after the other; `check` says whether a result, or an error, is one. */
export const hold = <A, E>(
  name: string,
  ask: (chance: Chance) => Effect.Effect<A, E>,
  check: {
    readonly error: (error: E) => boolean
    readonly result?: (result: A) => void
    /** One of how many inputs is tried, where one costs much. @default 1 */
    readonly oneOf?: number
  }
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const told = (seed: number) => `${name}, EFFECT_VOICE_FUZZ=1 EFFECT_VOICE_FUZZ_SEED=${seed}`
    let results = 0
    let slowest = 0
    const before = heap()
    const began = performance.now()
    const count = Math.ceil(inputs / (check.oneOf ?? 1))
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const from = performance.now()
      const exit = yield* Effect.exit(Effect.timeoutOption(ask(new Chance(seed)), longestMs))
      const took = performance.now() - from
      slowest = Math.max(slowest, took)
      assert.isBelow(took, longestMs, `${told(seed)}: took too long`)
      if (Exit.isSuccess(exit)) {
        if (exit.value._tag === "None") assert.fail(`${told(seed)}: hangs`)
        results++
        check.result?.(exit.value.value)
      } else {
        const failures = exit.cause.reasons
        const typed = failures.length > 0 &&
          failures.every((reason) => reason._tag === "Fail" && check.error(reason.error) && !isDefect(reason.error))
        assert.isTrue(typed, `${told(seed)}: ${Cause.pretty(exit.cause)}`)
      }
    }
    const kept = heap() - before
    assert.isBelow(kept, mostKept, `${name} keeps what it was given`)
    yield* Effect.log(
      `${name}: ${count} inputs in ${Math.round(performance.now() - began)} ms, ${results} with a result, the slowest ${
        slowest.toFixed(1)
      } ms, ${Math.round(kept / 1024)} KiB kept`
    )
  })

/** Without what is logged of each input. */
export const quiet: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect.provideService(
  References.MinimumLogLevel,
  "None"
)
