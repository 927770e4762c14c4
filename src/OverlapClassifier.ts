/**
 * A model that decides what the user means by words over the agent: an interruption, a sign of
 * listening, or a request to wait.
 *
 * By default a conversation has none: the phrases of known languages and the length of the voice
 * decide. To use one, provide the service `OverlapClassifier`. It is opened once for each session,
 * and closed with it. If it fails or is late, phrases and length decide.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Audio from "./Audio.ts"
import type * as History from "./History.ts"
import { effectOf } from "./internal/given.ts"
import * as Check from "./internal/options.ts"
import { act, name } from "./internal/provider/own.ts"

/**
 * Words of the user over the agent, and the agent's own words at that time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Overlap {
  readonly text: string
  /** Language of the transcript, else `Turn.Options.language`: a BCP 47 tag, or the recogniser's own name for it. */
  readonly language: string | undefined
  /** The agent's words at that time: those that were heard, and the next ones, as far as they are known. */
  readonly agent: { readonly said: string; readonly next: string }
  /** The last five seconds of the user's audio at most (16 kHz, mono), their words included; `undefined` if there is none. */
  readonly audio: Audio.Frame | undefined
  /** The history before that. It does not contain the agent's present speech yet. */
  readonly history: History.History
}

/**
 * The meaning of the words. `interruption`: an answer to the agent, which interrupts it.
 * `backchannel`: a sign of listening. `hold`: a request to wait. `unknown`: not sure.
 *
 * @category models
 * @since 0.1.0
 */
export type Meaning = "backchannel" | "interruption" | "hold" | "unknown"

/**
 * The answer of a classifier.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict {
  readonly meaning: Meaning
}

/**
 * A classifier at work in one session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Classifier {
  /** Called while the user speaks over the agent, each time that the words change. */
  readonly ask: (overlap: Overlap) => Effect.Effect<Verdict, unknown>
}

/**
 * An overlap classifier.
 *
 * @category models
 * @since 0.1.0
 */
export interface OverlapClassifier {
  /** The name in the event `SessionStarted`. */
  readonly name: string
  /**
   * Opens a classifier for one session, in the session's scope. If it fails, the session goes on
   * with the event `Warning` and no classifier.
   */
  readonly open: Effect.Effect<Classifier, unknown, Scope.Scope>
}

/**
 * The service with the overlap classifier of conversations.
 *
 * @category services
 * @since 0.1.0
 */
export const OverlapClassifier: Context.Reference<OverlapClassifier | undefined> = Context.Reference<
  OverlapClassifier | undefined
>("effect-voice/OverlapClassifier", { defaultValue: () => undefined })

const reading = Check.struct<Parameters<typeof fromWords>[0]>()({ name, classify: act })

/**
 * Creates a classifier from a function from words to their meaning.
 *
 * **Example** (A classifier for one phrase)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { OverlapClassifier } from "effect-voice"
 *
 * const layer = Layer.succeed(
 *   OverlapClassifier.OverlapClassifier,
 *   OverlapClassifier.fromWords({
 *     name: "go-on",
 *     classify: ({ text }) => Effect.succeed(text.toLowerCase() === "go on" ? "backchannel" : "unknown")
 *   })
 * )
 * ```
 *
 * @see `TurnDetector.fromWords` for the ends of turns
 * @category constructors
 * @since 0.1.0
 */
export const fromWords = (options: {
  readonly name: string
  readonly classify: (overlap: Overlap) => Effect.Effect<Meaning, unknown>
}): OverlapClassifier => {
  Check.readOrThrow(reading, options)
  return {
    name: options.name,
    open: Effect.succeed({
      ask: (overlap) => Effect.map(effectOf("classify", () => options.classify(overlap)), (meaning) => ({ meaning }))
    })
  }
}
