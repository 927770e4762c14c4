/** The participant whom the agent talks with: who comes, who has gone, and who may be back. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type * as Room from "../../Room.ts"
import { masked } from "../numbers.ts"
import { callOf, lineOf } from "../room/call.ts"
import { type Core, signal } from "./core.ts"
import { failed } from "./failures.ts"

/** The participant of a session, once it is known who that is. */
export interface SessionParticipant {
  readonly current: () => Room.Participant | undefined
  readonly identity: () => string | undefined
  /** Found. */
  readonly met: (participant: Room.Participant) => void
  /** Seen again as they are now, and can be spoken to. */
  readonly reached: (participant: Room.Participant) => void
  readonly isReached: () => boolean
  /** The session has told that it has begun: what they have done until then is told from now on. */
  readonly introduced: () => void
  readonly known: Effect.Effect<void>
}

export const makeParticipant = (): SessionParticipant => {
  const known = Deferred.makeUnsafe<void>()
  let current: Room.Participant | undefined
  let isReached = false
  return {
    current: () => current,
    identity: () => current?.identity,
    met: (participant) => {
      current = participant
    },
    reached: (participant) => {
      current = participant
      isReached = true
    },
    isReached: () => isReached,
    introduced: () => Deferred.doneUnsafe(known, Effect.void),
    known: Deferred.await(known)
  }
}

/** Who is talked with, in logs and traces; of a telephone call also its id, never a number. */
export const idsOf = (participant: Room.Participant | undefined): Readonly<Record<string, string>> => {
  if (participant === undefined) return {}
  const { attributes, identity } = participant
  const call = attributes["sip.callID"]
  return { participant: masked(identity), ...(call === undefined ? {} : { call }) }
}

const machines = new Set<Room.Participant["kind"]>(["agent", "ingress", "egress"])

/** Neither a machine, nor an avatar that speaks for an agent. */
export const isPerson = ({ attributes, kind }: Room.Participant): boolean =>
  !machines.has(kind) && attributes["lk.publish_on_behalf"] === undefined

/** Kinds whose microphone is there by itself, or comes when they pick up. */
const audible = new Set<Room.Participant["kind"]>(["sip", "connector", "bridge"])

const isMicrophone = ({ kind, source }: Room.Track): boolean =>
  kind === "audio" && (source === "microphone" || source === "unknown")

/** Whether they have a microphone, as far as the room can tell. */
const canSpeak = (room: Room.Room["Service"], { identity, kind }: Room.Participant): Effect.Effect<boolean> =>
  audible.has(kind) ? Effect.succeed(true) : Effect.match(room.tracks(identity), {
    onFailure: ({ reason }) => reason === "Unsupported",
    onSuccess: (tracks) => tracks.some(isMicrophone)
  })

export interface Wanted {
  /** Nobody but this one. */
  readonly identity: string | undefined
  /** How long one who can speak is waited for, where others are there (ms); `undefined`: nobody needs to. */
  readonly microphoneMs: number | undefined
}

/** The first that is there or comes: of those who can speak, if one comes in time. */
export const awaitParticipant = (
  room: Room.Room["Service"],
  { identity, microphoneMs }: Wanted
): Effect.Effect<{ readonly participant: Room.Participant; readonly speaks: boolean }> =>
  Effect.gen(function*() {
    const found = yield* Deferred.make<{ readonly participant: Room.Participant; readonly speaks: boolean }>()
    const wanted = (candidate: Room.Participant) =>
      identity === undefined ? isPerson(candidate) : candidate.identity === identity
    const take = (participant: Room.Participant, speaks: boolean) => Deferred.succeed(found, { participant, speaks })
    const there = Effect.map(room.participants, (all) => all.filter(wanted))
    const speakers = Effect.gen(function*() {
      for (const one of yield* there) if (yield* canSpeak(room, one)) return yield* take(one, true)
      return false
    })
    /** Somebody is there: others may yet be able to speak, and then there is nobody but them. */
    const see = Effect.fnUntraced(function*(come: Room.Participant | undefined) {
      const [first] = yield* there
      // Who has gone in the same moment was there: what begins with them ends.
      if (first === undefined) return come !== undefined && wanted(come) ? void (yield* take(come, true)) : undefined
      if (microphoneMs === undefined || identity !== undefined) return void (yield* take(first, true))
      if (yield* speakers) return
      yield* Effect.sleep(microphoneMs)
      if (yield* speakers) return
      const [still] = yield* there
      if (still !== undefined) yield* take(still, false)
    })
    yield* room.events.pipe(
      Stream.filter(({ _tag }) => _tag === "ParticipantJoined" || _tag === "TrackPublished"),
      Stream.runForEach((event) => {
        const come = event._tag === "ParticipantJoined" ? event.participant : undefined
        return Effect.forkScoped(see(come), { startImmediately: true })
      }),
      Effect.forkScoped({ startImmediately: true })
    )
    yield* Effect.forkScoped(see(undefined), { startImmediately: true })
    return yield* Deferred.await(found)
  }).pipe(Effect.scoped)

