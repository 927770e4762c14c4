/** Calls that outlive the turn in which they were made, and all that a caller may do meanwhile. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

const meanwhile: Readonly<Record<string, ReadonlyArray<Testing.UserAction>>> = {
  "says nothing": [],
  "asks whether anybody is there": [Testing.say(5000, 6000, "Are you still there?")],
  "asks twice": [Testing.say(5000, 6000, "Are you there?"), Testing.say(9000, 10_000, "Hello? Hello?")],
  "orders the same again": [Testing.say(5000, 6000, "Book room seven.")],
  "orders something else": [Testing.say(5000, 6000, "Book room eight.")],
  "cancels": [Testing.say(5000, 6000, "Cancel that.")],
  "listens": [Testing.say(5000, 5500, "Mm-hm.")],
  "asks for a moment": [Testing.say(5000, 5600, "One moment.")],
  "presses keys": [Testing.press(5000, "12#")],
  "hangs up": [Testing.leave(5000)],
  "is lost": [Testing.leave(5000, "connection_lost")]
}

const outcomes: Readonly<Record<string, Effect.Effect<string, Tools.ToolError>>> = {
  "a result": Effect.succeed("booked"),
  "a failure": Effect.fail(new Tools.ToolError({ message: "full" })),
  "a defect": Effect.die("broken"),
  "an interruption": Effect.interrupt
}

const modes = [{}, { background: true }, { onInterruption: "cancel" }, { result: "context" }, {
  result: "silent"
}] as const

/** The caller is told by the agent itself, and by whatever is said next if they speak first. */
const held = (user: ReadonlyArray<Testing.UserAction>, ms: number, outcome: string, voice: (typeof modes)[number]) =>
  Effect.gen(function*() {
    let ran = 0
    const timeline = yield* Testing.scenario({
      agent: Agent.make({
        instructions: "",
        onKey: () => {},
        tools: Tools.functions({
          book: {
            parameters: Schema.Struct({ room: Schema.Int }),
            voice,
            run: () => {
              ran++
              return Effect.andThen(Effect.sleep(ms), outcomes[outcome]!)
            }
          }
        })
      }),
      user: [Testing.say(500, 1500, "Book room seven."), ...user],
      llm: ({ results, step, text }) =>
        step > 0
          ? `So: ${JSON.stringify(results.at(-1)?.result)}`
          : text.startsWith("Book room")
          ? { text: "I book it.", tools: [{ name: "book", params: { room: text.includes("eight") ? "8" : 7 } }] }
          : "Yes, I am.",
      options: { toolTimeout: "15 seconds", turn: { preemption: { llm: false } } }
    })
    return { ran, timeline }
  })

describe("a call that outlives its turn", () => {
  it.effect.each(Object.entries(meanwhile))(
    "has one output, harms nothing, and is made once, while the caller %s",
    ([, user]) =>
      Effect.gen(function*() {
        for (const outcome of Object.keys(outcomes)) {
          for (const voice of modes) {
            for (const ms of [outcome === "a result" ? 8000 : 3000]) {
              const { ran, timeline } = yield* held(user, ms, outcome, voice)
              const about = `${outcome} after ${ms} ms, ${JSON.stringify(voice)}: ${timeline.messages.join(" / ")}`
              assert.deepStrictEqual(Testing.invariants(timeline), [], about)
              assert.strictEqual(timeline.left, "", about)
              const again = user.some((action) => action._tag === "Say" && action.text === "Book room seven.")
              // Who cuts in on a tool that is cancelled by that orders anew.
              if (again && outcome === "a result" && !("onInterruption" in voice)) assert.strictEqual(ran, 1, about)
            }
          }
        }
      })
  )

  it.effect.each(Object.entries(meanwhile).filter(([what]) => !/^(?:hangs up|is lost|asks for a moment)/.test(what)))(
    "is told in the end, while the caller %s",
    ([, user]) =>
      Effect.gen(function*() {
        for (const outcome of ["a result", "a failure", "a defect"]) {
          const { timeline } = yield* held(user.slice(0, 1), 20_000, outcome, {})
          assert.include(timeline.messages.join(" / "), "assistant: So: ", outcome)
        }
      })
  )
})
