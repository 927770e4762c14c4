/** The participants in a room in memory, each with a microphone, which goes when they leave. */
import type * as Audio from "../../Audio.ts"
import type { Event, LeaveReason, Participant, RoomError, Track } from "../../Room.ts"
import { masked } from "../numbers.ts"
import { callOf } from "./call.ts"
import type { Newcomer } from "./control.ts"
import { refuse } from "./errors.ts"
import type { Lifetime } from "./lifetime.ts"
import { makeMicrophone, type Microphone, trackOf } from "./microphone.ts"

export interface Participants {
  /** Tells why somebody cannot join. */
  readonly join: (newcomer: Newcomer) => RoomError | undefined
  /** Nothing happens to who is not there. @default they `left` */
  readonly leave: (identity: string, reason?: LeaveReason) => void
  readonly has: (identity: string) => boolean
  readonly all: () => ReadonlyArray<Participant>
  readonly microphone: (identity: string) => Microphone | undefined
  readonly tracks: (identity: string) => ReadonlyArray<Track> | undefined
  /** Nothing happens to who is not there. */
  readonly mute: (identity: string, muted: boolean) => void
  /** Lays attributes over those of somebody who is there. */
  readonly setAttributes: (identity: string, changed: Participant["attributes"]) => void
  /** Makes all microphones fail for those who listen. */
  readonly fail: (error: RoomError) => void
  /** The room is over: no microphone delivers any more, and nobody is there. */
  readonly end: () => void
  /** Who listens to a microphone, all together. */
  readonly listeners: () => number
}

export interface Options {
  readonly lifetime: Lifetime
  /** Milliseconds of audio that a slow listener may lag behind. */
  readonly bufferMs: number
  readonly publish: (event: Event) => void
  readonly onVoice: ((identity: string, frame: Audio.Frame) => void) | undefined
  /** Somebody is there no more; nobody has been told yet. */
  readonly onLeave: (identity: string) => void
}

interface Present {
  participant: Participant
  readonly microphone: Microphone
  /** The microphone is published. */
  readonly speaks: boolean
  readonly preconnect: boolean | undefined
}

const participantOf = (
  { attributes = {}, direction, identity, kind = "standard", metadata, name }: Newcomer
): Participant => ({
  identity,
  ...(name === undefined ? {} : { name }),
  kind,
  ...(direction === undefined ? {} : { direction }),
  ...(kind === "sip" ? callOf(attributes) : {}),
  ...(metadata === undefined ? {} : { metadata }),
  attributes
})

export const makeParticipants = ({ bufferMs, lifetime, onLeave, onVoice, publish }: Options): Participants => {
  const present = new Map<string, Present>()
  return {
    join: (newcomer) => {
      const { identity, microphone: speaks = true, preconnect } = newcomer
      const problem = lifetime.problem("join")
      if (problem !== undefined) return problem
      if (present.has(identity)) return refuse("InvalidOption", `join: ${masked(identity)} is already in the room`)
      const participant = participantOf(newcomer)
      const microphone = makeMicrophone({ bufferMs, onHeard: (frame) => onVoice?.(identity, frame) })
      present.set(identity, { participant, microphone, speaks, preconnect })
      publish({ _tag: "ParticipantJoined", participant })
      return undefined
    },
    leave: (identity, reason = "left") => {
      const leaving = present.get(identity)
      if (leaving === undefined) return
      present.delete(identity)
      onLeave(identity)
      publish({ _tag: "ParticipantLeft", identity, reason })
      leaving.microphone.end()
    },
    has: (identity) => present.has(identity),
    all: () => Array.from(present.values(), ({ participant }) => participant),
    microphone: (identity) => present.get(identity)?.microphone,
    tracks: (identity) => {
      const one = present.get(identity)
      if (one === undefined) return undefined
      const { microphone, preconnect, speaks } = one
      return !speaks ? [] : [{ ...trackOf(identity, microphone), ...(preconnect === undefined ? {} : { preconnect }) }]
    },
    mute: (identity, muted) => present.get(identity)?.microphone.mute(muted),
    setAttributes: (identity, changed) => {
      const one = present.get(identity)
      if (one === undefined) return
      const attributes = { ...one.participant.attributes, ...changed }
      one.participant = {
        ...one.participant,
        attributes,
        ...(one.participant.kind === "sip" ? callOf(attributes) : {})
      }
      publish({ _tag: "AttributesChanged", identity, attributes })
    },
    fail: (error) => {
      for (const { microphone } of present.values()) microphone.fail(error)
    },
    end: () => {
      for (const { microphone } of present.values()) microphone.end()
      present.clear()
    },
    listeners: () => {
      let total = 0
      for (const { microphone } of present.values()) total += microphone.subscribers()
      return total
    }
  }
}
