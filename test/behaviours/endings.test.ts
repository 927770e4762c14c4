/** What a tool does that ends the call, and what is told of speeches and tools beside the history. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Metrics, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Prompt, Tool, Toolkit } from "effect/ai"

const calling = (name: string) => ({ text: "Right.", tools: [{ name }] })

describe("a tool that hangs up and waits for the end", () => {
  const kit = Toolkit.make(Tool.make("hang_up", { dependencies: [Session.Session] }))
  const hold = (hangUp: (session: Session.Session["Service"]) => Effect.Effect<unknown>) =>
    Testing.scenario({
      agent: Agent.make({ instructions: "", tools: kit }),
      at: [{ at: 1000, do: (session) => session.send("Bye.") }],
      llm: [calling("hang_up")],
      tts: { duration: 1000 },
      options: { drainTimeout: "30 seconds" },
      quiet: "60 seconds"
    }).pipe(
      Effect.provide(kit.toLayer({
        hang_up: () => Session.Session.use((session) => Effect.asVoid(hangUp(session)))
      }))
    )

  it.effect.each([["after", true], ["before", false]] as const)(
    "ends the call when the goodbye has been heard, waiting for it %s hanging up",
    ([, first]) =>
      Effect.gen(function*() {
        const timeline = yield* hold((session) => {
          const hangUp = session.hangUp({ say: "Goodbye!" })
          return first
            ? Effect.andThen(hangUp, session.ended)
            : Effect.all([session.ended, Effect.andThen(Effect.sleep(100), hangUp)], { concurrency: 2 })
        })
        assert.deepStrictEqual(timeline.messages, [
          "user: Bye.",
          "assistant: Right.",
          "call: hang_up",
          "output: hang_up failed",
          "assistant: Goodbye!"
        ])
        assert.deepStrictEqual(timeline.of("SessionClosed").map(({ reason }) => reason), ["hang_up"])
        assert.strictEqual(timeline.of("SessionClosed")[0]!.at, timeline.playbacks.at(-1)!.end)
        assert.strictEqual(timeline.left, "")
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      })
  )
})

describe("a speech that is not to be recorded", () => {
  it.effect("is told as such, and is no message of the conversation", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        at: [
          { at: 1000, do: (session) => session.say("One moment.", { record: false }) },
          { at: 4000, do: (session) => session.say("Here I am.") }
        ]
      })
      assert.deepStrictEqual(
        timeline.of("AgentSpeechCommitted").map(({ recorded, text }) => [text, recorded !== false]),
        [["One moment.", false], ["Here I am.", true]]
      )
      const metrics = Metrics.collector()
      for (const event of timeline.events) metrics.push(event)
      assert.strictEqual(metrics.summary().total_messages, 1)
    }))
})

describe("a tool of effect/ai", () => {
  const Draw = Tool.make("draw", {
    success: Schema.Struct({ sheets: Schema.Int, done: Schema.Boolean })
  })
  const kit = Toolkit.make(Draw)

  it.effect("tells its preliminary results, of which the model sees none", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: kit }),
        at: [{ at: 1000, do: (session) => session.send("Draw.") }],
        llm: [calling("draw"), "There you are."]
      }).pipe(
        Effect.provide(kit.toLayer({
          draw: (_, { preliminary }) =>
            Effect.gen(function*() {
              yield* preliminary({ sheets: 1, done: false })
              yield* Effect.sleep(500)
              // What its schema does not allow is told to nobody, and harms nothing.
              yield* preliminary({ sheets: 1.5, done: false })
              return { sheets: 2, done: true }
            })
        }))
      )
      assert.deepStrictEqual(timeline.of("FunctionCallProgressed").map(({ name, result }) => [name, result]), [
        ["draw", { sheets: 1, done: false }]
      ])
      const [finished] = timeline.of("FunctionCallsFinished")
      assert.deepStrictEqual(finished!.calls.map(({ result }) => result), [{ sheets: 2, done: true }])
      assert.notInclude(JSON.stringify(timeline.requests[1]!.prompt), "\"sheets\":1,")
    }))

  it.effect("is answered to the model as its toModelOutput says", () =>
    Effect.gen(function*() {
      const Pictured = Tool.make("draw", {
        success: Draw.successSchema,
        toModelOutput: ({ sheets }) => [
          Prompt.textPart({ text: `${sheets} sheets` }),
          Prompt.filePart({ mediaType: "image/png", data: "iVBORw0KGgo=" })
        ]
      })
      const pictures = Toolkit.make(Pictured)
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: pictures }),
        at: [{ at: 1000, do: (session) => session.send("Draw.") }],
        llm: [calling("draw"), "There you are."]
      }).pipe(Effect.provide(pictures.toLayer({ draw: () => Effect.succeed({ sheets: 2, done: true }) })))
      const output = timeline.history.items.find((item) => item._tag === "ToolOutput")
      assert.strictEqual(output!.output, "2 sheets\n[image/png omitted]")
    }))
})
