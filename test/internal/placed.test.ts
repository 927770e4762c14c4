import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, References, Schema } from "effect"
import { Agent, Failure, Recorder } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { logPlaced } from "../../src/internal/placed.ts"

const secret = "Anna of room seven"

/** What is logged, by whether it is for who debugs. */
const logged = Effect.fnUntraced(function*<A, E, R>(self: Effect.Effect<A, E, R>) {
  const lines: Array<{ readonly level: string; readonly text: string }> = []
  const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
    lines.push({ level: logLevel, text: `${JSON.stringify(message)} ${Cause.pretty(cause)}` })
  })
  yield* self.pipe(
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(References.MinimumLogLevel, "Debug")
  )
  const of = (debug: boolean) => lines.filter(({ level }) => debug === (level === "Debug")).map(({ text }) => text)
  return { told: of(false).join("\n"), debugged: of(true).join("\n") }
})

describe("what a program has thrown in a conversation", () => {
  it.effect("is told by its kind and place, and whole to who debugs", () =>
    Effect.gen(function*() {
      const noRoom = Object.assign(new Error(secret), { name: "NoRoom" })
      const { debugged, told } = yield* logged(logPlaced("it broke", Cause.die(noRoom)))
      assert.match(told, /"it broke"[^]* NoRoom: *\n +at .*placed\.test\.ts/)
      assert.notInclude(told, secret)
      assert.include(debugged, secret)
      for (const thrown of [secret, { _tag: "NoRoom", guest: secret }, new SyntaxError(secret), { message: secret }]) {
        assert.notInclude((yield* logged(logPlaced("it broke", Cause.fail(thrown)))).told, secret)
      }
      assert.include((yield* logged(logPlaced("it broke", Cause.fail({ _tag: "NoRoom" })))).told, "NoRoom")
    }))

  it.effect("is told in its words where they are the engine's or ours, which quote nobody", () =>
    Effect.gen(function*() {
      const engine = yield* logged(logPlaced("it broke", Cause.die(new TypeError("undefined is no function"))))
      assert.include(engine.told, "undefined is no function")
      const ours = new Failure.InvalidOptions({ problems: [{ option: "voice", detail: "is not known" }] })
      assert.include((yield* logged(logPlaced("it broke", Cause.fail(ours)))).told, "voice is not known")
    }))

  it.effect("is quoted by no line of a conversation: tool, recorder, listener, hook", () =>
    Effect.gen(function*() {
      const Kit = Toolkit.make(
        Tool.make("dies", { success: Schema.String }),
        Tool.make("fails", { success: Schema.String })
      )
      const handlers = Kit.toLayer({
        dies: () => Effect.die(new Error(`no key for ${secret}`)),
        fails: () => Effect.die({ _tag: "Full", guest: secret })
      })
      const recorder = Layer.succeed(Recorder.Recorder, {
        open: () =>
          Effect.succeed({
            event: () => {
              throw new Error(secret)
            },
            audio: undefined
          })
      })
      const { logs } = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Kit, onUserTurn: () => Effect.die(new Error(secret)) }),
        user: [Testing.say(1000, 2000, "Let me in")],
        llm: ({ step }) => step === 0 ? { tools: [{ name: "dies" }, { name: "fails" }] } : "Sorry.",
        options: {
          onEvent: () => {
            throw new Error(secret)
          }
        },
        layer: recorder
      }).pipe(Effect.provide(handlers), Effect.provideService(References.MinimumLogLevel, "Debug"))
      const told = logs.filter(({ level }) => level !== "Debug")
      assert.notInclude(JSON.stringify(told), secret)
      const texts = told.map(({ text }) => text)
      for (
        const what of [
          "Tool dies died",
          "Tool fails died",
          "the recorder has thrown",
          "onEvent has thrown",
          "a hook failed"
        ]
      ) assert.include(texts, what)
      assert.include(JSON.stringify(logs), secret)
    }))
})
