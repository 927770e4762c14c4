/**
 * The worker: what `effect-voice dev examples/hotel/desk.ts` and
 * `effect-voice start desk.js` run.
 */
import { Effect, Layer } from "effect"
import { Worker } from "effect-voice"
import { call } from "./call.ts"
import { providers } from "./providers.ts"
import { KitLive } from "./rooms.ts"

export default Worker.define({
  agentName: "desk",
  accept: (request) => Effect.succeed(request.room.name.startsWith("test-") ? false : { name: "Sea View Hotel" }),
  entry: (job) => Effect.andThen(job.onShutdown(Effect.log(`job ${job.id} is over`)), call),
  layer: Layer.mergeAll(providers, KitLive)
})
