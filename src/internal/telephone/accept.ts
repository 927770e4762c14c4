/**
 * From a socket to the room of one call: the carrier says which call it is, and
 * whoever asks decides whether to take it. Until then nothing of the stream is
 * believed. The socket belongs to the scope, and is closed with it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Newcomer, Room, RoomError } from "../../Room.ts"
import { refuse } from "../room/errors.ts"
import { openRoom } from "../room/kit.ts"
import { type Account, complete, dial } from "./carrier.ts"
import { rate, read, type Start } from "./protocol.ts"
import { ahead, type Link, openStream, type StreamOptions } from "./stream.ts"

/** A stream that has said which call it is. */
export interface Started {
  readonly start: Start
  readonly link: Link
}

const patience = "10 seconds"
// What may come before the stream begins: a second of a telephone's messages, and the bytes of them.
const mostBefore = 50
const longestBefore = 65_536

/** What the carrier knows of a call. */
export interface CallFacts {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly direction?: "inbound" | "outbound" | undefined
}

/** Waits for the beginning of the stream; fails where it is none, or does not come in time. */
export const awaitStart = (socket: Socket.Socket): Effect.Effect<Started, RoomError, Scope.Scope> =>
  Effect.gen(function*() {
    const { pull } = yield* socket.reader
    const { write } = yield* socket.writer
    // Writing to an open socket never waits, and a lost one is noticed by who reads.
    const send = (message: string | Socket.CloseEvent): void => void Effect.runSyncExit(write(message))
    // A carrier may send them in another order: what is heard before the stream begins is heard then.
    const before: Array<string | Uint8Array> = []
    let bytes = 0
    while (true) {
      const batch = yield* pull
      for (let i = 0; i < batch.length; i++) {
        const message = read(batch[i]!)
        if (message?._tag === "Start") {
          const close = (): void => send(new Socket.CloseEvent(1000))
          return { start: message.start, link: { pull, send, close, early: [...before, ...batch.slice(i + 1)] } }
        }
        if (message?._tag === "Unplayable") {
          return yield* refuse(
            "Unsupported",
            `a telephone's audio is audio/x-mulaw at ${rate} Hz, not ${message.coding}`
          )
        }
        bytes += batch[i]!.length
        if (before.push(batch[i]!) > mostBefore || bytes > longestBefore) {
          return yield* refuse("ConnectFailed", "the socket sends what no media stream does")
        }
      }
    }
  }).pipe(
    Effect.catchTag(
      "SocketError",
      () => Effect.fail(refuse("ConnectFailed", "the socket closed before its stream began"))
    ),
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(refuse("ConnectFailed", "the stream did not begin in time"))
    })
  )

const numbersOf = ({ ours, theirs }: { readonly ours: string | undefined; readonly theirs: string | undefined }) => ({
  ...(theirs === undefined ? {} : { "sip.phoneNumber": theirs }),
  ...(ours === undefined ? {} : { "sip.trunkPhoneNumber": ours })
})

/** The one at the telephone, as the room has them. Whoever calls from a number is not named by it: names are in logs. */
export const callerOf = (
  { callSid, parameters }: Start,
  { direction = "inbound", from, to }: CallFacts
): Newcomer => ({
  identity: "caller",
  kind: "sip",
  direction,
  metadata: JSON.stringify(parameters),
  attributes: {
    ...parameters,
    "sip.callID": callSid,
    "sip.callStatus": "active",
    ...numbersOf(direction === "outbound" ? { theirs: to, ours: from } : { theirs: from, ours: to })
  }
})

const keyless = refuse("Unsupported", "transfer: the account's key was not given, as the option key")

/** What the carrier does with a call, for who has a key to the account. */
const lineOf = (account: Account | undefined, { callSid }: Start): Pick<StreamOptions, "hangUp" | "transfer"> =>
  account === undefined
    ? { hangUp: Effect.void, transfer: () => Effect.fail(keyless) }
    : { hangUp: complete(account, callSid), transfer: (_, to) => dial(account, callSid, to) }

/** The room of a call that is taken. It ends with the stream, and the stream with it. */
export const openCall = (
  { link, start }: Started,
  { account, facts, identity }: {
    readonly facts: CallFacts
    readonly identity?: string | undefined
    readonly account: Account | undefined
  }
): Effect.Effect<Room["Service"], RoomError, Scope.Scope> =>
  Effect.flatMap(Clock.Clock, (clock) =>
    openRoom({
      open: openStream({ clock, link, start, caller: callerOf(start, facts), ...lineOf(account, start) }),
      name: start.callSid,
      identity,
      format: { sampleRate: rate, channels: 1 },
      frame: "20 millis",
      ahead,
      playhead: "reported"
    }))
