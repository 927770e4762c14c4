/**
 * Somebody in a room who goes on for seconds: attributes, topics, streams, calls, packets, tracks, names, crowds.
 * The agent answers who it talks with, nothing is kept, each is told once, and no turn of the loop is long.
 */
// Alone: it counts the warnings of its process
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Logger, Metric } from "effect"
import { Room } from "effect-voice"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { asks, talk } from "../../livekit/support/agents.ts"
import { caller, livekit, roomName, until } from "../../livekit/support/people.ts"
import { megabytesKept } from "../../support/kept.ts"

interface Flooded {
  readonly done: string
  readonly outcomes: Readonly<Record<string, number>>
}

/** Somebody who floods a room, and tells what came of it. */
const flooder = (room: string) =>
  Effect.gen(function*() {
    const { key, secret, url } = livekit!
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [fileURLToPath(new URL("./flooder.ts", import.meta.url))], {
          env: { ...process.env, FLOOD_URL: url, FLOOD_KEY: key, FLOOD_SECRET: secret, FLOOD_ROOM: room },
          stdio: ["pipe", "pipe", "ignore"]
        })
      ),
      (child) => Effect.sync(() => void child.kill("SIGKILL"))
    )
    const lines = createInterface(child.stdout)
    // The package logs there, too.
    const next = (begins: string) =>
      Effect.callback<string>((resume) => {
        const look = (line: string) => {
          if (!line.startsWith(begins)) return
          lines.off("line", look)
          resume(Effect.succeed(line))
        }
        lines.on("line", look)
        return Effect.sync(() => void lines.off("line", look))
      })
    yield* next("ready")
    return (flood: string) =>
      Effect.suspend(() => {
        const told = Effect.map(next(`{"done":"${flood}"`), (line): Flooded => JSON.parse(line))
        child.stdin.write(`${flood}\n`)
        return Effect.timeoutOption(told, "40 seconds")
      })
  })

/** Time of this thread alone between two turns of its loop (ms): the longest, of which more than one callback may be a part. */
const longestTurn = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const cpuMs = () => {
      const { system, user } = process.threadCpuUsage()
      return (user + system) / 1000
    }
    let last = cpuMs()
    let longest = 0
    const look = Effect.sync(() => {
      const at = cpuMs()
      longest = Math.max(longest, at - last)
      last = at
    })
    const value = yield* Effect.raceFirst(effect, Effect.forever(Effect.andThen(Effect.sleep(1), look)))
    return { value, longest: Math.round(longest) }
  })

/** From here on it is no answer (ms). */
const lateMs = 15_000

const floods = [
  "attributes, each others",
  "attributes, huge",
  "attributes, tiny",
  "metadata",
  "names",
  "long names",
  "topics of texts",
  "topics of bytes",
  "streams that stay open",
  "byte streams that stay open",
  "remote calls of no method",
  "remote calls, large",
  "remote calls, huge",
  "remote calls of one that takes its time",
  "data, reliable",
  "data, lossy",
  "data of long topics",
  "keys",
  "tracks that come and go",
  "microphones of all rates",
  "others who come and go",
  "one who comes and goes",
  "others of odd names",
  "two hundred at once"
]

interface Measured {
  /** After how long the caller was answered (ms). */
  readonly answered: number | undefined
  readonly over: boolean
  /** The longest time of the thread between two turns (ms). */
  readonly longest: number
  readonly keptMB: number
  readonly rssMB: number
  readonly outcomes: Readonly<Record<string, number>>
}

