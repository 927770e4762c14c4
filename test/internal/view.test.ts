import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber } from "effect"
import * as Testing from "effect-voice/testing"
import { makeViews } from "../../src/internal/pipeline/view.ts"

const name = "lk.agent.state"

describe("a room as several conversations in it see it", () => {
  it.live("shows the state that is true at last, though the room takes one of them for long", () =>
    Testing.inVirtualTime(Effect.gen(function*() {
      const shown: Array<string | undefined> = []
      const takes: Array<Duration.Input> = [0, 0, "2 seconds", 0]
      const views = makeViews({
        ...(yield* Testing.room()).room,
        setAttributes: (changed) => Effect.delay(Effect.sync(() => void shown.push(changed[name])), takes.shift() ?? 0)
      })
      const show = (identity: string, state: string) => views.of(identity).setAttributes({ [name]: state })
      yield* show("ann", "speaking")
      yield* show("bob", "speaking")
      const first = yield* Effect.forkChild(show("ann", "listening"), { startImmediately: true })
      yield* show("bob", "listening")
      yield* Fiber.join(first)
      assert.deepStrictEqual(shown, ["speaking", "speaking", "speaking", "listening"])
    })))
})
