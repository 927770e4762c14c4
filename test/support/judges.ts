/** A turn detector and an overlap classifier of a scenario, from functions. */
import { Layer } from "effect"
import { OverlapClassifier, TurnDetector } from "effect-voice"

export const detector = (predict: Parameters<typeof TurnDetector.fromWords>[0]["predict"]) =>
  Layer.succeed(TurnDetector.TurnDetector, TurnDetector.fromWords({ name: "detector", predict }))

export const classifier = (classify: Parameters<typeof OverlapClassifier.fromWords>[0]["classify"]) =>
  Layer.succeed(OverlapClassifier.OverlapClassifier, OverlapClassifier.fromWords({ name: "classifier", classify }))
