/** An agent whose layer tells where Node keeps what it has compiled. */
import { Effect, Layer } from "effect"
import { Worker } from "effect-voice"
import { getCompileCacheDir } from "node:module"

export default Worker.define({
  layer: Layer.effectDiscard(Effect.die(new Error(`compiled in ${getCompileCacheDir()}`))),
  entry: () => Effect.void
})
