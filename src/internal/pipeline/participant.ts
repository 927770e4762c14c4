/** Whom the agent talks with: who comes, who has gone, and who may be back. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type * as Room from "../../Room.ts"
import { type Core, signal } from "./core.ts"
import { failed } from "./failures.ts"

/** The participant of a session, once it is known who that is. */
export interface SessionParticipant {
  readonly current: () => Room.Participant | undefined
  readonly identity: () => string | undefined
  readonly met: (participant: Room.Participant) => void
}

export const makeParticipant = (): SessionParticipant => {
  let current: Room.Participant | undefined
  return {
    current: () => current,
    identity: () => current?.identity,
    met: (participant) => {
      current = participant
    }
  }
}

/** Who is talked with, in logs and traces; of a telephone call also its id, never a number. */
export const idsOf = (participant: Room.Participant | undefined): Readonly<Record<string, string>> => {
  if (participant === undefined) return {}
  const { attributes, identity } = participant
  const call = attributes["sip.callID"]
  return { participant: identity, ...(call === undefined ? {} : { call }) }
}

const machines = new Set<Room.Participant["kind"]>(["agent", "ingress", "egress"])

/** Neither a machine, nor an avatar that speaks for an agent. */
export const isPerson = ({ attributes, kind }: Room.Participant): boolean =>
  !machines.has(kind) && attributes["lk.publish_on_behalf"] === undefined

export const awaitParticipant = (
  room: Room.Room["Service"],
  identity: string | undefined
): Effect.Effect<Room.Participant> =>
  Effect.gen(function*() {
    const wanted = (candidate: Room.Participant) =>
      identity === undefined ? isPerson(candidate) : candidate.identity === identity
    const found = yield* Deferred.make<Room.Participant>()
    yield* room.events.pipe(
      Stream.runForEach((event) =>
        event._tag === "ParticipantJoined" && wanted(event.participant)
          ? Effect.asVoid(Deferred.succeed(found, event.participant))
          : Effect.void
      ),
      Effect.forkChild({ startImmediately: true })
    )
    const there = (yield* room.participants).find(wanted)
    return there ?? (yield* Deferred.await(found))
  })

const close = (core: Core, reason: Event.CloseReason): void => signal(core, { _tag: "Close", drain: false, reason })

const guarded = (core: Core, watch: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.catchCause(
    watch,
    (cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.sync(() => failed(core, "room", "room", cause))
  )

/** Ends the session with the room. */
export const watchEnd = (core: Core, room: Room.Room["Service"]): Effect.Effect<void> =>
  guarded(core, Effect.andThen(room.ended, Effect.sync(() => close(core, "room_ended"))))

// Who went for one of these did not mean to.
const unwilling = new Set<Room.LeaveReason | undefined>(["connection_lost", "duplicate_identity"])

/** Ends the session when the participant has gone; one whose connection was lost has some time to be back. */
export const watchLeaving = (
  core: Core,
  room: Room.Room["Service"],
  returnTimeout: number
): Effect.Effect<void> => {
  let waiting: Fiber.Fiber<void> | undefined
  const wait = (identity: string) =>
    Effect.gen(function*() {
      yield* Effect.sleep(returnTimeout)
      if (!(yield* room.participants).some((other) => other.identity === identity)) close(core, "participant_left")
    })
  const take = (event: Room.Event): void => {
    const identity = core.participant.identity()
    if (event._tag === "ParticipantJoined" && event.participant.identity === identity) waiting?.interruptUnsafe()
    if (event._tag !== "ParticipantLeft" || event.identity !== identity) return
    waiting?.interruptUnsafe()
    if (!unwilling.has(event.reason)) return close(core, "participant_left")
    waiting = core.fork(wait(identity))
  }
  return guarded(core, Stream.runForEach(room.events, (event) => Effect.sync(() => take(event))))
}
