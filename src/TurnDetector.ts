/**
 * A model that decides whether the user has finished, or only pauses.
 *
 * By default a conversation has no turn detector: silence decides, and words that are clearly
 * unfinished. To use one, provide the service `TurnDetector`. It is opened once for each session,
 * and closed with it. If a detector fails, or is late (`turn.endpointing.detectorDeadline`),
 * silence decides.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Audio from "./Audio.ts"
import type * as History from "./History.ts"
import { Ring } from "./internal/audio/ring.ts"
import { effectOf } from "./internal/given.ts"
import * as Check from "./internal/options.ts"
import { act, name } from "./internal/provider/own.ts"

export { InferenceFailed, ModelUnavailable, Overloaded, TurnDetectorError } from "./internal/turnDetector/errors.ts"

/**
 * A turn of the user up to a pause.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pause {
  /** The words of the turn so far, as they were recognised; there may be none yet. */
  readonly text: string
  /** The history before this turn. */
  readonly history: History.History
  /** Language of the words (BCP 47), if the recogniser or the agent gives it. */
  readonly language?: string | undefined
  /** Silence since the last voice (ms). */
  readonly silence: number
  /** From the first voice of the turn until now (ms), with all its pauses. */
  readonly length: number
}

/**
 * The answer of a detector.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict {
  /** Probability that the user has finished, from 0 to 1. Any other value counts as no answer. */
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
   * Gets the user's audio, voice and silence: mono frames at 16 kHz, all that wait at once. All
   * audio waits for this function, so it should only store what it needs.
   */
  readonly push?: ((frames: ReadonlyArray<Audio.Frame>) => void) | undefined
  /**
   * Called at each pause, and again as the silence grows. It is interrupted if it is called again
   * before it has answered.
   */
  readonly ask: (pause: Pause) => Effect.Effect<Verdict, unknown>
}

/**
 * A turn detector.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnDetector {
  /** The name in the event `SessionStarted`. */
  readonly name: string
  /**
   * Opens a detector for one session, in the session's scope. If it fails, the session goes on with
   * the event `Warning` and no detector.
   */
  readonly open: Effect.Effect<Detector, unknown, Scope.Scope>
}

/**
 * The service with the turn detector of conversations.
 *
 * **Example** (A detector that knows questions)
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

const reading = Check.struct<Parameters<typeof fromWords>[0]>()({ name, predict: act })

/**
 * Creates a detector from a function from words to a probability (0–1).
 *
 * **Example** (A detector that knows questions)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { TurnDetector } from "effect-voice"
 *
 * const questions = TurnDetector.fromWords({
 *   name: "questions",
 *   predict: ({ text }) => Effect.succeed(text.endsWith("?") ? 0.9 : 0.3)
 * })
 * ```
 *
 * @see `fromAudio` for a detector that hears the audio
 * @see `Layers/SmartTurnDetector`, which comes with the package
 * @category constructors
 * @since 0.1.0
 */
export const fromWords = (options: {
  readonly name: string
  readonly predict: (pause: Pause) => Effect.Effect<number, unknown>
}): TurnDetector => {
  Check.readOrThrow(reading, options)
  return {
    name: options.name,
    open: Effect.succeed({
      ask: (pause) => Effect.map(effectOf("predict", () => options.predict(pause)), (probability) => ({ probability }))
    })
  }
}

/** Audio from before the first voice that was noticed (ms): its beginning is softer. */
const lead = 500

/** Times of frames that are rounded differ by less (ms). */
const jitter = 2

const listening = Check.struct<Parameters<typeof fromAudio>[0]>()({
  name,
  window: Check.required(Check.number({ above: 0, most: 600_000 })),
  predict: act
})

/**
 * Creates a detector from a function from the audio of the turn to a
 * probability (0–1).
 *
 * **Details**
 *
 * The samples are mono at 16 kHz. They contain the turn up to now with its pauses, from half a
 * second before its first voice, and at most its last `window` (ms). Audio that is missing
 * between frames, by their times (`at`), is silence. The function may keep and
 * change them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromAudio = (options: {
  readonly name: string
  /** Length of the audio that is kept for each session (ms). */
  readonly window: number
  readonly predict: (samples: Int16Array<ArrayBuffer>, pause: Pause) => Effect.Effect<number, unknown>
}): TurnDetector => {
  Check.readOrThrow(listening, options)
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
            const samples = heard.slice(from, heard.end)
            return Effect.map(
              effectOf("predict", () => options.predict(samples, pause)),
              (probability) => ({ probability })
            )
          })
      }
    })
  }
}