/** Whether they can be spoken to: the line of a call that the agent's side has made rings first. */
export const isReachable = ({ attributes, direction, kind }: Room.Participant): boolean =>
  kind !== "sip" || direction === "inbound" || (attributes["sip.callStatus"] ?? "active") === "active"

/** Waits until a participant is there and can be spoken to, and gives them as they are then. */
export const awaitReachable = (
  room: Room.Room["Service"],
  identity: string
): Effect.Effect<Room.Participant> =>
  Effect.gen(function*() {
    const found = yield* Deferred.make<Room.Participant>()
    let known: Room.Participant | undefined
    const see = (participant: Room.Participant | undefined): Effect.Effect<void> => {
      known = participant
      return known === undefined || !isReachable(known) ? Effect.void : Effect.asVoid(Deferred.succeed(found, known))
    }
    const there = Effect.map(room.participants, (all) => all.find((other) => other.identity === identity))
    yield* room.events.pipe(
      Stream.runForEach((event) => {
        if (event._tag === "ParticipantJoined") {
          return event.participant.identity === identity ? see(event.participant) : Effect.void
        }
        if (event._tag !== "AttributesChanged" || event.identity !== identity) return Effect.void
        return Effect.flatMap(there, (now = known) => {
          if (now === undefined) return Effect.void
          const attributes = { ...now.attributes, ...event.attributes }
          return see({ ...now, attributes, ...(now.kind === "sip" ? callOf(attributes) : {}) })
        })
      }),
      Effect.forkChild({ startImmediately: true })
    )
    yield* see(yield* there)
    return yield* Deferred.await(found)
  })

const warnOfLine = (core: Core, why: string): void =>
  core.publish({ _tag: "Warning", component: "room", message: `the telephone's line stays open: ${why}` })

/** Ends the line of one at a telephone, who would be left alone on it; whoever else is there can leave by themselves. */
export const endLine = (
  core: Core,
  room: Room.Room["Service"],
  patience: number
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const participant = core.participant.current()
    if (participant?.kind !== "sip") return
    const { identity } = participant
    if (!(yield* room.participants).some((other) => other.identity === identity)) return
    if (room.remove === undefined) return warnOfLine(core, "the room cannot remove who is in it")
    yield* Effect.catch(room.remove(identity), ({ detail }) => Effect.sync(() => warnOfLine(core, detail)))
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.sync(() => warnOfLine(core, "the room did not answer in time"))
    }),
    Effect.catchCause((cause) => Effect.sync(() => failed(core, "room", "room", cause)))
  )

/** What a transfer may have brought about is told when it is known whether it has. */
const close = (core: Core, reason: Event.CloseReason): void => {
  if (!core.transfers.keeps(reason)) signal(core, { _tag: "Close", drain: false, reason })
}

