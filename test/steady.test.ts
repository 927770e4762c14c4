import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { awake, oversleep } from "effect-voice/internal/steady"
import { TestClock } from "effect/testing"
import { readdirSync, readFileSync } from "node:fs"
import { correctable } from "./support/clock.ts"

const source = new URL("../src/", import.meta.url)

/** Where a text reads the wall clock, by itself or through a helper that does. */
const wallReads = (text: string): ReadonlyArray<string> =>
  text.split("\n").filter((line) => !/^\s*(\*|\/\*\*|\/\/)/.test(line)).flatMap((line) =>
    line.match(
      /\b(?:currentTime(?:Millis|Nanos)(?:Unsafe)?|Date\.now|new Date\b|DateTime\.now\w*|Schedule\.(?:fixed|windowed|elapsed|during|cron)|cached(?:Invalidate)?WithTTL|timeToLive:|idleTimeToLive)/g
    ) ?? []
  )

/** Times that others are shown or that others set: how often a file reads the wall clock, and what for. */
const epochs: Readonly<Record<string, readonly [count: number, why: string]>> = {
  "Layers/FileRecorder.ts": [1, "age of files"],
  "cli/playground.ts": [1, "life of a token"],
  "internal/azure/turns.ts": [1, "date of a message"],
  "internal/virtualClock.ts": [10, "virtual time: its wall clock is its monotonic time"],
  "internal/frontend/sessionRequests.ts": [2, "dates that frontends are told"],
  "internal/livekit/token.ts": [1, "life of a token"],
  "internal/provider/http.ts": [1, "Retry-After may be a date"],
  "internal/recorder/store.ts": [1, "name of a file"],
  "internal/steady.ts": [1, "where a steady clock begins"],
  "internal/tts/fileStore.ts": [2, "age of files"],
  "internal/worker/connection.ts": [1, "date of a ping"],
  "internal/worker/childLog.ts": [1, "where a span of the log began"],
  "internal/worker/token.ts": [1, "life of a token"]
}

describe("lengths of time", () => {
  it("are measured by no wall clock anywhere in the source", () => {
    const found: Record<string, number> = {}
    for (const file of readdirSync(source, { recursive: true, encoding: "utf8" })) {
      // What the test kit tells is the Clock that a test sets.
      if (!file.endsWith(".ts") || file.startsWith("testing/")) continue
      const { length } = wallReads(readFileSync(new URL(file, source), "utf8"))
      if (length > 0) found[file] = length
    }
    assert.deepStrictEqual(found, Object.fromEntries(Object.entries(epochs).map(([file, [count]]) => [file, count])))
  })

  it("of the wall clock are found by this rule", () => {
    const faults = [
      "const sentAt = yield* Clock.currentTimeMillis",
      "const now = () => clock.currentTimeMillisUnsafe()",
      "const nanos = clock.currentTimeNanosUnsafe()",
      "const at = Date.now()",
      "const at = new Date()",
      "const at = yield* DateTime.now",
      "Effect.repeat(collect, Schedule.fixed(\"20 millis\"))",
      "Effect.cachedWithTTL(token, \"1 hour\")",
      "Cache.make({ capacity: 1, timeToLive: \"1 hour\", lookup })"
    ]
    for (const fault of faults) assert.strictEqual(wallReads(`${fault}\n`).length, 1, fault)
    assert.deepStrictEqual(wallReads("// currentTimeMillis\nconst at = yield* monotonic\n"), [])
  })

  it.effect("in which the process stood still are told, and waited out once more", () =>
    Effect.gen(function*() {
      const { freeze, run } = yield* correctable
      const sleeping = yield* Effect.forkChild(run(oversleep(1000)), { startImmediately: true })
      freeze(1001)
      const waiting = yield* Effect.forkChild(run(awake(2500)), { startImmediately: true })
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* Fiber.join(sleeping), 1001)
      freeze(60_000)
      yield* TestClock.adjust(2499)
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(waiting.pollUnsafe())
      const punctual = yield* Effect.forkChild(run(oversleep(1000)), { startImmediately: true })
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* Fiber.join(punctual), 0)
    }))
})
