/** Lets what was said while the agent joined be heard: the recording goes ahead of the live audio. */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type { ByteMessage, Room, RoomError } from "../../Room.ts"
import { monotonicMs } from "../steady.ts"
import { topics } from "./names.ts"
import { decode } from "./recording.ts"

export interface Options {
  /** How long live audio is held back for a recording that was announced (ms). */
  readonly wait: number
  /** Recordings that have come longer ago than this are not heard any more (ms). */
  readonly maxAge: number
}

interface Recording {
  readonly frame: Audio.Frame
  readonly at: number
}

// Pieces of a recording, so that nobody gets seconds in one frame (ms).
const pieceMs = 100
// Nobody speaks for longer before the agent comes; frontends stop recording after ten seconds.
const longestMs = 15_000

export const withRecordings = (
  room: Room["Service"],
  options: Options
): Effect.Effect<Room["Service"], never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const recordings = new Map<string, Recording>()
    const now = () => monotonicMs(clock)
    const take = (message: ByteMessage) =>
      Effect.match(decode(message), {
        onSuccess: (whole) => {
          for (const [identity, { at }] of recordings) if (now() - at > options.maxAge) recordings.delete(identity)
          const length = Audio.durationMs(whole)
          const frame = length > longestMs ? Audio.slice(whole, length - longestMs) : whole
          recordings.set(message.identity, { frame, at: now() })
        },
        onFailure: ({ detail, reason }) => ({ detail, reason })
      }).pipe(Effect.flatMap((failure) =>
        failure === undefined
          ? Effect.void
          : Effect.annotateLogs(Effect.logWarning(failure.detail), {
            participant: message.identity,
            reason: failure.reason
          })
      ))
    yield* Effect.forkScoped(Stream.runForEach(room.bytes(topics.preconnect), take), { startImmediately: true })

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
        const begin = (recording: Recording | undefined): ReadonlyArray<Audio.Frame> => {
          state = "live"
          const frames = held
          held = []
          const first = frames[0]
          if (recording === undefined || first === undefined) return frames
          const ahead = pieces(recording.frame, first, first.at ?? 0)
          shift = ahead.reduce((length, frame) => length + Audio.durationMs(frame), 0)
          return [...ahead, ...frames.map(later)]
        }
        const hear = Effect.fnUntraced(function*(frames: ReadonlyArray<Audio.Frame>) {
          held.push(...frames)
          const recording = fresh()
          if (recording !== undefined) return begin(recording)
          if (state === "begin") {
            const tracks = yield* Effect.orElseSucceed(room.tracks(identity), () => [])
            if (!tracks.some(({ kind, preconnect }) => kind === "audio" && preconnect === true)) return begin(undefined)
            state = "waiting"
            deadline = now() + options.wait
          }
          return now() >= deadline ? begin(undefined) : []
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

const pieces = (whole: Audio.Frame, format: Audio.Format, at: number): ReadonlyArray<Audio.Frame> => {
  const converter = Audio.converter({ from: whole, to: format })
  const converted = Audio.concat([...converter.push([whole]), ...converter.flush()])
  const count = Math.ceil(Audio.durationMs(converted) / pieceMs)
  return Array.from({ length: count }, (_, i) => ({
    ...Audio.slice(converted, i * pieceMs, (i + 1) * pieceMs),
    at: at + i * pieceMs
  }))
}
