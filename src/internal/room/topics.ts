/** A broadcast for each topic, made when it is first asked for. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ByteMessage, Event, TextMessage } from "../../Room.ts"
import { type Broadcast, makeBroadcast, type Weight } from "./broadcast.ts"

// What may wait for one listener of a topic: two of the longest messages, or many short ones.
const mostWaiting = 32 * 1024 * 1024

/** In memory, a character may take two bytes. */
const aside = (attributes: Readonly<Record<string, string>>): number =>
  Object.entries(attributes).reduce((sum, [name, value]) => sum + 2 * (name.length + value.length), 0)

export const ofText: Weight<TextMessage> = {
  of: ({ attributes, text }) => 2 * text.length + aside(attributes),
  most: mostWaiting
}
export const ofBytes: Weight<ByteMessage> = {
  of: ({ attributes, bytes }) => bytes.length + aside(attributes),
  most: mostWaiting
}
/** What is sent beside the facts of a room: packets of data, and what participants say of themselves. */
export const ofEvent: Weight<Event> = {
  of: (event) =>
    event._tag === "Data"
      ? event.payload.length
      : event._tag === "AttributesChanged"
      ? aside(event.attributes)
      : event._tag === "ParticipantJoined"
      ? aside(event.participant.attributes) + 2 * (event.participant.metadata ?? "").length
      : 0,
  most: mostWaiting
}

export interface Topics<A> {
  readonly subscribe: (topic: string) => Effect.Effect<Stream.Stream<A>, never, Scope.Scope>
  /** A topic that nobody has asked for hears nothing. */
  readonly publish: (topic: string, value: A) => void
  readonly end: () => void
  readonly subscribers: () => number
}

export const makeTopics = <A>(capacity: number, weight: Weight<A>): Topics<A> => {
  const topics = new Map<string, Broadcast<A>>()
  let ended = false
  return {
    subscribe: (topic) => {
      const existing = topics.get(topic)
      if (existing !== undefined) return existing.subscribe
      const made = makeBroadcast<A>(capacity, weight)
      if (ended) made.end()
      topics.set(topic, made)
      return made.subscribe
    },
    publish: (topic, value) => topics.get(topic)?.publish(value),
    end: () => {
      ended = true
      for (const topic of topics.values()) topic.end()
    },
    subscribers: () => {
      let total = 0
      for (const topic of topics.values()) total += topic.subscribers()
      return total
    }
  }
}
