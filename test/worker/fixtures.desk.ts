/** A definition that the processes of a pool import: what a job does stands in its metadata. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import { kill, pid } from "node:process"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"
import * as Worker from "../../src/Worker.ts"

const worked = Metric.counter("desk_jobs", { description: "Jobs that worked", incremental: true })
const hoard: Array<Uint8Array> = []

export default Worker.define({
  agentName: "desk",
  layer: Layer.empty,
  shutdownTimeout: "1 second",
  connect: ({ job }) => Effect.map(makeMemoryRoom({ name: job.room.name }), ({ room }) => room),
  entry: (job) => {
    switch (job.metadata.startsWith("{") ? "trace" : job.metadata) {
      case "crash":
        return Effect.sync(() => kill(pid, "SIGKILL"))
      case "fail":
        return Effect.fail({ _tag: "BookingFailed" })
      case "hoard":
        return Effect.andThen(
          Effect.sync(() => void hoard.push(new Uint8Array(350 * 1024 * 1024).fill(1))),
          Effect.never
        )
      case "grow":
        return Effect.sync(() => void hoard.push(new Uint8Array(150 * 1024 * 1024).fill(1)))
      case "trace":
        return Effect.logInfo("found").pipe(
          Effect.andThen(Effect.ignore(Effect.withSpan(Effect.fail({ _tag: "NoMoney" }), "charge"))),
          Effect.withSpan("look up", { attributes: { nights: 2 } })
        )
      case "untraced":
        return Effect.flatMap(
          Effect.tracer,
          (tracer) => tracer === Tracer.nativeTracer ? Effect.void : Effect.fail({ _tag: "Traced" })
        )
      case "wait":
        return Effect.never
      default:
        return Metric.update(worked, 1)
    }
  }
})
