/** A tool that holds the event loop is named; the loop is really held, so the time is the real one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, References, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { setTimeout as sleep } from "node:timers/promises"

/** Does nothing else for so long (ms). */
const hold = (ms: number): void => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const Hold = Tool.make("hold", { success: Schema.String })
const Kit = Toolkit.make(Hold)

const kit = (work: Effect.Effect<string>) => Tools.resolve(Kit).pipe(Effect.provide(Kit.toLayer({ hold: () => work })))

type Line = { readonly message: string; readonly tool: unknown; readonly call: unknown; readonly ms: unknown }

const told = <E>(tools: Effect.Effect<Tools.Set, E>, name = "hold") =>
  Effect.gen(function*() {
    const lines: Array<Line> = []
    const logger = Logger.make(({ fiber, message }) => {
      const { call, ms, tool } = fiber.getRef(References.CurrentLogAnnotations) as Record<string, unknown>
      lines.push({ message: String(message), tool, call, ms })
    })
    const set = yield* tools
    const output = yield* Tools.execute(set, { id: "call-7", name, params: {} }).pipe(
      Effect.provide(Logger.layer([logger]))
    )
    assert.isFalse(output.isFailure)
    yield* Effect.sleep(1)
    return lines
  })

const assertNamed = (lines: ReadonlyArray<Line>, words: string) => {
  assert.strictEqual(lines.length, 1)
  const [{ call, message, ms, tool }] = lines as [Line]
  assert.deepStrictEqual([tool, call], ["hold", "call-7"])
  assert.include(message, words)
  assert.isAtLeast(Number(ms), 140)
}

describe("a tool that holds the event loop", () => {
  it.live.each<readonly [string, Effect.Effect<string>]>([
    ["at once", Effect.sync(() => (hold(150), "done"))],
    ["at its end", Effect.andThen(Effect.sleep(5), Effect.sync(() => (hold(150), "done")))],
    [
      "in the middle",
      Effect.sleep(5).pipe(
        Effect.andThen(Effect.sync(() => hold(150))),
        Effect.andThen(Effect.sleep(5)),
        Effect.as("done")
      )
    ],
    [
      "in what it forks",
      Effect.forkChild(Effect.andThen(Effect.sync(() => hold(150)), Effect.void)).pipe(
        Effect.flatMap((fiber) => Effect.andThen(Effect.sleep(5), Fiber.join(fiber))),
        Effect.as("done")
      )
    ]
  ])("is named in the log, with its call: %s", ([, work]) =>
    Effect.gen(function*() {
      assertNamed(yield* told(kit(work)), "Tool hold holds the event loop")
    }))

  it.live("is named where it is a plain function", () =>
    Effect.gen(function*() {
      const at = Tools.functions({ hold: { run: () => (hold(150), "done") } })
      assertNamed(yield* told(Tools.resolve(at)), "Tool hold holds the event loop")
    }))

  it.live("is suspected where it does so between its awaits", () =>
    Effect.gen(function*() {
      const run = async () => {
        await sleep(5)
        hold(300)
        await sleep(5)
        return "done"
      }
      assertNamed(yield* told(Tools.resolve(Tools.functions({ hold: { run } }))), "while tool hold ran")
    }))

  it.effect("is no warning of a conversation in virtual time, which would be another one on a busy machine", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "",
          tools: Tools.functions({ hold: { run: () => Effect.as(Effect.sync(() => hold(150)), "done") } })
        }),
        user: [Testing.say(500, 1500, "Hello?")],
        llm: [{ tools: [{ name: "hold" }] }, "Done."]
      })
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
      assert.deepStrictEqual(timeline.logs.filter(({ level }) => level === "Warn"), [])
    }))

  it.live("is not one that merely takes its time, or works in short pieces", () =>
    Effect.gen(function*() {
      // On a busy machine it is the process that stands still: how long, is seen here.
      let stood = 0
      let last = performance.now()
      const look = Effect.sync(() => {
        const at = performance.now()
        stood = Math.max(stood, at - last)
        last = at
      })
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(5), look)))
      const short = Effect.andThen(Effect.andThen(Effect.sync(() => hold(5)), look), Effect.yieldNow)
      const work = Effect.as(Effect.andThen(Effect.replicateEffect(short, 40), Effect.sleep(150)), "done")
      const lines = yield* told(kit(work))
      assert.deepStrictEqual(lines.filter(({ ms }) => Number(ms) < 100 || Number(ms) > stood + 20), [])
    }))
})
