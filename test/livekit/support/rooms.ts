/** Our own side of a room, watched. */
import { Effect, Stream } from "effect"
import type { Room } from "effect-voice"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import { agentToken, now, until, url } from "./people.ts"
import type { Address } from "./server.ts"

export interface Watched {
  readonly room: Room.Room["Service"]
  readonly events: ReadonlyArray<{ readonly at: number; readonly event: Room.Event }>
  readonly states: () => ReadonlyArray<string>
  /** Waits for an event. */
  readonly sees: (predicate: (event: Room.Event) => boolean) => Effect.Effect<void>
}

/** Collects what a stream gives, from now on. */
export const collect = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function*() {
    const items: Array<A> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (item) => Effect.sync(() => void items.push(item))),
      { startImmediately: true }
    )
    return { items, fiber }
  })

/** Joins as the agent. */
export const join = (
  name: string,
  options: Partial<LiveKitRoom.Options> & { readonly identity?: string; readonly at?: Address } = {}
) =>
  Effect.gen(function*() {
    const { at, identity, ...rest } = options
    const token = yield* agentToken(name, identity, at)
    const room = yield* LiveKitRoom.connect({ url: at?.url ?? url(), token, ...rest })
    const events: Array<{ readonly at: number; readonly event: Room.Event }> = []
    yield* Effect.forkScoped(
      Stream.runForEach(room.events, (event) => Effect.sync(() => void events.push({ at: now(), event }))),
      { startImmediately: true }
    )
    const watched: Watched = {
      room,
      events,
      states: () => events.flatMap(({ event }) => event._tag === "Connection" ? [event.state] : []),
      sees: (predicate) => until(() => events.some(({ event }) => predicate(event)))
    }
    return watched
  })
