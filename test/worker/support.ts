import { Deferred, Effect, Queue } from "effect"
import * as Testing from "effect-voice/testing"
import * as Worker from "effect-voice/Worker"
import { Socket } from "effect/socket"
import { availableParallelism, loadavg } from "node:os"
import { Patience } from "../../src/internal/worker/poolWatch.ts"
import { agentInMemory, type AgentServer, credentials, type Options } from "../support/agentServer.ts"

export const quiet = {
  ...credentials,
  http: false,
  load: () => 0.1
} satisfies Worker.Options

export interface Visit {
  readonly job: Worker.JobRequest
  readonly url: string
  readonly caller: Testing.Caller["Service"]
  readonly left: Deferred.Deferred<void>
}

/** A way into virtual rooms that tells who went in, and out. */
export const virtualRooms = Effect.gen(function*() {
  const visits = yield* Queue.unbounded<Visit>()
  const connect: NonNullable<Worker.DefineOptions<never, never>["connect"]> = (entrance) =>
    Effect.gen(function*() {
      const left = yield* Deferred.make<void>()
      const { caller, room } = yield* Testing.room({ name: entrance.job.room.name })
      yield* Effect.addFinalizer(() => Deferred.succeed(left, undefined))
      Queue.offerUnsafe(visits, { job: entrance.job, url: entrance.url, caller, left })
      return room
    })
  return { connect, next: Queue.take(visits) }
})

/** Starts a worker against a server, on the clock of the test. */
export const start = <E>(
  definition: Worker.Definition<E>,
  server: AgentServer,
  options: Worker.Options = {}
) => {
  const made = Worker.make(definition, { ...quiet, url: server.url, ...options })
  return server.ctor === undefined ? made : Effect.provideService(made, Socket.WebSocketConstructor, server.ctor)
}

/** Of a pool whose processes are real, and so is the time. */
export const hasty: typeof Patience.Service = { silence: 3000, hurry: 4500, start: 5000 }

/** How many want each core: while others have it, time passes, and a process is no further. */
const crowd = Math.max(1, loadavg()[0]! / availableParallelism() / 2)

/** Of a pool on a busy machine: there it is what takes its time to be ready, and not who does nothing. */
const patient: typeof Patience.Service = { silence: 5000 * crowd, hurry: 10_000 * crowd, start: 5000 * crowd }

/** As `start`, with as much patience as the machine wants. */
export const startPatient: typeof start = (...args) => Effect.provideService(start(...args), Patience, patient)

/** As `start`, with little patience. */
export const startHasty: typeof start = (...args) => Effect.provideService(start(...args), Patience, hasty)

export const memory = (options?: Options) => Effect.sync(() => agentInMemory(options))

/** Lets all fibers come to their next wait, real work (signatures) included. */
export const settled = Effect.forEach(
  Array.from({ length: 20 }),
  () => Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void))),
  { discard: true }
)

/** Waits for what real work, such as a signature, brings about. */
export const until = (condition: () => boolean) =>
  Effect.gen(function*() {
    while (!condition()) yield* settled
    yield* settled
  })
