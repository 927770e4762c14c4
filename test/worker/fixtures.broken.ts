/** A definition whose layer cannot be built. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Worker from "../../src/Worker.ts"

export default Worker.define({
  layer: Layer.effectDiscard(Effect.fail({ _tag: "ModelMissing" })),
  entry: () => Effect.void
})
