import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, Schema } from "effect"
import { Agent, Failure, Recorder, Tts } from "effect-voice"
import { kindOf, logOwn } from "effect-voice/internal/foreign"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const secret = "Anna of room seven"

const logged = (cause: Cause.Cause<unknown>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
      lines.push(`${logLevel} ${String(message)} ${Cause.pretty(cause)} ${JSON.stringify(cause)}`)
    })
    return Effect.as(Effect.provide(logOwn("it broke", cause), Logger.layer([logger])), lines)
  })

// As programs write them.
// @effect-diagnostics-next-line extendsNativeError:off
class NoRoom extends Error {
  override readonly name = "NoRoom"
  readonly guest = secret
  readonly of = { secret }
}

const throwing = (): never => {
  throw new NoRoom(secret)
}

const unreadable: ReadonlyArray<readonly [string, () => unknown]> = [
  ...(["name", "message", "stack", "cause"] as const).map((part) =>
    [
      `an error whose ${part} throws`,
      () => Object.defineProperty(new Error("no room"), part, { get: throwing })
    ] as const
  ),
  ["a kind that throws", () => Object.defineProperty({}, "_tag", { get: throwing })],
  ["an error whose name is none", () => Object.assign(new Error("no room"), { name: Symbol("no room") })],
  ["a proxy that throws", () => new Proxy(new Error("no room"), { get: throwing, has: throwing })],
  ["a proxy without a prototype", () => new Proxy(new Error("no room"), { getPrototypeOf: throwing })],
  ["a proxy that was revoked", () => {
    const { proxy, revoke } = Proxy.revocable(new Error("no room"), {})
    revoke()
    return proxy
  }]
]

describe("what a program has thrown", () => {
  it.effect.each(unreadable)(
    "is logged, and costs no turn, where it cannot be read: %s",
    ([, make]) =>
      Effect.gen(function*() {
        const [line = ""] = yield* logged(Cause.die(make()))
        assert.match(line, /^Error it broke (Error|NoRoom): (no room|what was thrown cannot be read)/)
        assert.notInclude(line, secret)
        assert.strictEqual(kindOf(make()), "Error")
        const Kit = Toolkit.make(Tool.make("dies", { success: Schema.String }))
        const { history, logs } = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", tools: Kit, onUserTurn: () => Effect.die(make()) }),
          user: [Testing.say(1000, 2000, "Let me in")],
          llm: ({ step }) => step === 0 ? { tools: [{ name: "dies" }] } : "Sorry.",
          options: {
            onEvent: () => {
              throw make()
            }
          }
        }).pipe(Effect.provide(Kit.toLayer({ dies: () => Effect.die(make()) })))
        assert.include(JSON.stringify(history), "Sorry.")
        const told = logs.filter(({ level }) => level === "Error").map(({ text }) => text)
        for (const what of ["a hook failed", "Tool dies died", "onEvent has failed"]) {
          assert.isTrue(told.some((text) => text.startsWith(what)), what)
        }
      })
  )

  it.effect("is logged with the beginning of its message and of its trace, however long they are", () =>
    Effect.gen(function*() {
      const long = new Error("x".repeat(1_000_000))
      long.stack = `Error: x${"\n    at f (a.js:1:1)".repeat(100_000)}`
      const [line = ""] = yield* logged(Cause.die(long))
      assert.isBelow(line.length, 20_000)
      assert.match(line, /x{4096}…\n +at f \(a\.js:1:1\)/)
    }))

  it.effect("is logged with its kind, its message and its place, and without what else it has", () =>
    Effect.gen(function*() {
      const [line = ""] = yield* logged(Cause.die(new NoRoom("no room is free")))
      assert.match(line, /^Error it broke NoRoom: no room is free\n +at .*foreign\.test\.ts/)
      for (
        const thrown of [
          new NoRoom("no room is free", { cause: { secret } }),
          { _tag: "NoRoom", message: "no room is free", guest: secret },
          { secret },
          Object.assign(new Error("no room is free", { cause: new NoRoom("within") }), { secret })
        ]
      ) {
        const lines = yield* logged(Cause.fail(thrown))
        assert.strictEqual(lines.length, 1)
        assert.notInclude(lines[0]!, secret)
      }
    }))

  it.effect("is logged without end by no circle of causes", () =>
    Effect.gen(function*() {
      const first = new NoRoom("no room is free")
      const second = new NoRoom("no guest left", { cause: first })
      first.cause = second
      const [line = ""] = yield* logged(Cause.die(first))
      const [told = ""] = line.split("{\"_id\"")
      assert.deepStrictEqual([told.match(/no room is free/g), told.match(/no guest left/g)].map((all) => all?.length), [
        1,
        1
      ])
    }))

  it.effect("is logged by its message where it is an error of this library, and by its kind where it may quote", () =>
    Effect.gen(function*() {
      const ours = new Tts.TtsError({
        provider: "voice",
        reason: new Failure.InvalidRequest({ detail: "no such voice" })
      })
      const [told = ""] = yield* logged(Cause.fail(ours))
      assert.include(told, ours.message)
      assert.notInclude(told, "foreign.test.ts")
      const quoting = yield* Effect.flip(Schema.decodeUnknownEffect(Schema.Finite)(secret))
      assert.notInclude((yield* logged(Cause.fail(quoting))).join(""), secret)
      assert.match((yield* logged(Cause.empty)).join(), /^Error it broke {2}\{/)
    }))

  it.effect("quotes nothing of a conversation in a line of it: tool, recorder, listener, hook", () =>
    Effect.gen(function*() {
      const broken = () => new NoRoom("no room is free")
      const Kit = Toolkit.make(
        Tool.make("dies", { success: Schema.String }),
        Tool.make("fails", { success: Schema.String })
      )
      const handlers = Kit.toLayer({
        dies: () => Effect.die(broken()),
        fails: () => Effect.die({ _tag: "Full", guest: secret })
      })
      const recorder = Layer.succeed(Recorder.Recorder, {
        open: () =>
          Effect.succeed({
            event: () => {
              throw broken()
            },
            audio: undefined
          })
      })
      const { logs } = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Kit, onUserTurn: () => Effect.die(broken()) }),
        user: [Testing.say(1000, 2000, "Let me in")],
        llm: ({ step }) => step === 0 ? { tools: [{ name: "dies" }, { name: "fails" }] } : "Sorry.",
        options: {
          onEvent: () => {
            throw broken()
          }
        },
        layer: recorder
      }).pipe(Effect.provide(handlers))
      const told = logs.filter(({ level }) => level !== "Debug")
      assert.notInclude(JSON.stringify(told), secret)
      for (
        const what of [
          "Tool dies died",
          "Tool fails died",
          "the recorder has thrown",
          "onEvent has failed",
          "a hook failed"
        ]
      ) {
        assert.isTrue(told.some(({ text }) => text.startsWith(what)), what)
      }
    }))
})
