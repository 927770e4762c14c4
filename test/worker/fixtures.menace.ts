/** A definition whose process misbehaves: what it does, and when, stands in the metadata of its job ("flood while talking"). */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import process from "node:process"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"
import * as Worker from "../../src/Worker.ts"

const hoard: Array<Uint8Array> = []

const misdeeds: Readonly<Record<string, () => unknown>> = {
  loop: () => {
    for (;;);
  },
  // Far beyond the limit of its pool.
  leak: () => void hoard.push(new Uint8Array(700 * 1024 * 1024).fill(1)),
  die: () => process.kill(process.pid, "SIGKILL"),
  exit: () => process.exit(0),
  throw: () =>
    void setImmediate(() => {
      throw new RangeError("out of nowhere")
    }),
  hangUp: () => process.disconnect()
}

/** Lines of the log, without end. */
const flood = Effect.forever(
  Effect.andThen(
    Effect.forEach(Array.from({ length: 100 }), () => Effect.logError("x".repeat(2000)), { discard: true }),
    Effect.yieldNow
  )
)

const at = (moment: string, metadata: string): Effect.Effect<void> => {
  const [what = "", when] = metadata.split(" while ")
  if (when !== moment) return Effect.void
  return what === "flood" ? Effect.asVoid(Effect.forkDetach(flood)) : Effect.sync(() => void misdeeds[what]?.())
}

export default Worker.define({
  agentName: "menace",
  layer: Layer.empty,
  shutdownTimeout: "1 second",
  connect: ({ job }) =>
    Effect.andThen(
      at("joining", job.metadata),
      Effect.map(makeMemoryRoom({ name: job.room.name }), ({ room }) => room)
    ),
  entry: (job) =>
    Effect.gen(function*() {
      yield* job.onShutdown(at("closing", job.metadata))
      yield* at("talking", job.metadata)
      if (job.metadata.endsWith(" while closing")) return
      return yield* Effect.never
    })
})
