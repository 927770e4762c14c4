/**
 * What comes in on topics. rtc-node drops a stream of a topic that is not registered. So known
 * topics are registered before the room is joined, and messages that come before anybody listens
 * are kept for the first listener.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ByteMessage, TextMessage } from "../../Room.ts"
import { longestRecording, longestRequest, topics } from "../frontend/protocolNames.ts"
import { own } from "../own.ts"
import type { Weight } from "../room/broadcast.ts"
import { makeTopics, ofBytes, ofText, type Topics } from "../room/topics.ts"
import { makeReceiveLimits } from "./receiveLimits.ts"
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
// How long the next piece of a stream may take to come (ms).
const idleMs = 60_000

/** Longest messages of topics on which nothing longer is sent (bytes). */
const longestOf: Readonly<Record<string, number>> = {
  [topics.preconnect]: longestRecording,
  [topics.session]: longestRequest
}

interface Held<A> {
  readonly messages: Array<A>
  bytes: number
}

interface Inbox<A> {
  readonly topics: Topics<A>
  readonly weight: Weight<A>
  readonly known: Set<string>
  readonly held: Map<string, Held<A>>
  readonly add: (room: RtcRoom, topic: string) => void
}

const inboxOf = <A>(
  weight: Weight<A>,
  known: ReadonlyArray<string>,
  onLagged: () => void,
  add: Inbox<A>["add"]
): Inbox<A> => ({
  topics: makeTopics<A>(buffered, weight, onLagged),
  weight,
  known: new Set(known),
  held: new Map(known.map((topic) => [topic, { messages: [], bytes: 0 }])),
  add
})

const joinBytes = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** What a stream is read by; one that is closed is received no more. */
interface Reader<A> extends AsyncIterable<A> {
  readonly close?: () => Promise<void>
}

export interface MessageOptions {
  readonly texts: ReadonlyArray<string>
  readonly bytes: ReadonlyArray<string>
  readonly room: () => RtcRoom | undefined
  /** Longest message (bytes). */
  readonly longest: number
  readonly now: () => number
  /** Runs as long as the room is open. */
  readonly run: (effect: Effect.Effect<void>) => { readonly interruptUnsafe: () => void }
  /** A message was not taken in. */
  readonly onRefused: (identity: string, topic: string) => void
  /** A listener who lags has lost one. */
  readonly onLagged: () => void
}

export const makeMessages = (options: MessageOptions): Messages => {
  const { longest, now } = options
  const limits = makeReceiveLimits(longest)

  /** The pieces of a stream; a sender who stops in the middle has said nothing. */
  const collect = async <A extends { readonly length: number }>(
    reader: Reader<A>,
    from: { readonly identity: string; readonly topic: string },
    take: (pieces: ReadonlyArray<A>) => void
  ): Promise<void> => {
    const stream = limits.open(from.identity, own(longestOf, from.topic) ?? longest)
    let refused = stream === undefined
    let heardAt = now()
    const idle: Effect.Effect<void> = Effect.suspend(() => {
      const left = heardAt + idleMs - now()
      if (left > 0) return Effect.andThen(Effect.sleep(left), idle)
      refused = true
      return Effect.promise(async () => reader.close?.())
    })
    const watch = stream === undefined ? undefined : options.run(idle)
    try {
      const pieces: Array<A> = []
      if (stream !== undefined) {
        for await (const piece of reader) {
          heardAt = now()
          if (refused) break
          if (stream.take(piece.length)) pieces.push(piece)
          else refused = true
          if (refused) break
        }
      } else await reader.close?.()
      if (!refused) take(pieces)
    } catch {
      // The room has gone, or the sender has.
    } finally {
      watch?.interruptUnsafe()
      stream?.close()
    }
    if (refused) options.onRefused(from.identity, from.topic)
  }

  const deliver = <A>(inbox: Inbox<A>, topic: string, message: A): void => {
    const held = inbox.held.get(topic)
    if (held === undefined) return inbox.topics.publish(topic, message)
    const bytes = held.bytes + inbox.weight.of(message)
    if (held.messages.length >= kept || bytes > inbox.weight.most) return options.onLagged()
    held.messages.push(message)
    held.bytes = bytes
  }

  const texts: Inbox<TextMessage> = inboxOf(
    ofText,
    options.texts,
    options.onLagged,
    (room, topic) =>
      room.registerTextStreamHandler(topic, (reader, { identity }) => {
        const { attributes = {} } = reader.info
        void collect(
          reader,
          { identity, topic },
          (pieces) => deliver(texts, topic, { identity, topic, text: pieces.join(""), attributes })
        )
      })
  )
  const bytes: Inbox<ByteMessage> = inboxOf(
    ofBytes,
    options.bytes,
    options.onLagged,
    (room, topic) =>
      room.registerByteStreamHandler(topic, (reader, { identity }) => {
        const { attributes = {}, mimeType, name } = reader.info
        void collect(
          reader,
          { identity, topic },
          (pieces) => deliver(bytes, topic, { identity, topic, name, mimeType, attributes, bytes: joinBytes(pieces) })
        )
      })
  )

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
        const { messages } = held
        return messages.length === 0 ? stream : Stream.concat(Stream.fromIterable(messages), stream)
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
