/**
 * The participants in the room, and their audio. A participant who disappears because the
 * connection was lost counts as away until it is known whether they have left.
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type { Event, LeaveReason, Participant, RoomError, Track } from "../../Room.ts"
import { own } from "../own.ts"
import { monotonicMs } from "../steady.ts"
import { leaveOf, participantOf, trackOf } from "./convert.ts"
import { makeRemoteMicrophone, type RemoteMicrophone } from "./remoteMicrophone.ts"
import type { Rtc, RtcPublication, RtcRemoteParticipant, RtcTrack } from "./rtc.ts"

interface Present {
  participant: Participant
  away: boolean
  readonly microphones: Map<string, RemoteMicrophone>
  readonly since: number
}

export interface Participants {
  /** Someone is there, again perhaps. */
  readonly arrive: (remote: RtcRemoteParticipant) => void
  /** Someone is there no more; away, if nobody can tell whether they have left. */
  readonly depart: (remote: RtcRemoteParticipant, away: boolean) => void
  /** Nobody can be seen. */
  readonly lose: () => void
  /** Whoever has not come back has left. */
  readonly giveUp: () => void
  /** Something about what they publish has changed. */
  readonly follow: (remote: RtcRemoteParticipant) => void
  /** Something about themselves has changed. */
  readonly update: (remote: RtcRemoteParticipant) => Participant | undefined
  readonly all: () => ReadonlyArray<Participant>
  readonly has: (identity: string) => boolean
  readonly listen: (
    identity: string,
    format: Audio.Format
  ) => Effect.Effect<Stream.Stream<Audio.Frame, RoomError>, never, Scope.Scope> | undefined
  readonly end: () => void
  readonly listeners: () => number
}

const audio = 1
const unknownSource = 0
const microphoneSource = 2

/**
 * The microphone, or what passes for it with a client that does not say. Of several, one that is not muted; of those the
 * newest: who takes another may leave the first one open.
 */
const microphoneOf = (remote: RtcRemoteParticipant): RtcPublication | undefined => {
  let best: RtcPublication | undefined
  let most = 0
  for (const publication of remote.trackPublications.values()) {
    if (publication.kind !== audio || !isRemote(publication) || publication.track === undefined) continue
    const { muted, source = unknownSource } = publication
    if (source !== microphoneSource && source !== unknownSource) continue
    const rank = (source === microphoneSource ? 3 : 1) + (muted === true ? 0 : 1)
    if (rank < most) continue
    best = publication
    most = rank
  }
  return best
}

const isRemote = (publication: object): publication is RtcPublication => "setSubscribed" in publication

export const publicationsOf = (remote: RtcRemoteParticipant): ReadonlyArray<RtcPublication> =>
  [...remote.trackPublications.values()].filter(isRemote)

export const tracksOf = (remote: RtcRemoteParticipant): ReadonlyArray<Track> => publicationsOf(remote).map(trackOf)

export const makeParticipants = (options: {
  readonly rtc: Rtc
  readonly clock: Clock.Clock
  readonly frameMs: number
  readonly bufferMs: number
  readonly publish: (event: Event) => void
}): Participants => {
  const { clock, publish } = options
  const participants = new Map<string, Present>()
  const now = (): number => monotonicMs(clock)

  /** The track of each microphone, by participant: one that is made later begins with it. */
  const tracks = new Map<string, { readonly track: RtcTrack | undefined; readonly muted: boolean }>()

  const hear = (identity: string, track: RtcTrack | undefined, muted: boolean): void => {
    tracks.set(identity, { track, muted })
    for (const microphone of participants.get(identity)?.microphones.values() ?? []) microphone.follow(track, muted)
  }

  const remove = (identity: string, reason: LeaveReason): void => {
    const present = participants.get(identity)
    if (present === undefined) return
    participants.delete(identity)
    tracks.delete(identity)
    publish({ _tag: "ParticipantLeft", identity, reason })
    for (const microphone of present.microphones.values()) microphone.end()
  }

  const leaveAway = (identity: string, present: Present): void => {
    present.away = true
    hear(identity, undefined, false)
  }

  const update = (remote: RtcRemoteParticipant): Participant | undefined => {
    const present = participants.get(remote.identity)
    if (present === undefined) return undefined
    return (present.participant = participantOf(remote))
  }

  const follow = (remote: RtcRemoteParticipant): void => {
    const publication = microphoneOf(remote)
    hear(remote.identity, publication?.track as RtcTrack | undefined, publication?.muted === true)
  }

  return {
    arrive: (remote) => {
      const { identity } = remote
      const present = participants.get(identity)
      if (present === undefined) {
        const participant = participantOf(remote)
        participants.set(identity, { participant, away: false, microphones: new Map(), since: now() })
        publish({ _tag: "ParticipantJoined", participant })
      } else {
        const { attributes } = present.participant
        present.away = false
        update(remote)
        if (!same(attributes, present.participant.attributes)) {
          publish({ _tag: "AttributesChanged", identity, attributes: present.participant.attributes })
        }
      }
      follow(remote)
    },
    depart: (remote, away) => {
      const present = participants.get(remote.identity)
      if (present === undefined) return
      if (away) leaveAway(remote.identity, present)
      else remove(remote.identity, leaveOf(remote.disconnectReason))
    },
    lose: () => {
      for (const [identity, present] of participants) leaveAway(identity, present)
    },
    giveUp: () => {
      for (const [identity, { away }] of participants) if (away) remove(identity, "connection_lost")
    },
    follow,
    update,
    all: () => [...participants.values()].map(({ participant }) => participant),
    has: (identity) => participants.has(identity),
    listen: (identity, format) => {
      const present = participants.get(identity)
      if (present === undefined) return undefined
      const key = `${format.sampleRate}/${format.channels}`
      const known = present.microphones.get(key)
      if (known !== undefined) return known.subscribe
      const microphone = makeRemoteMicrophone({
        rtc: options.rtc,
        format: { sampleRate: format.sampleRate, channels: format.channels },
        frameMs: options.frameMs,
        bufferMs: options.bufferMs,
        now: () => now() - present.since
      })
      present.microphones.set(key, microphone)
      const heard = tracks.get(identity)
      microphone.follow(heard?.track, heard?.muted === true)
      return microphone.subscribe
    },
    end: () => {
      for (const { microphones } of participants.values()) {
        for (const microphone of microphones.values()) microphone.end()
      }
      participants.clear()
      tracks.clear()
    },
    listeners: () => {
      let total = 0
      for (const { microphones } of participants.values()) {
        for (const microphone of microphones.values()) total += microphone.subscribers()
      }
      return total
    }
  }
}

const same = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean => {
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === own(other, key))
}
