/** What rtc-node says, in the words of the `Room` port. */
import type { EndReason, LeaveReason, Participant, Track } from "../../Room.ts"
import { callOf } from "../room/call.ts"
import { asRecord, type RtcParticipant, type RtcPublication } from "./rtc.ts"

// By the numbers of the native interface; those of the protocol differ from 5 on.
const kinds: ReadonlyArray<Participant["kind"]> = [
  "standard",
  "ingress",
  "egress",
  "sip",
  "agent",
  "connector",
  "bridge"
]
const sources: ReadonlyArray<Track["source"]> = [
  "unknown",
  "camera",
  "microphone",
  "screenshare",
  "screenshare_audio"
]

const video = 2
// The recording of what was said before the agent came follows.
const preconnectFeature = 6

/** Only a call that came in has been let in by a dispatch rule. */
const direction = (attributes: Readonly<Record<string, string>>): Participant["direction"] =>
  attributes["sip.ruleID"] === undefined ? "outbound" : "inbound"

export const participantOf = (participant: RtcParticipant): Participant => {
  const { attributes: said, identity, metadata, name } = participant
  const kind = kinds[participant.kind] ?? "other"
  const attributes = { ...said }
  return {
    identity,
    ...(name === undefined || name === "" ? {} : { name }),
    kind,
    ...(kind === "sip" ? { direction: direction(attributes), ...callOf(attributes) } : {}),
    ...(metadata === "" ? {} : { metadata }),
    attributes
  }
}

export const trackOf = (publication: RtcPublication): Track => ({
  sid: publication.sid ?? "",
  name: publication.name ?? "",
  kind: publication.kind === video ? "video" : "audio",
  source: sources[publication.source ?? 0] ?? "unknown",
  muted: publication.muted === true,
  subscribed: publication.track !== undefined,
  ...(publication.info?.audioFeatures.includes(preconnectFeature) === true ? { preconnect: true } : {})
})

/** The end of the connection: for good, or one after which it can be tried again. */
export interface End {
  readonly reason: EndReason
  readonly lost: boolean
}

const final = (reason: EndReason): End => ({ reason, lost: false })

export const endOf = (reason: number): End => {
  switch (reason) {
    case 1:
      return final("left")
    case 2:
      return final("duplicate_identity")
    case 3:
      return { reason: "server_shutdown", lost: true }
    case 4:
      return final("removed")
    case 5:
      return final("room_deleted")
    case 10:
      return final("room_closed")
    default:
      return { reason: "connection_lost", lost: true }
  }
}

const departures: Readonly<Record<number, LeaveReason>> = {
  1: "left",
  2: "duplicate_identity",
  3: "connection_lost",
  4: "removed",
  5: "room_closed",
  6: "connection_lost",
  8: "connection_lost",
  9: "connection_lost",
  10: "room_closed",
  11: "user_unavailable",
  12: "user_rejected",
  13: "sip_failure",
  14: "connection_lost",
  15: "connection_lost"
}

export const leaveOf = (reason: number | undefined): LeaveReason => departures[reason ?? 0] ?? "unknown"

// States in which what was sent cannot be read, by the numbers of the native interface.
const unreadable: Readonly<Record<number, string>> = {
  2: "what is sent cannot be encrypted",
  3: "what is received cannot be decrypted: the key is another one",
  4: "there is no key",
  6: "the encryption has failed"
}

/** The encryption's trouble that a native room event tells, if it does. */
export const encryptionFailure = (
  event: Readonly<Record<string, unknown>>
): { readonly identity: string; readonly detail: string } | undefined => {
  if (event["case"] !== "e2eeStateChanged") return undefined
  const { participantIdentity, state } = asRecord(event["value"])
  const detail = typeof state === "number" ? unreadable[state] : undefined
  return detail === undefined || typeof participantIdentity !== "string"
    ? undefined
    : { identity: participantIdentity, detail }
}
