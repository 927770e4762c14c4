/**
 * A local track as the room has it: published in one room at a time, in the next
 * one when that was lost. Publishing cannot be aborted: what comes of it after
 * an interruption is withdrawn.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { RoomError } from "../../Room.ts"
import type { Change } from "../room/change.ts"
import { refuse } from "../room/errors.ts"
import { abandonable, type Rtc, type RtcRoom, saying } from "./rtc.ts"

export interface Publication {
  readonly publish: (room: RtcRoom) => Effect.Effect<void, RoomError>
  readonly isPublished: () => boolean
  /** Empty while it is not published. */
  readonly sid: () => string
  /** Waits until somebody has received it, in this room or in one before. */
  readonly subscribed: Effect.Effect<void>
  /** The room has gone, and the publication with it. */
  readonly forget: () => void
  /** Takes it out of the room, in bounded time. */
  readonly withdraw: Effect.Effect<void>
}

// What the native side may take.
const publishing = "15 seconds"
const withdrawing = "5 seconds"

type LocalTrack = ReturnType<Rtc["LocalAudioTrack"]["createAudioTrack"]>

const broken = (detail: string): RoomError => refuse("PublishFailed", detail)

export const makePublication = (options: {
  readonly rtc: Rtc
  readonly track: LocalTrack
  /** Told in the moment in which the track is published. */
  readonly change: Change
}): Publication => {
  const { change, rtc, track } = options
  const subscribed = Deferred.makeUnsafe<void>()
  let published: { readonly room: RtcRoom; readonly sid: () => string } | undefined

  const publish = (room: RtcRoom): Effect.Effect<void, RoomError> =>
    Effect.suspend(() => {
      const participant = room.localParticipant
      if (participant === undefined) return Effect.fail(broken("output: the room is not connected"))
      const publication = abandonable(
        () =>
          participant.publishTrack(track, new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE })),
        (late) => participant.unpublishTrack(late.sid ?? "", false)
      )
      return Effect.uninterruptibleMask((restore) =>
        restore(Effect.timeout(publication, publishing)).pipe(
          Effect.mapError((error) => broken(`output: the track could not be published: ${saying(error)}`)),
          Effect.map((made) => {
            published = { room, sid: () => made.sid ?? "" }
            void made.waitForSubscription().then(() => Deferred.doneUnsafe(subscribed, Effect.void))
            change.tell()
          })
        )
      )
    })

  return {
    publish,
    isPublished: () => published !== undefined,
    sid: () => published?.sid() ?? "",
    subscribed: Deferred.await(subscribed),
    forget: () => {
      published = undefined
    },
    withdraw: Effect.suspend(() => {
      const participant = published?.room.localParticipant
      if (published === undefined || participant === undefined || !published.room.isConnected) return Effect.void
      const sid = published.sid()
      return Effect.tryPromise(() => participant.unpublishTrack(sid)).pipe(
        Effect.timeout(withdrawing),
        Effect.ignoreCause
      )
    }).pipe(Effect.ensuring(Effect.sync(() => {
      published = undefined
    })))
  }
}
