/** All outputs of the agent together: what is open, what is heard, when it falls silent. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Audio from "../../Audio.ts"
import { type Output, type OutputOptions, RoomError } from "../../Room.ts"
import { type ClockOutput, type Heard, makeClockOutput } from "./clockOutput.ts"
import type { OutputView } from "./control.ts"

const viewsKept = 1000

export interface Outputs {
  readonly open: (options?: OutputOptions) => Effect.Effect<Output, RoomError, Scope.Scope>
  readonly views: Effect.Effect<ReadonlyArray<OutputView>>
  readonly speaking: Effect.Effect<void>
  readonly silent: Effect.Effect<void>
  readonly isSpeaking: () => boolean
  readonly collectHeard: () => void
  readonly count: () => number
}

interface OpenOutput {
  readonly playout: ClockOutput
  readonly heard: Array<Heard>
  readonly id: number
}

export const makeOutputs = (options: {
  readonly queueLimit: number | undefined
  readonly keepHeard: boolean
  readonly onHeard: ((at: number, frame: Audio.Frame, track: number) => void) | undefined
  readonly onChange: (() => void) | undefined
  /** Monotonic time at which the room began. */
  readonly origin: () => number
  readonly failure: () => RoomError | undefined
}): Outputs => {
  const tracks = new Set<OpenOutput>()
  let views: Array<OutputView> = []
  let opened = 0
  let change = Deferred.makeUnsafe<void>()

  const onChange = (): void => {
    const previous = change
    change = Deferred.makeUnsafe()
    options.onChange?.()
    Deferred.doneUnsafe(previous, Effect.void)
  }

  const collect = ({ heard, id, playout }: OpenOutput): void => {
    for (const { at, frame } of playout.takeHeardUnsafe()) {
      const since = at - options.origin()
      if (options.keepHeard) heard.push({ at: since, frame })
      options.onHeard?.(since, frame, id)
    }
  }

  const playing = (): ClockOutput | undefined => {
    for (const { playout } of tracks) if (playout.isPlayingUnsafe()) return playout
    return undefined
  }

  const speaking: Effect.Effect<void> = Effect.suspend(() =>
    playing() === undefined ? Effect.andThen(Deferred.await(change), speaking) : Effect.void
  )

  const silent: Effect.Effect<void> = Effect.suspend(() => {
    const playout = playing()
    return playout === undefined
      ? Effect.void
      : Effect.andThen(Effect.raceFirst(playout.drained, Deferred.await(change)), silent)
  })

  const open = Effect.fnUntraced(function*(wish?: OutputOptions) {
    const failure = options.failure()
    if (failure !== undefined) return yield* failure
    const { channels = 1, name = "agent-audio", sampleRate = 24_000 } = wish ?? {}
    if (!Number.isInteger(sampleRate) || sampleRate < 8000 || sampleRate > 192_000) {
      return yield* new RoomError({
        reason: "InvalidOption",
        detail: `output: sampleRate is ${sampleRate}, expected 8000 to 192000 Hz`
      })
    }
    if (channels !== 1 && channels !== 2) {
      return yield* new RoomError({
        reason: "InvalidOption",
        detail: `output: channels is ${channels}, expected 1 or 2`
      })
    }
    const playout = yield* makeClockOutput({ sampleRate, channels }, {
      queueLimit: options.queueLimit,
      keepHeard: options.keepHeard || options.onHeard !== undefined,
      failure: options.failure,
      onChange
    })
    const track: OpenOutput = { playout, heard: [], id: opened++ }
    tracks.add(track)
    views.push({
      name,
      sampleRate,
      channels,
      isOpen: Effect.sync(() => tracks.has(track)),
      isPlaying: Effect.sync(playout.isPlayingUnsafe),
      played: playout.played,
      heard: Effect.sync(() => {
        collect(track)
        return [...track.heard]
      })
    })
    if (views.length > 2 * viewsKept) views = views.slice(-viewsKept)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        collect(track)
        tracks.delete(track)
      })
    )
    // Everyone in a room in memory hears what there is to hear.
    return { ...playout, sid: Effect.succeed(`output-${track.id}`), subscribed: Effect.void }
  })

  return {
    open,
    views: Effect.sync(() => views.slice(-viewsKept)),
    speaking,
    silent,
    isSpeaking: () => playing() !== undefined,
    collectHeard: () => {
      for (const track of tracks) collect(track)
    },
    count: () => tracks.size
  }
}
