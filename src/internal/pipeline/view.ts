/** A room as one of several conversations in it sees it: one participant, who alone is spoken to. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { type Event, Room, RoomError } from "../../Room.ts"
import { attributes as names } from "../frontend/protocolNames.ts"
import { unknownParticipant } from "../room/errors.ts"

type Service = Room["Service"]

export interface Views {
  readonly of: (identity: string) => Service
  /** What was shown of a conversation that is over. */
  readonly forget: (identity: string) => Effect.Effect<void>
}

// The agent has one state for all to see: that of the conversation where it does most.
const busiest = ["speaking", "thinking", "listening", "initializing"] as const

const eventOf = (identity: string) => (event: Event): boolean => {
  if (event._tag === "ParticipantJoined") return event.participant.identity === identity
  return !("identity" in event) || event.identity === undefined || event.identity === identity
}

export const makeViews = (room: Service): Views => {
  const { transfer } = room
  const states = new Map<string, string>()
  // A room may take two at once in either order, and the one that is over would stay.
  const shows = Semaphore.makeUnsafe(1)
  const state = (): string => busiest.find((one) => [...states.values()].includes(one)) ?? "idle"
  return {
    of: (identity) => {
      const addressed = <A extends { readonly to?: ReadonlyArray<string> | undefined }>(options: A): A => ({
        ...options,
        to: options.to ?? [identity]
      })
      const theirs = <A extends { readonly identity: string }>(messages: Stream.Stream<A>) =>
        Stream.filter(messages, (message) => message.identity === identity)
      return Room.of({
        ...room,
        participants: Effect.map(room.participants, (all) => all.filter((one) => one.identity === identity)),
        events: Stream.filter(room.events, eventOf(identity)),
        texts: (topic) => theirs(room.texts(topic)),
        bytes: (topic) => theirs(room.bytes(topic)),
        sendText: (options) => room.sendText(addressed(options)),
        openText: (options) => room.openText(addressed(options)),
        sendBytes: (options) => room.sendBytes(addressed(options)),
        sendData: (options) => room.sendData(addressed(options)),
        publishTranscription: () =>
          Effect.fail(
            new RoomError({
              reason: "Unsupported",
              detail: "publishTranscription: everyone would be told what is between the agent and one of them"
            })
          ),
        ...(room.remove === undefined ? {} : {
          remove: (other) => other === identity && room.remove !== undefined ? room.remove(other) : Effect.void
        }),
        ...(transfer === undefined ? {} : {
          transfer: (other, to) =>
            other === identity ? transfer(other, to) : Effect.fail(unknownParticipant("transfer", other))
        }),
        setAttributes: (changed) => {
          const shown = changed[names.state]
          if (shown === undefined) return room.setAttributes(changed)
          return Effect.suspend(() => {
            states.set(identity, shown)
            return shows.withPermits(1)(
              Effect.suspend(() => room.setAttributes({ ...changed, [names.state]: state() }))
            )
          })
        }
      })
    },
    forget: (identity) => Effect.sync(() => states.delete(identity))
  }
}
