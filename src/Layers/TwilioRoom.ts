/**
 * A call of a Twilio number as a room: media streams over a WebSocket.
 *
 * The caller is the one participant, `caller`, of kind `sip`; their number and yours
 * are the attributes `sip.phoneNumber` and `sip.trunkPhoneNumber`, the parameters of the
 * stream are attributes by their own names, and all of them as JSON in `metadata`. Audio is 8 kHz
 * both ways, and keys are `Dtmf` events. The playhead is exact: the carrier sends marks back as it
 * plays.
 *
 * `Telephone` answers calls with this room. If you have a server already, give its sockets to
 * `accept`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as Check from "../internal/options.ts"
import { refused } from "../internal/room/options.ts"
import { awaitStart, openCall } from "../internal/telephone/accept.ts"
import { isSigned } from "../internal/telephone/signature.ts"
import type { Room, RoomError } from "../Room.ts"

/**
 * Options of one call.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The agent's identity in the room. @default "agent" */
  readonly identity?: string | undefined
  /** Number that calls, where it is known: yours, if the call is `outbound`. */
  readonly from?: string | undefined
  /** Number that was called, where it is known. */
  readonly to?: string | undefined
  /** @default "inbound" */
  readonly direction?: "inbound" | "outbound" | undefined
  /**
   * Token of the account, or the secret of an API key: `Room.remove`, and with it
   * `session.hangUp`, then end the call over the carrier's API, and `session.transfer` gives it to somebody else.
   *
   * @default the call ends with its stream, where the carrier was given nothing else to do
   */
  readonly key?: Redacted.Redacted | undefined
  /** Sid of the API key; without it, `key` is the account's token. */
  readonly keySid?: string | undefined
  /** @default "https://api.twilio.com" */
  readonly apiUrl?: string | undefined
}

const schema = Check.struct<Options>()({
  identity: Check.text({ default: "agent" }),
  from: Check.text(),
  to: Check.text(),
  direction: Check.oneOf(["inbound", "outbound"], { default: "inbound" }),
  key: Check.secret,
  keySid: Check.text(),
  apiUrl: Check.url(["https:", "http:"], { default: "https://api.twilio.com" })
})

/**
 * The room of the call whose media stream comes over a socket.
 *
 * **Details**
 *
 * Waits up to 10 seconds for the stream to begin. Fails with `ConnectFailed` if it does not, and
 * with `Unsupported` if its audio is not μ-law. The socket is closed with the room.
 *
 * **Gotchas**
 *
 * Anybody who can reach the socket can pretend to be a call: check `verify` first.
 *
 * **Example** (A call on a socket of your own server)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Agent, Pipeline, Room } from "effect-voice"
 * import * as TwilioRoom from "effect-voice/Layers/TwilioRoom"
 * import type * as Socket from "effect/socket/Socket"
 *
 * const desk = Agent.make({ instructions: "You answer the phone of a small hotel." })
 *
 * const answer = (socket: Socket.Socket) =>
 *   TwilioRoom.accept(socket, { direction: "inbound" }).pipe(
 *     Effect.flatMap((room) => Pipeline.run(desk).pipe(Effect.provideService(Room.Room, room))),
 *     Effect.scoped
 *   )
 * ```
 *
 * @see `Telephone.serve`, which also is the server
 * @category constructors
 * @since 0.1.0
 */
export const accept = (
  socket: Socket.Socket,
  options: Options = {}
): Effect.Effect<Room["Service"], RoomError, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* Check.readOrFail(schema, options, refused)
    const started = yield* awaitStart(socket)
    const { accountSid } = started.start
    const { apiUrl, key, keySid } = settings
    return yield* openCall(started, {
      facts: settings,
      identity: settings.identity,
      account: key === undefined || accountSid === undefined
        ? undefined
        : { apiUrl, sid: accountSid, user: keySid ?? accountSid, key }
    })
  })

/**
 * Whether a request is Twilio's own: its header `x-twilio-signature` fits the
 * address at which Twilio has asked, the form that it has sent, and the account's
 * token.
 *
 * **Details**
 *
 * `url` is the public address, with its query; of a socket, `wss://…`, and there
 * is no form.
 *
 * @category security
 * @since 0.1.0
 */
export const verify = (options: {
  readonly token: Redacted.Redacted
  readonly url: string
  readonly form?: ReadonlyArray<readonly [string, string]> | undefined
  readonly signature: string | undefined
}): boolean => {
  Check.readOrThrow(verifying, options)
  return isSigned(options)
}

// The others come from outside.
const verifying = Check.struct<Parameters<typeof verify>[0]>()({
  token: Check.required(Check.secret),
  url: Check.asIs,
  form: Check.asIs,
  signature: Check.asIs
})
