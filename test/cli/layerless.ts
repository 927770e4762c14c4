/** An agent whose layer breaks in what its author has written. */
import { Effect, Layer } from "effect"
import { Worker } from "effect-voice"

const table: Readonly<Record<string, { readonly rooms: number }>> = {}

export default Worker.define({
  layer: Layer.effectDiscard(Effect.sync(() => table["sea view"]!.rooms)),
  entry: () => Effect.void
})
