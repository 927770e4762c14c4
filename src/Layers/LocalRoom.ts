/**
 * A room without a network: participants play files or streams, and the agent's audio is timed and
 * can be recorded.
 *
 * In `realtime` it goes by the Clock that is there, which may be a test's. In `fast` it uses a
 * Clock of its own. This Clock stands still while anything is computed, and then jumps to the next
 * event. So a long conversation takes only its computing time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../Audio.ts"
import { maxChannels } from "../internal/audio/format.ts"
import { format } from "../internal/audio/options.ts"
import * as native from "../internal/native.ts"
import { masked } from "../internal/numbers.ts"
import * as Check from "../internal/options.ts"
import { lengthOf } from "../internal/options/duration.ts"
import { CurrentRealWaits } from "../internal/realWaits.ts"
import { type Caller, isStream, load, type Loaded, makeCaller } from "../internal/room/caller.ts"
import type { RoomControl } from "../internal/room/control.ts"
import { unknownParticipant } from "../internal/room/errors.ts"
import { makeMemoryRoom } from "../internal/room/memoryRoom.ts"
import { kind, refused } from "../internal/room/options.ts"
import { makeWavMixer } from "../internal/room/wavMixer.ts"
import { makeVirtualClock, type VirtualClock } from "../internal/virtualClock.ts"
import { type Participant as RoomParticipant, Room, type RoomError } from "../Room.ts"

/**
 * Audio that a participant says: the path of a WAV file, a frame, or a stream.
 *
 * @category models
 * @since 0.1.0
 */
export type Source = string | Audio.Frame | Stream.Stream<Audio.Frame, unknown>

/**
 * Audio at a time after its participant has joined; later, where the one before
 * is still being said.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cue {
  readonly at: Duration.Input
  readonly audio: Source
}

/**
 * Someone who joins the room.
 *
 * **Details**
 *
 * Their microphone is open as long as they are there, and silent when they say nothing. With
 * `audio`, they leave when nobody was heard, themselves or the agent, for `linger` after all of it;
 * without `audio`, they stay until `Control` removes them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Participant {
  readonly identity: string
  readonly name?: string | undefined
  /** @default "standard" */
  readonly kind?: RoomParticipant["kind"] | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  readonly audio?: Source | ReadonlyArray<Cue> | undefined
  /** When they join, after the room began. @default 0 */
  readonly join?: Duration.Input | undefined
  /** @default "5 seconds" */
  readonly linger?: Duration.Input | undefined
  /** Format of their microphone. @default that of their first file or frame, else 16 kHz mono */
  readonly format?: Audio.Format | undefined
}

/**
 * Where the conversation is recorded, as a WAV file that is written as it goes.
 *
 * @category options
 * @since 0.1.0
 */
export interface Recording {
  readonly path: string
  /**
   * `stereo`: participants left, agent right. `participants`: one channel for
   * each participant of the options, those who join otherwise in the first, and
   * the agent in the last.
   *
   * @default "stereo"
   */
  readonly layout?: "stereo" | "participants" | undefined
  /** Rate in Hz. @default 24000 */
  readonly sampleRate?: number | undefined
}

/**
 * Options of the layer.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Name of the room. @default "local" */
  readonly name?: string | undefined
  /** @default [] */
  readonly participants?: ReadonlyArray<Participant> | undefined
  /** Path of a stereo WAV file, or where and how. */
  readonly record?: string | Recording | undefined
  /** @default "realtime" */
  readonly mode?: "realtime" | "fast" | undefined
  /** Length of a microphone's frame, 1 ms to 1 s. @default "20 millis" */
  readonly frame?: Duration.Input | undefined
  /** Keeps in memory what each output played, for `Control`. @default false */
  readonly keepHeard?: boolean | undefined
}

/**
 * The participants' side of the room: makes them join, speak, type and hang up
 * while the program runs.
 *
 * **Details**
 *
 * `speak` returns when the audio has been delivered; it is said after what is
 * being said already. In fast mode the Clock stands still during `hold`: put
 * work around it that the Clock cannot see, a file or a socket, and that does
 * not itself wait for time.
 *
 * @category services
 * @since 0.1.0
 */
export class Control extends Context.Service<
  Control,
  Omit<RoomControl, "feed" | "join"> & {
    readonly join: (participant: Participant) => Effect.Effect<void, RoomError>
    readonly speak: (identity: string, audio: Source) => Effect.Effect<void, RoomError>
    readonly hold: VirtualClock["hold"]
  }
>()("effect-voice/Layers/LocalRoom/Control") {}

const isSource = (given: unknown): given is Source =>
  typeof given === "string" ? given.trim() !== "" : Audio.isFrame(given) || Stream.isStream(given)

