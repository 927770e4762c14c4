import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { Failure, Tts } from "effect-voice"
import { explained } from "../../src/cli/userError.ts"

/** What the user is told, and what the log has. */
const told = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.map(Logger.formatJson, (line) => void lines.push(line))
    const { message } = yield* Effect.flip(explained(effect)).pipe(Effect.provide(Logger.layer([logger])))
    return { message, log: lines.map((line) => JSON.parse(line)) }
  })

describe("a command that fails", () => {
  it.effect("by what says nothing for itself is told by its kind, and logged with its place", () =>
    Effect.gen(function*() {
      for (
        const [failure, kind, cause] of [
          [{ _tag: "BookingFailed", guest: "Ann" }, "BookingFailed", "BookingFailed:"],
          ["the table is gone", "unknown", "Error: the table is gone"],
          [undefined, "unknown", "Error: undefined was thrown"],
          [null, "unknown", "Error: null was thrown"],
          [7, "unknown", "Error: number was thrown"],
          [new RangeError("room 900"), "RangeError", "RangeError: room 900"],
          [{ guest: "Ann" }, "unknown", "Error: an object without a message was thrown"]
        ] as const
      ) {
        const { log, message } = yield* told(Effect.fail(failure))
        assert.strictEqual(message, `the agent could not be made ready (${kind}); see above`)
        assert.deepStrictEqual(log.map(({ level }) => level), ["ERROR"])
        assert.include(log[0].cause, cause)
        assert.notInclude(JSON.stringify(log), "Ann")
      }
    }))

  it.effect("by what says it itself is told in these words, and not logged", () =>
    Effect.gen(function*() {
      const reason = new Failure.InvalidRequest({ detail: "voice: there is none" })
      const { log, message } = yield* told(Effect.fail(new Tts.TtsError({ provider: "flite", reason })))
      assert.deepStrictEqual([message, log], ["flite: voice: there is none", []])
    }))
})
