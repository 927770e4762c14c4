/** Whatever somebody in a room sends, in whatever number: the agent goes on there, and who talks beside it notices nothing. */
// Alone: it counts the warnings of its process
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { asks, talk } from "../../livekit/support/agents.ts"
import { caller, callerToken, livekit, roomName } from "../../livekit/support/people.ts"

/** Somebody who attacks a room, and tells when they have done so. */
const attacker = (room: string, identity = "eve") =>
  Effect.gen(function*() {
    const token = yield* callerToken({ room, identity })
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [fileURLToPath(new URL("./attacker.ts", import.meta.url))], {
          env: { ...process.env, REMOTE_URL: livekit!.url, REMOTE_TOKEN: token },
          stdio: ["pipe", "pipe", "ignore"]
        })
      ),
      (child) => Effect.sync(() => void child.kill("SIGKILL"))
    )
    const lines = createInterface(child.stdout)
    const line = (wanted: string) =>
      Effect.callback<void>((resume) => {
        const look = (line: string) => {
          if (line !== wanted) return
          lines.off("line", look)
          resume(Effect.void)
        }
        lines.on("line", look)
        return Effect.sync(() => void lines.off("line", look))
      })
    yield* line("ready")
    return (attack: string) => {
      const done = line(`done ${attack}`)
      return Effect.suspend(() => {
        child.stdin.write(`${attack}\n`)
        return Effect.timeoutOption(done, "20 seconds")
      })
    }
  })

const script = Array.from({ length: 40 }, () => "It is sunny.")

/** From here on it is no answer (ms). */
const lateMs = 15_000

const megabytes = () => {
  const { external, heapUsed } = process.memoryUsage()
  return (external + heapUsed) / 1_000_000
}

/** Warnings of this process from now on. */
const warnings = Effect.acquireRelease(
  Effect.sync(() => {
    const names: Array<string> = []
    const add = ({ name }: Error) => void names.push(name)
    process.on("warning", add)
    return { names, end: () => process.off("warning", add) }
  }),
  ({ end }) => Effect.sync(end)
)

const attacks = [
  "texts",
  "long texts",
  "streams that never end",
  "byte streams",
  "session requests",
  "remote calls",
  "data",
  "keys",
  "attributes",
  "large attributes",
  "metadata",
  "names",
  "topics of all objects",
  "microphones"
]

describe.skipIf(livekit === undefined)("a room in which somebody attacks", () => {
  it.live("is answered as the room beside it is, and keeps nothing of it", () =>
    Effect.gen(function*() {
      const [room, beside] = [roomName(), roomName()]
      const ann = yield* caller({ room })
      const bob = yield* caller({ room: beside })
      const [agent, other] = yield* Effect.all([
        talk({ room, greeting: "Good morning.", script, options: { participant: "ann" } }),
        talk({ room: beside, greeting: "Good morning.", script })
      ])
      yield* Effect.all([ann.hears("agent", 0), bob.hears("agent", 0)], { concurrency: 2 })
      yield* Effect.all([ann.hearsSilence("agent", 700), bob.hearsSilence("agent", 700)], { concurrency: 2 })
      const quiet = yield* Effect.all([asks(ann), asks(bob)], { concurrency: 2 })
      const attack = yield* attacker(room)
      globalThis.gc?.()
      const before = megabytes()
      const delay = monitorEventLoopDelay({ resolution: 10 })
      const measured: Record<string, unknown> = {}
      for (const one of attacks) {
        delay.reset()
        delay.enable()
        const [, mine, theirs] = yield* Effect.all([attack(one), asks(ann), asks(bob)], { concurrency: 3 })
        delay.disable()
        measured[one] = { answeredMs: mine, besideMs: theirs, holdMs: Math.round(delay.max / 1e6 - 10) }
        // The attacker takes processor time, too: what is told here is that nobody waits for the end of it.
        assert.isBelow(Math.max(mine, theirs), lateMs, one)
      }
      globalThis.gc?.()
      const grown = Math.round(megabytes() - before)
      yield* Effect.logInfo("a room was attacked").pipe(Effect.annotateLogs({ quiet, measured, grownMB: grown }))
      assert.isBelow(grown, 150)
      assert.deepStrictEqual(agent.of("SessionClosed"), [])
      assert.deepStrictEqual(other.of("SessionClosed"), [])
      assert.deepStrictEqual(agent.of("ProviderFailed"), [])
      assert.deepStrictEqual(agent.of("UserPressedKey"), [])
      assert.strictEqual(agent.of("AgentSpeechCommitted").length, attacks.length + 2)
      assert.strictEqual(other.of("AgentSpeechCommitted").length, attacks.length + 2)
      assert.deepStrictEqual(other.of("Warning"), [])
    }).pipe(Effect.scoped), 300_000)

  it.live(
    "by the one whom the agent talks with: it goes on with them, and the room beside notices nothing",
    () =>
      Effect.gen(function*() {
        const [room, beside] = [roomName(), roomName()]
        const { names } = yield* warnings
        const bob = yield* caller({ room: beside })
        const agent = yield* talk({ room, greeting: "Good morning.", script, options: { participant: "eve" } })
        const other = yield* talk({ room: beside, greeting: "Good morning.", script })
        const attack = yield* attacker(room)
        yield* bob.hears("agent", 0)
        yield* bob.hearsSilence("agent", 700)
        const quiet = yield* asks(bob)
        const measured: Record<string, number> = {}
        for (
          const one of [
            "texts",
            "long texts",
            "streams that never end",
            "keys",
            "remote calls",
            "large attributes",
            "metadata",
            "microphones"
          ]
        ) {
          const [, theirs] = yield* Effect.all([attack(one), asks(bob)], { concurrency: 2 })
          measured[one] = theirs
          assert.isBelow(theirs, lateMs, one)
        }
        yield* Effect.logInfo("the caller attacked").pipe(Effect.annotateLogs({ quiet, measured }))
        assert.deepStrictEqual(names, [])
        assert.deepStrictEqual(agent.of("SessionClosed"), [])
        assert.deepStrictEqual(other.of("SessionClosed"), [])
        // Typed texts are turns; of a flood of them so many as anyone types.
        assert.isAtMost(agent.of("UserSpeechCommitted").length, 20)
        assert.include(agent.of("Warning").map(({ message }) => message).join(), "a typed text was refused")
      }).pipe(Effect.scoped),
    300_000
  )
})
