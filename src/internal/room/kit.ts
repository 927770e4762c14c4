/**
 * A room that is made of a transport: who is there, their microphones and messages, the agent's
 * outputs and the end are the kit's; the transport only carries. It is opened once, in a scope that
 * is closed when the room ends.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Audio from "../../Audio.ts"
import type { EndReason, Room, RoomError } from "../../Room.ts"
import { problemOf } from "../audio/format.ts"
import { format } from "../audio/options.ts"
import { logOwn } from "../foreign.ts"
import * as Check from "../options.ts"
import { shown } from "../options/shown.ts"
import { makeAgentSide, type Remote } from "./agentSide.ts"
import { refuse } from "./errors.ts"
import { isKey } from "./keys.ts"
import { type Loudspeaker, makeLoudspeaker } from "./loudspeaker.ts"
import { refused } from "./options.ts"
import { type Hub, makeHub } from "./parts.ts"
import { makeRefusals } from "./refusals.ts"
import { checked } from "./reported.ts"
import type { Incoming, MakeOptions, Outgoing } from "./transport.ts"

const schema = Check.struct<MakeOptions<any, any>>()({
  open: Check.required(Check.callback),
  attach: Check.callback,
  name: Check.text({ default: "room" }),
  identity: Check.text({ default: "agent" }),
  format: Check.maybe(format),
  frame: Check.duration({ least: 10, most: 100, default: "20 millis" }),
  ahead: Check.duration({ least: 20, most: 5000, default: "200 millis" }),
  playhead: Check.oneOf(["clock", "reported"], { default: "clock" }),
  audioBuffer: Check.duration({ least: 100, most: 60_000, default: "2 seconds" })
})

const isHeard = (frame: Audio.Frame): boolean =>
  Audio.isFrame(frame) && problemOf(frame) === undefined && (frame.at === undefined || Number.isFinite(frame.at))

const listenTo = (
  { bytes, end, events, participants, rpc, texts }: Hub,
  loudspeaker: Loudspeaker,
  onRefused: () => void
): Incoming => {
  let reconnecting = false
  const hold = (): void => loudspeaker.hold(reconnecting || participants.all().length === 0)
  const whenThere = (identity: string, act: () => void): void => {
    if (participants.has(identity)) act()
  }
  return {
    joined: (newcomer) => {
      participants.leave(newcomer.identity, "duplicate_identity")
      participants.join(newcomer)
      hold()
    },
    left: (identity, reason) => {
      participants.leave(identity, reason)
      hold()
    },
    audio: (identity, frames) => {
      const sound = frames.filter(isHeard)
      if (sound.length < frames.length) onRefused()
      participants.microphone(identity)?.feed(sound)
    },
    muted: (identity, muted) => participants.mute(identity, muted),
    text: ({ attributes = {}, ...message }) =>
      whenThere(message.identity, () => texts.publish(message.topic, { ...message, attributes })),
    bytes: ({ attributes = {}, ...message }) =>
      whenThere(message.identity, () => bytes.publish(message.topic, { ...message, attributes })),
    data: (message) => events.publish({ _tag: "Data", ...message }),
    keys: (identity, digits) =>
      whenThere(identity, () => {
        for (const digit of digits) if (isKey(digit)) events.publish({ _tag: "Dtmf", identity, digit })
      }),
    attributes: participants.setAttributes,
    call: ({ identity, method, payload }) => rpc.ask(undefined, method, { identity, payload }),
    played: loudspeaker.report,
    connection: (state) => {
      if (reconnecting === (state === "reconnecting")) return
      reconnecting = state === "reconnecting"
      hold()
      events.publish({ _tag: "Connection", state })
    },
    ended: end
  }
}

/** Who writes no types may give anything. */
const opening = <A, E, R>(given: Effect.Effect<A, E, R>): Effect.Effect<A, E | RoomError, R> =>
  Effect.isEffect(given)
    ? given
    : Effect.fail(refuse("InvalidOption", `open must give an Effect of what goes out, not ${shown(given)}`))

