import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Metric } from "effect"
import { Agent, Pipeline, type Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"

const prompts = {
  short: "You book rooms. One sentence at most.",
  warm: "You book rooms. Be warm, and use the caller's name."
}

/** The same job gets the same prompt, also in another process. */
export const variantOf = (id: string): keyof typeof prompts => {
  let hash = 0
  for (const letter of id) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0
  return hash % 2 === 0 ? "short" : "warm"
}

const bookings = Metric.counter("desk_calls_total", { incremental: true })

export const entry = (job: Worker.Job) => {
  const variant = variantOf(job.id)
  let booked = false
  const agent = Agent.make({
    instructions: prompts[variant],
    onEnter: async (session) => session.say("Sea View Hotel, how can I help?"),
    onUserTurn: ({ text }) => void (booked ||= text.includes("book"))
  })
  return Pipeline.run(agent).pipe(
    Effect.ensuring(
      Effect.suspend(() => Metric.update(Metric.withAttributes(bookings, { booked: String(booked) }), 1))
    ),
    // Every series of the conversation has this attribute, also the library's own: agent_response_time_seconds{variant="warm"}.
    Effect.provideService(Metric.CurrentMetricAttributes, { variant })
  )
}

it.effect("counts and measures each prompt by itself", () =>
  Testing.inVirtualTime(
    Effect.gen(function*() {
      const caller = yield* Testing.Caller
      const call = yield* Effect.forkChild(entry(yield* Testing.job({ id: "b" })))
      yield* caller.expectReply()
      yield* caller.says("Please book a room.")
      yield* caller.expectReply()
      yield* caller.leaves
      yield* Fiber.join(call)
      const series = yield* Metric.snapshot
      const has = (name: string, attributes: Readonly<Record<string, string>>) =>
        series.some(({ attributes: all, id }) =>
          id === name && Object.entries(attributes).every(([key, value]) => all?.[key] === value)
        )
      assert.isTrue(has("desk_calls_total", { variant: "short", booked: "true" }))
      assert.isTrue(has("agent_response_time_seconds", { variant: "short" }))
    }).pipe(Effect.scoped, Effect.provide(Testing.layer({ llm: ["Room seven is yours."] })))
  ))

it("gives each job one prompt, and both to many", () => {
  assert.strictEqual(variantOf("AJ_1"), variantOf("AJ_1"))
  assert.strictEqual(new Set(Array.from({ length: 20 }, (_, i) => variantOf(`AJ_${i}`))).size, 2)
})
