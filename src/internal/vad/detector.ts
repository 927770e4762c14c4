/**
 * Makes a detector out of what scores windows: frames are cut into windows,
 * scored, and tracked into events. A push that fails, or is interrupted, leaves
 * its audio and events behind, and the next push goes on with them; a long gap
 * lets the model forget. Where the scorer is a plain function, a push is one, too:
 * `promptly` gives it to those who push each frame of each call.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Audio from "../../Audio.ts"
import type { Detector, Event, Scorer } from "../../Vad.ts"
import { problem } from "../options.ts"
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
    ? invalidOptions(problem(thrown.field, thrown.detail))
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

type Found = Exit.Exit<ReadonlyArray<Event>, VadError>

/** A push without an Effect; `undefined`, and nothing is done, where it takes one now. */
export type PushNow = (frames: ReadonlyArray<Audio.Frame>) => Found | undefined

// By the object: who makes a detector of another one's members means theirs.
const prompt = new WeakMap<Detector, PushNow>()

/** Keeps how a detector is pushed to without an Effect. */
export const keepPrompt = <D extends Detector>(detector: D, push: PushNow): D => {
  prompt.set(detector, push)
  return detector
}

/** How a detector is pushed to without an Effect, where it can be. */
export const promptly = (detector: Detector): PushNow | undefined => prompt.get(detector)

/** Scores the pieces of a run in order; may throw. */
type Track = () => Effect.Effect<void, VadError>

type Normalise = (samples: Int16Array, index: number) => Float32Array

const trackEach = (
  run: Run,
  tracker: Tracker,
  normalise: Normalise,
  score: (window: Float32Array) => number
) =>
(): Exit.Exit<void, VadError> => {
  while (run.next < run.pieces.length) {
    const piece = run.pieces[run.next]!
    const probability = typeof piece === "number" ? 0 : score(normalise(piece, 0))
    if (!isProbability(probability)) {
      return Exit.fail(noProbability(probability))
    }
    run.next++
    if (typeof piece === "number") tracker.unheard(piece, run.events)
    else tracker.window(piece, probability, run.events)
  }
  return Exit.void
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

  /** Time passes, also in windows that could not be scored. */
  const pass = (): void => {
    while (run.next < run.pieces.length) {
      const piece = run.pieces[run.next++]!
      if (typeof piece === "number") tracker.unheard(piece, run.events)
      else tracker.missed(piece)
      if (forgets(piece) && typeof scorer !== "function") scorer.reset()
    }
  }

  const cut = (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Piece> => {
    const pieces = cutter.push(frames)
    tracker.begin(cutter.origin)
    return pieces
  }
  const close = (completed: ReadonlyArray<Event>): ReadonlyArray<Event> => {
    const events = [...completed]
    tracker.end(events)
    cutter = new Windower(sampleRate, windowSize, tracker.now)
    if (typeof scorer !== "function") {
      scorer.reset()
    }
    return events
  }

  if (typeof scorer === "function") {
    const track = trackEach(run, tracker, normalise, scorer)
    const attempt = (pieces: () => ReadonlyArray<Piece>): Found => {
      pass()
      try {
        run.begin(pieces())
        return Exit.map(track(), () => run.take())
      } catch (thrown) {
        return Exit.fail(typed(thrown))
      }
    }
    const push = (frames: ReadonlyArray<Audio.Frame>): Found => attempt(() => cut(frames))
    return keepPrompt({
      push: (frames) => Effect.suspend(() => push(frames)),
      end: Effect.suspend(() => Exit.map(attempt(() => cutter.finish()), close))
    }, push)
  }

  const track = trackBatches(run, tracker, normalise, scorer, forgets)
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
    push: (frames) => attempt(() => cut(frames)),
    end: Effect.map(attempt(() => cutter.finish()), close)
  }
}
