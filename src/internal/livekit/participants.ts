/**
 * Who is in the room, and what is heard of them. Whoever vanishes because the
 * connection was lost is away until it is known whether they have left.
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type { Event, LeaveReason, Participant, RoomError, Track } from "../../Room.ts"
import { monotonicMs } from "../steady.ts"
import { leaveOf, participantOf, trackOf } from "./convert.ts"
import { makeVoice, type Voice } from "./remoteMicrophone.ts"
import type { Rtc, RtcPublication, RtcRemoteParticipant, RtcTrack } from "./rtc.ts"

interface Member {
  participant: Participant
  away: boolean
  readonly voices: Map<string, Voice>
  readonly since: number
}

export interface Members {
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
const microphone = 2

/** The microphone, or what passes for it with a client that does not say. */
const voiceOf = (remote: RtcRemoteParticipant): RtcPublication | undefined => {
  let other: RtcPublication | undefined
  for (const publication of remote.trackPublications.values()) {
    if (publication.kind !== audio || !isRemote(publication) || publication.track === undefined) continue
    if (publication.source === microphone) return publication
    if ((publication.source ?? unknownSource) === unknownSource) other = publication
  }
  return other
}

const isRemote = (publication: object): publication is RtcPublication => "setSubscribed" in publication

export const publicationsOf = (remote: RtcRemoteParticipant): ReadonlyArray<RtcPublication> =>
  [...remote.trackPublications.values()].filter(isRemote)

export const tracksOf = (remote: RtcRemoteParticipant): ReadonlyArray<Track> => publicationsOf(remote).map(trackOf)

export const makeMembers = (options: {
  readonly rtc: Rtc
  readonly clock: Clock.Clock
  readonly frameMs: number
  readonly bufferMs: number
  readonly publish: (event: Event) => void
}): Members => {
  const { clock, publish } = options
  const members = new Map<string, Member>()
  const now = (): number => monotonicMs(clock)

  /** The track of each voice, by participant: one that is made later begins with it. */
  const tracks = new Map<string, { readonly track: RtcTrack | undefined; readonly muted: boolean }>()

  const hear = (identity: string, track: RtcTrack | undefined, muted: boolean): void => {
    tracks.set(identity, { track, muted })
    for (const voice of members.get(identity)?.voices.values() ?? []) voice.follow(track, muted)
  }

  const remove = (identity: string, reason: LeaveReason): void => {
    const member = members.get(identity)
    if (member === undefined) return
    members.delete(identity)
    tracks.delete(identity)
    publish({ _tag: "ParticipantLeft", identity, reason })
    for (const voice of member.voices.values()) voice.end()
  }

  const leaveAway = (identity: string, member: Member): void => {
    member.away = true
    hear(identity, undefined, false)
  }

  const update = (remote: RtcRemoteParticipant): Participant | undefined => {
    const member = members.get(remote.identity)
    if (member === undefined) return undefined
    return (member.participant = participantOf(remote))
  }

  const follow = (remote: RtcRemoteParticipant): void => {
    const publication = voiceOf(remote)
    hear(remote.identity, publication?.track as RtcTrack | undefined, publication?.muted === true)
  }

  return {
    arrive: (remote) => {
      const { identity } = remote
      const member = members.get(identity)
      if (member === undefined) {
        const participant = participantOf(remote)
        members.set(identity, { participant, away: false, voices: new Map(), since: now() })
        publish({ _tag: "ParticipantJoined", participant })
      } else {
        const { attributes } = member.participant
        member.away = false
        update(remote)
        if (!same(attributes, member.participant.attributes)) {
          publish({ _tag: "AttributesChanged", identity, attributes: member.participant.attributes })
        }
      }
      follow(remote)
    },
    depart: (remote, away) => {
      const member = members.get(remote.identity)
      if (member === undefined) return
      if (away) leaveAway(remote.identity, member)
      else remove(remote.identity, leaveOf(remote.disconnectReason))
    },
    lose: () => {
      for (const [identity, member] of members) leaveAway(identity, member)
    },
    giveUp: () => {
      for (const [identity, { away }] of members) if (away) remove(identity, "connection_lost")
    },
    follow,
    update,
    all: () => [...members.values()].map(({ participant }) => participant),
    has: (identity) => members.has(identity),
    listen: (identity, format) => {
      const member = members.get(identity)
      if (member === undefined) return undefined
      const key = `${format.sampleRate}/${format.channels}`
      const known = member.voices.get(key)
      if (known !== undefined) return known.subscribe
      const voice = makeVoice({
        rtc: options.rtc,
        format: { sampleRate: format.sampleRate, channels: format.channels },
        frameMs: options.frameMs,
        bufferMs: options.bufferMs,
        now: () => now() - member.since
      })
      member.voices.set(key, voice)
      const heard = tracks.get(identity)
      voice.follow(heard?.track, heard?.muted === true)
      return voice.subscribe
    },
    end: () => {
      for (const { voices } of members.values()) for (const voice of voices.values()) voice.end()
      members.clear()
      tracks.clear()
    },
    listeners: () => {
      let total = 0
      for (const { voices } of members.values()) for (const voice of voices.values()) total += voice.subscribers()
      return total
    }
  }
}

const same = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean => {
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key])
}
