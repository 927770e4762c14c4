/**
 * Makes a detector out of what scores windows: frames are cut into windows,
 * scored, and tracked into events. A push that fails, or is interrupted, leaves
 * its audio and events behind, and the next push goes on with them; a long gap
 * lets the model forget.
 */
import * as Effect from "effect/Effect"
import * as Audio from "../../Audio.ts"
import { InvalidOptions } from "../../Failure.ts"
import type { Detector, Event, Scorer } from "../../Vad.ts"
import { inferenceFailed, invalidOptions, VadError } from "./errors.ts"
import type { Settings } from "./settings.ts"
import { Tracker } from "./tracker.ts"
import { type Piece, Windower } from "./windower.ts"

const scale = 1 / 32_768

// How many windows' buffers a detector may hold, however much it is pushed.
const longestBatch = 32

// A model's memory of what was said before a gap this long misleads it.
const forgetMs = 1000

type Batched = Exclude<Scorer, (window: Float32Array) => number>

const isProbability = (probability: number | undefined): probability is number =>
  probability !== undefined && probability >= 0 && probability <= 1

const noProbability = (given: number | undefined): VadError =>
  inferenceFailed(`the scorer gave ${given}, which is not a probability from 0 to 1`)

const typed = (thrown: unknown): VadError => {
  if (thrown instanceof VadError) return thrown
  return thrown instanceof Audio.AudioError
    ? invalidOptions(new InvalidOptions({ problems: [{ option: thrown.field, detail: thrown.detail }] }))
    : inferenceFailed(`the scorer threw ${thrown instanceof Error ? thrown.name : typeof thrown}`)
}

/** What is being tracked. A call that fails or is interrupted leaves pieces behind, and events that nobody has had. */
class Run {
  pieces: ReadonlyArray<Piece> = []
  next = 0
  events: Array<Event> = []

  begin(pieces: ReadonlyArray<Piece>): void {
    this.pieces = pieces
    this.next = 0
  }

  take(): ReadonlyArray<Event> {
    const { events } = this
    this.events = []
    return events
  }
}

/** Scores the pieces of a run in order; may throw. */
type Track = () => Effect.Effect<void, VadError>

type Normalise = (samples: Int16Array, index: number) => Float32Array

const trackEach = (
  run: Run,
  tracker: Tracker,
  normalise: Normalise,
  score: (window: Float32Array) => number
): Track =>
() => {
  while (run.next < run.pieces.length) {
    const piece = run.pieces[run.next]!
    const probability = typeof piece === "number" ? 0 : score(normalise(piece, 0))
    if (!isProbability(probability)) {
      return Effect.fail(noProbability(probability))
    }
    run.next++
    if (typeof piece === "number") tracker.unheard(piece, run.events)
    else tracker.window(piece, probability, run.events)
  }
  return Effect.void
}

const trackBatches = (
  run: Run,
  tracker: Tracker,
  normalise: Normalise,
  scorer: Batched,
  forgets: (piece: Piece) => boolean
): Track => {
  const take = (to: number, probabilities: ReadonlyArray<number>): ReturnType<Track> => {
    let scored = 0
    while (run.next < to) {
      const piece = run.pieces[run.next]!
      const probability = typeof piece === "number" ? 0 : probabilities[scored++]
      if (!isProbability(probability)) {
        return Effect.fail(noProbability(probability))
      }
      run.next++
      if (typeof piece === "number") tracker.unheard(piece, run.events)
      else tracker.window(piece, probability, run.events)
    }
    return Effect.void
  }
  const batch = (to: number): ReturnType<Track> => {
    const windows = run.pieces.slice(run.next, to).filter((piece) => typeof piece !== "number").map(normalise)
    return windows.length === 0
      ? take(to, [])
      : Effect.flatMap(scorer.score(windows), (probabilities) => take(to, probabilities))
  }
  const inBatches = Effect.gen(function*() {
    for (let i = 0; i < run.pieces.length; i++) {
      const forgotten = forgets(run.pieces[i]!)
      if (forgotten || i + 1 - run.next === longestBatch) {
        yield* batch(i + 1)
        if (forgotten) {
          scorer.reset()
        }
      }
    }
    yield* batch(run.pieces.length)
  })
  // Nearly every push completes one window at the most.
  return () => run.pieces.length > 1 || typeof run.pieces[0] === "number" ? inBatches : batch(run.pieces.length)
}

export const makeDetector = (
  model: { readonly sampleRate: number; readonly windowSize: number },
  settings: Settings,
  scorer: Scorer
): Detector => {
  const { sampleRate, windowSize } = model
  const tracker = new Tracker(settings, sampleRate, windowSize)
  let cutter = new Windower(sampleRate, windowSize, 0)

  const buffers: Array<Float32Array> = []
  const normalise: Normalise = (samples, index) => {
    const window = buffers[index] ??= new Float32Array(windowSize)
    for (let i = 0; i < samples.length; i++) {
      window[i] = samples[i]! * scale
    }
    return samples.length === windowSize ? window : window.fill(0, samples.length)
  }

  const run = new Run()
  const forgetWindows = forgetMs * sampleRate / 1000 / windowSize
  const forgets = (piece: Piece): boolean => typeof piece === "number" && piece >= forgetWindows
  const track = typeof scorer === "function"
    ? trackEach(run, tracker, normalise, scorer)
    : trackBatches(run, tracker, normalise, scorer, forgets)

  /** Time passes, also in windows that could not be scored. */
  const pass = (): void => {
    while (run.next < run.pieces.length) {
      const piece = run.pieces[run.next++]!
      if (typeof piece === "number") tracker.unheard(piece, run.events)
      else tracker.missed(piece)
      if (forgets(piece) && typeof scorer !== "function") scorer.reset()
    }
  }

  const attempt = (pieces: () => ReadonlyArray<Piece>): Effect.Effect<ReadonlyArray<Event>, VadError> =>
    Effect.suspend(() => {
      pass()
      try {
        run.begin(pieces())
        return Effect.mapEager(track(), () => run.take())
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
      cutter = new Windower(sampleRate, windowSize, tracker.now)
      if (typeof scorer !== "function") {
        scorer.reset()
      }
      return events
    })
  }
}
