/** A broadcast for each topic, made when it is first asked for. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ByteMessage, Event, TextMessage } from "../../Room.ts"
import { type Broadcast, makeBroadcast, type Weight } from "./broadcast.ts"

// What may wait for one listener of a topic: two of the longest messages, or many short ones.
const mostWaiting = 32 * 1024 * 1024

/** In memory, a character may take two bytes. */
const ofTexts = (...texts: ReadonlyArray<string | undefined>): number =>
  texts.reduce((sum, text = "") => sum + 2 * text.length, 0)

const aside = (attributes: Readonly<Record<string, string>>): number =>
  Object.entries(attributes).reduce((sum, one) => sum + ofTexts(...one), 0)

export const ofText: Weight<TextMessage> = {
  of: ({ attributes, identity, text, topic }) => ofTexts(identity, text, topic) + aside(attributes),
  most: mostWaiting
}
export const ofBytes: Weight<ByteMessage> = {
  of: ({ attributes, bytes, identity, mimeType, name, topic }) =>
    bytes.length + ofTexts(identity, mimeType, name, topic) + aside(attributes),
  most: mostWaiting
}
/** What somebody else has chosen of it: names, packets of data, and what participants say of themselves. */
const sizeOf = (event: Event): number => {
  switch (event._tag) {
    case "Data":
      return event.payload.length + ofTexts(event.identity, event.topic)
    case "AttributesChanged":
      return ofTexts(event.identity) + aside(event.attributes)
    case "ParticipantJoined": {
      const { attributes, identity, metadata, name } = event.participant
      return ofTexts(identity, metadata, name) + aside(attributes)
    }
    case "Connection":
      return 0
    default:
      return ofTexts(event.identity, "track" in event ? event.track.name : undefined)
  }
}
// Who comes and goes, tracks and keys: with the longest names that a server lets through, and a few attributes.
const fact = 4096

export const ofEvent: Weight<Event> = { of: sizeOf, most: mostWaiting, light: fact }

export interface Topics<A> {
  readonly subscribe: (topic: string) => Effect.Effect<Stream.Stream<A>, never, Scope.Scope>
  /** A topic that nobody has asked for hears nothing. */
  readonly publish: (topic: string, value: A) => void
  readonly end: () => void
  readonly subscribers: () => number
}

/** `onDropped` is told of what a listener has lost. */
export const makeTopics = <A>(capacity: number, weight: Weight<A>, onDropped?: () => void): Topics<A> => {
  const topics = new Map<string, Broadcast<A>>()
  let ended = false
  return {
    subscribe: (topic) => {
      const existing = topics.get(topic)
      if (existing !== undefined) return existing.subscribe
      const made = makeBroadcast<A>(capacity, weight, onDropped)
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
