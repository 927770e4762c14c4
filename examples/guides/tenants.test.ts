import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Option, Schema, Scope } from "effect"
import { Agent, type Llm, Pipeline, Session, type Tts, Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"

class TenantError extends Schema.TaggedError<TenantError>()("TenantError", { tenant: Schema.String }) {}

interface Tenant {
  readonly name: string
  readonly greeting: string
  readonly instructions: string
  readonly voice: string
  /** Made with the tenant's own keys, such as by `Layer.build(OpenAiLlm.layer({ apiKey, model }))`. */
  readonly llm: Llm.Llm["Service"]
  readonly tts: Tts.Tts["Service"]
}

/** Yours: a database. What is opened for a tenant is closed with the scope, which is that of the call. */
class Tenants extends Context.Service<Tenants, {
  readonly find: (id: string) => Effect.Effect<Tenant, TenantError, Scope.Scope>
}>()("effect-voice/examples/guides/tenants.test/Tenants") {}

const Metadata = Schema.Struct({ tenant: Schema.NonEmptyString })

/** Answers at once, finds out whose call it is, and gives it to the agent of that tenant. */
export const front = (id: string) =>
  Effect.gen(function*() {
    const tenants = yield* Tenants
    const scope = yield* Effect.scope
    const find = Scope.provide(tenants.find(id), scope).pipe(Effect.timeout("4 seconds"))
    return Agent.make({
      name: "front",
      instructions: "You ask callers to wait.",
      onEnter: Effect.gen(function*() {
        const session = yield* Session.Session
        const finding = yield* Effect.forkChild(find)
        const early = yield* Effect.timeoutOption(Fiber.await(finding), "1200 millis")
        if (Option.isNone(early)) yield* session.say("One moment, please.")
        const found = yield* Fiber.await(finding)
        if (Exit.isFailure(found)) {
          yield* Effect.logError("the tenant was not found", found.cause)
          return yield* session.hangUp({ say: "We cannot take your call now. Please call again in a minute." })
        }
        const { greeting, ...tenant } = found.value
        yield* session.handoff(Agent.make({ ...tenant, onEnter: async (session) => session.say(greeting) }))
      })
    })
  })

/** In a worker: `entry`, and a layer with `Tenants` and the voice in which the front speaks. */
export const entry = (job: Worker.Job) =>
  Effect.gen(function*() {
    const { tenant } = yield* Worker.metadata(job, Metadata)
    return yield* Pipeline.run(yield* front(tenant))
  })

const sole = Effect.gen(function*() {
  const { llm } = yield* Testing.llm(["Gladly."])
  const { tts } = yield* Testing.tts({ audio: "audible" })
  return {
    name: "sole",
    greeting: "Trattoria Sole, good evening.",
    instructions: "You take orders.",
    voice: "Luigi",
    llm,
    tts
  }
})

const heardFrom = (find: Tenants["Service"]["find"]) =>
  Testing.inVirtualTime(
    Effect.gen(function*() {
      const caller = yield* Testing.Caller
      const job = yield* Testing.job({ metadata: { tenant: "sole" } })
      const call = yield* Effect.forkChild(entry(job))
      yield* caller.wait("8 seconds")
      yield* caller.leaves
      return [yield* caller.heard, yield* Fiber.join(call)]
    }).pipe(Effect.scoped, Effect.provide(Testing.layer()), Effect.provideService(Tenants, { find }))
  )

it.effect("greets for the tenant, and asks to wait only where the database is slow", () =>
  Effect.gen(function*() {
    const refused = Effect.fail(new TenantError({ tenant: "sole" }))
    assert.deepStrictEqual(yield* heardFrom(() => sole), ["Trattoria Sole, good evening.", "participant_left"])
    assert.deepStrictEqual(yield* heardFrom(() => Effect.delay(sole, "2 seconds")), [
      "One moment, please. Trattoria Sole, good evening.",
      "participant_left"
    ])
    assert.deepStrictEqual(yield* heardFrom(() => refused), [
      "We cannot take your call now. Please call again in a minute.",
      "hang_up"
    ])
  }))
