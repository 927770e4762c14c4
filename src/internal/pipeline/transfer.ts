/**
 * Gives the line of a telephone caller to somebody else, and ends the session with that. While the room is asked, the
 * agent is silent; that the caller has gone may then be what the transfer has done, and is told when that is known.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Event from "../../Event.ts"
import type * as Room from "../../Room.ts"
import * as Session from "../../Session.ts"
import { CurrentCall } from "../tools/execute.ts"
import { type Core, isOpen, signal } from "./core.ts"
import { asker, want } from "./wishes.ts"

// Longer than a room of ours takes.
const patience = "1 minute"

/** The transfers of a session: one at a time. */
export interface Transfers {
  /** Takes the turn of a transfer; `false` where another has it. */
  readonly begin: () => boolean
  readonly end: () => void
  /** The room is asked. */
  readonly asking: () => void
  /** The room has answered; gives the end that was kept. */
  readonly answered: () => Event.CloseReason | undefined
  /** Keeps an end for as long as the room is asked; `false` where it is not. */
  readonly keeps: (reason: Event.CloseReason) => boolean
}

export const makeTransfers = (): Transfers => {
  let isUnderWay = false
  let isAsked = false
  let kept: Event.CloseReason | undefined
  return {
    begin: () => {
      if (isUnderWay) return false
      isUnderWay = true
      return true
    },
    end: () => {
      if (!isAsked) isUnderWay = false
    },
    asking: () => {
      isAsked = true
    },
    answered: () => {
      isAsked = false
      isUnderWay = false
      return kept
    },
    keeps: (reason) => {
      if (isAsked) kept ??= reason
      return isAsked
    }
  }
}

const refuse = (reason: Session.SessionError["reason"], detail: string) =>
  new Session.SessionError({ reason, detail: `transfer: ${detail}` })

const over = refuse("NotTransferred", "the session ends")

/** Why the room has not done it, as the session tells it. */
const refusalOf = ({ detail, reason }: Room.RoomError): Session.SessionError =>
  new Session.SessionError({
    reason: reason === "Unsupported" || reason === "InvalidOption" ? reason : "NotTransferred",
    detail
  })

type Give = (identity: string, to: string) => Effect.Effect<void, Room.RoomError>

/** Who can be transferred, and by what; fails before the caller hears a word. */
const lineOf = (
  core: Core,
  room: Room.Room["Service"]
): Effect.Effect<{ readonly give: Give; readonly identity: string }, Session.SessionError> =>
  Effect.suspend(() => {
    if (!isOpen(core)) return Effect.fail(over)
    const participant = core.participant.current()
    if (participant === undefined || !core.participant.isReached()) {
      return Effect.fail(refuse("NotTransferred", "nobody is on the line yet"))
    }
    if (participant.kind !== "sip") {
      return Effect.fail(refuse("Unsupported", "only the call of a telephone can be transferred"))
    }
    if (room.transfer === undefined) {
      return Effect.fail(refuse("Unsupported", "this room has no way to do it"))
    }
    return Effect.succeed({ give: room.transfer, identity: participant.identity })
  })

/** Lets the caller hear what they are told. A voice that fails keeps nobody from being put through. */
const tell = (core: Core, text: string): Effect.Effect<void, Session.SessionError> =>
  Effect.gen(function*() {
    const { hook } = yield* asker
    // In a tool it comes behind the words of the reply that has called it.
    const by = { hook, speech: undefined }
    const { heard } = want(core, { source: "say", text, options: { protected: true } }, by)
    const { outcome } = yield* heard
    if (!isOpen(core)) return yield* over
    if (outcome === "completed" || outcome === "failed") return
    return yield* refuse("NotTransferred", "the caller did not hear the words before it to their end")
  })

/** Asks the room, on behalf of the session: it goes on when whoever has asked waits no longer. */
const ask = (core: Core, give: Effect.Effect<void, Room.RoomError>): Effect.Effect<void, Session.SessionError> =>
  Effect.gen(function*() {
    const call = yield* CurrentCall
    core.transfers.asking()
    signal(core, { _tag: "Reachable", reachable: false })
    const outcome = Deferred.makeUnsafe<void, Session.SessionError>()
    const asked = core.fork(Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.timeoutOrElse(Effect.mapError(give, refusalOf), {
        duration: patience,
        orElse: () => Effect.fail(refuse("NotTransferred", "the room did not answer in time"))
      }))
      const kept = core.transfers.answered()
      // Before the end, which stops whatever is the session's.
      Deferred.doneUnsafe(outcome, exit)
      if (Exit.isSuccess(exit)) {
        // Nobody is told that it was done.
        if (call !== undefined) core.outstanding.excuse(call)
        signal(core, { _tag: "Close", drain: false, reason: "transferred" })
      } else {
        signal(core, { _tag: "Reachable", reachable: true })
        if (kept !== undefined) signal(core, { _tag: "Close", drain: false, reason: kept })
      }
    }))
    asked.addObserver(() => Deferred.doneUnsafe(outcome, Effect.fail(over)))
    yield* Deferred.await(outcome)
  })

export const transfer = (
  core: Core,
  room: Room.Room["Service"],
  { say, to }: Session.TransferOptions
): Effect.Effect<void, Session.SessionError> =>
  Effect.gen(function*() {
    const { give, identity } = yield* lineOf(core, room)
    if (!core.transfers.begin()) return yield* refuse("NotTransferred", "another transfer is under way")
    yield* Effect.ensuring(
      Effect.gen(function*() {
        if (say !== undefined && say.trim() !== "") yield* tell(core, say)
        yield* ask(core, give(identity, to))
      }),
      Effect.sync(core.transfers.end)
    )
  })
