import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Result, Schema } from "effect"
import { Agent, Pipeline, Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"

const About = Schema.Struct({ tenant: Schema.String, seats: Schema.Int })

const entry = (done: Array<string>) => (job: Worker.Job) =>
  Effect.gen(function*() {
    yield* job.onShutdown(() => done.push("first"))
    yield* job.onShutdown(Effect.fail("broken"))
    yield* job.onShutdown(() => done.push("last"))
    const { tenant } = yield* Worker.metadata(job, About)
    return yield* Pipeline.run(Agent.make({
      instructions: "",
      onEnter: async (session) => session.say(`This is ${tenant}.`)
    }))
  })

describe("a job of a test", () => {
  it.effect("is what an entry is given, and is shut down with its scope", () =>
    Effect.gen(function*() {
      const done: Array<string> = []
      const [heard, ended] = yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const caller = yield* Testing.Caller
          const job = yield* Testing.job({ metadata: { tenant: "Trattoria Sole", seats: 2 }, room: "table-1" })
          assert.strictEqual(job.room.name, "table-1")
          const call = yield* Effect.forkChild(entry(done)(job))
          const heard = yield* caller.expectReply()
          yield* caller.leaves
          return [heard, yield* Fiber.join(call)] as const
        }).pipe(Effect.scoped, Effect.provide(Testing.layer()))
      )
      assert.deepStrictEqual([heard, ended, done], ["This is Trattoria Sole.", "participant_left", ["last", "first"]])
    }))

  it.effect("tells how the call of a telephone ends", () =>
    Effect.gen(function*() {
      const agent = Agent.make({ instructions: "" })
      const ended = yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const caller = yield* Testing.Caller
          const call = yield* Effect.forkChild(Pipeline.run(agent))
          yield* caller.wait(500)
          yield* caller.callStatus("busy")
          return yield* Fiber.join(call)
        }).pipe(Effect.provide(Testing.layer({ room: { kind: "sip", direction: "outbound", call: "ringing" } })))
      )
      assert.strictEqual(ended, "busy")
    }))

  it.effect("is told that a reply came before it was expected", () =>
    Effect.gen(function*() {
      const agent = Agent.make({ instructions: "", onEnter: async (session) => session.say("Hello.") })
      const exit = yield* Testing.inVirtualTime(
        Effect.gen(function*() {
          const caller = yield* Testing.Caller
          yield* Effect.forkChild(Pipeline.run(agent))
          yield* caller.wait("5 seconds")
          return yield* Effect.exit(caller.expectReply({ within: "2 seconds" }))
        }).pipe(Effect.provide(Testing.layer()))
      )
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit)) assert.include(String(exit.cause), "what it said before this wait does not count")
    }))
})

describe("the metadata of a job", () => {
  const read = (metadata: string) =>
    Effect.map(
      Effect.result(Worker.metadata({ metadata }, About)),
      (result) => Result.isFailure(result) ? result.failure.message : result.success
    )

  it.effect.each<readonly [metadata: string, told: unknown]>([
    ["{\"tenant\":\"sole\",\"seats\":2}", { tenant: "sole", seats: 2 }],
    [
      "",
      "metadata of the job is empty: give it to the dispatch, to the caller's token, or to the command with --metadata"
    ],
    ["tenant=secret", "metadata of the job is no JSON"],
    ["{\"tenant\":5,\"seats\":\"secret\"}", "metadata of the job does not fit the schema: look at tenant, seats"],
    ["\"secret\"", "metadata of the job does not fit the schema"]
  ])("is read by a schema, or refused without its values: %s", ([metadata, told]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* read(metadata), told)
    }))
})
