/** Someone in a virtual room who talks with the agent, on the Clock. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Audio from "../Audio.ts"
import { attributesOf } from "../internal/room/call.ts"
import type { RoomControl } from "../internal/room/control.ts"
import { refuse } from "../internal/room/errors.ts"
import { makeMemoryRoom } from "../internal/room/memoryRoom.ts"
import * as Room from "../Room.ts"
import { checkRoom } from "./checks.ts"
import { type Hearing, millis } from "./marks.ts"
import { Microphone } from "./microphone.ts"
import { readSpeech } from "./speech.ts"
import { isTestClock, sleepUntil } from "./timedStream.ts"

export type { OutputView, RoomControl, Sent } from "../internal/room/control.ts"

/**
 * Options of the virtual room.
 *
 * @category options
 * @since 0.1.0
 */
export interface RoomOptions {
  /** @default "test-room" */
  readonly name?: string | undefined
  /** @default "caller" */
  readonly identity?: string | undefined
  /** @default "standard" */
  readonly kind?: Room.Participant["kind"] | undefined
  /** Of a telephone call (`kind: "sip"`). @default not told */
  readonly direction?: Room.Participant["direction"]
  /** How far the call of a telephone is when they join: `callStatus` goes on with it. @default answered */
  readonly call?: Room.CallStatus | undefined
  /** When the caller joins, from the beginning; `false` leaves it to the test. @default 0 */
  readonly joins?: Duration.Input | false | undefined
  /** Length of the microphone's frames; without it the microphone gives marks instead of sound. @default none */
  readonly frames?: Duration.Input | undefined
  /** Longest time that an open microphone gives no mark while there is something to hear. @default 900 */
  readonly keepAlive?: Duration.Input | undefined
  /** Keeps what the agent's audio was, for `heard` and `expectReply`. @default true */
  readonly keepHeard?: boolean | undefined
  /** Audio that may wait in an output before `write` waits. @default "1 minute" */
  readonly queueLimit?: Duration.Input | undefined
  /** Topic of typed text. @default "lk.chat" */
  readonly textTopic?: string | undefined
  /**
   * What becomes of the transfer of a telephone call (`kind: "sip"`): it is `accepted`, and the caller leaves; it is
   * `refused`; or the room is one without transfers (`unsupported`).
   *
   * @default "accepted"
   */
  readonly transfers?: "accepted" | "refused" | "unsupported" | undefined
}

/**
 * What the room was asked to do with the call of a telephone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transferred {
  /** Clock time (ms). */
  readonly at: number
  readonly identity: string
  /** A number, such as `+4930123456`, or an address, such as `sip:desk@example.com`. */
  readonly to: string
  readonly accepted: boolean
}

/**
 * How something is said.
 *
 * @category options
 * @since 0.1.0
 */
export interface SayOptions extends Hearing {
  /** Clock time (ms). @default now */
  readonly at?: number | undefined
  /** @default 60 ms a character, at least 300 */
  readonly duration?: Duration.Input | undefined
}

/**
 * The agent did not reply in time.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoReply extends Schema.TaggedError<NoReply>("effect-voice/testing/NoReply")("NoReply", {
  afterMs: Schema.Finite,
  started: Schema.Boolean,
  /** Whether it had spoken before this wait. */
  before: Schema.Boolean
}) {
  override get message(): string {
    if (this.started) return `the agent was still speaking after ${this.afterMs} ms`
    const said = this.before ? "; what it said before this wait does not count: expect a reply before it begins" : ""
    return `the agent said nothing for ${this.afterMs} ms${said}`
  }
}

/**
 * Somebody in the virtual room.
 *
 * @category models
 * @since 0.1.0
 */
export interface Person {
  readonly identity: string
  readonly joins: Effect.Effect<void, Room.RoomError>
  readonly leaves: Effect.Effect<void>
  readonly isThere: Effect.Effect<boolean>
  readonly says: (text: string, options?: SayOptions) => Effect.Effect<void>
  readonly speaks: (from: number, to: number, text: string, hearing?: Hearing) => Effect.Effect<void>
  readonly coughs: (options?: SayOptions) => Effect.Effect<void>
  readonly types: (text: string) => Effect.Effect<void, Room.RoomError>
  readonly presses: (digits: string) => Effect.Effect<void, Room.RoomError>
  readonly callStatus: (status: Room.CallStatus) => Effect.Effect<void, Room.RoomError>
  readonly mutes: Effect.Effect<void>
  readonly unmutes: Effect.Effect<void>
  readonly heard: Effect.Effect<string>
  /** @default within 30 seconds */
  readonly expectReply: (options?: { readonly within?: Duration.Input | undefined }) => Effect.Effect<string, NoReply>
  readonly wait: (duration: Duration.Input) => Effect.Effect<void>
  readonly transfers: Effect.Effect<ReadonlyArray<Transferred>>
  readonly other: (identity: string) => Effect.Effect<Person>
  readonly room: RoomControl
}

