/** The handlers of one connection: what rtc-node tells becomes what the room knows. */
import type { Event } from "../../Room.ts"
import { keysOf } from "../room/keys.ts"
import { trackOf } from "./convert.ts"
import { type Participants, publicationsOf } from "./participants.ts"
import type { RtcPublication, RtcRemoteParticipant, RtcRoom } from "./rtc.ts"

export interface Ports {
  readonly participants: Participants
  /** The room that counts: others are being left. */
  readonly isCurrent: (room: RtcRoom) => boolean
  readonly isSteady: () => boolean
  readonly publish: (event: Event) => void
  /** Keys were not taken in. */
  readonly onKeysRefused: (identity: string) => void
  readonly subscribe: (publication: RtcPublication) => void
  /** Whether what is sent and received here is encrypted. */
  readonly encrypted: boolean
  readonly onReconnecting: () => void
  readonly onReconnected: () => void
  readonly onDisconnected: (room: RtcRoom, reason: number) => void
  readonly onDefect: (error: unknown) => void
}

const audio = 1
// Of one packet.
const mostDigits = 32

/** What is there when the room has been joined. */
export const adopt = (room: RtcRoom, { participants, subscribe }: Ports): void => {
  for (const remote of room.remoteParticipants.values()) {
    participants.arrive(remote)
    for (const publication of publicationsOf(remote)) subscribe(publication)
  }
}

export const register = (room: RtcRoom, ports: Ports): void => {
  const { participants, publish } = ports
  /** A handler that throws would take rtc-node's own work with it. */
  const on = <A extends ReadonlyArray<unknown>>(handle: (...args: A) => void) => (...args: A): void => {
    if (!ports.isCurrent(room)) return
    try {
      handle(...args)
    } catch (error) {
      ports.onDefect(error)
    }
  }
  const isOther = (participant: object): participant is RtcRemoteParticipant => participant !== room.localParticipant
  const track = (
    tag: Extract<Event, { readonly track: unknown }>["_tag"]
  ) =>
    on((publication: RtcPublication, participant: RtcRemoteParticipant | undefined) => {
      if (participant === undefined) return
      publish({ _tag: tag, identity: participant.identity, track: trackOf(publication) })
      participants.follow(participant)
    })

  room.on("participantConnected", on((participant) => participants.arrive(participant)))
  room.on("participantDisconnected", on((participant) => participants.depart(participant, !ports.isSteady())))
  room.on(
    "trackPublished",
    on((publication: RtcPublication, participant: RtcRemoteParticipant | undefined) => {
      if (participant === undefined) return
      publish({ _tag: "TrackPublished", identity: participant.identity, track: trackOf(publication) })
      ports.subscribe(publication)
    })
  )
  room.on("trackUnpublished", track("TrackUnpublished"))
  const subscribed = track("TrackSubscribed")
  const unsubscribed = track("TrackUnsubscribed")
  room.on("trackSubscribed", (_track, publication, participant) => {
    subscribed(publication, participant)
    const clear = (publication.encryptionType ?? 0) === 0
    if (publication.kind !== audio || clear !== ports.encrypted) return
    on(() =>
      publish({
        _tag: "EncryptionFailed",
        identity: participant.identity,
        detail: clear ? "what is received is not encrypted" : "what is received is encrypted, and there is no key"
      })
    )()
  })
  room.on("trackUnsubscribed", (_track, publication, participant) => unsubscribed(publication, participant))
  room.on(
    "trackSubscriptionFailed",
    on((sid, participant) => publish({ _tag: "SubscriptionFailed", identity: participant.identity, sid }))
  )
  const muted = (tag: "TrackMuted" | "TrackUnmuted") =>
    on((publication: object, participant: object) => {
      if (!isOther(participant) || !("setSubscribed" in publication)) return
      track(tag)(publication as RtcPublication, participant)
    })
  room.on("trackMuted", muted("TrackMuted"))
  room.on("trackUnmuted", muted("TrackUnmuted"))
  room.on(
    "participantAttributesChanged",
    on((_changed: unknown, participant: object) => {
      if (!isOther(participant)) return
      const known = participants.update(participant)
      if (known === undefined) return
      publish({ _tag: "AttributesChanged", identity: known.identity, attributes: known.attributes })
    })
  )
  const updated = on((_: unknown, participant: object) =>
    void (isOther(participant) && participants.update(participant))
  )
  room.on("participantMetadataChanged", updated)
  room.on("participantNameChanged", updated)
  room.on(
    "dataReceived",
    on((payload, participant, _kind, topic) =>
      publish({
        _tag: "Data",
        ...(participant === undefined ? {} : { identity: participant.identity }),
        topic: topic ?? "",
        payload
      })
    )
  )
  room.on(
    "dtmfReceived",
    on((code: number, digits: string | undefined, participant: RtcRemoteParticipant | undefined) => {
      const { identity = "" } = participant ?? {}
      if (digits !== undefined && digits.length > mostDigits) ports.onKeysRefused(identity)
      // Whoever dials for somebody sends several at once; some send the code alone.
      for (const digit of keysOf(digits?.slice(0, mostDigits) ?? "", code)) publish({ _tag: "Dtmf", identity, digit })
    })
  )
  room.on(
    "encryptionError",
    on((_error: unknown) => publish({ _tag: "EncryptionFailed", detail: "the encryption has failed" }))
  )
  room.on("reconnecting", on(() => ports.onReconnecting()))
  room.on("reconnected", on(() => ports.onReconnected()))
  room.on("disconnected", on((reason: number) => ports.onDisconnected(room, reason)))
}
