/**
 * The Silero model: one for a process, file and sample rate, however many
 * layers and detectors use it.
 */
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import type { VadError } from "../../Vad.ts"
import * as native from "../native.ts"
import { packageFile } from "../packageFiles.ts"
import { readPlainFile } from "../plainFile.ts"
import type { SampleRate } from "./batchMemory.ts"
import { share, type Shared } from "./batchScorer.ts"
import { modelUnavailable } from "./errors.ts"
import { here, worker } from "./thread.ts"

export { formats, type SampleRate } from "./batchMemory.ts"
export type { Shared } from "./batchScorer.ts"

/** The file of this package. */
export const bundled = fileURLToPath(packageFile("models/silero_vad.onnx"))

interface Key {
  readonly path: string
  readonly sampleRate: SampleRate
  readonly worker: boolean
}

const make = Effect.fnUntraced(function*(key: Key) {
  const { path, sampleRate } = key
  const bytes = yield* Effect.tryPromise({
    try: () => readPlainFile(path),
    catch: () => modelUnavailable(path, "the file does not exist, is no regular file, or cannot be read")
  })
  const source = { bytes, sampleRate, known: path === bundled }
  const thread = yield* Effect.mapError(
    key.worker ? worker(source) : here(source),
    (detail) => modelUnavailable(path, detail)
  )
  const shared = share(thread, sampleRate)
  // Whoever still computes when the last layer closes finishes first.
  yield* Effect.addFinalizer(() => native.track(shared.idle))
  return shared
})

const models = Effect.runSync(Scope.provide(RcMap.make({ lookup: make }), Scope.makeUnsafe()))

/** The model: opened with the first scope that asks, closed with the last. */
export const model = (key: Key): Effect.Effect<Shared, VadError, Scope.Scope> => RcMap.get(models, key)
