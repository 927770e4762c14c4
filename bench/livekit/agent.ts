/** A worker in a process of its own: its calls are fibers, or in a pool of `BENCH_POOL` processes. SIGTERM drains it. */
import { Effect } from "effect"
import { Worker } from "effect-voice"
import definition from "./desk.ts"

const { BENCH_POOL = "0" } = process.env
const processes = Number(BENCH_POOL)

Worker.runMain(Effect.scoped(Effect.gen(function*() {
  const worker = yield* Worker.make(definition, {
    http: false,
    maxJobs: 100,
    load: () => 0,
    ...(processes === 0
      ? {}
      : { pool: { module: new URL("./desk.ts", import.meta.url).href, processes, jobsPerProcess: 16 } })
  })
  process.once("SIGTERM", () => void Effect.runFork(worker.drain()))
  process.send!({ phase: "ready" })
  yield* worker.ended
})))
