import { assert, it } from "@effect/vitest"
import { Effect, Logger, Predicate } from "effect"
import { mostEvents, spanLogger } from "../../src/internal/spanLog.ts"

it.effect("a span keeps so many lines of the log that one who logs without an end fills no memory", () =>
  Effect.gen(function*() {
    const span = yield* Effect.currentSpan
    for (let i = 0; i < mostEvents + 10; i++) yield* Effect.logInfo(`line ${i}`)
    const events = Predicate.hasProperty(span, "events") && Array.isArray(span.events) ? span.events : []
    assert.strictEqual(events.length, mostEvents)
    assert.strictEqual(events.at(-1)[0], `line ${mostEvents - 1}`)
  }).pipe(Effect.withSpan("call"), Effect.provide(Logger.layer([spanLogger]))))
