import { describe } from "@effect/vitest"
import { Context, Effect, Layer, Scope, Stream } from "effect"
import { Room } from "effect-voice"
import { check } from "effect-voice/internal/livekit/options"
import { make } from "effect-voice/internal/livekit/room"
import { contract, type Peers, realTime } from "../contract/room.ts"
import { agentToken, type Caller, caller, livekit, operator, roomName, tone, until, url } from "./support/people.ts"

class Company extends Context.Service<Company, Peers>()("effect-voice/test/livekit/room.test/Company") {}

const company = Layer.effectContext(Effect.gen(function*() {
  const name = roomName()
  const options = yield* check({ url: url(), token: yield* agentToken(name) })
  const { open, room } = yield* make(options)
  const scope = yield* Effect.scope
  const people = new Map<string, Caller>()
  const muted = new Map<string, boolean>()
  yield* Effect.forkScoped(
    Stream.runForEach(room.events, (event) =>
      Effect.sync(() => {
        if (event._tag === "TrackMuted" || event._tag === "TrackUnmuted") {
          muted.set(event.identity, event._tag === "TrackMuted")
        }
      })),
    { startImmediately: true }
  )
  const listening = open()
  const someone = (identity: string) => Effect.sync(() => people.get(identity)!)
  const here = (identity: string) =>
    Effect.map(room.participants, (all) => all.some((one) => one.identity === identity))
  const untilHere = (identity: string, wanted: boolean): Effect.Effect<void> =>
    Effect.flatMap(
      here(identity),
      (is) => is === wanted ? Effect.void : Effect.andThen(Effect.sleep(10), untilHere(identity, wanted))
    )
  const heard = (identity: string): Effect.Effect<void, Room.RoomError> =>
    Effect.flatMap(
      room.tracks(identity),
      (tracks) =>
        tracks.some((track) => track.subscribed) ? Effect.void : Effect.andThen(Effect.sleep(10), heard(identity))
    )
  const peers = Company.of({
    join: (identity) =>
      Effect.gen(function*() {
        const one = yield* Effect.provideService(caller({ room: name, identity }), Scope.Scope, scope)
        people.set(identity, one)
        yield* untilHere(identity, true)
        yield* heard(identity)
      }),
    leave: (identity) =>
      Effect.flatMap(someone(identity), ({ leaves }) => Effect.andThen(leaves, untilHere(identity, false))),
    talk: (identity) => Effect.flatMap(someone(identity), ({ says }) => says(tone(100))),
    mute: (identity, on) =>
      Effect.flatMap(
        someone(identity),
        ({ mutes }) => Effect.andThen(mutes(on), until(() => muted.get(identity) === on))
      ),
    sendText: ({ identity, text, topic }) =>
      Effect.flatMap(
        someone(identity),
        ({ room }) => Effect.promise(() => room.localParticipant!.sendText(text, { topic }))
      ),
    call: ({ identity, method, payload }) =>
      Effect.flatMap(someone(identity), ({ room: theirs }) =>
        Effect.tryPromise({
          try: () => theirs.localParticipant!.performRpc({ destinationIdentity: room.identity, method, payload }),
          catch: (error) => new Room.RoomError({ reason: "RpcFailed", detail: String(error) })
        })),
    disconnect: (reason) =>
      Effect.promise(async () => {
        if (reason === "removed") await operator().removeParticipant(name, room.identity)
      }),
    open: Effect.sync(() => open() - listening)
  })
  return Context.make(Room.Room, room).pipe(Context.add(Company, peers))
}))

describe.skipIf(livekit === undefined)("LiveKitRoom", () => {
  contract("A LiveKit room", () => Layer.fresh(company), Company, realTime)
})