/** What is wrong with what goes out, if anything is. */
const wrongOutgoing = (given: Outgoing): string | undefined => {
  if (typeof given !== "object" || given === null) return `open must give { play, clear, … }, not ${shown(given)}`
  for (const member of ["play", "clear"] as const) {
    if (typeof given[member] !== "function") return `${member} must be a function, not ${shown(given[member])}`
  }
  for (const member of ["send", "call", "remove", "transfer"] as const) {
    const one = given[member]
    if (one !== undefined && typeof one !== "function") return `${member} must be a function, not ${shown(one)}`
  }
  return given.ready === undefined || Effect.isEffect(given.ready)
    ? undefined
    : `ready must be an Effect, not ${shown(given.ready)}`
}

const unsupported = (what: string): RoomError => refuse("Unsupported", `${what}: this room has no way to do it`)

export interface Made {
  readonly room: Room["Service"]
  /** What is open now, added up: zero once the agent has gone. */
  readonly open: () => number
}

export const makeRoom = <E, R>(
  options: MakeOptions<E, R>
): Effect.Effect<Made, E | RoomError, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* Check.readOrFail(schema, options, refused)
    const { attach, open } = options
    const clock = yield* Clock.Clock
    const scope = yield* Scope.fork(yield* Effect.scope)
    const run = yield* FiberSet.makeRuntime<never, unknown, never>()
    let outgoing: Outgoing | undefined
    const close = Scope.close(scope, Exit.void)

    const broken = (cause: Cause.Cause<unknown>): void => {
      run(logOwn("the room's transport has thrown, and the room has ended", cause, Effect.logWarning))
      end("connection_lost")
    }
    const loudspeaker = makeLoudspeaker({
      clock,
      format: settings.format ?? { sampleRate: 24_000, channels: 1 },
      frameMs: settings.frame,
      aheadMs: settings.ahead,
      reported: settings.playhead === "reported",
      onBroken: (cause) => broken(Cause.die(cause))
    })
    const refusals = yield* makeRefusals(run)
    const hub = makeHub(clock, {
      audioBuffer: settings.audioBuffer,
      kept: 0,
      deliver: (what, message) => outgoing?.send?.(message) ?? Effect.fail(unsupported(what)),
      onEnd: loudspeaker.end,
      onLagged: () => refusals.note("lagged")
    })
    const end = (reason: EndReason): void => {
      if (hub.lifetime.isOver()) return
      hub.end(reason)
      run(close)
    }
    const told = new Set<string>()
    const tell = (about: string, warning: string): void => {
      if (told.has(about)) return
      told.add(about)
      run(Effect.logWarning(warning))
    }
    const incoming = checked(
      listenTo(
        { ...hub, end },
        loudspeaker,
        () => tell("frame", "a frame from the room's transport is no audio, and was left out")
      ),
      (member, wrong) =>
        tell(member, `what the room's transport reports by ${member} cannot be, and was left out: ${wrong}`),
      (wrong) => Effect.fail(refuse("InvalidOption", `call: ${wrong}`))
    )
    outgoing = yield* Effect.onExit(
      Effect.provideService(
        Effect.tap(opening(open(incoming)), (given) => {
          const wrong = wrongOutgoing(given)
          return wrong === undefined ? Effect.void : Effect.fail(refuse("InvalidOption", wrong))
        }),
        Scope.Scope,
        scope
      ),
      (exit) => Exit.isSuccess(exit) ? Effect.void : close
    )
    const transport = outgoing
    const remote: Remote = {
      call: transport.call ?? (() => Effect.fail(unsupported("call"))),
      remove: transport.remove ?? (() => Effect.fail(unsupported("remove"))),
      transfer: transport.transfer
    }
    const pump = Effect.onError(
      loudspeaker.pump(transport),
      (cause) => Effect.sync(() => Cause.hasDies(cause) ? broken(cause) : undefined)
    )
    yield* Effect.forkScoped(pump, { startImmediately: true })
    yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(() => hub.end("left")), close))
    const room: Room["Service"] = {
      ...makeAgentSide({ ...hub, end, outputs: loudspeaker }, settings, remote),
      ...(attach === undefined ? {} : { attach }),
      leave: Effect.andThen(Effect.sync(() => hub.end("left")), close)
    }
    return {
      room,
      open: () =>
        hub.events.subscribers() + hub.texts.subscribers() + hub.bytes.subscribers() + hub.participants.listeners() +
        loudspeaker.count() + hub.rpc.size()
    }
  })

export const openRoom = <E, R>(
  options: MakeOptions<E, R>
): Effect.Effect<Room["Service"], E | RoomError, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.map(makeRoom(options), ({ room }) => room)
