/**
 * A participant's microphone in one format: follows their track from one
 * publication to the next, and keeps the time of what it did not hear.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type { RoomError } from "../../Room.ts"
import { makeMicrophone } from "../room/microphone.ts"
import type { Rtc, RtcTrack } from "./rtc.ts"

export interface RemoteMicrophone {
  readonly subscribe: Effect.Effect<Stream.Stream<Audio.Frame, RoomError>, never, Scope.Scope>
  /** What the participant publishes now. */
  readonly follow: (track: RtcTrack | undefined, muted: boolean) => void
  readonly end: () => void
  readonly subscribers: () => number
}

export interface Options {
  readonly rtc: Rtc
  readonly format: Audio.Format
  /** Length of a native frame (ms). */
  readonly frameMs: number
  /** Milliseconds of audio that a slow listener may lag behind. */
  readonly bufferMs: number
  /** Monotonic milliseconds since the participant came. */
  readonly now: () => number
}

interface Reading {
  readonly track: RtcTrack
  readonly stop: () => Promise<void>
}

/** What the native side has thrown away shows as a lag that does not pass (ms, over so many frames). */
const lost = 100
const watched = 50

interface NativeFrame {
  readonly data: Int16Array
  readonly samplesPerChannel: number
  readonly channels: number
}

export const makeRemoteMicrophone = (options: Options): RemoteMicrophone => {
  const { format, now, rtc } = options
  const microphone = makeMicrophone({ bufferMs: options.bufferMs, onHeard: () => {} })
  let current: RtcTrack | undefined
  let reading: Reading | undefined
  let listeners = 0
  let ended = false
  let end = 0
  let lag = Number.POSITIVE_INFINITY
  let frames = 0

  /** The stream's time goes on while nothing is heard. */
  const catchUp = (): void => {
    end = Math.max(end, now())
    lag = Number.POSITIVE_INFINITY
    frames = 0
  }

  const measure = (): void => {
    lag = Math.min(lag, now() - end)
    frames++
    if (frames < watched) return
    if (lag > lost) end += lag
    lag = Number.POSITIVE_INFINITY
    frames = 0
  }

  const hear = (frame: NativeFrame): void => {
    const length = frame.samplesPerChannel * frame.channels
    const samples = frame.data.length === length && frame.data.byteOffset === 0
      ? frame.data
      : frame.data.slice(0, length)
    microphone.feed([{ ...format, samples, at: end }])
    end += frame.samplesPerChannel / format.sampleRate * 1000
    measure()
  }

  const read = (track: RtcTrack): Reading => {
    const reader = new rtc.AudioStream(track, {
      sampleRate: format.sampleRate,
      numChannels: format.channels,
      frameSizeMs: options.frameMs
    }).getReader()
    let stopped = false
    const run = async (): Promise<void> => {
      try {
        while (true) {
          const next = await reader.read()
          if (next.done || stopped) return
          hear(next.value)
        }
      } catch {
        // A track that is torn away has said all that it will.
      }
    }
    void run()
    return {
      track,
      stop: async () => {
        stopped = true
        try {
          await reader.cancel()
        } catch {
          // It has ended by itself.
        }
      }
    }
  }

  const update = (): void => {
    const wanted = listeners > 0 && !ended ? current : undefined
    if (reading?.track === wanted) return
    void reading?.stop()
    reading = undefined
    if (wanted === undefined) return
    catchUp()
    reading = read(wanted)
  }

  return {
    subscribe: Effect.andThen(
      Effect.acquireRelease(
        Effect.sync(() => {
          listeners++
          update()
        }),
        () =>
          Effect.sync(() => {
            listeners--
            update()
          })
      ),
      microphone.subscribe
    ),
    follow: (track, muted) => {
      if (microphone.isMuted() && !muted) catchUp()
      microphone.mute(muted)
      current = track
      update()
    },
    end: () => {
      ended = true
      update()
      microphone.end()
    },
    subscribers: () => listeners
  }
}