const guarded = (core: Core, watch: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.catchCause(
    watch,
    (cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.sync(() => failed(core, "room", "room", cause))
  )

/** Ends the session with the room. */
export const watchEnd = (core: Core, room: Room.Room["Service"]): Effect.Effect<void> =>
  guarded(core, Effect.andThen(room.ended, Effect.sync(() => close(core, "room_ended"))))

// Who goes for one of these is not coming back; whatever else has happened, they may.
const forGood: ReadonlySet<Room.LeaveReason | undefined> = new Set<Room.LeaveReason>([
  "left",
  "removed",
  "room_closed",
  "user_unavailable",
  "user_rejected",
  "sip_failure"
])

// Reasons that are kept of those who were gone before it was known whom the agent talks with.
const keptReasons = 64

/** How a call has ended that nobody took, by what its line tells, and else by why its participant has gone. */
const ofLine: Partial<Record<Room.CallStatus, Event.CloseReason>> = {
  busy: "busy",
  refused: "refused",
  unanswered: "unanswered",
  failed: "call_failed"
}
const ofLeaving: Partial<Record<Room.LeaveReason, Event.CloseReason>> = {
  user_rejected: "refused",
  sip_failure: "call_failed"
}

export interface Leaving {
  /** Sees to it, for as long as the session lasts. */
  readonly watch: Effect.Effect<void>
  /** For a participant who may have gone before anybody watched them. */
  readonly check: (identity: string) => Effect.Effect<void>
}

/**
 * Ends the session when the participant has gone for good; any other has some
 * time to be back. One who is still there has not left: the room tells of what
 * their new connection has replaced.
 */
export const makeLeaving = (
  core: Core,
  room: Room.Room["Service"],
  returnTimeout: number
): Leaving => {
  let waiting: Fiber.Fiber<void> | undefined
  /** How often they were told to have come again, less how often to have gone. */
  let balance = 0
  /** They have gone for good, and are there: unless they are seen to come, nothing has happened. */
  let parted = false
  const gone = new Map<string, Room.LeaveReason | undefined>()
  /** What the line of the one who is called has told last. */
  let line: Readonly<Record<string, string>> = {}
  const over = (reason: Room.LeaveReason | undefined): void => {
    const one = core.participant.current()
    if (one?.kind !== "sip" || one.direction !== "outbound" || core.participant.isReached()) {
      return close(core, "participant_left")
    }
    const { call } = callOf({ ...one.attributes, ...line })
    close(core, (call && ofLine[call]) ?? (reason && ofLeaving[reason]) ?? "unanswered")
  }
  const stop = (): void => {
    waiting?.interruptUnsafe()
    waiting = undefined
  }
  const isThere = (identity: string) =>
    Effect.map(room.participants, (all) => all.some((other) => other.identity === identity))
  const wait = (identity: string) =>
    Effect.gen(function*() {
      yield* Effect.sleep(returnTimeout)
      if (!(yield* isThere(identity))) over(undefined)
    })
  const depart = (identity: string, reason: Room.LeaveReason | undefined): Effect.Effect<void> =>
    Effect.map(isThere(identity), (there) => {
      stop()
      parted = there && balance <= 0 && forGood.has(reason)
      balance = Math.max(balance, 0) - 1
      if (there) return
      if (forGood.has(reason)) return over(reason)
      signal(core, { _tag: "Reachable", reachable: false })
      waiting = core.fork(wait(identity))
    })
  const arrive = (identity: string): void => {
    gone.delete(identity)
    if (identity !== core.participant.identity()) return
    // Who has said goodbye begins anew.
    if (parted) return close(core, "participant_left")
    balance += 1
    stop()
    signal(core, { _tag: "Reachable", reachable: true })
  }
  const take = (event: Room.Event): Effect.Effect<void> => {
    if (event._tag === "ParticipantJoined") return Effect.sync(() => arrive(event.participant.identity))
    if (event._tag === "AttributesChanged") {
      if (event.identity === core.participant.identity()) line = lineOf({ ...line, ...event.attributes })
      return Effect.void
    }
    if (event._tag !== "ParticipantLeft") return Effect.void
    const identity = core.participant.identity()
    if (event.identity === identity) return depart(identity, event.reason)
    if (identity === undefined && gone.size < keptReasons) gone.set(event.identity, event.reason)
    return Effect.void
  }
  return {
    watch: guarded(core, Stream.runForEach(room.events, take)),
    check: (identity) =>
      Effect.flatMap(
        isThere(identity),
        (there) => there || waiting !== undefined ? Effect.void : depart(identity, gone.get(identity))
      )
  }
}
