/**
 * A participant's microphone: every subscriber has a buffer that is bounded in
 * time. Audio that does not fit, or that is muted away, is missing from the
 * frames but not from their stream time.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type { RoomError, Track } from "../../Room.ts"

interface Subscriber {
  readonly queue: Queue.Queue<Audio.Frame, RoomError | Cause.Done>
  buffered: number
}

export interface Microphone {
  /** Frames without `at` follow the frame before them. */
  readonly feed: (frames: ReadonlyArray<Audio.Frame>) => void
  readonly mute: (muted: boolean) => void
  readonly isMuted: () => boolean
  /** Hears everything that is fed after this effect. */
  readonly subscribe: Effect.Effect<Stream.Stream<Audio.Frame, RoomError>, never, Scope.Scope>
  readonly end: () => void
  readonly fail: (error: RoomError) => void
  /** Milliseconds of audio that subscribers were too slow for, all added up. */
  readonly dropped: () => number
  readonly subscribers: () => number
}

export const makeMicrophone = (options: {
  readonly bufferMs: number
  readonly onHeard: (frame: Audio.Frame) => void
}): Microphone => {
  const subscribers = new Set<Subscriber>()
  let time = 0
  let muted = false
  let ended = false
  let dropped = 0

  const offer = (subscriber: Subscriber, frame: Audio.Frame): void => {
    const { queue } = subscriber
    subscriber.buffered += Audio.durationMs(frame)
    Queue.offerUnsafe(queue, frame)
    while (subscriber.buffered > options.bufferMs && Queue.sizeUnsafe(queue) > 1) {
      const oldest = Queue.takeUnsafe(queue)
      if (oldest?._tag !== "Success") break
      const lost = Audio.durationMs(oldest.value)
      subscriber.buffered -= lost
      dropped += lost
    }
  }

  const leave = (finish: (subscriber: Subscriber) => void): void => {
    const leaving = [...subscribers]
    subscribers.clear()
    for (const subscriber of leaving) finish(subscriber)
  }

  return {
    feed: (frames) => {
      for (const frame of frames) {
        const at = frame.at ?? time
        time = at + Audio.durationMs(frame)
        if (muted || ended) continue
        const heard = frame.at === undefined ? { ...frame, at } : frame
        options.onHeard(heard)
        for (const subscriber of subscribers) offer(subscriber, heard)
      }
    },
    mute: (value) => {
      muted = value
    },
    isMuted: () => muted,
    subscribe: Effect.map(
      Effect.acquireRelease(
        Effect.map(Queue.unbounded<Audio.Frame, RoomError | Cause.Done>(), (queue) => {
          const subscriber: Subscriber = { queue, buffered: 0 }
          if (ended) Queue.endUnsafe(queue)
          else subscribers.add(subscriber)
          return subscriber
        }),
        (subscriber) =>
          Effect.sync(() => {
            subscribers.delete(subscriber)
          })
      ),
      (subscriber) =>
        Stream.fromPull(Effect.succeed(Effect.map(Queue.takeAll(subscriber.queue), (frames) => {
          for (const frame of frames) subscriber.buffered -= Audio.durationMs(frame)
          return frames
        })))
    ),
    end: () => {
      ended = true
      leave(({ queue }) => void Queue.endUnsafe(queue))
    },
    fail: (error) => leave(({ queue }) => void Queue.failCauseUnsafe(queue, Cause.fail(error))),
    dropped: () => dropped,
    subscribers: () => subscribers.size
  }
}

/** A participant in memory publishes one thing: their microphone. */
export const trackOf = (identity: string, microphone: Microphone): Track => ({
  sid: `microphone-${identity}`,
  name: "microphone",
  kind: "audio",
  source: "microphone",
  muted: microphone.isMuted(),
  subscribed: true
})
