/** A model in a thread that is closed while it computes: the process lives on. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import { History, TurnDetector } from "effect-voice"
import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"

const voice = {
  samples: Int16Array.from({ length: 64_000 }, (_, i) => Math.round(5000 * Math.sin(i / 9))),
  sampleRate: 16_000,
  channels: 1
}

it.live("closes while a pause is judged, at any moment of it", () =>
  Effect.gen(function*() {
    let closed = 0
    for (const after of [0, 5, 20, 40, 60]) {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(SmartTurnDetector.layer(), scope)
      const detector = yield* Effect.provide(TurnDetector.TurnDetector, context)
      const judge = yield* Scope.provide(detector!.open, scope)
      judge.push?.([voice])
      const pause = { text: "hello there", language: "en", silence: 200, length: 4000, history: History.empty }
      yield* Effect.forkChild(Effect.ignore(judge.ask(pause)), { startImmediately: true })
      yield* Effect.sleep(after)
      yield* Scope.close(scope, Exit.void)
      closed++
    }
    assert.strictEqual(closed, 5)
  }))
