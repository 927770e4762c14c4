import { describe, it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { Room } from "effect-voice"
import * as Testing from "effect-voice/testing"

export type Peers = Testing.RoomPeers

/** Exact, and at no cost. */
export const testTime: Testing.RoomContractOptions = {}

/** As it is, over a network. */
export const realTime: Testing.RoomContractOptions = { pass: Effect.sleep, tolerance: 60, delay: "1 second" }

/** What every `Room` keeps whose peers are at hand. */
export const contract = <E, P>(
  name: string,
  layer: () => Layer.Layer<Room.Room | P, E>,
  peers: Effect.Effect<Peers, never, P | Scope.Scope>,
  time: Testing.RoomContractOptions = testTime
) =>
  describe(`${name} keeps the Room contract`, () => {
    for (const { holds, sentence } of Testing.roomContract(time)) {
      const test = time.pass === undefined ? it.effect : it.live
      test(sentence, () =>
        Effect.flatMap(Effect.all([Room.Room, peers]), ([room, peers]) => holds(room, peers)).pipe(
          Effect.provide(layer())
        ))
    }
  })
