/**
 * What a LiveKit server does for its operator, over HTTP. A request is over in
 * five seconds, whatever the server does; interruption ends it at once.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fetch from "../provider/fetch.ts"
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
  body: Readonly<Record<string, string>>
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
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail("no answer in time") }))

/** Takes a participant out of a room. */
export const removeParticipant = (options: Asking & { readonly identity: string }): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    const { identity, room } = options
    const { ok, status } = yield* ask(options, "RoomService/RemoveParticipant", { room, identity })
    if (!ok && status !== gone) return yield* Effect.fail(`status ${status}`)
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
