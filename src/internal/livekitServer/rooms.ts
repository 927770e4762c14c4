/**
 * What a LiveKit server does for its operator, over HTTP. A request is over in
 * five seconds, whatever the server does; a transfer, which somebody has to
 * answer, has 35. Interruption ends it at once.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fetch from "../provider/fetch.ts"
import type { Destination } from "../room/destination.ts"
import { codeOf } from "../thrown.ts"

const patience = "5 seconds"
// They have gone already.
const gone = 404

const endpoint = (server: string, method: string): URL => {
  const url = new URL(server)
  url.protocol = url.protocol.replace("ws", "http")
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/twirp/livekit.${method}`
  return url
}

interface Asking {
  /** Address of the server, as rooms are joined by it. */
  readonly url: string
  /** With the right `roomAdmin` in the room. */
  readonly token: Redacted.Redacted
  readonly room: string
}

/** The status of the answer, in bounded time; fails with why there is none, which quotes nothing. */
const ask = (
  { token, url }: Asking,
  method: string,
  body: Readonly<Record<string, unknown>>,
  duration: Duration.Input = patience
): Effect.Effect<{ readonly ok: boolean; readonly status: number }, string> =>
  Effect.gen(function*() {
    const fetch = yield* Fetch.fetch
    const answer = yield* Effect.tryPromise({
      try: (signal) =>
        fetch(endpoint(url, method), {
          method: "POST",
          headers: { authorization: `Bearer ${Redacted.value(token)}`, "content-type": "application/json" },
          body: JSON.stringify(body),
          signal
        }),
      catch: (cause) => codeOf(cause) ?? "no answer"
    })
    yield* Effect.promise(() => answer.arrayBuffer().catch(() => undefined))
    return { ok: answer.ok, status: answer.status }
  }).pipe(Effect.timeoutOrElse({ duration, orElse: () => Effect.fail("no answer in time") }))

/** Takes a participant out of a room. */
export const removeParticipant = (options: Asking & { readonly identity: string }): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    const { identity, room } = options
    const { ok, status } = yield* ask(options, "RoomService/RemoveParticipant", { room, identity })
    if (!ok && status !== gone) return yield* Effect.fail(`status ${status}`)
  })

// So long the one whom a call goes to may take to answer (s).
const ringing = 30
// The server answers when the call has gone there, or was refused.
const transferring = "35 seconds"

/** Gives the line of one at a telephone to somebody else, whom the caller's carrier calls (REFER). */
export const transferParticipant = (
  options: Asking & { readonly identity: string; readonly to: Destination }
): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    const { identity, room, to } = options
    const { ok, status } = yield* ask(options, "SIP/TransferSIPParticipant", {
      participantIdentity: identity,
      roomName: room,
      transferTo: to._tag === "Number" ? `tel:${to.number}` : to.address,
      // The line would be dead meanwhile.
      playDialtone: true,
      ringingTimeout: `${ringing}s`
    }, transferring)
    if (!ok) return yield* Effect.fail(`status ${status}`)
  })

/** Asks for an agent in a room that is open already. */
export const dispatchAgent = (
  options: Asking & { readonly agentName: string; readonly metadata?: string | undefined }
): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    const { agentName, metadata = "", room } = options
    const wanted = { room, agent_name: agentName, ...(metadata === "" ? {} : { metadata }) }
    const { ok, status } = yield* ask(options, "AgentDispatchService/CreateDispatch", wanted)
    if (!ok) return yield* Effect.fail(`status ${status}`)
  })
