/** The agent's tracks in a room, each closed with its scope, or with the room. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Output, OutputOptions, RoomError } from "../../Room.ts"
import type { Membership } from "./membership.ts"
import { check, makeOutputTrack, type OutputTrack } from "./outputTrack.ts"
import type { Rtc } from "./rtc.ts"

export interface OutputTracks {
  readonly open: (wish: OutputOptions | undefined) => Effect.Effect<Output, RoomError, Scope.Scope>
  /** Publishes all of them in the room that is there now. */
  readonly attach: Effect.Effect<void, RoomError>
  readonly detach: () => void
  /** The room has ended: writing fails from now on. */
  readonly end: (error: RoomError) => void
  readonly close: Effect.Effect<void>
  readonly size: () => number
}

export const makeOutputTracks = (options: {
  readonly rtc: Rtc
  readonly clock: Clock.Clock
  readonly membership: Membership
}): OutputTracks => {
  const { clock, membership, rtc } = options
  const tracks = new Set<OutputTrack>()
  const attach = (track: OutputTrack) => Effect.flatMap(membership.present("output"), track.attach)
  return {
    open: Effect.fnUntraced(function*(wish) {
      const problem = membership.problem("output")
      if (problem !== undefined) return yield* problem
      const { name, ...format } = yield* check(wish)
      const track = yield* Effect.acquireRelease(
        Effect.tap(
          Effect.provideService(makeOutputTrack({ rtc, format, name }), Clock.Clock, clock),
          (track) => Effect.sync(() => tracks.add(track))
        ),
        (track) => Effect.andThen(track.close, Effect.sync(() => tracks.delete(track)))
      )
      yield* attach(track)
      return track.output
    }),
    attach: Effect.suspend(() => Effect.forEach(tracks, attach, { discard: true })),
    detach: () => {
      for (const track of tracks) track.detach()
    },
    end: (error) => {
      for (const track of tracks) track.end(error)
    },
    close: Effect.suspend(() =>
      Effect.forEach(tracks, ({ close }) => close, { concurrency: "unbounded", discard: true })
    ),
    size: () => tracks.size
  }
}
