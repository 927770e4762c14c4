/** An effect as the program of the process, whose exit code it decides. */
import type * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import process from "node:process"

export const runMain: <A, E>(effect: Effect.Effect<A, E>) => void = Runtime.makeRunMain(({ fiber, teardown }) => {
  fiber.addObserver((exit) => {
    teardown(exit, (code) => {
      process.exit(code)
    })
  })
})
