/**
 * The `Room` on rtc-node. One service, one connection at a time: when that is
 * lost for good, the room is joined again, and what was opened here goes on
 * with the next connection.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import { type EndReason, type Event, type Output, type OutputOptions, Room, RoomError } from "../../Room.ts"
import { removeParticipant } from "../livekitServer/rooms.ts"
import { mayRemove } from "../livekitServer/token.ts"
import { makeBroadcast } from "../room/broadcast.ts"
import { type Connection, isRefusal, join } from "./connection.ts"
import { endOf } from "./convert.ts"
import { adopt, type Ports, register } from "./events.ts"
import { makeMessages } from "./messages.ts"
import type { Checked } from "./options.ts"
import { check, makeOutputTrack, type OutputTrack } from "./outputTrack.ts"
import { makeParticipants, publicationsOf, tracksOf } from "./participants.ts"
import { makeRpc } from "./rpc.ts"
import { hidden, hold, type RtcPublication, type RtcRoom } from "./rtc.ts"
import { makeSending } from "./sending.ts"

export interface LiveKitRoom {
  readonly room: Room["Service"]
  /** What is open now, added up: zero once the agent has gone. */
  readonly open: () => number
}

const eventBuffer = 4096
// How long whoever vanished in a loss of the connection may take to be seen again.
const grace = "3 seconds"
const teardown = "10 seconds"
// What was played is on its way for this long, and buffered by who hears it: nobody is taken out in mid-word.
const onTheWay = "500 millis"
const audioKind = 1
const videoKind = 2

const refuse = (reason: RoomError["reason"], detail: string) => new RoomError({ reason, detail })
const unknown = (what: string, identity: string) =>
  refuse("UnknownParticipant", `${what}: no participant ${identity} in the room`)