const participant = Check.struct<Participant>()({
  identity: Check.required(Check.text()),
  name: Check.words,
  kind,
  attributes: Check.texts,
  audio: Check.made<ReadonlyArray<Timed>, Source | ReadonlyArray<Cue>>((audio) => {
    const timed = isCues(audio)
      ? audio.map((cue) => ({ at: lengthOf(cue.at), audio: cue.audio }))
      : [{ at: 0, audio }]
    return timed.every(({ at, audio }) => at >= 0 && at < Number.POSITIVE_INFINITY && isSource(audio))
      ? timed
      : undefined
  }, "be the path of a WAV file, a Frame or a Stream of them, or a list of { at, audio } at times of 0 or more"),
  join: Check.duration({ finite: true, default: 0 }),
  linger: Check.duration({ default: "5 seconds" }),
  format: Check.maybe(format)
})

const recordings = Check.struct<Recording>()({
  path: Check.required(Check.text()),
  layout: Check.oneOf(["stereo", "participants"], { default: "stereo" }),
  sampleRate: Check.hertz({ default: 24_000 })
})

const schema = Check.together(
  Check.struct<Options>()({
    name: Check.words,
    participants: Check.list(participant),
    record: Check.shorthand(
      recordings,
      (given: string | Recording | undefined) => typeof given === "string" ? { path: given } : given
    ),
    mode: Check.oneOf(["realtime", "fast"], { default: "realtime" }),
    frame: Check.duration({ least: 1, most: 1000, default: "20 millis" }),
    keepHeard: Check.flag({ default: false })
  }),
  ({ participants = [], record }) => {
    const identities = participants.map(({ identity }) => identity)
    const twice = identities.find((identity, i) => identities.indexOf(identity) !== i)
    return {
      participants: twice === undefined ? undefined : `must not hold ${twice} twice`,
      "record.layout": record?.layout === "participants" && identities.length >= maxChannels
        ? `must be "stereo" for ${identities.length} participants`
        : undefined
    }
  }
)

type Settings = typeof schema.Type

interface Timed {
  readonly at: number
  readonly audio: Source
}

interface Plan {
  readonly participant: typeof participant.Type
  readonly cues: ReadonlyArray<{ readonly at: number; readonly audio: Loaded }>
  readonly format: Audio.Format
  readonly lingerMs: number
}

const isCues = (audio: Source | ReadonlyArray<Cue>): audio is ReadonlyArray<Cue> => Array.isArray(audio)

const prepare = Effect.fnUntraced(function*(someone: typeof participant.Type) {
  const { audio, linger } = someone
  const cues = yield* Effect.forEach(
    audio ?? [],
    ({ at, audio }) => Effect.map(load(audio), (audio) => ({ at, audio }))
  )
  const first = cues.map((cue) => cue.audio).find((loaded) => !isStream(loaded))
  const known = first === undefined || isStream(first) ? Audio.speech : first
  const own = yield* Check.readOrFail(format, someone.format ?? known, refused, `${someone.identity}.format`)
  return {
    participant: someone,
    cues,
    format: own,
    lingerMs: audio === undefined ? Number.POSITIVE_INFINITY : linger
  } satisfies Plan
})

