/** What the agent sends besides audio. */
import * as Effect from "effect/Effect"
import { type Room, RoomError } from "../../Room.ts"
import { gone, refuse, unknownParticipant, wrongKeys } from "../room/errors.ts"
import { codeOf } from "../room/keys.ts"
import { abandonable, type Rtc, type RtcRoom, saying } from "./rtc.ts"

type Service = Room["Service"]

/** What it sends by. */
type Sends = Pick<
  Service,
  "sendText" | "openText" | "sendBytes" | "publishTranscription" | "sendData" | "sendDtmf" | "setAttributes"
>

export interface Sending {
  readonly service: Sends
  /** Tells a room that has been joined again what the agent has said of itself. */
  readonly restore: Effect.Effect<void, RoomError>
}

// What the native side may take for a message; long ones are sent in pieces, and take longer.
const patience = "15 seconds"
const longPatience = "2 minutes"
// Telephones need to tell one digit from the next.
const betweenDigits = "300 millis"
// The native side cuts longer pieces itself, but waits for all of them before it tells of any.
const pieceBytes = 15_000

type Local = NonNullable<RtcRoom["localParticipant"]>

const streamOptions = (
  { as, attributes, streamId, to, topic }: Parameters<Service["openText"]>[0]
) => ({
  topic,
  attributes: { ...attributes },
  ...(to === undefined ? {} : { destinationIdentities: [...to] }),
  ...(streamId === undefined ? {} : { streamId }),
  ...(as === undefined ? {} : { senderIdentity: as })
})

interface Options {
  readonly rtc: Rtc
  readonly present: (what: string) => Effect.Effect<RtcRoom, RoomError>
  readonly has: (identity: string) => boolean
}

/** Sends to those who are there, and says so when it fails. */
type Using = <A>(
  what: string,
  to: ReadonlyArray<string> | undefined,
  send: (participant: Local) => Effect.Effect<A, unknown>,
  limit?: "15 seconds" | "2 minutes"
) => Effect.Effect<A, RoomError>

const makeUsing = ({ has, present }: Options): Using => (what, to, send, limit = patience) =>
  Effect.flatMap(present(what), (room) => {
    const stranger = to?.find((identity) => !has(identity))
    if (stranger !== undefined) return Effect.fail(unknownParticipant(what, stranger))
    const participant = room.localParticipant
    if (participant === undefined) return Effect.fail(gone(what))
    return Effect.timeout(send(participant), limit).pipe(
      Effect.mapError((error) =>
        error instanceof RoomError
          ? error
          : refuse(room.isConnected ? "SendFailed" : "Disconnected", `${what}: ${saying(error)}`)
      )
    )
  })

const promised = <A>(run: () => Promise<A>): Effect.Effect<A, unknown> => Effect.tryPromise(run)

/** Closing what is closed already does no harm. */
const closing = (writer: { readonly close: () => Promise<void> }): Effect.Effect<void> =>
  promised(() => writer.close()).pipe(Effect.timeout(patience), Effect.ignoreCause)

const makeOpenText = (using: Using): Service["openText"] => (text) =>
  Effect.gen(function*() {
    const writer = yield* Effect.acquireRelease(
      using("openText", text.to, (participant) =>
        abandonable(() =>
          participant.streamText(streamOptions(text)), (late) => late.close())),
      (writer) =>
        closing(writer),
      { interruptible: true }
    )
    let open = true
    const close = Effect.suspend(() => {
      open = false
      return closing(writer)
    })
    return {
      streamId: writer.info.streamId,
      write: (piece) =>
        Effect.suspend(() =>
          open
            ? using("write", undefined, () => promised(() => writer.write(piece)))
            : Effect.fail(refuse("PublishFailed", "write: the text is closed"))
        ),
      close
    }
  })
export const makeSending = (options: Options): Sending => {
  const using = makeUsing(options)
  const openText = makeOpenText(using)
  let own: Readonly<Record<string, string>> = {}
  const service: Sends = {
    openText,
    // Only a text that is written can be in another's name.
    sendText: ({ text, ...rest }) =>
      rest.as === undefined
        ? using("sendText", rest.to, (participant) =>
          Effect.asVoid(promised(() =>
            participant.sendText(text, streamOptions(rest))
          )), longPatience)
        : Effect.scoped(Effect.flatMap(openText(rest), ({ close, write }) =>
          Effect.andThen(write(text), close))),
    sendBytes: ({ attributes, bytes, mimeType, name, to, topic }) =>
      using("sendBytes", to, (participant) =>
        promised(async () => {
          const writer = await participant.streamBytes({
            topic,
            name: name ?? topic,
            mimeType: mimeType ?? "application/octet-stream",
            attributes: { ...attributes },
            totalSize: bytes.length,
            ...(to === undefined ? {} : { destinationIdentities: [...to] })
          })
          try {
            for (let at = 0; at < bytes.length; at += pieceBytes) {
              await writer.write(bytes.subarray(at, at + pieceBytes))
            }
          } finally {
            await writer.close()
          }
        }), longPatience),
    // A packet with anything but a track's sid ends the process of every receiver that is built on the native side.
    publishTranscription: ({ identity, segments, sid }) =>
      !/^TR_./.test(sid)
        ? Effect.fail(refuse("InvalidOption", "publishTranscription: sid is not that of a track, TR_…"))
        : using("publishTranscription", undefined, (participant) =>
          promised(() =>
            participant.publishTranscription({
              participantIdentity: identity,
              trackSid: sid,
              segments: segments.map(({ final, id, language, text }) => ({
                id,
                text,
                final,
                language: language ?? "",
                startTime: 0n,
                endTime: 0n
              }))
            })
          )),
    sendData: ({ payload, reliable, to, topic }) =>
      using("sendData", to, (participant) =>
        promised(() =>
          // A view would be sent from the start of its memory.
          participant.publishData(payload.slice(), {
            topic,
            reliable: reliable ?? true,
            ...(to === undefined ? {} : { destination_identities: [...to] })
          })
        )),
    sendDtmf: (pressed) => {
      const wrong = wrongKeys(pressed)
      if (wrong !== undefined) return Effect.fail(wrong)
      return Effect.forEach([...pressed], (digit, i) =>
        Effect.andThen(
          i === 0 ? Effect.void : Effect.sleep(betweenDigits),
          using("sendDtmf", undefined, (participant) => promised(() => participant.publishDtmf(codeOf(digit), digit)))
        ), { discard: true })
    },
    setAttributes: (attributes) =>
      using(
        "setAttributes",
        undefined,
        (participant) => promised(() => participant.setAttributes({ ...attributes }))
      ).pipe(Effect.andThen(Effect.sync(() => {
        own = { ...own, ...attributes }
      })))
  }
  return {
    service,
    restore: Effect.suspend(() => Object.keys(own).length === 0 ? Effect.void : service.setAttributes(own))
  }
}
