import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer } from "effect"
import * as Worker from "effect-voice/Worker"
import { makeJob, outcome } from "../support/agentServer.ts"
import { memory, settled, start, virtualRooms } from "./support.ts"

/** What belongs to one caller alone. */
class Order extends Context.Service<Order, { readonly number: number; readonly pizzas: Array<string> }>()(
  "effect-voice/test/worker/isolation.test/Order"
) {}

class Clerk
  extends Context.Service<Clerk, { readonly name: string }>()("effect-voice/test/worker/isolation.test/Clerk")
{}

it.effect("builds what an entry provides anew for each job, wherever the worker itself was provided with layers", () =>
  Effect.gen(function*() {
    let built = 0
    const order = Layer.effect(Order, Effect.sync(() => ({ number: ++built, pizzas: [] })))
    const orders = new Map<string, Order["Service"]>()
    const over = yield* Deferred.make<void>()
    const definition = Worker.define({
      connect: (yield* virtualRooms).connect,
      layer: Layer.succeed(Clerk, { name: "Ann" }),
      entry: (job) =>
        Order.use((mine) =>
          Effect.gen(function*() {
            mine.pizzas.push(`${job.id} by ${(yield* Clerk).name}`)
            orders.set(job.id, mine)
            yield* Deferred.await(over)
          })
        ).pipe(Effect.provide(order))
    })
    const server = yield* memory()
    yield* start(definition, server)
    const connection = yield* server.next
    for (const id of ["AJ_1", "AJ_2"]) {
      yield* connection.dispatch(makeJob(id))
      yield* settled
    }
    assert.deepStrictEqual([...orders], [
      ["AJ_1", { number: 1, pizzas: ["AJ_1 by Ann"] }],
      ["AJ_2", { number: 2, pizzas: ["AJ_2 by Ann"] }]
    ])
    yield* Deferred.succeed(over, undefined)
    yield* outcome(connection)
    yield* outcome(connection)
  }).pipe(Effect.provide(Layer.succeed(Clerk, { name: "Bob" }))))
