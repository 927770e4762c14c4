/**
 * The `Room` on rtc-node. One service for as long as its scope is open, whatever
 * becomes of its connections: what was opened here goes on with the next one.
 * Each part owns its state, and the membership tells them when the connection
 * comes and goes.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import { type Event, Room, type RoomError } from "../../Room.ts"
import { removeParticipant, transferParticipant } from "../livekitServer/rooms.ts"
import { mayRemove, mayTransfer } from "../livekitServer/token.ts"
import { masked } from "../numbers.ts"
import { makeBroadcast } from "../room/broadcast.ts"
import { destinationFor } from "../room/destination.ts"
import { keeping, withEarlyKeys } from "../room/earlyKeys.ts"
import { refuse, unknownParticipant } from "../room/errors.ts"
import { makeRefusals } from "../room/refusals.ts"
import { ofEvent } from "../room/topics.ts"
import { monotonicMs } from "../steady.ts"
import { Membership } from "./membership.ts"
import { makeMessages, type Messages } from "./messages.ts"
import type { Checked } from "./options.ts"
import { makeOutputTracks, type OutputTracks } from "./outputTracks.ts"
import { makeParticipants, type Participants, publicationsOf, tracksOf } from "./participants.ts"
import { makeRpc, type Rpc } from "./rpc.ts"
import { hold } from "./rtc.ts"
import { makeSending, type Sending } from "./sending.ts"

export interface LiveKitRoom {
  readonly room: Room["Service"]
  /** What is open now, added up: zero once the agent has gone. */
  readonly open: () => number
}

interface Parts {
  readonly settings: Checked
  readonly membership: Membership
  readonly participants: Participants
  readonly events: ReturnType<typeof keeping>
  readonly messages: Messages
  readonly rpc: Rpc
  readonly sending: Sending
  readonly outputs: OutputTracks
}

const eventBuffer = 4096
// What was played is on its way for this long, and buffered by who hears it: nobody is taken out in mid-word.
const onTheWay = "500 millis"
// A room that is away for longer is not waited for.
const removing = "10 seconds"

/** The parts, and what they do when the connection comes and goes: joined when this returns. */
const makeParts = (settings: Checked): Effect.Effect<Parts, RoomError, Scope.Scope> =>
  Effect.gen(function*() {
    const rtc = yield* hold({ captureLogs: settings.captureLogs })
    const clock = yield* Clock.Clock
    const run = yield* FiberSet.makeRuntime<never, unknown, unknown>()
    const beside = (effect: Effect.Effect<unknown, unknown>): void =>
      void run(Effect.ignoreCause(effect, { log: "Warn", message: "the room" }))
    const refusals = yield* makeRefusals(beside)
    const onLagged = (): void => refusals.note("lagged")
    const events = keeping(makeBroadcast<Event>(eventBuffer, ofEvent, onLagged))
    const { bufferMs, frameMs } = settings
    const participants = makeParticipants({ rtc, clock, frameMs, bufferMs, publish: events.publish })
    const onKeysRefused = (participant: string): void => refusals.note("key", { participant })
    const { publish } = events
    const membership = new Membership({ settings, participants, publish, onKeysRefused, beside })
    const messages = makeMessages({
      ...settings.topics,
      room: () => membership.room,
      longest: settings.maxMessageBytes,
      now: () => monotonicMs(clock),
      run,
      onRefused: (participant, topic) => refusals.note("message", { participant, topic }),
      onLagged
    })
    const rpc = yield* makeRpc({
      rtc,
      room: () => membership.room,
      onRefused: (participant) => refusals.note("call", { participant })
    })
    const sending = makeSending({ rtc, present: (what) => membership.present(what), has: participants.has })
    const outputs = makeOutputTracks({ rtc, clock, membership })
    yield* membership.start({
      onJoining: messages.register,
      onJoined: rpc.register,
      onLost: () => {
        participants.lose()
        outputs.detach()
      },
      restore: Effect.andThen(sending.restore, outputs.attach),
      onEnd: () => {
        const error = membership.problem("write")
        if (error !== undefined) outputs.end(error)
        events.end()
        participants.end()
        messages.end()
        rpc.end()
      },
      close: outputs.close
    })
    return { settings, membership, participants, events, messages, rpc, sending, outputs }
  })

