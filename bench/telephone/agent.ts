/** A telephone in a process of its own: many calls, as fibers. */
import { Effect, Redacted } from "effect"
import { Telephone, Worker } from "effect-voice"
import definition from "../livekit/desk.ts"

Worker.runMain(Effect.scoped(Effect.gen(function*() {
  const telephone = yield* Telephone.make(definition, {
    url: "https://bench.invalid/call",
    token: Redacted.make("bench"),
    port: 0,
    host: "127.0.0.1",
    maxCalls: 1000,
    load: () => 0,
    http: false
  })
  process.send!({ phase: "ready", result: telephone.port })
  yield* telephone.ended
})))
