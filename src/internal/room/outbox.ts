/**
 * What the agent sends besides audio. In memory it has arrived when it is sent: the newest messages
 * are kept, and listeners get all of them.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Room, RoomError } from "../../Room.ts"
import { makeBroadcast } from "./broadcast.ts"
import type { RoomControl, Sent } from "./control.ts"
import { refuse, unknownParticipant, wrongKeys } from "./errors.ts"
import type { Lifetime } from "./lifetime.ts"

type Service = Room["Service"]

export type Sending = Pick<
  Service,
  "sendText" | "openText" | "sendBytes" | "publishTranscription" | "sendData" | "sendDtmf" | "setAttributes"
>

export interface Outbox extends Pick<RoomControl, "sent" | "sends" | "attributes"> {
  readonly sending: Sending
  /** Nothing more is told. */
  readonly end: () => void
}

export interface OutboxOptions {
  readonly lifetime: Lifetime
  readonly has: (identity: string) => boolean
  /** Most that waits for a slow listener. */
  readonly capacity: number
  /** How much of what was sent is kept for `sent`. @default 10000 */
  readonly kept?: number | undefined
  /** Brings it to who is to have it; `what` is the member that was asked. @default it has arrived */
  readonly deliver?: ((what: string, message: Sent) => Effect.Effect<void, RoomError>) | undefined
}

type Send = (what: string, to: ReadonlyArray<string> | undefined, message: Sent) => Effect.Effect<void, RoomError>

/** Text that grows: each step is sent as long as the room is there and the text is open. */
const makeOpenText = (send: Send): Service["openText"] => {
  let opened = 0
  return ({ as, attributes = {}, streamId: wished, to, topic }) =>
    Effect.gen(function*() {
      const streamId = wished ?? `stream-${++opened}`
      let open = true
      yield* send("openText", to, {
        _tag: "TextOpened",
        streamId,
        topic,
        attributes,
        to,
        ...(as === undefined ? {} : { as })
      })
      const close = Effect.suspend(() => {
        if (!open) return Effect.void
        open = false
        return Effect.ignore(send("close", undefined, { _tag: "TextClosed", streamId }))
      })
      yield* Effect.addFinalizer(() => close)
      return {
        streamId,
        write: (text) =>
          Effect.suspend(() =>
            open
              ? send("write", undefined, { _tag: "TextWritten", streamId, text })
              : Effect.fail(refuse("PublishFailed", "write: the text is closed"))
          ),
        close
      }
    })
}

export const makeOutbox = (options: OutboxOptions): Outbox => {
  const { deliver = () => Effect.void, has, kept = 10_000, lifetime } = options
  const sends = makeBroadcast<Sent>(options.capacity)
  let sent: Array<Sent> = []
  let own: Readonly<Record<string, string>> = {}

  const send: Send = (what, to, message) =>
    lifetime.using(Effect.suspend(() => {
      const problem = lifetime.problem(what, "send")
      if (problem !== undefined) return Effect.fail(problem)
      const stranger = to?.find((identity) => !has(identity))
      if (stranger !== undefined) return Effect.fail(unknownParticipant(what, stranger))
      if (kept > 0) sent.push(message)
      if (sent.length > 2 * kept) sent = sent.slice(-kept)
      sends.publish(message)
      return deliver(what, message)
    }))

  return {
    sending: {
      sendText: ({ as, attributes = {}, streamId, text, to, topic }) =>
        send("sendText", to, {
          _tag: "Text",
          topic,
          text,
          attributes,
          to,
          ...(as === undefined ? {} : { as }),
          ...(streamId === undefined ? {} : { streamId })
        }),
      openText: makeOpenText(send),
      sendBytes: ({ attributes = {}, bytes, mimeType, name, to, topic }) =>
        send("sendBytes", to, {
          _tag: "Bytes",
          topic,
          bytes,
          attributes,
          to,
          ...(name === undefined ? {} : { name }),
          ...(mimeType === undefined ? {} : { mimeType })
        }),
      publishTranscription: ({ identity, segments, sid }) =>
        send("publishTranscription", undefined, { _tag: "Transcription", identity, sid, segments }),
      sendData: ({ payload, reliable = true, to, topic }) =>
        send("sendData", to, { _tag: "Data", topic, payload, reliable, to }),
      sendDtmf: (digits) => {
        const wrong = wrongKeys(digits)
        return wrong === undefined ? send("sendDtmf", undefined, { _tag: "Dtmf", digits }) : Effect.fail(wrong)
      },
      setAttributes: (attributes) =>
        Effect.tap(send("setAttributes", undefined, { _tag: "Attributes", attributes }), () =>
          Effect.sync(() => {
            own = { ...own, ...attributes }
          }))
    },
    sent: Effect.sync(() => sent.slice(-kept)),
    sends: Stream.unwrap(sends.subscribe),
    attributes: Effect.sync(() => own),
    end: sends.end
  }
}
