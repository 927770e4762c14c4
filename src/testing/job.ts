/** A job for the test of an entry. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Check from "../internal/options.ts"
import { ownJob } from "../internal/worker/ownJob.ts"
import type { Job } from "../Worker.ts"

/**
 * What a job of a test is about.
 *
 * @category options
 * @since 0.1.0
 */
export interface JobOptions {
  /** A text as it is; anything else is written as JSON. @default "" */
  readonly metadata?: unknown
  /** @default {} */
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** Name of the room. @default "test-room" */
  readonly room?: string | undefined
  /** @default "job" */
  readonly id?: string | undefined
}

const schema = Check.struct<JobOptions>()({
  metadata: Check.asIs,
  attributes: Check.asIs,
  room: Check.text(),
  id: Check.text()
})

/**
 * Makes a job as the entry of a worker is given. The callbacks of `onShutdown` run when the scope closes.
 *
 * **Example** (The entry of a worker, in virtual time)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { Agent, Pipeline, type Worker } from "effect-voice"
 * import * as Testing from "effect-voice/testing"
 *
 * const entry = (job: Worker.Job) =>
 *   Pipeline.run(Agent.make({
 *     instructions: "You answer the phone.",
 *     onEnter: async (session) => session.say(`This is ${job.metadata}.`)
 *   }))
 *
 * const test = Testing.inVirtualTime(Effect.gen(function*() {
 *   const caller = yield* Testing.Caller
 *   const call = yield* Effect.forkChild(entry(yield* Testing.job({ metadata: "Trattoria Sole" })))
 *   const heard = yield* caller.expectReply()
 *   yield* caller.leaves
 *   return [heard, yield* Fiber.join(call)]
 * }).pipe(Effect.provide(Testing.layer())))
 * ```
 *
 * @see `layer` for what the entry needs
 * @category scenario
 * @since 0.1.0
 */
export const job = (options: JobOptions = {}): Effect.Effect<Job, never, Scope.Scope> => {
  const { attributes = {}, id = "job", metadata = "", room = "test-room" } = Check.readOrThrow(schema, options)
  return ownJob({
    id,
    dispatch: "",
    type: "room",
    room: { name: room, sid: "", metadata: "" },
    agentName: "",
    metadata: typeof metadata === "string" ? metadata : JSON.stringify(metadata),
    attributes,
    identity: "agent"
  })
}
