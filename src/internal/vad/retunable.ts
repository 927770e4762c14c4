/**
 * A detector whose options may change while it is used.
 *
 * The detector with the other options takes over where no speech is heard: what
 * came just before is pushed to it first, so that a speech which begins there has
 * its padding. Each lives in a scope of its own within that of the whole.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Audio from "../../Audio.ts"
import type { Detector, Event, Options, Vad, VadError } from "../../Vad.ts"
import { defectName } from "../thrown.ts"
import { keepPrompt, promptly, type PushNow } from "./detector.ts"
import { inferenceFailed } from "./errors.ts"

export interface Retunable extends Detector {
  /** Makes a detector with these options, and leaves this one as it is. */
  readonly prepare: (options: Options) => Effect.Effect<Prepared, VadError>
}

export interface Prepared {
  /** From the next moment without speech on it listens. */
  readonly takeOver: () => void
  /** Frees it, if it has not taken over. */
  readonly discard: Effect.Effect<void>
}

interface Tuned {
  readonly detector: Detector
  readonly pushNow: PushNow | undefined
  readonly options: Options
  readonly close: Effect.Effect<void>
}

// What the next one hears first (ms): the usual padding, and the shortest speech.
const overlapMs = 600

export const makeRetunable = Effect.fnUntraced(
  function*(vad: Vad["Service"], options: Options): Effect.fn.Return<Retunable, VadError, Scope.Scope> {
    const scope = yield* Effect.scope
    const open = (options: Options): Effect.Effect<Tuned, VadError> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(
          Scope.fork(scope),
          (own) =>
            restore(Scope.provide(Effect.suspend(() => vad.detector(options)), own)).pipe(
              // Who opens the session is told by an error, as of any detector that cannot be had.
              Effect.catchDefect((defect) => Effect.fail(inferenceFailed(`the detector broke: ${defectName(defect)}`))),
              Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
              Effect.map((detector) => ({
                detector,
                pushNow: promptly(detector),
                options,
                close: Scope.close(own, Exit.void)
              }))
            )
        )
      )
    let current = yield* open(options)
    let next: Tuned | undefined
    let inSpeech = false
    /** A call has failed: what it had found is still to come. */
    let owed = false
    const tail = makeTail()

    const note = (events: ReadonlyArray<Event>): ReadonlyArray<Event> => {
      owed = false
      for (const event of events) {
        if (event._tag === "SpeechStarted") inSpeech = true
        if (event._tag !== "SpeechEnded") continue
        inSpeech = false
        tail.forget(event.at)
      }
      return events
    }
    const noted = (events: Effect.Effect<ReadonlyArray<Event>, VadError>) => {
      owed = true
      return Effect.map(events, note)
    }
    const replace = (by: Tuned): Effect.Effect<ReadonlyArray<Event>, VadError> => {
      const { close } = current
      current = by
      next = undefined
      return Effect.andThen(close, noted(by.detector.push(tail.take())))
    }

    /** Where no other one is to take over. */
    const pushNow: PushNow = (frames) => {
      const { pushNow } = current
      if (next !== undefined || pushNow === undefined) return undefined
      tail.push(frames, false)
      owed = true
      const found = pushNow(frames)
      if (found?._tag === "Success") note(found.value)
      return found
    }

    return keepPrompt({
      push: (frames) =>
        Effect.suspend(() => {
          const ready = tail.push(frames, next !== undefined)
          return next === undefined || !ready || inSpeech || owed
            ? noted(current.detector.push(frames))
            : replace(next)
        }),
      end: Effect.suspend(() => noted(current.detector.end)),
      prepare: (options) =>
        Effect.map(open(options), (prepared) => {
          let used = false
          return {
            takeOver: () => {
              // One that has not begun yet is passed over, and ends with the session.
              used = !Equal.equals(options, current.options)
              next = used ? prepared : undefined
              tail.begin()
            },
            discard: Effect.suspend(() => used ? Effect.void : prepared.close)
          }
        })
    }, pushNow)
  }
)

/** What was heard last. */
const makeTail = () => {
  let placed: Array<{ readonly frame: Audio.Frame; readonly end: number }> = []
  let now = 0
  let begun = 0
  /** Forgets what lies before a stream time (ms). */
  const forget = (at: number): void => {
    placed = placed.filter(({ end }) => end > at)
  }
  return {
    /** Keeps frames if they are wanted; tells whether what it has, or the silence before them, is long enough. */
    push: (frames: ReadonlyArray<Audio.Frame>, wanted: boolean): boolean => {
      const start = frames[0]?.at ?? now
      for (const frame of frames) {
        const at = frame.at ?? now
        now = at + Audio.durationMs(frame)
        if (wanted) placed.push({ frame: frame.at === undefined ? { ...frame, at } : frame, end: now })
      }
      if (wanted) forget(start - overlapMs)
      return start - begun >= overlapMs
    },
    forget,
    take: (): ReadonlyArray<Audio.Frame> => {
      const frames = placed.map(({ frame }) => frame)
      placed = []
      return frames
    },
    begin: (): void => {
      placed = []
      begun = now
    }
  }
}
