/** Someone in a local room: a microphone fed in the rhythm of the Clock, with clips to say. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import { RoomError } from "../../Room.ts"
import { masked } from "../numbers.ts"
import { readPlainFile } from "../plainFile.ts"
import { monotonicMs } from "../steady.ts"
import { type Clip, type ClipPlayer, makeClipPlayer } from "./clipPlayer.ts"
import type { MemoryRoom } from "./memoryRoom.ts"

export type Source = string | Audio.Frame | Stream.Stream<Audio.Frame, unknown>

/** A source whose file has been read. */
export type Loaded = Audio.Frame | Stream.Stream<Audio.Frame, unknown>

export interface Caller {
  readonly identity: string
  readonly clips: ClipPlayer
  /** Says a source and waits until it was delivered. */
  readonly speak: (audio: Loaded, at?: number) => Effect.Effect<void, RoomError>
  /** Feeds the microphone until the participant has left. */
  readonly run: Effect.Effect<void>
  /** Ends what is being said. */
  readonly hangUp: () => void
}

// A stream is read this far ahead of the microphone (ms).
const readAhead = 1000

const unreadable = (detail: string) => new RoomError({ reason: "FileUnreadable", detail })

export const isStream = (source: Source): source is Stream.Stream<Audio.Frame, unknown> => Stream.isStream(source)

export const load = (source: Source): Effect.Effect<Loaded, RoomError> =>
  typeof source !== "string"
    ? Effect.succeed(source)
    : Effect.tryPromise({
      try: () => readPlainFile(source),
      catch: (cause) =>
        unreadable(`audio: ${source} cannot be read (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`)
    }).pipe(
      Effect.flatMap((bytes) =>
        Effect.fromResult(
          Result.mapError(Audio.decodeWav(bytes), (error) => unreadable(`audio: ${source}: ${error.message}`))
        )
      )
    )

export const makeCaller = (options: {
  readonly room: MemoryRoom
  readonly identity: string
  readonly format: Audio.Format
  readonly frameMs: number
  /** Milliseconds without a voice, the agent's or their own, after which they leave. */
  readonly lingerMs: number
}): Caller => {
  const { format, frameMs, room, identity } = options
  const clips = makeClipPlayer(format)
  const talking = new Set<Deferred.Deferred<void, RoomError>>()
  const left = () =>
    new RoomError({ reason: "UnknownParticipant", detail: `speak: ${masked(identity)} has left the room` })
  const joined = room.nowUnsafe()
  let gone = false

  const append = (clip: Clip, frames: ReadonlyArray<Audio.Frame>): void => {
    for (const { samples } of frames) clip.push(samples)
  }

  const follow = (clip: Clip, audio: Stream.Stream<Audio.Frame, unknown>, progress: () => Deferred.Deferred<void>) =>
    Effect.suspend(() => {
      const converter = Audio.converter({ to: format })
      const roomFor: Effect.Effect<void> = Effect.suspend(() => {
        const next = progress()
        return clip.waiting() < readAhead || gone ? Effect.void : Effect.andThen(Deferred.await(next), roomFor)
      })
      return Stream.runForEachArray(audio, (frames) =>
        Effect.suspend(() => {
          append(clip, converter.push(frames))
          return roomFor
        })).pipe(
          Effect.mapError(() => unreadable(`audio: the stream of ${masked(identity)} failed`)),
          Effect.ensuring(Effect.sync(() => {
            append(clip, converter.flush())
            clip.close()
          }))
        )
    })

  const speak = (audio: Loaded, at?: number): Effect.Effect<void, RoomError> =>
    Effect.suspend(() => {
      if (gone) return Effect.fail(left())
      const said = Deferred.makeUnsafe<void, RoomError>()
      let progress = Deferred.makeUnsafe<void>()
      talking.add(said)
      const clip = clips.say(at ?? room.nowUnsafe() - joined, (finished) => {
        const previous = progress
        progress = Deferred.makeUnsafe()
        Deferred.doneUnsafe(previous, Effect.void)
        if (!finished) return
        talking.delete(said)
        Deferred.doneUnsafe(said, Effect.void)
      })
      const spoken = Effect.onInterrupt(Deferred.await(said), () =>
        Effect.sync(() => {
          talking.delete(said)
          clip.cancel()
        }))
      if (isStream(audio)) {
        return Effect.raceFirst(Effect.andThen(follow(clip, audio, () => progress), Effect.never), spoken)
      }
      const converter = Audio.converter({ from: audio, to: format })
      append(clip, converter.push([audio]))
      append(clip, converter.flush())
      clip.close()
      return spoken
    })

  const hangUp = (): void => {
    if (gone) return
    gone = true
    for (const said of talking) Deferred.doneUnsafe(said, Effect.fail(left()))
    talking.clear()
  }

  const run = Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const started = monotonicMs(clock)
    let count = 0
    let quiet = 0
    let answered = false
    const due = () => started + (count + 1) * frameMs
    const isThere = () => !gone && room.microphone(identity) !== undefined
    const tick = (): void => {
      const now = monotonicMs(clock)
      const frames: Array<Audio.Frame> = []
      while (due() <= now + 1e-6) {
        count++
        const wasAnswered = answered
        answered = room.agentIsSpeaking()
        quiet = clips.isDone() && !answered && !wasAnswered ? quiet + frameMs : 0
        frames.push(clips.read(count * frameMs))
      }
      if (frames.length === 0) return
      room.microphone(identity)?.feed(frames)
      clips.report()
      if (clips.isDone() && !answered && quiet >= options.lingerMs) room.leaveUnsafe(identity)
    }
    yield* Effect.whileLoop({
      while: isThere,
      body: () => clock.sleep(Duration.millis(Math.max(0, due() - monotonicMs(clock)))),
      step: tick
    })
  }).pipe(Effect.ensuring(Effect.sync(hangUp)))

  return { identity, clips, speak, run, hangUp }
}