/**
 * Service that is the user in the virtual room.
 *
 * **Details**
 *
 * - `says`, `speaks` (from, to: Clock times in ms) and `coughs` only begin to
 *   speak: they return at once, and the voice takes its time on the Clock. Who
 *   begins anew while speaking cuts themselves off.
 * - `callStatus` is what becomes of the call of a telephone (`kind: "sip"`): a call that the agent's side
 *   has made is `answered`, or its callee leaves as `busy`, `unanswered`, `refused` or `failed`.
 * - `expectReply` lets time pass (it moves a test clock by itself) until the
 *   agent has spoken and fallen silent, and tells what was heard, where the
 *   synthesiser is audible (`audio: "audible"`).
 * - `heard` is what was heard of the agent since the beginning.
 * - `wait` lets time pass, on any Clock.
 * - `transfers` are those that the room was asked for, of anybody in it.
 * - `other` is somebody else in the same room, who has a microphone of their own,
 *   and is not there before they join.
 * - `room` is the room from outside: what was sent, calls, disconnections.
 *
 * @category services
 * @since 0.1.0
 */
export class Caller extends Context.Service<Caller, Person>()("effect-voice/testing/caller") {}

/** With what somebody leaves whose call is over. */
const departures: Partial<Record<Room.CallStatus, Room.LeaveReason>> = {
  ended: "left",
  unanswered: "user_unavailable",
  busy: "user_unavailable",
  refused: "user_rejected",
  failed: "sip_failure"
}

const callOf = (control: RoomControl, identity: string): Person["callStatus"] => (status) => {
  const told = control.setAttributes(identity, attributesOf(status))
  const reason = departures[status]
  return reason === undefined ? told : Effect.andThen(told, control.leave(identity, reason))
}

/** Takes transfers, or refuses them, and keeps what they were. */
const makeTransfers = (now: () => number, answer: RoomOptions["transfers"]) => {
  const transfers: Array<Transferred> = []
  const accepted = answer !== "refused"
  const transfer = (identity: string, to: string): Effect.Effect<void, Room.RoomError> =>
    Effect.suspend(() => {
      transfers.push({ at: now(), identity, to, accepted })
      return accepted ? Effect.void : Effect.fail(refuse("SendFailed", "transfer: the other side refused it"))
    })
  return { transfers, transfer: answer === "unsupported" ? undefined : transfer }
}

// Hops between fibers that a clock cannot see: what was begun must have come to its first wait.
export const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

/** Lets time pass: whoever holds a test clock must move it. */
const pass = (duration: Duration.Input): Effect.Effect<void> =>
  Clock.clockWith((clock) =>
    isTestClock(clock)
      ? Effect.andThen(settle, clock.adjust(duration))
      : clock.sleep(Duration.fromInputUnsafe(duration))
  )

// How often `expectReply` looks.
const lookEvery = 20

/**
 * Makes a virtual room with a caller in it.
 *
 * @category room
 * @since 0.1.0
 */
