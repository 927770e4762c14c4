import * as Effect from "effect/Effect"
import * as Audio from "../../Audio.ts"
import type { Detector, Event, Scorer } from "../../Vad.ts"
import { Cutter, type Piece } from "./cutter.ts"
import { inferenceFailed, invalidOption, VadError } from "./errors.ts"
import type { Settings } from "./settings.ts"
import { Tracker } from "./tracker.ts"

const scale = 1 / 32_768

// How many windows' buffers a detector may hold, however much it is pushed.
const longestBatch = 32

// A model's memory of what was said before a gap this long misleads it.
const forgetMs = 1000

const isProbability = (probability: number | undefined): probability is number =>
  probability !== undefined && probability >= 0 && probability <= 1

const noProbability = (given: number | undefined): VadError =>
  inferenceFailed(`the scorer gave ${given}, which is not a probability from 0 to 1`)

const typed = (thrown: unknown): VadError => {
  if (thrown instanceof VadError) return thrown
  return thrown instanceof Audio.AudioError
    ? invalidOption(thrown.field, thrown.detail)
    : inferenceFailed(`the scorer threw ${thrown instanceof Error ? thrown.name : typeof thrown}`)
}

/** Scores pieces in order and gives the events that they complete. */
type Track = (pieces: ReadonlyArray<Piece>) => Effect.Effect<ReadonlyArray<Event>, VadError>

type Normalise = (samples: Int16Array, index: number) => Float32Array

const trackEach = (
  tracker: Tracker,
  normalise: Normalise,
  score: (window: Float32Array) => number
): Track =>
(pieces) => {
  const events: Array<Event> = []
  for (const piece of pieces) {
    if (typeof piece === "number") {
      tracker.unheard(piece, events)
      continue
    }
    const probability = score(normalise(piece, 0))
    if (!isProbability(probability)) {
      return Effect.fail(noProbability(probability))
    }
    tracker.window(piece, probability, events)
  }
  return Effect.succeed(events)
}

const trackBatches = (
  tracker: Tracker,
  normalise: Normalise,
  scorer: Exclude<Scorer, (window: Float32Array) => number>,
  forgetWindows: number
): Track => {
  const take = (
    pieces: ReadonlyArray<Piece>,
    probabilities: ReadonlyArray<number>,
    events: Array<Event>
  ): Effect.Effect<Array<Event>, VadError> => {
    let scored = 0
    for (const piece of pieces) {
      if (typeof piece === "number") {
        tracker.unheard(piece, events)
        continue
      }
      const probability = probabilities[scored++]
      if (!isProbability(probability)) {
        return Effect.fail(noProbability(probability))
      }
      tracker.window(piece, probability, events)
    }
    return Effect.succeed(events)
  }
  const batch = (pieces: ReadonlyArray<Piece>, events: Array<Event>): Effect.Effect<Array<Event>, VadError> => {
    const windows = pieces.filter((piece) => typeof piece !== "number").map(normalise)
    return windows.length === 0
      ? take(pieces, [], events)
      : Effect.flatMap(scorer.score(windows), (probabilities) => take(pieces, probabilities, events))
  }
  const inBatches = Effect.fnUntraced(function*(pieces: ReadonlyArray<Piece>) {
    const events: Array<Event> = []
    let from = 0
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!
      const forgets = typeof piece === "number" && piece >= forgetWindows
      if (forgets || i + 1 - from === longestBatch) {
        yield* batch(pieces.slice(from, i + 1), events)
        from = i + 1
        if (forgets) {
          scorer.reset()
        }
      }
    }
    return yield* batch(pieces.slice(from), events)
  })
  // Nearly every push completes one window at the most.
  return (pieces) => pieces.length > 1 || typeof pieces[0] === "number" ? inBatches(pieces) : batch(pieces, [])
}

export const makeDetector = (
  model: { readonly sampleRate: number; readonly windowSize: number },
  settings: Settings,
  scorer: Scorer
): Detector => {
  const { sampleRate, windowSize } = model
  const tracker = new Tracker(settings, sampleRate, windowSize)
  let cutter = new Cutter(sampleRate, windowSize, 0)

  const buffers: Array<Float32Array> = []
  const normalise: Normalise = (samples, index) => {
    const window = buffers[index] ??= new Float32Array(windowSize)
    for (let i = 0; i < samples.length; i++) {
      window[i] = samples[i]! * scale
    }
    return samples.length === windowSize ? window : window.fill(0, samples.length)
  }

  const track = typeof scorer === "function"
    ? trackEach(tracker, normalise, scorer)
    : trackBatches(tracker, normalise, scorer, forgetMs * sampleRate / 1000 / windowSize)

  const attempt = (pieces: () => ReadonlyArray<Piece>): Effect.Effect<ReadonlyArray<Event>, VadError> =>
    Effect.suspend(() => {
      try {
        return track(pieces())
      } catch (thrown) {
        return Effect.fail(typed(thrown))
      }
    })

  return {
    push: (frames) =>
      attempt(() => {
        const pieces = cutter.push(frames)
        tracker.begin(cutter.origin)
        return pieces
      }),
    end: Effect.map(attempt(() => cutter.finish()), (completed) => {
      const events = [...completed]
      tracker.end(events)
      cutter = new Cutter(sampleRate, windowSize, tracker.now)
      if (typeof scorer !== "function") {
        scorer.reset()
      }
      return events
    })
  }
}