export const make = (options: Checked): Effect.Effect<LiveKitRoom, RoomError, Scope.Scope> =>
  Effect.gen(function*() {
    const engine = { captureLogs: options.captureLogs }
    const rtc = yield* hold(engine)
    const clock = yield* Clock.Clock
    const events = makeBroadcast<Event>(eventBuffer)
    const ended = Deferred.makeUnsafe<EndReason>()
    const torn = Deferred.makeUnsafe<void>()
    const outputs = new Set<OutputTrack>()
    let current: RtcRoom | undefined
    let connection: Connection | undefined
    let steady = false
    let over: string | undefined
    let token = options.token
    let attributes: Readonly<Record<string, string>> = {}
    let joined = Deferred.makeUnsafe<void, RoomError>()

    const gone = (what: string) => refuse("Disconnected", `${what}: ${over ?? "the room has ended"}`)
    const publish = (event: Event): void => events.publish(event)
    const participants = makeParticipants({ rtc, clock, frameMs: options.frameMs, bufferMs: options.bufferMs, publish })
    const run = yield* FiberSet.makeRuntime<never, unknown, unknown>()
    let refusals = 0
    const messages = makeMessages({
      ...options.topics,
      room: () => current,
      longest: options.maxMessageBytes,
      now: () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000,
      run,
      onRefused: (participant, topic) => {
        refusals += 1
        const log = refusals === 1 ? Effect.logWarning : Effect.logDebug
        quietly(Effect.annotateLogs(log("a message was not taken in: too long, too many at once, or unfinished"), {
          participant,
          topic
        }))
      }
    })
    const quietly = (effect: Effect.Effect<unknown, unknown>): void =>
      void run(Effect.ignoreCause(effect, { log: "Warn", message: "the room" }))
    const calls = yield* makeRpc({ rtc, room: () => current })

    /** Waits for the room while it is being joined again. */
    const present = (what: string): Effect.Effect<RtcRoom, RoomError> =>
      Effect.suspend(() => {
        if (over !== undefined) return Effect.fail(gone(what))
        if (current !== undefined && connection !== undefined) return Effect.succeed(current)
        return Effect.andThen(Deferred.await(joined), present(what))
      })

    const subscribe = (publication: RtcPublication): void => {
      const wanted = options.autoSubscribe === "audio"
        ? publication.kind === audioKind
        : options.autoSubscribe === "video" && publication.kind === videoKind
      if (wanted && !publication.subscribed) publication.setSubscribed(true)
    }

    /** Takes everything apart, in the order that is safe. */
    const tearDown = Effect.gen(function*() {
      yield* Effect.forEach(outputs, ({ close }) => close, { concurrency: "unbounded", discard: true })
      const last = connection
      connection = undefined
      current = undefined
      if (last !== undefined) yield* last.close
    }).pipe(
      Effect.timeoutOption(teardown),
      Effect.ensuring(Effect.sync(() => Deferred.doneUnsafe(torn, Effect.void)))
    )

    const end = (reason: EndReason, detail = "the room has ended"): void => {
      if (over !== undefined) return
      over = detail
      steady = false
      publish({ _tag: "Connection", state: "disconnected" })
      for (const output of outputs) output.end(gone("write"))
      events.end()
      participants.end()
      messages.end()
      calls.end()
      Deferred.doneUnsafe(joined, Effect.fail(gone("the connection")))
      Deferred.doneUnsafe(ended, Effect.succeed(reason))
      Effect.runForkWith(Context.empty())(tearDown)
    }

    const expectBack = (): void =>
      quietly(Effect.andThen(
        Effect.sleep(grace),
        Effect.sync(() => {
          if (steady) participants.giveUp()
        })
      ))

    const settled = (): void => {
      steady = true
      publish({ _tag: "Connection", state: "connected" })
      expectBack()
    }

    const ports: Ports = {
      participants,
      publish,
      subscribe,
      encrypted: options.key !== undefined,
      isCurrent: (room) => room === current && over === undefined,
      isSteady: () => steady,
      onReconnecting: () => {
        steady = false
        publish({ _tag: "Connection", state: "reconnecting" })
      },
      onReconnected: () => {
        if (current !== undefined) adopt(current, ports)
        settled()
      },
      onDisconnected: (room, why) => {
        const { lost, reason } = endOf(why)
        if (!lost || !options.rejoin || connection === undefined) return end(reason)
        const refreshed = hidden(room, "token")
        if (typeof refreshed === "string") token = Redacted.make(refreshed)
        const old = connection
        connection = undefined
        current = undefined
        steady = false
        joined = Deferred.makeUnsafe()
        participants.lose()
        for (const output of outputs) output.detach()
        quietly(old.close)
        quietly(rejoin(reason))
      },
      onDefect: (error) => quietly(Effect.logWarning("the room could not handle an event", error))
    }

    const connect: Effect.Effect<void, RoomError> = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const made = yield* restore(join({
          url: options.url,
          token,
          everything: options.autoSubscribe === "all",
          key: options.key,
          maxMessageBytes: options.maxMessageBytes,
          captureLogs: options.captureLogs,
          prepare: (room) => {
            current = room
            register(room, ports)
            messages.register(room)
          },
          onEncryptionFailure: (room, identity, detail) => {
            if (room === current) publish({ _tag: "EncryptionFailed", identity, detail })
          },
          onDefect: ports.onDefect
        }))
        // What ended while it was being joined is left again.
        if (over !== undefined) return yield* Effect.andThen(made.close, Effect.fail(gone("connect")))
        connection = made
        current = made.room
        adopt(made.room, ports)
        calls.register(made.room)
      })
    )

    /** As often as it may be tried; a refusal is not argued with. */
    const persist = (attempt: number, onAttempt: (attempt: number) => void): Effect.Effect<void, RoomError> =>
      Effect.suspend(() => {
        onAttempt(attempt)
        return Effect.catchIf(
          connect,
          (error) => attempt <= options.retries && !isRefusal(error) && over === undefined,
          () => Effect.andThen(Effect.sleep(options.retryMs), persist(attempt + 1, onAttempt))
        )
      })

    const restore = Effect.suspend(() =>
      Effect.all([
        Object.keys(attributes).length === 0 ? Effect.void : sending.setAttributes(attributes),
        Effect.forEach(outputs, (output) => Effect.flatMap(present("output"), output.attach), { discard: true })
      ], { discard: true })
    )

    const rejoin = (reason: EndReason): Effect.Effect<void> =>
      persist(1, (attempt) => publish({ _tag: "Connection", state: "rejoining", attempt })).pipe(
        Effect.andThen(Effect.suspend(() => {
          Deferred.doneUnsafe(joined, Effect.void)
          return restore
        })),
        Effect.match({
          onSuccess: () => {
            if (over === undefined) settled()
          },
          onFailure: (error) => {
            // A connection that was lost in the middle of it is joined again by itself.
            if (connection !== undefined || over !== undefined) return settledUnlessOver()
            end(reason, `the connection was lost, and could not be made again: ${error.detail}`)
          }
        })
      )
    const settledUnlessOver = (): void => {
      if (over === undefined) settled()
    }

    const sending = makeSending({ rtc, present, has: participants.has })

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        end("left")
        return Effect.timeoutOption(Deferred.await(torn), teardown)
      })
    )
    yield* persist(1, () => {})
    steady = true
    publish({ _tag: "Connection", state: "connected" })

    const openTrack = (wish: OutputOptions | undefined): Effect.Effect<Output, RoomError, Scope.Scope> =>
      Effect.gen(function*() {
        if (over !== undefined) return yield* gone("output")
        const { name, ...format } = yield* check(wish)
        const track = yield* Effect.acquireRelease(
          Effect.tap(
            Effect.provideService(makeOutputTrack({ rtc, format, name }), Clock.Clock, clock),
            (track) => Effect.sync(() => outputs.add(track))
          ),
          (track) =>
            Effect.andThen(
              track.close,
              Effect.sync(() => outputs.delete(track))
            )
        )
        yield* Effect.flatMap(present("output"), track.attach)
        return track.output
      })

    const remote = (what: string, identity: string) =>
      Effect.flatMap(present(what), (room) => {
        const found = room.remoteParticipants.get(identity)
        return found === undefined ? Effect.fail(unknown(what, identity)) : Effect.succeed(found)
      })

    const remove = (identity: string): Effect.Effect<void, RoomError> =>
      Effect.gen(function*() {
        const admin = options.admin ?? token
        if (!mayRemove(admin)) {
          return yield* refuse(
            "Unsupported",
            "remove: no token with the right roomAdmin was given, as the option admin"
          )
        }
        const { name = "" } = yield* present("remove")
        if (!participants.has(identity)) return
        yield* Effect.sleep(onTheWay)
        yield* Effect.mapError(
          removeParticipant({ url: options.url, token: admin, room: name, identity }),
          (why) => refuse("SendFailed", `remove: the server did not do it (${why})`)
        )
      }).pipe(
        Effect.timeoutOrElse({
          duration: teardown,
          orElse: () => Effect.fail(refuse("Disconnected", "remove: the room is not connected"))
        })
      )

    const room = Room.of({
      name: current?.name ?? "",
      identity: current?.localParticipant?.identity ?? "",
      participants: Effect.sync(participants.all),
      events: Stream.unwrap(events.subscribe),
      audio: (identity, format = Audio.speech) =>
        Stream.unwrap(Effect.suspend(() =>
          over === undefined
            ? participants.listen(identity, format) ?? Effect.fail(unknown("audio", identity))
            : Effect.fail(gone("audio"))
        )),
      tracks: (identity) => Effect.map(remote("tracks", identity), tracksOf),
      subscribe: ({ identity, sid, subscribed }) =>
        Effect.flatMap(remote("subscribe", identity), (participant) => {
          const publication = publicationsOf(participant).find((one) => one.sid === sid)
          return publication === undefined
            ? Effect.fail(refuse("InvalidOption", `subscribe: ${identity} publishes no track ${sid}`))
            : Effect.sync(() => publication.setSubscribed(subscribed))
        }),
      output: openTrack,
      ...sending,
      setAttributes: (changed) =>
        Effect.tap(sending.setAttributes(changed), () =>
          Effect.sync(() => {
            attributes = { ...attributes, ...changed }
          })),
      texts: messages.texts,
      bytes: messages.bytes,
      call: (call) =>
        Effect.flatMap(
          present("call"),
          () => participants.has(call.identity) ? calls.call(call) : Effect.fail(unknown("call", call.identity))
        ),
      handle: (method, handler) =>
        Effect.suspend(() => over === undefined ? calls.handle(method, handler) : Effect.fail(gone("handle"))),
      remove,
      ended: Deferred.await(ended),
      leave: Effect.suspend(() => {
        end("left")
        return Effect.asVoid(Effect.timeoutOption(Deferred.await(torn), teardown))
      })
    })
    return {
      room,
      open: () => events.subscribers() + participants.listeners() + messages.subscribers() + outputs.size + calls.size()
    }
  })
