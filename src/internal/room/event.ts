/** What happens in a room, and to whom. */

/**
 * How far a telephone call is.
 *
 * **Details**
 *
 * `dialing` and `ringing` before somebody takes it, `answered` while it lasts,
 * then how it ended: `ended` after it was answered; `busy`, `refused`, `unanswered`
 * and `failed` where it never was.
 *
 * @category models
 * @since 0.1.0
 */
export type CallStatus =
  | "dialing"
  | "ringing"
  | "answered"
  | "ended"
  | "busy"
  | "refused"
  | "unanswered"
  | "failed"

/**
 * Someone in the room, other than the agent.
 *
 * **Details**
 *
 * `kind`: a person at a browser or an app (`standard`), at a telephone (`sip`)
 * or at another network (`connector`, `bridge`); another agent; a stream that
 * comes in (`ingress`), or a recorder (`egress`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Participant {
  readonly identity: string
  readonly name?: string | undefined
  readonly kind: "standard" | "sip" | "agent" | "ingress" | "egress" | "connector" | "bridge" | "other"
  /** Of a telephone call (`sip`): who has called whom, seen from the agent. */
  readonly direction?: "inbound" | "outbound" | undefined
  /** Of a telephone call (`sip`): how far it is, where the room tells. */
  readonly call?: CallStatus | undefined
  /** What their token says of them. */
  readonly metadata?: string | undefined
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * Something that a participant publishes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Track {
  readonly sid: string
  readonly name: string
  readonly kind: "audio" | "video"
  readonly source: "microphone" | "camera" | "screenshare" | "screenshare_audio" | "unknown"
  readonly muted: boolean
  /** The agent receives it. */
  readonly subscribed: boolean
  /** Recorded before the agent came: the recording follows as bytes. @default false */
  readonly preconnect?: boolean | undefined
}

/**
 * Why a participant has gone, where the room knows.
 *
 * **Details**
 *
 * Who has `left`, was `removed`, did not answer a call (`user_unavailable`,
 * `user_rejected`, `sip_failure`), or whose room is closed has gone for good. Who
 * has gone for another reason, or for none that is known, may be back under the
 * same identity: a conversation waits for them.
 *
 * @category models
 * @since 0.1.0
 */
export type LeaveReason =
  | "left"
  | "removed"
  | "duplicate_identity"
  | "room_closed"
  | "connection_lost"
  | "user_unavailable"
  | "user_rejected"
  | "sip_failure"
  | "unknown"

/**
 * Something that happened in the room.
 *
 * **Details**
 *
 * `reconnecting` is a connection that mends itself; `rejoining` one that was
 * lost for good, so that the room is joined anew under the same service: who is
 * there still has not left. `EncryptionFailed`: what someone sends cannot be
 * read, as with a wrong key; without an identity, it is not known whose.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "ParticipantJoined"; readonly participant: Participant }
  | { readonly _tag: "ParticipantLeft"; readonly identity: string; readonly reason?: LeaveReason | undefined }
  | {
    readonly _tag:
      | "TrackPublished"
      | "TrackUnpublished"
      | "TrackSubscribed"
      | "TrackUnsubscribed"
      | "TrackMuted"
      | "TrackUnmuted"
    readonly identity: string
    readonly track: Track
  }
  | { readonly _tag: "SubscriptionFailed"; readonly identity: string; readonly sid: string }
  | { readonly _tag: "EncryptionFailed"; readonly identity?: string | undefined; readonly detail: string }
  | {
    readonly _tag: "AttributesChanged"
    readonly identity: string
    readonly attributes: Readonly<Record<string, string>>
  }
  | {
    readonly _tag: "Data"
    readonly identity?: string | undefined
    readonly topic: string
    readonly payload: Uint8Array
  }
  | { readonly _tag: "Dtmf"; readonly identity: string; readonly digit: string }
  | {
    readonly _tag: "Connection"
    readonly state: "connected" | "reconnecting" | "rejoining" | "disconnected"
    /** Of `rejoining`: which attempt, from 1. */
    readonly attempt?: number | undefined
  }
