/**
 * Joins a room of LiveKit: what it needs to be one, what is logged of it, and
 * what stock frontends are served in it. It is left when the scope closes.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Frontend from "../../Frontend.ts"
import type { Room, RoomError } from "../../Room.ts"
import { logRoom } from "./logging.ts"
import { check, type Options } from "./options.ts"
import { make } from "./room.ts"

export const joinServed = (options: Options): Effect.Effect<Room["Service"], RoomError, Scope.Scope> =>
  Effect.gen(function*() {
    const { frontend, preconnect } = options
    const { room } = yield* Effect.flatMap(check(options), make)
    yield* logRoom(room)
    const served: Room["Service"] = frontend === false
      ? room
      : { ...room, attach: (session) => Frontend.attach(session, frontend) }
    return preconnect === false ? served : yield* Frontend.preconnect(served, preconnect)
  })
