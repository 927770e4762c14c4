/**
 * The events of a session. Listeners register. Each is called synchronously when the event happens,
 * in the order of registration. After `SessionClosed` nothing happens any more.
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type { SessionParticipant } from "./participant.ts"

export interface Events {
  readonly publish: (draft: Event.Draft) => void
  /** Must not throw. */
  readonly listen: (listener: (event: Event.Event) => void) => void
}

export interface Broadcast {
  readonly tell: (event: Event.Event) => void
  /** From the next event on, up to the end of the session. */
  readonly stream: Stream.Stream<Event.Event>
}

// A listener that is further behind loses the oldest events.
const eventsKept = 1024

const userEvents = new Set<Event.Event["_tag"]>([
  "SessionStarted",
  "UserStateChanged",
  "UserStartedSpeaking",
  "UserStoppedSpeaking",
  "UserTranscript",
  "UserSpeechCommitted",
  "UserSpeechSetAside",
  "UserPressedKey",
  "TranscriptionTimedOut",
  "TranscriptEmpty",
  "InterimTranscriptUsed",
  "UserTurnLimitReached"
])

export const makeEvents = (now: () => number, participant: SessionParticipant): Events => {
  const listeners: Array<(event: Event.Event) => void> = []
  let over = false
  return {
    publish: (draft) => {
      if (over) return
      over = draft._tag === "SessionClosed"
      const identity = userEvents.has(draft._tag) ? participant.identity() : undefined
      const whose = identity === undefined ? {} : { participant: identity }
      const event = { ...draft, at: now(), ...whose } as Event.Event
      for (const listener of listeners) listener(event)
    },
    listen: (listener) => void listeners.push(listener)
  }
}

/** For those who follow the session as a stream, each at its own pace. */
export const makeBroadcast: Effect.Effect<Broadcast> = Effect.map(
  PubSub.sliding<Event.Event>(eventsKept),
  (events) => {
    let over = false
    return {
      tell: (event) => {
        over = event._tag === "SessionClosed"
        PubSub.publishUnsafe(events, event)
      },
      stream: Stream.suspend(() =>
        over
          ? Stream.empty
          : Stream.takeUntil(Stream.fromPubSub(events), (event) => event._tag === "SessionClosed")
      )
    }
  }
)
