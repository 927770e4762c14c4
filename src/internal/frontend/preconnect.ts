/** Lets what was said while the agent joined be heard: the recording goes ahead of the live audio. */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type { ByteMessage, Room, RoomError } from "../../Room.ts"
import { masked } from "../numbers.ts"
import { monotonicMs } from "../steady.ts"
import { decode, inSteps } from "./preconnectAudio.ts"
import { longestRecording, topics } from "./protocolNames.ts"

export interface Options {
  /** How long live audio is held back for a recording that was announced (ms). */
  readonly wait: number
  /** Recordings that have come longer ago than this are not heard any more (ms). */
  readonly maxAge: number
}

interface Recording {
  /** When it came (ms of the Clock). */
  readonly at: number
  /** Decodes it, once; `undefined` where there is nothing to hear. */
  readonly heard: Effect.Effect<Audio.Frame | undefined>
}

// Pieces of a recording, so that nobody gets seconds in one frame (ms).
const pieceMs = 100
// Far more than decoding takes: live audio is waiting.
const decodingLimit = "3 seconds"
// Recordings that are kept until somebody listens: of those who came at the same time.
const mostKept = 16
// Participants of whom it is known that they have sent theirs.
const mostKnown = 1024

export const withRecordings = (
  room: Room["Service"],
  options: Options
): Effect.Effect<Room["Service"], never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    // Each participant sends one: `undefined` when it is not to be heard, or not any more.
    const recordings = new Map<string, Recording | undefined>()
    const now = () => monotonicMs(clock)
    const kept = () => [...recordings.values()].filter((one) => one !== undefined).length
    const warn = (identity: string, detail: string, reason: string) =>
      Effect.annotateLogs(Effect.logWarning(detail), { participant: masked(identity), reason })

    /** Only what is listened to is decoded, beside whoever listens. */
    const decoding = (message: ByteMessage): Effect.Effect<Audio.Frame | undefined> => {
      const done = Deferred.makeUnsafe<Audio.Frame | undefined>()
      let started = false
      const run = decode(message).pipe(
        Effect.catch(({ detail, reason }) => Effect.as(warn(message.identity, detail, reason), undefined)),
        Effect.catchCause(() => Effect.undefined),
        Effect.flatMap((frame) => Deferred.succeed(done, frame))
      )
      return Effect.suspend(() => {
        if (started) return Deferred.await(done)
        started = true
        return Effect.andThen(Effect.forkIn(run, scope, { startImmediately: true }), Deferred.await(done))
      })
    }
    const take = (message: ByteMessage): Effect.Effect<void> =>
      Effect.suspend(() => {
        const { bytes, identity } = message
        if (recordings.has(identity) || recordings.size >= mostKnown) return Effect.void
        if (bytes.length > longestRecording || kept() >= mostKept) {
          recordings.set(identity, undefined)
          return warn(
            identity,
            `a recording is not heard: more than ${longestRecording} bytes, or too many at once`,
            "TooMuch"
          )
        }
        recordings.set(identity, { at: now(), heard: decoding(message) })
        // Nobody who listens later would hear it.
        return Effect.asVoid(Effect.forkIn(
          Effect.andThen(
            Effect.sleep(options.maxAge + options.wait),
            Effect.sync(() => {
              if (recordings.has(identity)) recordings.set(identity, undefined)
            })
          ),
          scope
        ))
      })
    yield* Effect.forkScoped(Stream.runForEach(room.bytes(topics.preconnect), take), { startImmediately: true })
    // Who comes again may have recorded again.
    yield* Effect.forkScoped(
      Stream.runForEach(room.events, (event) =>
        Effect.sync(() => {
          if (event._tag === "ParticipantLeft") recordings.delete(event.identity)
        })),
      { startImmediately: true }
    )

    const audio = (identity: string, format?: Audio.Format): Stream.Stream<Audio.Frame, RoomError> =>
      Stream.suspend(() => {
        const listenedAt = now()
        let state: "begin" | "waiting" | "live" = "begin"
        let held: Array<Audio.Frame> = []
        let shift = 0
        let deadline = 0
        const later = (frame: Audio.Frame): Audio.Frame =>
          frame.at === undefined ? frame : { ...frame, at: frame.at + shift }
        const fresh = (): Recording | undefined => {
          const found = recordings.get(identity)
          return found !== undefined && found.at >= listenedAt - options.maxAge ? found : undefined
        }
        const begin = Effect.fnUntraced(function*(recording: Audio.Frame | undefined) {
          state = "live"
          const frames: ReadonlyArray<Audio.Frame> = held
          held = []
          const first = frames[0]
          if (recording === undefined || first === undefined) return frames
          const ahead = yield* inSteps(pieces(recording, first, first.at ?? 0))
          shift = ahead.reduce((length, frame) => length + Audio.durationMs(frame), 0)
          return [...ahead, ...frames.map(later)]
        })
        const hear = Effect.fnUntraced(function*(frames: ReadonlyArray<Audio.Frame>) {
          held.push(...frames)
          const recording = fresh()
          if (recording !== undefined) {
            const heard = yield* Effect.timeoutOption(recording.heard, decodingLimit)
            return yield* begin(Option.getOrUndefined(heard))
          }
          if (state === "begin") {
            const tracks = yield* Effect.orElseSucceed(room.tracks(identity), () => [])
            if (!tracks.some(({ kind, preconnect }) => kind === "audio" && preconnect === true)) {
              return yield* begin(undefined)
            }
            state = "waiting"
            deadline = now() + options.wait
          }
          return now() >= deadline ? yield* begin(undefined) : []
        })
        return Stream.transformPull(room.audio(identity, format), (pull) => {
          const next: typeof pull = Effect.flatMap(pull, (frames) => {
            if (state === "live") return Effect.succeed(shift === 0 ? frames : Arr.map(frames, later))
            return Effect.filterOrElse(hear(frames), Arr.isReadonlyArrayNonEmpty, () => next)
          })
          return Effect.succeed(next)
        })
      })
    return { ...room, audio }
  })

// A second of it is converted in one go.
const stepMs = 1000

function* pieces(whole: Audio.Frame, format: Audio.Format, at: number): Generator<void, ReadonlyArray<Audio.Frame>> {
  const converter = Audio.converter({ from: whole, to: format })
  const frames: Array<Audio.Frame> = []
  const length = Audio.durationMs(whole)
  for (let from = 0; from < length; from += stepMs) {
    if (from > 0) yield
    frames.push(...converter.push([Audio.slice(whole, from, from + stepMs)]))
  }
  const converted = Audio.concat([...frames, ...converter.flush()])
  const count = Math.ceil(Audio.durationMs(converted) / pieceMs)
  return Array.from({ length: count }, (_, i) => ({
    ...Audio.slice(converted, i * pieceMs, (i + 1) * pieceMs),
    at: at + i * pieceMs
  }))
}
