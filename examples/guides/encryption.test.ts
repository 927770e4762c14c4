import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Agent, Pipeline, Worker } from "effect-voice"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import { providers } from "../starter/providers.ts"

const desk = Agent.make({ instructions: "You answer the phone of a clinic." })

// One key for all rooms of the worker …
export const shared = Worker.define({
  entry: () => Pipeline.run(desk),
  layer: providers,
  encryption: { key: Redacted.make("the key that the callers' page has, too") }
})

// … or another one for each: `connect` is asked for every job.
export const own = Worker.define({
  entry: () => Pipeline.run(desk),
  layer: providers,
  connect: ({ job, ...entrance }) =>
    LiveKitRoom.connect({ ...entrance, encryption: { key: Redacted.make(`key of ${job.room.name}`) } })
})

it.effect("is an option of the worker", () =>
  Effect.sync(() => assert.strictEqual(Redacted.value(shared.options.encryption!.key).slice(0, 7), "the key")))
