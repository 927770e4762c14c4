/** A room in memory as whoever plays the participants has it. Nothing here begins the room. */
import * as Effect from "effect/Effect"
import type { RoomError } from "../../Room.ts"
import type { RoomControl } from "./control.ts"
import { gone, unknownParticipant } from "./errors.ts"
import type { Microphone } from "./microphone.ts"
import type { Parts } from "./parts.ts"

export const makeControlSide = (
  { bytes, end, events, lifetime, outbox, outputs, participants, rpc, texts }: Parts
): RoomControl => {
  /** What a participant does: the room must be there, and so must they. */
  const as = (what: string, identity: string, act: (microphone: Microphone) => void): Effect.Effect<void, RoomError> =>
    Effect.suspend(() => {
      const microphone = participants.microphone(identity)
      if (lifetime.isOver()) return Effect.fail(gone(what))
      if (microphone === undefined) return Effect.fail(unknownParticipant(what, identity))
      act(microphone)
      return Effect.void
    })

  return {
    join: (newcomer) =>
      Effect.suspend(() => {
        const error = participants.join(newcomer)
        return error === undefined ? Effect.void : Effect.fail(error)
      }),
    leave: (identity, reason) => Effect.sync(() => participants.leave(identity, reason)),
    feed: (identity, frames) => as("feed", identity, (microphone) => microphone.feed(frames)),
    mute: (identity, muted) => as("mute", identity, (microphone) => microphone.mute(muted)),
    setAttributes: (identity, changed) =>
      as("setAttributes", identity, () => participants.setAttributes(identity, changed)),
    sendText: ({ attributes = {}, identity, text, topic }) =>
      as("sendText", identity, () => texts.publish(topic, { identity, topic, text, attributes })),
    sendBytes: ({ attributes = {}, bytes: content, identity, mimeType, name, topic }) =>
      as("sendBytes", identity, () =>
        bytes.publish(topic, {
          identity,
          topic,
          bytes: content,
          attributes,
          ...(name === undefined ? {} : { name }),
          ...(mimeType === undefined ? {} : { mimeType })
        })),
    sendData: (message) => Effect.sync(() => events.publish({ _tag: "Data", ...message })),
    sendDtmf: (identity, digits) =>
      as("sendDtmf", identity, () => {
        for (const digit of digits) events.publish({ _tag: "Dtmf", identity, digit })
      }),
    call: ({ identity, method, payload }) =>
      Effect.andThen(as("call", identity, () => {}), rpc.ask(undefined, method, { identity, payload })),
    handle: (identity, method, handler) =>
      Effect.andThen(
        as("handle", identity, () => {}),
        rpc.answer(identity, method, ({ payload }) => handler(payload))
      ),
    sent: outbox.sent,
    sends: outbox.sends,
    attributes: outbox.attributes,
    outputs: outputs.views,
    agentSpeaking: outputs.speaking,
    agentSilent: outputs.silent,
    dropped: (identity) =>
      Effect.suspend(() => {
        const microphone = participants.microphone(identity)
        return microphone === undefined
          ? Effect.fail(unknownParticipant("dropped", identity))
          : Effect.succeed(microphone.dropped())
      }),
    open: Effect.sync(() => ({
      events: events.subscribers(),
      texts: texts.subscribers(),
      bytes: bytes.subscribers(),
      audio: participants.listeners(),
      outputs: outputs.count(),
      handlers: rpc.size()
    })),
    connection: (state) => Effect.sync(() => events.publish({ _tag: "Connection", state })),
    disconnect: (reason) => Effect.sync(() => end(reason)),
    fail: (part, error) =>
      Effect.sync(() => {
        lifetime.fail(part, error)
        if (part === "audio") participants.fail(error)
      }),
    mend: (part) => Effect.sync(() => lifetime.mend(part))
  }
}
