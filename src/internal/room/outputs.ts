/** All outputs of the agent together: what is open, what is heard, when it falls silent. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Audio from "../../Audio.ts"
import type { Output, OutputOptions, RoomError } from "../../Room.ts"
import * as Check from "../options.ts"
import { Change } from "./change.ts"
import { type ClockOutput, type Heard, makeClockOutput } from "./clockOutput.ts"
import type { OutputView } from "./control.ts"
import { refused, wished } from "./options.ts"

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
  readonly clockOutput: ClockOutput
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
  const outputs = new Set<OpenOutput>()
  let views: Array<OutputView> = []
  let opened = 0
  const change = new Change()
  const onChange = (): void => change.tell(options.onChange)

  const collect = ({ heard, id, clockOutput }: OpenOutput): void => {
    for (const { at, frame } of clockOutput.takeHeardUnsafe()) {
      const since = at - options.origin()
      if (options.keepHeard) heard.push({ at: since, frame })
      options.onHeard?.(since, frame, id)
    }
  }

  const playing = (): ClockOutput | undefined => {
    for (const { clockOutput } of outputs) if (clockOutput.isPlayingUnsafe()) return clockOutput
    return undefined
  }

  const speaking: Effect.Effect<void> = Effect.suspend(() =>
    playing() === undefined ? Effect.andThen(change.next, speaking) : Effect.void
  )

  const silent: Effect.Effect<void> = Effect.suspend(() => {
    const clockOutput = playing()
    return clockOutput === undefined
      ? Effect.void
      : Effect.andThen(Effect.raceFirst(clockOutput.drained, change.next), silent)
  })

  const open = Effect.fnUntraced(function*(wish?: OutputOptions) {
    const failure = options.failure()
    if (failure !== undefined) return yield* failure
    const { channels, name, sampleRate } = yield* Check.readOrFail(wished, wish ?? {}, refused, "output")
    const clockOutput = yield* makeClockOutput({ sampleRate, channels }, {
      queueLimit: options.queueLimit,
      keepHeard: options.keepHeard || options.onHeard !== undefined,
      failure: options.failure,
      onChange
    })
    const output: OpenOutput = { clockOutput, heard: [], id: opened++ }
    outputs.add(output)
    views.push({
      name,
      sampleRate,
      channels,
      isOpen: Effect.sync(() => outputs.has(output)),
      isPlaying: Effect.sync(clockOutput.isPlayingUnsafe),
      played: clockOutput.played,
      heard: Effect.sync(() => {
        collect(output)
        return [...output.heard]
      })
    })
    if (views.length > 2 * viewsKept) views = views.slice(-viewsKept)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        collect(output)
        outputs.delete(output)
      })
    )
    // Everyone in a room in memory hears what there is to hear.
    return { ...clockOutput, sid: Effect.succeed(`output-${output.id}`), subscribed: Effect.void }
  })

  return {
    open,
    views: Effect.sync(() => views.slice(-viewsKept)),
    speaking,
    silent,
    isSpeaking: () => playing() !== undefined,
    collectHeard: () => {
      for (const output of outputs) collect(output)
    },
    count: () => outputs.size
  }
}