const make = Effect.fnUntraced(function*(settings: Settings, virtual: VirtualClock | undefined) {
  const hold: VirtualClock["hold"] = virtual?.hold ?? ((self) => self)
  const { frame: frameMs, record: recording } = settings
  const plans = yield* Effect.forEach(settings.participants ?? [], prepare)
  const identities = plans.map((plan) => plan.participant.identity)
  const stereo = recording?.layout !== "participants"
  const channels = stereo ? 2 : Math.max(1, identities.length) + 1
  const recorder = recording === undefined ? undefined : yield* makeWavMixer({
    path: recording.path,
    format: { sampleRate: recording.sampleRate, channels }
  })
  const joined = new Map<string, number>()
  const advance = (): void => recorder?.advance(memoryRoom.nowUnsafe(), memoryRoom.collectHeard)

  const callers = new Map<string, Caller>()
  const memoryRoom = yield* makeMemoryRoom({
    name: settings.name,
    keepHeard: settings.keepHeard,
    onStart: () => {
      virtual?.start()
      for (const plan of plans) begin(plan)
    },
    ...(recorder === undefined ? {} : {
      onVoice: (identity, frame) => {
        const channel = stereo ? 0 : Math.max(0, identities.indexOf(identity))
        recorder.add(channel, identity, (joined.get(identity) ?? 0) + (frame.at ?? 0), frame)
        advance()
      },
      onHeard: (at, frame, track) => recorder.add(channels - 1, track, at, frame),
      onOutput: advance
    })
  })
  if (recorder !== undefined) {
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        memoryRoom.collectHeard()
        recorder.finish(memoryRoom.nowUnsafe())
        const error = recorder.error()
        return error === undefined ? Effect.void : Effect.logWarning(error.message)
      })
    )
  }
  const fork = yield* FiberSet.makeRuntime<never, void, never>()

  const enter = (plan: Plan): RoomError | undefined => {
    const { identity } = plan.participant
    const error = memoryRoom.joinUnsafe(plan.participant)
    if (error !== undefined) return error
    joined.set(identity, memoryRoom.nowUnsafe())
    const caller = makeCaller({ room: memoryRoom, identity, format: plan.format, frameMs, lingerMs: plan.lingerMs })
    callers.set(identity, caller)
    for (const { at, audio } of plan.cues) {
      const speech = Effect.catchIf(
        caller.speak(audio, at),
        (error) => error.reason === "UnknownParticipant",
        () => Effect.void
      )
      fork(Effect.ignoreCause(speech, { log: "Warn", message: `${masked(identity)} stopped speaking` }))
    }
    fork(Effect.ensuring(
      caller.run,
      Effect.sync(() => {
        if (callers.get(identity) === caller) callers.delete(identity)
      })
    ))
    return undefined
  }

  const begin = (plan: Plan): void => {
    if (plan.participant.join === 0) enter(plan)
    else fork(Effect.andThen(Effect.sleep(plan.participant.join), Effect.sync(() => void enter(plan))))
  }

  const control = Control.of({
    ...memoryRoom.control,
    hold,
    join: (asked) =>
      Effect.flatMap(
        hold(Effect.flatMap(Check.readOrFail(participant, asked, refused, "join"), prepare)),
        (plan) =>
          Effect.andThen(
            Effect.sleep(plan.participant.join),
            Effect.suspend(() => {
              const error = enter(plan)
              return error === undefined ? Effect.void : Effect.fail(error)
            })
          )
      ),
    leave: (identity) =>
      Effect.suspend(() => {
        callers.get(identity)?.hangUp()
        return memoryRoom.control.leave(identity)
      }),
    speak: (identity, audio) =>
      Effect.flatMap(hold(load(audio)), (loaded) =>
        callers.get(identity)?.speak(loaded) ??
          Effect.fail(unknownParticipant("speak", identity)))
  })

  return Context.make(Room, memoryRoom.room).pipe(Context.add(Control, control))
})

const makeFast = Effect.fnUntraced(function*(settings: Settings) {
  const virtual = yield* makeVirtualClock({
    pending: native.pending,
    started: false,
    hint: "use mode \"realtime\", or put what it waits for into Control.hold"
  })
  const context = yield* make(settings, virtual).pipe(
    Effect.provideService(Clock.Clock, virtual.clock),
    Effect.provideService(Scheduler.Scheduler, virtual.scheduler)
  )
  return context.pipe(
    Context.add(Clock.Clock, virtual.clock),
    Context.add(Scheduler.Scheduler, virtual.scheduler),
    Context.add(CurrentRealWaits, virtual.waits)
  )
})

/**
 * Makes a room in this process.
 *
 * **Details**
 *
 * The room begins, and who joins at once has joined, when the agent first uses
 * it. Frames are delivered at the end of the time they last, and their `at`
 * counts from when their participant joined.
 *
 * In fast mode, whatever is provided with this layer runs on its Clock: provide
 * it last, around the layers of the agent. Time passes in real time until the
 * room begins. The Clock waits for fibers, this package's native code,
 * `Control.hold`, and what plain functions await, for 2 real seconds at most,
 * not for other I/O: do not use it with providers that are reached over a
 * network.
 *
 * A file is read as a whole. The recording is written as it goes, in blocks of
 * some seconds, and completed when the layer is released. Fails when a file
 * cannot be read or written, or an option is impossible.
 *
 * **Example**
 *
 * ```ts
 * import * as LocalRoom from "effect-voice/Layers/LocalRoom"
 *
 * const room = LocalRoom.layer({
 *   participants: [{ identity: "caller", audio: [{ at: "1 second", audio: "question.wav" }] }],
 *   record: "conversation.wav",
 *   mode: "fast"
 * })
 * ```
 *
 * @see `Room.make` for a room over a transport of your own
 * @see `Testing.scenario` for tests without audio
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Room | Control, RoomError> =>
  Layer.effectContext(
    Effect.flatMap(
      Check.readOrFail(schema, options, refused),
      (settings): Effect.Effect<Context.Context<Room | Control>, RoomError, Scope.Scope> =>
        settings.mode === "fast" ? makeFast(settings) : make(settings, undefined)
    )
  )
