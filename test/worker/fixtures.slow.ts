/** A definition whose layer is never ready; it tells when it begins, and when what it has acquired is given back. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Worker from "../../src/Worker.ts"

export default Worker.define({
  layer: Layer.effectDiscard(
    Effect.acquireRelease(Effect.logInfo("acquired"), () => Effect.logInfo("released")).pipe(
      Effect.andThen(Effect.never)
    )
  ),
  entry: () => Effect.void
})
