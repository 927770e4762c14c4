/**
 * A definition whose process misbehaves. What it does, and when, stands in the metadata of its job
 * ("flood while talking"), or, where it has none yet, in the file that its title names, which one process takes away.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync, renameSync, writeSync } from "node:fs"
import process from "node:process"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"
import * as Worker from "../../src/Worker.ts"

const hoard: Array<Uint8Array> = []
const still = new Int32Array(new SharedArrayBuffer(4))

const attempt = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    // A pipe that is full, a file that another has taken.
    return undefined
  }
}

const misdeeds: Readonly<Record<string, () => unknown>> = {
  // No turn of its event loop ever ends, and the machine is left to the others.
  loop: () => {
    for (;;) Atomics.wait(still, 0, 0, 50)
  },
  // Far beyond the limit of its pool.
  leak: () => void hoard.push(new Uint8Array(700 * 1024 * 1024).fill(1)),
  die: () => process.kill(process.pid, "SIGKILL"),
  exit: () => process.exit(0),
  throw: () =>
    void setImmediate(() => {
      throw new RangeError("out of nowhere")
    })
}

const title = "--title="

/** Of `execArgv`: a process that takes the misdeed from this file. */
export const titled = (file: string): string => `${title}${file}`

/** Of the file in the title, once. */
const first = (moment: string): string | undefined => {
  const file = process.execArgv.find((flag) => flag.startsWith(title))?.slice(title.length)
  if (file === undefined) return undefined
  return attempt(() => {
    const text = readFileSync(file, "utf8")
    if (!text.endsWith(` while ${moment}`)) return undefined
    renameSync(file, `${file}.taken`)
    return text
  })
}

/** Over the pipe to its parent, without end. */
const writes = (piece: Buffer): Effect.Effect<void> =>
  Effect.forever(Effect.andThen(Effect.sync(() => void attempt(() => writeSync(3, piece))), Effect.sleep(1)))

const floods: Readonly<Record<string, Effect.Effect<void>>> = {
  // Lines of the log.
  flood: Effect.forever(
    Effect.andThen(
      Effect.forEach(Array.from({ length: 100 }), () => Effect.logError("x".repeat(2000)), { discard: true }),
      Effect.yieldNow
    )
  ),
  babble: writes(Buffer.from(`${JSON.stringify({ _tag: "Nothing" })}\n{]\n`.repeat(500))),
  shout: writes(Buffer.alloc(65_536, "x"))
}

const at = (moment: string, metadata: string): Effect.Effect<void> => {
  const [what = "", when] = metadata.split(" while ")
  if (when !== moment) return Effect.void
  const flood = floods[what]
  return flood === undefined ? Effect.sync(() => void misdeeds[what]?.()) : Effect.asVoid(Effect.forkDetach(flood))
}

Effect.runSync(at("starting", first("starting") ?? ""))

export default Worker.define({
  agentName: "menace",
  layer: Layer.empty,
  prewarm: Effect.suspend(() => at("warming up", first("warming up") ?? "")),
  prewarmTimeout: "8 seconds",
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
      return yield* Effect.onInterrupt(Effect.never, () => at("draining", job.metadata))
    })
})
