import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, History, type Session } from "effect-voice"
import * as Testing from "effect-voice/testing"

type TheSession = Session.Session["Service"]

const hello = Testing.say(500, 2500, "Hello, how are you?")

const at = (at: number, act: (session: TheSession) => Effect.Effect<unknown, unknown>) => ({ at, do: act })

const message = (id: string, text: string, createdAt: number) =>
  History.Message.make({ id, role: "assistant", text, createdAt })

describe("the history that an agent brings along", () => {
  it.effect("comes before the turns of the session, also where it was made later", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [hello],
        agent: Agent.make({ instructions: "", history: History.make([message("old", "Earlier.", 1_700_000_000_000)]) })
      })
      assert.deepStrictEqual(timeline.messages, ["assistant: Earlier.", "user: Hello, how are you?", "assistant: OK."])
    }))

  it.effect("is merged at a handoff, and what follows comes after it", () =>
    Effect.gen(function*() {
      const early = message("early", "Good morning.", 0)
      const late = message("late", "Earlier.", 1_700_000_000_000)
      const other = Agent.make({ name: "other", instructions: "", history: History.make([early, late]) })
      const timeline = yield* Testing.scenario({ user: [hello], at: [at(100, (session) => session.handoff(other))] })
      assert.deepStrictEqual(timeline.messages, [
        "assistant: Good morning.",
        "assistant: Earlier.",
        "handoff: other",
        "user: Hello, how are you?",
        "assistant: OK."
      ])
    }))
})

describe("what the program asks for wrongly", () => {
  it.effect("a wait that is no duration is refused by its name", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [at(100, (session) =>
          Effect.flip(session.commitTurn({ wait: "soon" as "1 second" })).pipe(
            Effect.tap((error) =>
              Effect.sync(() => {
                assert.strictEqual(error.reason, "InvalidOption")
                assert.match(error.detail, /^wait /)
              })
            )
          ))]
      })
      assert.deepStrictEqual(timeline.failures, [])
    }))
})