describe.skipIf(livekit === undefined)("a room that somebody floods", () => {
  it.live(
    "is answered in time through each, keeps nothing of it, and tells once what it did not take in",
    () => {
      const registry = new Map()
      const lines: Array<{ readonly level: string; readonly message: string }> = []
      return Effect.gen(function*() {
        const name = roomName()
        const ann = yield* caller({ room: name })
        const agent = yield* talk({
          room: name,
          greeting: "Good morning.",
          script: Array.from({ length: 60 }, () => "It is sunny."),
          options: { participant: "ann" }
        })
        const room = Context.get(agent.context, Room.Room)
        let running = 0
        let most = 0
        yield* room.handle("slow", () =>
          Effect.gen(function*() {
            most = Math.max(most, ++running)
            yield* Effect.sleep(1000)
            running--
            return "done"
          }))
        yield* ann.hears("agent", 0)
        yield* ann.hearsSilence("agent", 700)
        const quiet = yield* asks(ann)
        const before = megabytesKept()
        const measured: Record<string, Measured> = {}
        for (const one of floods) {
          // A server may throw out who sends it what it does not take: each comes anew.
          const { longest, value: [flooded, answered] } = yield* Effect.scoped(Effect.gen(function*() {
            const flood = yield* flooder(name)
            return yield* longestTurn(
              Effect.all([flood(one), Effect.timeoutOption(asks(ann), lateMs)], { concurrency: 2 })
            )
          }))
          measured[one] = {
            answered: answered._tag === "Some" ? answered.value : undefined,
            over: flooded._tag === "Some",
            longest,
            keptMB: Math.round(megabytesKept() - before),
            rssMB: Math.round(process.memoryUsage.rss() / 1_000_000),
            outcomes: flooded._tag === "Some" ? flooded.value.outcomes : {}
          }
        }
        // Quiet again, it is as it was.
        const after = yield* asks(ann)
        const grown = Math.round(megabytesKept() - before)
        const counts = Object.fromEntries(
          Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry)).flatMap((series) =>
            series.type === "Counter" && series.id === "agent_room_refusals_total"
              ? [[series.attributes?.["what"] ?? "", Number(series.state.count)]]
              : []
          )
        )
        assert.deepStrictEqual(agent.of("SessionClosed"), [])
        assert.deepStrictEqual(agent.of("ProviderFailed"), [])
        assert.deepStrictEqual(agent.of("Warning"), [])
        assert.strictEqual(agent.of("AgentSpeechCommitted").length, floods.length + 3)
        return { quiet, after, grown, counts, most, measured }
      }).pipe(
        Effect.scoped,
        Effect.provide(Logger.layer([
          Logger.make<unknown, void>(({ logLevel, message }) =>
            void lines.push({
              level: logLevel,
              message: (Array.isArray(message) ? message : [message]).map(String).join(" ")
            })
          )
        ])),
        Effect.provideService(Metric.MetricRegistry, registry),
        Effect.tap(({ after, counts, grown, measured, most, quiet }) =>
          Effect.gen(function*() {
            const told = lines.filter(({ level }) => level === "Warn" || level === "Error").map(({ message }) =>
              message
            )
            yield* Effect.logInfo("a room was flooded").pipe(
              Effect.annotateLogs({ quiet, after, grown, counts, most, measured, told })
            )
            for (const [flood, { answered, over }] of Object.entries(measured)) {
              assert.isDefined(answered, `${flood}: answered`)
              assert.isTrue(over, `${flood}: over`)
            }
            assert.isBelow(grown, 60)
            assert.isAtMost(most, 16)
            // What was not taken in is counted, and told once of each kind; who asked has an answer.
            const refused = told.filter((message) => / not taken in|was lost/.test(message))
            assert.strictEqual(new Set(refused).size, refused.length)
            assert.isTrue(["message", "call", "key"].every((what) => (counts[what] ?? 0) > 100))
            assert.deepStrictEqual(measured["remote calls of no method"]?.outcomes, {
              "Method not supported at destination": 1000
            })
            assert.deepStrictEqual(measured["remote calls, huge"]?.outcomes, { "longer than N characters": 20 })
          })
        )
      )
    },
    900_000
  )

  it.live(
    "by the one whom the agent talks with is answered to whoever they are after each",
    () =>
      Effect.gen(function*() {
        const name = roomName()
        const agent = yield* talk({
          room: name,
          script: Array.from({ length: 20 }, () => "It is sunny."),
          options: { participant: "eve" }
        })
        const flood = yield* flooder(name)
        const outcomes: Record<string, unknown> = {}
        for (
          const one of [
            "asks",
            "data, lossy",
            "microphones of all rates"
          ]
        ) {
          outcomes[one] = yield* flood(one)
          const answered = agent.of("AgentSpeechCommitted").length
          yield* flood("asks")
          const isAnswered = until(() => agent.of("AgentSpeechCommitted").length > answered)
          assert.isTrue((yield* Effect.timeoutOption(isAnswered, lateMs))._tag === "Some", one)
        }
        yield* Effect.logInfo("the caller flooded").pipe(Effect.annotateLogs({ outcomes }))
        assert.deepStrictEqual(agent.of("SessionClosed"), [])
        assert.deepStrictEqual(agent.of("ProviderFailed"), [])
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([Logger.consolePretty()]))),
    300_000
  )
})
