/** A room in memory as the agent has it. The agent's first use begins the room. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type { Output, Room, RoomError } from "../../Room.ts"
import { destinationFor, written } from "./destination.ts"
import { withEarlyKeys } from "./earlyKeys.ts"
import { gone, refuse, unknownParticipant } from "./errors.ts"
import type { Hub, Parts } from "./parts.ts"
import type { Topics } from "./topics.ts"

/** What is done elsewhere, for participants who are not in this memory. */
export interface Remote {
  /** @default asks who answers in this memory */
  readonly call?: (call: {
    readonly identity: string
    readonly method: string
    readonly payload: string
  }) => Effect.Effect<string, RoomError>
  /** @default nothing: they leave */
  readonly remove?: (identity: string) => Effect.Effect<void, RoomError>
  readonly transfer?: ((identity: string, to: string) => Effect.Effect<void, RoomError>) | undefined
}

export const makeAgentSide = (
  { bytes, clock, end, events, lifetime, outbox, outputs, participants, rpc, texts }: Hub & {
    readonly outputs: Pick<Parts["outputs"], "open">
  },
  names: { readonly name?: string | undefined; readonly identity?: string | undefined },
  remote: Remote = {}
): Room["Service"] => {
  const { using } = lifetime
  const { transfer } = remote

  const topicOf = <A>(topics: Topics<A>, name: string): Stream.Stream<A> =>
    Stream.unwrap(Effect.tap(Effect.suspend(() => topics.subscribe(name)), () => Effect.sync(lifetime.start)))

  return withEarlyKeys({
    name: names.name ?? "local",
    identity: names.identity ?? "agent",
    participants: using(Effect.sync(participants.all)),
    // Subscribed before the room begins, so that whoever is there first sees everyone join.
    events: Stream.unwrap(Effect.tap(events.subscribe, () => Effect.sync(lifetime.start))),
    audio: (identity) =>
      Stream.unwrap(using(Effect.suspend((): Effect.Effect<
        Stream.Stream<Audio.Frame, RoomError>,
        RoomError,
        Scope.Scope
      > => {
        const problem = lifetime.problem("audio", "audio")
        if (problem !== undefined) return Effect.fail(problem)
        return participants.microphone(identity)?.subscribe ?? Effect.fail(unknownParticipant("audio", identity))
      }))),
    tracks: (identity) =>
      using(Effect.suspend(() => {
        if (lifetime.isOver()) return Effect.fail(gone("tracks"))
        const tracks = participants.tracks(identity)
        return tracks === undefined ? Effect.fail(unknownParticipant("tracks", identity)) : Effect.succeed(tracks)
      })),
    subscribe: () => Effect.fail(refuse("Unsupported", "subscribe: in this room every microphone is received")),
    output: (wish) =>
      using(Effect.suspend((): Effect.Effect<Output, RoomError, Scope.Scope> =>
        lifetime.isOver()
          ? Effect.fail(gone("output"))
          : Effect.provideService(outputs.open(wish), Clock.Clock, clock)
      )),
    ...outbox.sending,
    texts: (name) => topicOf(texts, name),
    bytes: (name) => topicOf(bytes, name),
    call: ({ identity, method, payload, timeout }) =>
      using(Effect.suspend(() => {
        const problem = lifetime.problem("call", "rpc")
        if (problem !== undefined) return Effect.fail(problem)
        if (!participants.has(identity)) return Effect.fail(unknownParticipant("call", identity))
        return remote.call === undefined
          ? rpc.ask(identity, method, { identity, payload }, timeout)
          : rpc.within(method, remote.call({ identity, method, payload }), timeout)
      })),
    handle: (method, handler) => using(rpc.answer(undefined, method, handler)),
    remove: (identity) =>
      using(Effect.suspend(() => {
        if (lifetime.isOver()) return Effect.fail(gone("remove"))
        if (!participants.has(identity)) return Effect.void
        return Effect.map(remote.remove?.(identity) ?? Effect.void, () => participants.leave(identity, "removed"))
      })),
    ...(transfer === undefined ? {} : {
      transfer: (identity, to) =>
        using(Effect.gen(function*() {
          if (lifetime.isOver()) return yield* gone("transfer")
          if (!participants.has(identity)) return yield* unknownParticipant("transfer", identity)
          yield* transfer(identity, written(yield* destinationFor(to)))
          participants.leave(identity, "left")
        }))
    }),
    ended: using(lifetime.ended),
    leave: Effect.sync(() => end("left"))
  }, events.keys)
}
