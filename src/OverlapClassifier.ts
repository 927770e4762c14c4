/**
 * A model that tells what words mean that the user says over the agent.
 *
 * A conversation has one when `OverlapClassifier` is set among its services, and
 * by default none; then the phrases of known languages and durations decide. It is opened once for each
 * session, and closed with it. One that fails, or is late, is done without.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Audio from "./Audio.ts"
import type * as History from "./History.ts"

/**
 * What the user says over the agent, and what they say it to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Overlap {
  readonly text: string
  /** Of the transcript, else `Turn.Options.language`; a tag (BCP 47), or what the recogniser calls it. */
  readonly language: string | undefined
  /** What the agent says at the time: what was heard of it, and what comes next, as far as it is known. */
  readonly agent: { readonly said: string; readonly next: string }
  /** The last five seconds of the user's audio at most (16 kHz, mono), their words included; `undefined` if there is none. */
  readonly audio: Audio.Frame | undefined
  /** What was said before; what the agent is saying is not in it yet. */
  readonly history: History.History
}

/**
 * What it means: an answer to the agent, which takes the floor
 * (`interruption`), a sign of listening (`backchannel`), a request to wait
 * (`hold`), or none of them for sure.
 *
 * @category models
 * @since 0.1.0
 */
export type Meaning = "backchannel" | "interruption" | "hold" | "unknown"

/**
 * What a classifier thinks.
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
  /** Asked while the user speaks over the agent, each time that there are other words. */
  readonly ask: (overlap: Overlap) => Effect.Effect<Verdict, unknown>
}

/**
 * An overlap classifier.
 *
 * @category models
 * @since 0.1.0
 */
export interface OverlapClassifier {
  /** Named in the event `SessionStarted`. */
  readonly name: string
  /** For one session, whose scope it is. A session whose classifier cannot be opened goes on without, with the event `Warning`. */
  readonly open: Effect.Effect<Classifier, unknown, Scope.Scope>
}

/**
 * The overlap classifier of the conversations that are opened with it.
 *
 * @category services
 * @since 0.1.0
 */
export const OverlapClassifier: Context.Reference<OverlapClassifier | undefined> = Context.Reference<
  OverlapClassifier | undefined
>("effect-voice/OverlapClassifier", { defaultValue: () => undefined })

/**
 * Creates a classifier from a function from words to their meaning.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromWords = (options: {
  readonly name: string
  readonly classify: (overlap: Overlap) => Effect.Effect<Meaning, unknown>
}): OverlapClassifier => ({
  name: options.name,
  open: Effect.succeed({
    ask: (overlap) => Effect.map(options.classify(overlap), (meaning) => ({ meaning }))
  })
})
