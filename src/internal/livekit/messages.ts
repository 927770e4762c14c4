/**
 * What comes in on topics. A stream of a topic that nobody has registered is
 * dropped, so known topics are registered before the room is joined, and what
 * comes before anybody listens is kept for who listens first.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ByteMessage, TextMessage } from "../../Room.ts"
import { makeTopics, type Topics } from "../room/topics.ts"
import type { RtcRoom } from "./rtc.ts"

export interface Messages {
  readonly texts: (topic: string) => Stream.Stream<TextMessage>
  readonly bytes: (topic: string) => Stream.Stream<ByteMessage>
  /** Puts the handlers of all topics on a room that is about to be joined. */
  readonly register: (room: RtcRoom) => void
  readonly end: () => void
  readonly subscribers: () => number
}

// How many messages one topic keeps for a slow listener, and for the first one.
const buffered = 4096
const kept = 64

interface Inbox<A> {
  readonly topics: Topics<A>
  readonly known: Set<string>
  readonly held: Map<string, Array<A>>
  readonly add: (room: RtcRoom, topic: string) => void
}

const deliver = <A>(inbox: Inbox<A>, topic: string, message: A): void => {
  const held = inbox.held.get(topic)
  if (held === undefined) return inbox.topics.publish(topic, message)
  if (held.length < kept) held.push(message)
}

const joinBytes = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** A sender who stops in the middle has said nothing. */
const whole = async <A>(read: () => Promise<A>, take: (value: A) => void): Promise<void> => {
  try {
    take(await read())
  } catch {
    // The room has gone, or the sender has.
  }
}

export const makeMessages = (options: {
  readonly texts: ReadonlyArray<string>
  readonly bytes: ReadonlyArray<string>
  readonly room: () => RtcRoom | undefined
}): Messages => {
  const texts: Inbox<TextMessage> = {
    topics: makeTopics<TextMessage>(buffered),
    known: new Set(options.texts),
    held: new Map(options.texts.map((topic) => [topic, []])),
    add: (room, topic) =>
      room.registerTextStreamHandler(topic, (reader, { identity }) => {
        const { attributes = {} } = reader.info
        void whole(() => reader.readAll(), (text) => deliver(texts, topic, { identity, topic, text, attributes }))
      })
  }
  const bytes: Inbox<ByteMessage> = {
    topics: makeTopics<ByteMessage>(buffered),
    known: new Set(options.bytes),
    held: new Map(options.bytes.map((topic) => [topic, []])),
    add: (room, topic) =>
      room.registerByteStreamHandler(topic, (reader, { identity }) => {
        const { attributes = {}, mimeType, name } = reader.info
        void whole(
          () => reader.readAll(),
          (chunks) => deliver(bytes, topic, { identity, topic, name, mimeType, attributes, bytes: joinBytes(chunks) })
        )
      })
  }

  const listen = <A>(inbox: Inbox<A>, topic: string): Stream.Stream<A> =>
    Stream.unwrap(Effect.suspend((): Effect.Effect<Stream.Stream<A>, never, Scope.Scope> => {
      const room = options.room()
      if (!inbox.known.has(topic)) {
        inbox.known.add(topic)
        if (room !== undefined) inbox.add(room, topic)
      }
      return Effect.map(inbox.topics.subscribe(topic), (stream) => {
        const held = inbox.held.get(topic)
        if (held === undefined) return stream
        inbox.held.delete(topic)
        return held.length === 0 ? stream : Stream.concat(Stream.fromIterable(held), stream)
      })
    }))

  return {
    texts: (topic) => listen(texts, topic),
    bytes: (topic) => listen(bytes, topic),
    register: (room) => {
      for (const topic of texts.known) texts.add(room, topic)
      for (const topic of bytes.known) bytes.add(room, topic)
    },
    end: () => {
      texts.topics.end()
      bytes.topics.end()
    },
    subscribers: () => texts.topics.subscribers() + bytes.topics.subscribers()
  }
}
