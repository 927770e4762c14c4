/** What happens in a room, for its operator's log: who and what, never what was said, sent or pressed. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Event, Room } from "../../Room.ts"
import { masked } from "../numbers.ts"
import { monotonicMs } from "../steady.ts"

type Facts = Readonly<Record<string, string | number>>

interface Line {
  readonly level: "Debug" | "Info" | "Warn"
  readonly message: string
  readonly facts: Facts
}

const trackMessages = {
  TrackPublished: "a track is published",
  TrackUnpublished: "a track is published no more",
  TrackSubscribed: "a track is received",
  TrackUnsubscribed: "a track is received no more",
  TrackMuted: "a track is muted",
  TrackUnmuted: "a track is muted no more"
} as const

const who = (identity: string | undefined): Facts => identity === undefined ? {} : { participant: masked(identity) }

const lineOf = (event: Event): Line => {
  switch (event._tag) {
    case "ParticipantJoined": {
      const { identity, kind } = event.participant
      return { level: "Info", message: "a participant has joined", facts: { ...who(identity), kind } }
    }
    case "ParticipantLeft":
      return {
        level: "Info",
        message: "a participant has left",
        facts: { ...who(event.identity), reason: event.reason ?? "unknown" }
      }
    case "Connection":
      return {
        level: event.state === "reconnecting" || event.state === "rejoining" ? "Warn" : "Info",
        message: `the room is ${event.state}`,
        facts: event.attempt === undefined ? {} : { attempt: event.attempt }
      }
    case "SubscriptionFailed":
      return {
        level: "Warn",
        message: "a track cannot be received",
        facts: { ...who(event.identity), track: event.sid }
      }
    case "EncryptionFailed":
      return { level: "Warn", message: event.detail, facts: who(event.identity) }
    case "AttributesChanged":
      return { level: "Debug", message: "attributes have changed", facts: who(event.identity) }
    case "Data":
      return {
        level: "Debug",
        message: "data has come",
        facts: { ...who(event.identity), topic: masked(event.topic), bytes: event.payload.length }
      }
    case "Dtmf":
      return { level: "Debug", message: "a key was pressed", facts: who(event.identity) }
    default: {
      const { kind, sid, source } = event.track
      return {
        level: "Debug",
        message: trackMessages[event._tag],
        facts: { ...who(event.identity), track: sid, kind, source }
      }
    }
  }
}

/** Lines that an operator reads, at once and for each second: who comes and goes without an end does not flood the log. */
const mostLines = 100
const linesASecond = 2

/** Tells whether a line may be written. */
const makeBudget = (now: () => number): () => boolean => {
  let left = mostLines
  let at = now()
  return () => {
    const since = now() - at
    at += since
    left = Math.min(mostLines, left + since / 1000 * linesASecond)
    if (left < 1) return false
    left -= 1
    return true
  }
}

const logs = { Debug: Effect.logDebug, Info: Effect.logInfo, Warn: Effect.logWarning } as const

/** Logs who is there already, and everything that happens from now on. */
export const logRoom = (room: Room["Service"]): Effect.Effect<void, never, Scope.Scope> => {
  return Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const mayWrite = makeBudget(() => monotonicMs(clock))
    let leftOut = 0
    const write = (event: Event): Effect.Effect<void> => {
      const { facts, level, message } = lineOf(event)
      const isRead = level === "Debug" || mayWrite()
      if (!isRead) leftOut += 1
      const more = isRead && level !== "Debug" && leftOut > 0 ? { leftOut } : {}
      if ("leftOut" in more) leftOut = 0
      return Effect.annotateLogs(logs[isRead ? level : "Debug"](message), { ...facts, ...more })
    }
    yield* Effect.forkScoped(Stream.runForEach(room.events, write), { startImmediately: true })
    for (const participant of yield* room.participants) yield* write({ _tag: "ParticipantJoined", participant })
  }).pipe(Effect.annotateLogs({ room: masked(room.name) }))
}
