/** One conversation with each participant, side by side, none in another's way. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Agent from "../../Agent.ts"
import type { EachOptions, PipelineError, Services } from "../../Pipeline.ts"
import * as Room from "../../Room.ts"
import type { Session } from "../../Session.ts"
import { logOwn } from "../foreign.ts"
import { saysYes } from "../given.ts"
import { masked } from "../numbers.ts"
import { open } from "./open.ts"
import { checkEach } from "./options.ts"
import { isPerson } from "./participant.ts"
import { checkServices } from "./services.ts"
import { makeViews } from "./view.ts"

/** What happened to the others since a conversation began. */
interface Guest {
  participant: Room.Participant
  /** Came again while the conversation before was still there. */
  again: boolean
  /** They are in their conversation. */
  started: boolean
}

export const each = <R, E>(
  agent: Agent.Agent<R, E> | ((participant: Room.Participant) => Agent.Agent<R, E>),
  options: EachOptions = {}
): Effect.Effect<void, PipelineError, Services | Exclude<Exclude<R, Session>, Scope.Scope>> =>
  Effect.scoped(Effect.gen(function*() {
    const { concurrency } = yield* checkEach(options)
    const { accepts = isPerson, concurrency: _, onEvent, ...shared } = options
    yield* checkServices
    const room = yield* Room.Room
    const services = yield* Effect.context<Services | Exclude<Exclude<R, Session>, Scope.Scope>>()
    const views = makeViews(room)
    const seats = Semaphore.makeUnsafe(concurrency)
    const guests = new Map<string, Guest>()
    let sessions = 0

    const converse = (guest: Guest) => {
      const { participant } = guest
      const { identity } = participant
      const view = views.of(identity)
      return Effect.scoped(
        Effect.flatMap(
          open(typeof agent === "function" ? agent(participant) : agent, {
            ...shared,
            participant: identity,
            sessionId: `${room.name}-${identity}-${++sessions}`,
            output: { ...shared.output, name: `${shared.output?.name ?? "agent-audio"}-${identity}` },
            onEvent: (event) => {
              if (event._tag === "SessionStarted") guest.started = true
              return onEvent?.(event, participant)
            }
          }),
          (session) => session.ended
        )
      ).pipe(
        Effect.provideContext(Context.add(services, Room.Room, view)),
        Effect.ensuring(Effect.suspend(() => views.forget(identity))),
        // One that cannot be held must not end the others.
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.interrupt
            : Effect.as(logOwn("a conversation could not be held", cause), "start_failed" as const)
        ),
        Effect.annotateLogs({ participant: masked(identity) })
      )
    }
    /** Until the participant has gone, and has not come again while they were seen off. */
    const serve = (guest: Guest): Effect.Effect<void> =>
      Effect.suspend(() => {
        guest.again = false
        guest.started = false
        return seats.withPermits(1)(Effect.suspend(() => converse(guest)))
      }).pipe(
        Effect.flatMap((reason) =>
          Effect.map(room.participants, (all) => {
            const there = all.some(({ identity }) => identity === guest.participant.identity)
            return reason === "participant_left" && guest.again && there
          })
        ),
        Effect.flatMap((again) => again ? serve(guest) : Effect.void)
      )

    const fibers = yield* FiberMap.make<string, void, never>()
    const admit = (participant: Room.Participant) =>
      Effect.suspend(() => {
        const { identity } = participant
        if (!saysYes("accepts", accepts(participant))) return Effect.void
        const known = guests.get(identity)
        if (known !== undefined) {
          known.participant = participant
          known.again = true
          return Effect.void
        }
        const guest: Guest = { participant, again: false, started: false }
        guests.set(identity, guest)
        return FiberMap.run(
          fibers,
          identity,
          Effect.ensuring(serve(guest), Effect.sync(() => guests.delete(identity)))
        )
      })
    /** Who goes before it has begun need not be waited for. */
    const dismiss = (identity: string) =>
      Effect.flatMap(room.participants, (all) => {
        // Who is there under the same identity has not gone.
        const there = all.some((other) => other.identity === identity)
        return !there && guests.get(identity)?.started === false ? FiberMap.remove(fibers, identity) : Effect.void
      })

    yield* Effect.forkScoped(
      Stream.runForEach(room.events, (event) => {
        if (event._tag === "ParticipantJoined") return admit(event.participant)
        return event._tag === "ParticipantLeft" ? dismiss(event.identity) : Effect.void
      }),
      { startImmediately: true }
    )
    for (const participant of yield* room.participants) if (!guests.has(participant.identity)) yield* admit(participant)
    yield* room.ended
    yield* FiberMap.awaitEmpty(fibers)
  }))
