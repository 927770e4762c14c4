/**
 * CPU time of one 20 ms frame through a whole session: from the room's
 * microphone through a processor and `EnergyVad` to the recogniser, for so many
 * sessions in one process. A tick gives every session one frame and waits until
 * each has taken it, and one turn of the event loop more; nothing sleeps. The
 * recogniser gets what is silence in pieces of 100 ms. In the same rounds:
 *
 * - `callback`: a closure a session that takes the mean square of the frame
 * - `work`: the same processor, converter, windows, score and boundaries as plain calls
 * - `hub`: the room alone, with a subscriber that counts
 *
 * Microseconds of CPU (user and system, all threads), best and median of the
 * rounds; ratios are of the bests. With `--expose-gc` also the heap that a
 * session holds. Arguments: most sessions (1000), rounds (7). Prints JSON.
 */
import { Effect, Exit, Layer, Result, Scope, Stream } from "effect"
import { setImmediate } from "node:timers/promises"
import { Agent, type Audio, Llm, Pipeline, Processor, Room, Stt, Tts, type Vad } from "../src/index.ts"
import { makeMemoryRoom, type MemoryRoom } from "../src/internal/room/memoryRoom.ts"
import { settings } from "../src/internal/vad/settings.ts"
import { Tracker } from "../src/internal/vad/tracker.ts"
import { Windower } from "../src/internal/vad/windower.ts"
import * as EnergyVad from "../src/Layers/EnergyVad.ts"

const most = Number(process.argv[2] ?? 1000)
const rounds = Number(process.argv[3] ?? 7)
const counts = [1, 10, 100, 1000].filter((count) => count <= most)

let arrived = 0
let sink = 0

/** A voice too quiet for the detector: all is computed, and no turn begins. */
const quietFrame = (sampleRate: number): Audio.Frame => ({
  samples: Int16Array.from({ length: sampleRate / 50 }, (_, i) => Math.round(80 * Math.sin(i / 7))),
  sampleRate,
  channels: 1
})

/** Leaves the frames as they are, but looks at them. */
const level = Processor.sync("level", (frames) => {
  for (const frame of frames) sink += frame.samples[0]!
  arrived += frames.length
  return frames
})

const meanSquare = ({ samples }: Audio.Frame): number => {
  let sum = 0
  for (let i = 0; i < samples.length; i++) sum += samples[i]! * samples[i]!
  return sum / samples.length
}

interface Subject {
  readonly push: (frame: Audio.Frame) => void
}

const callbacks = Effect.sync((): Subject => ({
  push: (frame) => {
    sink += meanSquare(frame)
    arrived++
  }
}))

const checked = Result.getOrThrow(settings(16_000, []))

const work = Effect.sync((): Subject => {
  const cutter = new Windower(16_000, 320, 0)
  const tracker = new Tracker(checked, 16_000, 320)
  const window = new Float32Array(320)
  let at = 0
  return {
    push: (quiet) => {
      const frame = { ...quiet, at }
      at += 20
      sink += frame.samples[0]!
      const events: Array<Vad.Event> = []
      for (const piece of cutter.push([frame])) {
        if (typeof piece === "number") continue
        let sum = 0
        for (let i = 0; i < piece.length; i++) {
          window[i] = piece[i]! / 32_768
          sum += window[i]! * window[i]!
        }
        tracker.window(piece, sum / piece.length / (sum / piece.length + 3e-5), events)
      }
      arrived++
    }
  }
})

const speakerOf = (hub: MemoryRoom): Subject => {
  const microphone = hub.microphone("caller")!
  return { push: (frame) => microphone.feed([frame]) }
}

const hubs = Effect.gen(function*() {
  const hub = yield* makeMemoryRoom()
  hub.joinUnsafe({ identity: "caller" })
  yield* Effect.forkScoped(
    Stream.runForEachArray(hub.room.audio("caller"), (frames) =>
      Effect.sync(() => {
        arrived += frames.length
      })),
    { startImmediately: true }
  )
  return speakerOf(hub)
})

const providers = Layer.mergeAll(
  EnergyVad.layer(),
  Layer.succeed(
    Stt.Stt,
    Stt.make({
      name: "none",
      transcribe: (audio) =>
        Stream.drain(Stream.mapArray(audio, (inputs) => {
          sink += inputs.length
          return inputs
        }))
    })
  ),
  Layer.succeed(Llm.Llm, Llm.make({ name: "none", reply: () => Stream.empty })),
  Layer.succeed(Tts.Tts, Tts.make({ name: "none", sampleRate: 24_000, channels: 1, speak: () => Stream.empty }))
)

const listener = Agent.make({ instructions: "Listen." })

const sessions = Effect.gen(function*() {
  const hub = yield* makeMemoryRoom()
  hub.joinUnsafe({ identity: "caller" })
  yield* Effect.provideService(Pipeline.make(listener, { processors: [level] }), Room.Room, hub.room)
  return speakerOf(hub)
})

const turn = () => setImmediate()

const missing = (due: number): boolean => arrived < due

/** Microseconds of CPU for one frame. */
const measure = async (
  subjects: ReadonlyArray<Subject>,
  frame: Audio.Frame,
  ticks: number
): Promise<number> => {
  const before = process.cpuUsage()
  for (let tick = 0; tick < ticks; tick++) {
    const due = arrived + subjects.length
    for (const subject of subjects) subject.push(frame)
    while (missing(due)) await turn()
    await turn()
  }
  const { system, user } = process.cpuUsage(before)
  return (user + system) / ticks / subjects.length
}

type Provided = Exclude<Pipeline.Services, Room.Room>

const subjects: Readonly<Record<string, Effect.Effect<Subject, Pipeline.PipelineError, Provided | Scope.Scope>>> = {
  callback: callbacks,
  work,
  hub: hubs,
  session: sessions
}

const rounded = (value: number) => Number(value.toPrecision(3))
const heap = () => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

interface Measured {
  readonly best: number
  readonly median: number
}


const g = globalThis as any
const program = Effect.gen(function*() {
  const services = yield* Effect.context<any>()
  const frame = quietFrame(16_000)
  const out: any = {}
  for (const name of ["hub", "session"] as const) {
    const scope = yield* Scope.make()
    const all = yield* Effect.forEach(Array.from({ length: 10 }), () => (subjects as any)[name]).pipe(Scope.provide(scope), Effect.provideContext(services)) as any
    for (let i = 0; i < 20; i++) yield* Effect.promise(turn)
    yield* Effect.promise(() => measure(all, frame, 50))
    const [o, f, c] = [g.__ops, g.__fibers, g.__ctx]
    g.__kinds = {}
    yield* Effect.promise(() => measure(all, frame, 100))
    const k = g.__kinds; g.__kinds = undefined
    out[name] = [(g.__ops - o) / 1000, (g.__fibers - f) / 1000, (g.__ctx - c) / 1000, Object.fromEntries(Object.entries(k).map(([a, b]: any) => [a, b / 1000]))]
    yield* Scope.close(scope, Exit.void)
  }
  return out
}).pipe(Effect.provide(providers as any)) as any
console.log(JSON.stringify(await Effect.runPromise(program)))