const removal =
  ({ membership, participants, settings }: Parts) => (identity: string): Effect.Effect<void, RoomError> => {
    const token: Redacted.Redacted = settings.admin ?? membership.token
    if (!mayRemove(token)) {
      return Effect.fail(
        refuse("Unsupported", "remove: no token with the right roomAdmin was given, as the option admin")
      )
    }
    return Effect.gen(function*() {
      const { name = "" } = yield* membership.present("remove")
      if (!participants.has(identity)) return
      yield* Effect.sleep(onTheWay)
      yield* Effect.mapError(
        removeParticipant({ url: settings.url, token, room: name, identity }),
        (why) => refuse("SendFailed", `remove: the server did not do it (${why})`)
      )
    }).pipe(
      Effect.timeoutOrElse({
        duration: removing,
        orElse: () => Effect.fail(refuse("Disconnected", "remove: the room is not connected"))
      })
    )
  }

const transferring =
  ({ membership, participants, settings }: Parts) => (identity: string, to: string): Effect.Effect<void, RoomError> =>
    Effect.gen(function*() {
      const token: Redacted.Redacted = settings.admin ?? membership.token
      if (!mayTransfer(token)) {
        return yield* refuse(
          "Unsupported",
          "transfer: no token with the rights roomAdmin and sip.call was given, as the option admin"
        )
      }
      const destination = yield* destinationFor(to)
      const { name = "" } = yield* membership.present("transfer")
      if (!participants.has(identity)) return yield* unknownParticipant("transfer", identity)
      yield* Effect.mapError(
        transferParticipant({ url: settings.url, token, room: name, identity, to: destination }),
        (why) => refuse("SendFailed", `transfer: the server did not do it (${why})`)
      )
    })

const serviceOf = (parts: Parts): Room["Service"] => {
  const { events, membership, messages, outputs, participants, rpc, sending } = parts

  /** Fails with why the room cannot be asked. */
  const unlessOver = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | RoomError, R> =>
    Effect.suspend((): Effect.Effect<A, E | RoomError, R> => {
      const problem = membership.problem(what)
      return problem === undefined ? effect : Effect.fail(problem)
    })

  const remote = (what: string, identity: string) =>
    Effect.flatMap(membership.present(what), (room) => {
      const found = room.remoteParticipants.get(identity)
      return found === undefined ? Effect.fail(unknownParticipant(what, identity)) : Effect.succeed(found)
    })
  const remove = removal(parts)
  const transfer = transferring(parts)

  const room = Room.of({
    name: membership.room?.name ?? "",
    identity: membership.room?.localParticipant?.identity ?? "",
    participants: Effect.sync(participants.all),
    events: Stream.unwrap(events.subscribe),
    audio: (identity, format = Audio.speech) =>
      Stream.unwrap(unlessOver(
        "audio",
        Effect.suspend(() =>
          participants.listen(identity, format) ?? Effect.fail(unknownParticipant("audio", identity))
        )
      )),
    tracks: (identity) => Effect.map(remote("tracks", identity), tracksOf),
    subscribe: ({ identity, sid, subscribed }) =>
      Effect.flatMap(remote("subscribe", identity), (participant) => {
        const publication = publicationsOf(participant).find((one) => one.sid === sid)
        return publication === undefined
          ? Effect.fail(refuse("InvalidOption", `subscribe: ${masked(identity)} publishes no track ${sid}`))
          : Effect.sync(() => publication.setSubscribed(subscribed))
      }),
    output: outputs.open,
    ...sending.service,
    texts: messages.texts,
    bytes: messages.bytes,
    call: (call) =>
      Effect.flatMap(
        membership.present("call"),
        () => participants.has(call.identity) ? rpc.call(call) : Effect.fail(unknownParticipant("call", call.identity))
      ),
    handle: (method, handler) => unlessOver("handle", rpc.handle(method, handler)),
    remove: (identity) => Effect.suspend(() => remove(identity)),
    transfer,
    ended: membership.ended,
    leave: membership.leave
  })
  return withEarlyKeys(room, events.keys)
}

export const make = (settings: Checked): Effect.Effect<LiveKitRoom, RoomError, Scope.Scope> =>
  Effect.map(makeParts(settings), (parts) => {
    const { events, messages, outputs, participants, rpc } = parts
    return {
      room: serviceOf(parts),
      open: () => events.subscribers() + participants.listeners() + messages.subscribers() + outputs.size() + rpc.size()
    }
  })
