/**
 * The room as a session uses it. A program's own room may throw where a room must never fail. This
 * is reported, and the conversation goes on.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Room from "../../Room.ts"
import * as Check from "../options.ts"
import { refuse, type RoomError } from "../room/errors.ts"
import { defectName } from "../thrown.ts"

const nameOf = (cause: Cause.Cause<unknown>): string => {
  const death = cause.reasons.find(Cause.isDieReason)
  return death === undefined ? "nothing" : defectName(death.defect)
}

/** Of what may fail: it has failed. Who asks is told by that. */
const failing = <A, E, R>(what: string, ask: () => Effect.Effect<A, E, R>): Effect.Effect<A, E | RoomError, R> =>
  Effect.catchCause(
    Effect.suspend(ask),
    (cause): Effect.Effect<never, E | RoomError> =>
      Cause.hasDies(cause) && !Cause.hasInterrupts(cause)
        ? Effect.fail(refuse("Unavailable", `${what}: the room broke: ${nameOf(cause)}`))
        : Effect.failCause(cause)
  )

/** An output whose playhead is a number, and stands where it stood when it is none. */
const soundOutput = (output: Room.Output): Room.Output => {
  let last = 0
  return {
    ...output,
    played: Effect.map(output.played, (played) => {
      if (Number.isFinite(played)) last = played
      return last
    })
  }
}

const isText = (given: unknown): given is string => typeof given === "string"

const isPresent = (given: unknown): given is Room.Participant =>
  Check.isRecord(given) && isText(given["identity"]) && Check.isTexts(given["attributes"])

const hasTrack = ({ track }: { readonly track?: unknown }): boolean => Check.isRecord(track) && isText(track["sid"])

/** An event that has what its readers read. */
const isEvent = (given: unknown): given is Room.Event => {
  if (!Check.isRecord(given)) return false
  const event = given as Partial<Room.Event> & Readonly<Record<string, unknown>>
  switch (event._tag) {
    case undefined:
      return false
    case "ParticipantJoined":
      return isPresent(event.participant)
    case "TrackPublished":
    case "TrackUnpublished":
    case "TrackSubscribed":
    case "TrackUnsubscribed":
    case "TrackMuted":
    case "TrackUnmuted":
      return isText(event.identity) && hasTrack(event)
    case "Dtmf":
      return isText(event.identity) && isText(event.digit)
    case "Data":
      return isText(event.topic) && event.payload instanceof Uint8Array
    case "AttributesChanged":
      return isText(event.identity) && Check.isTexts(event.attributes)
    case "Connection":
    case "EncryptionFailed":
      return true
    default:
      return isText(event.identity)
  }
}

// A track may have to wait until a connection is back; who waits for longer waits for ever.
const longestOpening = "1 minute"

export const soundRoom = (
  room: Room.Room["Service"],
  broke: (cause: Cause.Cause<unknown>) => void
): Room.Room["Service"] => {
  let strange = false
  /** What is none is left out, and told once: those who read it are to go on with the rest. */
  const isSound = <A>(is: (given: unknown) => given is A, what: string) => (given: A): boolean => {
    if (is(given)) return true
    if (!strange) broke(Cause.die(new TypeError(`the room gave ${what} that is none`)))
    strange = true
    return false
  }
  const without = <A>(otherwise: A) => (cause: Cause.Cause<unknown>): Effect.Effect<A> => {
    if (!Cause.hasDies(cause) || Cause.hasInterrupts(cause)) return Effect.failCause(cause as Cause.Cause<never>)
    return Effect.sync(() => {
      broke(cause)
      return otherwise
    })
  }
  return {
    ...room,
    participants: Effect.catchCause(
      Effect.map(
        Effect.suspend(() => room.participants),
        // What is no list has nobody in it.
        (all) => Array.isArray(all) ? all.filter(isSound(isPresent, "a participant")) : []
      ),
      without<ReadonlyArray<Room.Participant>>([])
    ),
    events: Stream.filter(room.events, isSound(isEvent, "an event")),
    tracks: (identity) => failing("tracks", () => room.tracks(identity)),
    ...(room.transfer === undefined ? {} : {
      transfer: (identity, to) => failing("transfer", () => room.transfer!(identity, to))
    }),
    texts: (topic) =>
      Stream.suspend(() => room.texts(topic)).pipe(
        Stream.filter((message) => isText(message?.text) && isText(message.identity)),
        Stream.catchCause((cause) => Stream.fromEffectDrain(without(undefined)(cause)))
      ),
    output: (options) =>
      failing("output", () =>
        Effect.flatMap(room.output(options), (output) =>
          output === undefined
            ? Effect.fail(refuse("Unavailable", "output: the room gave none"))
            : Effect.succeed(soundOutput(output))).pipe(
            Effect.timeoutOrElse({
              duration: longestOpening,
              orElse: () => Effect.fail(refuse("Unavailable", `output: the room gave none within ${longestOpening}`))
            })
          ))
  }
}
