import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Logger, References } from "effect"
import { Failure, Tts } from "effect-voice"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"
import { answering } from "../../src/internal/webSocket/calls.ts"

const ours = new Tts.TtsError({
  provider: "flite",
  reason: new Failure.InvalidRequest({ detail: "voice: there is none" })
})

const broken = new RangeError("room 900")

describe("a call over a socket", () => {
  it.effect.each<readonly [what: string, program: Effect.Effect<unknown, unknown>, line: object]>([
    ["fails by code of its program", Effect.fail<unknown>(broken), {
      level: "Error",
      cause: "RangeError: room 900",
      annotations: { room: "call-1", reason: "RangeError" }
    }],
    ["dies by code of its program", Effect.die(broken), {
      level: "Error",
      cause: "RangeError: room 900",
      annotations: { room: "call-1", reason: "RangeError" }
    }],
    ["fails by an error of this library", Effect.fail(ours), {
      level: "Warn",
      cause: "",
      annotations: { room: "call-1", reason: "TtsError/InvalidRequest", detail: "flite: voice: there is none" }
    }]
  ])(
    "that %s is logged once, at its level, and gives its place back",
    ([, program, expected]) =>
      Effect.gen(function*() {
        const lines: Array<object> = []
        const logger = Logger.make<unknown, void>(({ cause, fiber, logLevel }) => {
          lines.push({
            level: logLevel,
            cause: Cause.pretty(cause).split("\n", 1)[0],
            annotations: fiber.getRef(References.CurrentLogAnnotations)
          })
        })
        const desk = answering(1, () => program)
        assert.isUndefined(yield* desk.place("call-1"))
        const room = Effect.map(makeMemoryRoom({ name: "call-1" }), ({ room }) => room)
        yield* Effect.provide(
          desk.answer({ name: "call-1", caller: { identity: "ann" }, room }),
          Logger.layer([logger])
        )
        assert.deepStrictEqual(lines, [expected])
        assert.isUndefined(yield* desk.place("call-2"))
      })
  )
})
