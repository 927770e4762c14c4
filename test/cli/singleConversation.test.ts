/** One conversation of a command: what goes wrong before it, and in it, is told once and in time. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Layer, Logger, References } from "effect"
import * as Worker from "effect-voice/Worker"
import { TestClock } from "effect/testing"
import { converse } from "../../src/cli/singleConversation.ts"
import { explained } from "../../src/cli/userError.ts"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"

/** What JavaScript may give. */
type Loose = Partial<Record<keyof Worker.DefineOptions<never, never>, unknown>>

const defined = (options: Loose): Worker.Definition =>
  Worker.define({ layer: Layer.empty, entry: () => Effect.void, ...options } as Worker.DefineOptions<never, never>)

/** What the user is told of a definition that goes wrong, and what the log has. */
const told = (definition: Worker.Definition) =>
  Effect.gen(function*() {
    const lines: Array<{ readonly level: string; readonly message: unknown; readonly cause: string }> = []
    const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
      lines.push({ level: logLevel, message: [message].flat()[0], cause: Cause.pretty(cause) })
    })
    const open = Effect.map(makeMemoryRoom({ name: "console" }), ({ room }) => room)
    const about = { id: "console", identity: "agent", metadata: "" }
    const running = yield* explained(converse(definition, open, about, {})).pipe(
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Warn"),
      Effect.flip,
      Effect.forkChild({ startImmediately: true })
    )
    yield* TestClock.adjust("2 minutes")
    return { message: (yield* Fiber.join(running)).message, lines }
  })

const broken = new RangeError("out of rooms")
const failed = "the agent's entry has failed (RangeError); see above"
const unready = "the agent could not be made ready (RangeError); see above"

const fails = <A>(): A => {
  throw broken
}

describe("a conversation of a command", () => {
  it.effect.each<readonly [what: string, options: Loose, says: string]>([
    ["entry throws", { entry: () => fails() }, failed],
    ["entry rejects", { entry: async () => fails() }, failed],
    ["entry dies", { entry: () => Effect.die(broken) }, failed],
    ["entry fails", { entry: () => Effect.fail(broken) }, failed],
    ["layer fails", { layer: Layer.effectDiscard(Effect.fail(broken)) }, unready],
    ["layer dies", { layer: Layer.effectDiscard(Effect.die(broken)) }, unready]
  ])("whose %s is told by its kind, and logged once with its place", ([, options, says]) =>
    Effect.gen(function*() {
      const { lines, message } = yield* told(defined(options))
      assert.strictEqual(message, says)
      assert.deepStrictEqual(lines.map(({ level, message }) => [level, `${message} (RangeError); see above`]), [
        ["Error", says]
      ])
      assert.match(lines[0]!.cause, /^RangeError: out of rooms\n +at .*singleConversation\.test\.ts/)
    }))

  it.effect.each<readonly [what: string, options: Loose, says: RegExp]>([
    ["entry gives nothing", { entry: () => undefined }, /^entry must give what holds the conversation/],
    ["layer never ends", { layer: Layer.effectDiscard(Effect.never) }, /took more than 60000 ms \(prewarmTimeout\)/],
    ["prewarm never ends", { prewarm: Effect.never, prewarmTimeout: 2000 }, /took more than 2000 ms/],
    ["length is none", { prewarmTimeout: "soon" }, /^prewarmTimeout must be a duration/],
    ["name is none", { agentName: 5 }, /^agentName must be a text/]
  ])("whose %s is told in words, and not logged", ([, options, says]) =>
    Effect.gen(function*() {
      const { lines, message } = yield* told(defined(options))
      assert.match(message, says)
      assert.deepStrictEqual(lines, [])
    }))

  it.effect("whose entry interrupts itself does not end without a word", () =>
    Effect.gen(function*() {
      const { lines, message } = yield* told(defined({ entry: () => Effect.interrupt }))
      assert.strictEqual(message, "the agent's entry has failed (Interrupted); see above")
      assert.deepStrictEqual(lines.map(({ level }) => level), ["Warn"])
    }))
})
