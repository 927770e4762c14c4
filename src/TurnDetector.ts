/**
 * A model that tells whether the user has finished, or only pauses.
 *
 * A conversation has one when `TurnDetector` is set among its services, and by
 * default none; then silence and the words' own shape decide. It is opened once
 * for each session, and closed with it. What it says is one voice among several:
 * a detector that fails, or is late (`turn.endpointing.detectorDeadline`), is
 * done without.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Audio from "./Audio.ts"
import type * as History from "./History.ts"
import { Ring } from "./internal/audio/ring.ts"

export { InferenceFailed, ModelUnavailable, Overloaded, TurnDetectorError } from "./internal/turnDetector/errors.ts"

/**
 * What the user has said up to a pause.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pause {
  /** The words of the turn so far, as they were recognised; there may be none yet. */
  readonly text: string
  /** What was said before this turn. */
  readonly history: History.History
  /** Language of the words (BCP 47), where the recogniser or the agent tells it. */
  readonly language?: string | undefined
  /** Silence since the last voice (ms). */
  readonly silence: number
  /** From the first voice of the turn until now (ms), with all its pauses. */
  readonly length: number
}

/**
 * What a detector thinks.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict {
  /** That the user has finished, from 0 to 1; anything else is no answer. */
  readonly probability: number
}

/**
 * A detector at work in one session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Detector {
  /**
   * Given the user's microphone as it comes, voice and silence: mono frames at
   * 16 kHz, all that wait at once. It is called in the way of the audio, so it
   * only keeps what it needs.
   */
  readonly push?: ((frames: ReadonlyArray<Audio.Frame>) => void) | undefined
  /** Asked at each pause, again at longer silences; interrupted when it is asked again before it has answered. */
  readonly ask: (pause: Pause) => Effect.Effect<Verdict, unknown>
}

/**
 * A turn detector.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnDetector {
  /** Named in the event `SessionStarted`. */
  readonly name: string
  /** For one session, whose scope it is. A session whose detector cannot be opened goes on without, with the event `Warning`. */
  readonly open: Effect.Effect<Detector, unknown, Scope.Scope>
}

/**
 * The turn detector of the conversations that are opened with it.
 *
 * **Example** (one that knows a question)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { TurnDetector } from "effect-voice"
 *
 * export const layer = Layer.succeed(
 *   TurnDetector.TurnDetector,
 *   TurnDetector.fromWords({
 *     name: "questions",
 *     predict: ({ text }) => Effect.succeed(text.endsWith("?") ? 0.9 : 0.3)
 *   })
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const TurnDetector: Context.Reference<TurnDetector | undefined> = Context.Reference<TurnDetector | undefined>(
  "effect-voice/TurnDetector",
  { defaultValue: () => undefined }
)

/**
 * Creates a detector from a function from words to a probability (0–1).
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromWords = (options: {
  readonly name: string
  readonly predict: (pause: Pause) => Effect.Effect<number, unknown>
}): TurnDetector => ({
  name: options.name,
  open: Effect.succeed({
    ask: (pause) => Effect.map(options.predict(pause), (probability) => ({ probability }))
  })
})

/** What lies before the first voice that was noticed (ms): its beginning is softer. */
const lead = 500

/** Times of frames that are rounded differ by less (ms). */
const jitter = 2

/**
 * Creates a detector from a function from the audio of the turn to a
 * probability (0–1).
 *
 * **Details**
 *
 * The samples are mono, 16 kHz: the turn with its pauses up to now, from half a
 * second before its first voice, and at most the last `window` (ms) of it; what is
 * missing between frames that say when they were (`at`) is silence. They belong to
 * the function.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromAudio = (options: {
  readonly name: string
  /** Audio that is kept for each session (ms). */
  readonly window: number
  readonly predict: (samples: Int16Array<ArrayBuffer>, pause: Pause) => Effect.Effect<number, unknown>
}): TurnDetector => {
  const { sampleRate } = Audio.speech
  const samplesIn = (ms: number): number => Math.round((ms * sampleRate) / 1000)
  return {
    name: options.name,
    open: Effect.sync(() => {
      const heard = new Ring(samplesIn(options.window))
      /** Where the next frame should begin (ms of stream time), where that is known. */
      let expected: number | undefined
      return {
        push: (frames) => {
          for (const frame of frames) {
            const at = frame.at ?? expected
            // What was lost, or not sent while nobody spoke, was time all the same.
            const lost = at === undefined || expected === undefined ? 0 : at - expected
            if (lost > jitter) heard.appendSilence(samplesIn(Math.min(lost, options.window)))
            heard.append(frame.samples)
            expected = at === undefined ? undefined : at + Audio.durationMs(frame)
          }
        },
        ask: (pause) =>
          Effect.suspend(() => {
            const from = Math.max(heard.start, heard.end - samplesIn(pause.length + lead))
            return Effect.map(options.predict(heard.slice(from, heard.end), pause), (probability) => ({ probability }))
          })
      }
    })
  }
}