export const room = (
  options: RoomOptions = {}
): Effect.Effect<
  { readonly room: Room.Room["Service"]; readonly caller: Caller["Service"] },
  never,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const { frames: frameMs, keepHeard = true, name = "test-room" } = checkRoom(options)
    const { transfer, transfers } = makeTransfers(now, options.transfers)
    const memoryRoom = yield* makeMemoryRoom({
      name,
      keepHeard,
      transfer,
      ...(options.queueLimit === undefined ? {} : { queueLimit: millis(options.queueLimit) })
    })
    const { control } = memoryRoom
    const microphoneOf = (identity: string): Microphone => {
      const microphone = new Microphone({
        now,
        feed: (frame) => memoryRoom.microphone(identity)?.feed([frame]),
        mute: (muted) => memoryRoom.microphone(identity)?.mute(muted),
        schedule: (at, act) => void run(Effect.andThen(sleepUntil(at), Effect.sync(act))),
        keepAlive: millis(options.keepAlive ?? 900),
        frameMs
      })
      if (frameMs === undefined) return microphone
      const origin = now()
      const pump = (frames: number): Effect.Effect<void> =>
        Effect.flatMap(sleepUntil(origin + (frames + 1) * frameMs), () => {
          memoryRoom.microphone(identity)?.feed([
            microphone.frame(origin + frames * frameMs, origin + (frames + 1) * frameMs)
          ])
          return pump(frames + 1)
        })
      run(pump(0))
      return microphone
    }
    const says = (microphone: Microphone) => (text: string, said: SayOptions = {}) =>
      Effect.sync(() => {
        const { at, duration, ...hearing } = said
        const ms = duration === undefined ? Math.max(300, text.length * 60) : millis(duration)
        const begin = () => microphone.say({ ...hearing, text, ms })
        if (at === undefined || at <= now()) begin()
        else run(Effect.andThen(sleepUntil(at), Effect.sync(begin)))
      })
    const frames = Effect.flatMap(control.outputs, (outputs) =>
      Effect.map(
        Effect.forEach(outputs, (output) => output.heard),
        (heard) => heard.flat().map(({ frame }) => frame)
      ))
    const heardFrom = (skip: number) =>
      Effect.map(frames, (all) => {
        const rest = all.slice(skip)
        return rest.length === 0 ? "" : readSpeech(joined(rest)).text
      })
    const speaking = Effect.map(
      Effect.flatMap(control.outputs, (outputs) => Effect.forEach(outputs, (output) => output.isPlaying)),
      (playing) => playing.includes(true)
    )
    const expectReply = (expected: { readonly within?: Duration.Input | undefined } = {}) =>
      Effect.gen(function*() {
        const within = millis(expected.within ?? "30 seconds")
        const deadline = now() + within
        const before = (yield* frames).length
        let started = yield* speaking
        while (true) {
          yield* pass(lookEvery)
          const playing = yield* speaking
          if (playing) started = true
          else if (started || (yield* frames).length > before) return yield* heardFrom(before)
          if (now() >= deadline) return yield* new NoReply({ afterMs: within, started, before: before > 0 })
        }
      })

    const callers = new Map<string, Person>()
    const callerOf = (identity: string): Person => {
      const microphone = microphoneOf(identity)
      const say = says(microphone)
      return Caller.of({
        identity,
        joins: control.join({
          identity,
          kind: options.kind,
          direction: options.direction,
          ...(options.call === undefined ? {} : { attributes: attributesOf(options.call) })
        }),
        leaves: control.leave(identity),
        isThere: Effect.map(memoryRoom.room.participants, (all) => all.some((one) => one.identity === identity)),
        says: say,
        speaks: (from, to, text, hearing) => say(text, { ...hearing, at: from, duration: to - from }),
        coughs: (options) => say("", { duration: 300, ...options }),
        types: (text) => control.sendText({ identity, topic: options.textTopic ?? "lk.chat", text }),
        presses: (digits) => control.sendDtmf(identity, digits),
        callStatus: callOf(control, identity),
        mutes: Effect.sync(() => microphone.mute(true)),
        unmutes: Effect.sync(() => microphone.mute(false)),
        heard: heardFrom(0),
        expectReply,
        wait: pass,
        transfers: Effect.sync(() => [...transfers]),
        other: (other) => Effect.sync(() => known(other)),
        room: control
      })
    }
    const known = (identity: string): Person => {
      const found = callers.get(identity) ?? callerOf(identity)
      callers.set(identity, found)
      return found
    }
    const caller = known(options.identity ?? "caller")
    if (options.joins === undefined) yield* Effect.orDie(caller.joins)
    else if (options.joins !== false) {
      run(Effect.andThen(sleepUntil(now() + millis(options.joins)), Effect.orDie(caller.joins)))
    }
    return { room: memoryRoom.room, caller }
  })

/** Frames of any formats as one. */
const joined = (frames: ReadonlyArray<Audio.Frame>): Audio.Frame => {
  const converter = Audio.converter({ to: Audio.speech })
  return Audio.concat([...converter.push(frames), ...converter.flush()])
}

/**
 * Layer of a virtual room with a caller in it.
 *
 * @category room
 * @since 0.1.0
 */
export const layerRoom = (options?: RoomOptions): Layer.Layer<Room.Room | Caller> =>
  Layer.effectContext(
    Effect.map(room(options), ({ caller, room }) => Context.make(Room.Room, room).pipe(Context.add(Caller, caller)))
  )
