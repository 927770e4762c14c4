/**
 * Latency of a session with instant providers, on the real clock, in
 * milliseconds:
 *
 * - `commit`: from a turn's commit (`UserSpeechCommitted`, typed) to the first
 *   frame in the room's output, with an empty history
 * - `commitLate`: the same in a conversation of 200 turns
 * - `interrupt`: from `Session.interrupt` to the output cleared
 * - `close`: from `Session.close` of a session that idles to its end, all freed
 *
 * In the same rounds `turn`, one turn of the event loop, which all of them are
 * set against. Arguments: rounds (300), warm-up (100). Prints JSON.
 */
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import { setImmediate } from "node:timers/promises"
import { Agent, type Event, History, Llm, Pipeline, Room, Stt, Tts } from "../src/index.ts"
import { makeMemoryRoom } from "../src/internal/room/memoryRoom.ts"
import * as EnergyVad from "../src/Layers/EnergyVad.ts"

const rounds = Number(process.argv[2] ?? 300)
const warmUp = Number(process.argv[3] ?? 100)

const second = { samples: new Int16Array(24_000), sampleRate: 24_000, channels: 1 }

const providers = Layer.mergeAll(
  EnergyVad.layer(),
  Layer.succeed(Stt.Stt, Stt.make({ name: "instant", transcribe: (audio) => Stream.drain(audio) })),
  Layer.succeed(
    Llm.Llm,
    Llm.make({
      name: "instant",
      reply: () => Stream.make({ _tag: "Text", text: "It is ten o'clock in the morning. " }, { _tag: "Finish" })
    })
  ),
  Layer.succeed(
    Tts.Tts,
    Tts.make({
      name: "instant",
      sampleRate: 24_000,
      channels: 1,
      speak: (text) => Stream.map(text, () => ({ frame: second }))
    })
  )
)

const agent = Agent.make({ instructions: "Tell the time." })

const ended = History.make(Array.from({ length: 400 }, (_, i) =>
  History.Message.make({
    id: `old-${i}`,
    role: i % 2 === 0 ? "user" : "assistant",
    text: "It has been so since yesterday, or so they say.",
    createdAt: i
  })))

const loopTurn = () => setImmediate()

/** The moment of the next thing of each kind, for whoever waits for it. */
const moments = () => {
  const waiting = new Map<string, (at: number) => void>()
  return {
    next: (what: string) => {
      const { promise, resolve } = Promise.withResolvers<number>()
      waiting.set(what, resolve)
      return promise
    },
    now: (what: string) => {
      const resolve = waiting.get(what)
      if (resolve === undefined) return
      waiting.delete(what)
      resolve(performance.now())
    }
  }
}

/** An open session in a room that tells when its output is written to and cleared. */
const open = Effect.gen(function*() {
  const { next, now } = moments()
  const hub = yield* makeMemoryRoom()
  hub.joinUnsafe({ identity: "caller" })
  const room = Room.Room.of({
    ...hub.room,
    output: (options) =>
      Effect.map(hub.room.output(options), (output) => ({
        ...output,
        write: (frames) =>
          Effect.suspend(() => {
            now("write")
            return output.write(frames)
          }),
        clear: Effect.tap(output.clear, () => Effect.sync(() => now("clear")))
      }))
  })
  const session = yield* Pipeline.make(agent, { onEvent: (event: Event.Event) => now(event._tag) }).pipe(
    Effect.provideService(Room.Room, room)
  )
  return { session, next }
})

const samples: Record<string, Array<number>> = {}
const note = (name: string, round: number, milliseconds: number) => {
  if (round >= 0) (samples[name] ??= []).push(milliseconds)
}

const program = Effect.gen(function*() {
  const services = yield* Effect.context<Exclude<Pipeline.Services, Room.Room>>()
  const run = Effect.runPromiseWith(services)
  const scope = yield* Scope.make()
  const { next, session } = yield* Scope.provide(open, scope)
  yield* Effect.promise(async () => {
    for (let round = -warmUp; round < rounds; round++) {
      const before = performance.now()
      await loopTurn()
      note("turn", round, performance.now() - before)

      for (const [name, history] of [["commit", History.empty], ["commitLate", ended]] as const) {
        await run(session.updateHistory(() => history))
        const committed = next("UserSpeechCommitted")
        const written = next("write")
        const finished = next("SpeechFinished")
        await run(session.send("What time is it?"))
        note(name, round, (await written) - (await committed))
        await loopTurn()
        const cleared = next("clear")
        const asked = performance.now()
        await run(Effect.orDie(session.interrupt()))
        note("interrupt", round, (await cleared) - asked)
        await finished
        await loopTurn()
      }
    }
    await run(Scope.close(scope, Exit.void))

    for (let round = -warmUp; round < rounds; round++) {
      const own = Scope.makeUnsafe()
      const { session } = await run(Scope.provide(open, own))
      for (let i = 0; i < 5; i++) await loopTurn()
      const asked = performance.now()
      await run(Effect.andThen(session.close(), session.ended))
      note("close", round, performance.now() - asked)
      await run(Scope.close(own, Exit.void))
    }
  })
}).pipe(Effect.provide(providers))

await Effect.runPromise(program)

const rounded = (value: number) => Number(value.toPrecision(3))
const quantile = (name: string, q: number) => {
  const sorted = samples[name]!.sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
}
const aims: Readonly<Record<string, number>> = { commit: 1, close: 5 }
const results = Object.fromEntries(
  Object.keys(samples).map((name) => [name, {
    best: rounded(quantile(name, 0)),
    p50: rounded(quantile(name, 0.5)),
    p99: rounded(quantile(name, 0.99)),
    loopTurns: rounded(quantile(name, 0.5) / quantile("turn", 0.5)),
    ...(aims[name] === undefined ? {} : { aim: aims[name] })
  }])
)
process.stdout.write(`${JSON.stringify({ bench: "latency", node: process.version, rounds, results }, null, 2)}\n`)
