/**
 * An hour of scripted conversation in virtual time: some 300 turns, every
 * fifth reply interrupted. Two variants: `audio`, with frames of real samples
 * (speech, through `EnergyVad`), and `marks`, where the microphone gives only
 * the moments at which a voice begins and ends.
 *
 * Wall and CPU seconds, best of the rounds; `clock` is the bare virtual clock
 * sleeping through the same frames, in the same run. With `--expose-gc` also how
 * much the heap has grown from the fifth minute to the last, with everything
 * that the harness keeps (events, requests). `same` says that all rounds gave
 * the same events, by their hash. Arguments: minutes (60), milliseconds of a
 * frame (100), rounds (2), seed (1). Prints JSON.
 */
import { Clock, Effect, Layer, Scheduler } from "effect"
import { createHash } from "node:crypto"
import { makeVirtualClock } from "../src/internal/virtualClock.ts"
import * as EnergyVad from "../src/Layers/EnergyVad.ts"
import * as Testing from "../src/testing.ts"

const minutes = Number(process.argv[2] ?? 60)
const frameMs = Number(process.argv[3] ?? 100)
const rounds = Number(process.argv[4] ?? 2)
const seed = Number(process.argv[5] ?? 1)
const length = minutes * 60_000

/** Numbers from 0 to 1 that follow from the seed (a 32-bit linear congruence). */
const random = () => {
  let state = seed
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
}

const asked = [
  "What is the weather like today?",
  "Do you have a room for two nights?",
  "How much is breakfast?",
  "Can I come a little later?"
]
const replies = [
  "It is sunny, with some wind from the west in the afternoon.",
  "We have one with a view of the harbour. Shall I keep it for you?",
  "Breakfast is twelve, and it is served from seven to ten in the garden room.",
  "Of course. The desk is there all night, just ring the bell."
]

const conversation = (): ReadonlyArray<Testing.UserAction> => {
  const next = random()
  const actions: Array<Testing.UserAction> = []
  let at = 1000
  for (let turn = 0; at + 12_000 < length; turn++) {
    const text = asked[Math.floor(next() * asked.length)]!
    const took = 1200 + Math.floor(next() * 1200)
    actions.push(Testing.say(at, at + took, text))
    if (turn % 5 === 4) actions.push(Testing.say(at + took + 3000, at + took + 4000, "Never mind that."))
    at += 10_000 + Math.floor(next() * 4000)
  }
  return actions
}

const heap = () => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

interface Round {
  readonly wall: number
  readonly cpu: number
  readonly events: number
  readonly hash: string
  readonly turns: number
  readonly interrupted: number
  readonly grownMegabytes: number
}

const timed = async <A>(
  run: () => Promise<A>
): Promise<{ readonly value: A; readonly wall: number; readonly cpu: number }> => {
  const start = performance.now()
  const before = process.cpuUsage()
  const value = await run()
  const { system, user } = process.cpuUsage(before)
  return { value, wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 }
}

const converse = async (frames: number | undefined): Promise<Round> => {
  let early = 0
  let late = 0
  const { cpu, value, wall } = await timed(() =>
    Effect.runPromise(Testing.scenario({
      user: conversation(),
      at: [
        { at: Math.min(300_000, length / 12), do: () => Effect.sync(() => early = heap()) },
        { at: length - 100, do: () => Effect.sync(() => late = heap()) }
      ],
      llm: ({ index }) => replies[index % replies.length]!,
      ...(frames === undefined ? {} : { room: { frames }, layer: Layer.orDie(EnergyVad.layer()) }),
      options: { sessionId: "hour" },
      until: length
    }))
  )
  const { events } = value
  return {
    wall,
    cpu,
    events: events.length,
    hash: createHash("sha256").update(JSON.stringify(events)).digest("hex").slice(0, 16),
    turns: events.filter(({ _tag }) => _tag === "UserSpeechCommitted").length,
    interrupted: events.filter((event) => event._tag === "AgentStoppedSpeaking" && event.interrupted).length,
    grownMegabytes: (late - early) / 1024 / 1024
  }
}

const bareClock = Effect.scoped(Effect.gen(function*() {
  const { clock, scheduler } = yield* makeVirtualClock()
  const frame = Effect.sleep(frameMs)
  yield* Effect.gen(function*() {
    for (let at = 0; at < length; at += frameMs) yield* frame
  }).pipe(Effect.provideService(Clock.Clock, clock), Effect.provideService(Scheduler.Scheduler, scheduler))
}))

const rounded = (value: number) => Number(value.toPrecision(3))
const best = (all: ReadonlyArray<{ readonly wall: number; readonly cpu: number }>) => ({
  wallSeconds: rounded(Math.min(...all.map(({ wall }) => wall))),
  cpuSeconds: rounded(Math.min(...all.map(({ cpu }) => cpu)))
})
const told = (all: ReadonlyArray<Round>) => {
  const [first] = all
  if (first === undefined) return {}
  return {
    ...best(all),
    turns: first.turns,
    interrupted: first.interrupted,
    events: first.events,
    hash: first.hash,
    same: all.every(({ hash }) => hash === first.hash),
    ...(globalThis.gc === undefined ? {} : { grownMegabytes: rounded(Math.min(...all.map((r) => r.grownMegabytes))) })
  }
}

const clocks: Array<{ readonly wall: number; readonly cpu: number }> = []
const audio: Array<Round> = []
const marks: Array<Round> = []
for (let round = 0; round < rounds; round++) {
  clocks.push(await timed(() => Effect.runPromise(bareClock)))
  audio.push(await converse(frameMs))
  marks.push(await converse(undefined))
}

const clock = best(clocks)
process.stdout.write(
  `${
    JSON.stringify(
      {
        bench: "hour",
        node: process.version,
        minutes,
        frameMs,
        rounds,
        seed,
        aim: { wallSeconds: 3, grownMegabytes: 5 },
        clock,
        audio: { ...told(audio), toClock: rounded(best(audio).cpuSeconds / clock.cpuSeconds) },
        marks: { ...told(marks), toClock: rounded(best(marks).cpuSeconds / clock.cpuSeconds) }
      },
      null,
      2
    )
  }\n`
)
