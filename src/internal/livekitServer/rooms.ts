/**
 * What a LiveKit server does for its operator, over HTTP. A request is over in
 * five seconds, whatever the server does; interruption ends it at once.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fetch from "../provider/fetch.ts"
import { codeOf } from "../provider/http.ts"

const patience = "5 seconds"
// They have gone already.
const gone = 404

const endpoint = (server: string, method: string): URL => {
  const url = new URL(server)
  url.protocol = url.protocol.replace("ws", "http")
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/twirp/livekit.RoomService/${method}`
  return url
}

/** Takes a participant out of a room, in bounded time; fails with why it could not, which quotes nothing. */
export const removeParticipant = (options: {
  /** Address of the server, as rooms are joined by it. */
  readonly url: string
  /** With the right `roomAdmin` in the room. */
  readonly token: Redacted.Redacted
  readonly room: string
  readonly identity: string
}): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    const fetch = yield* Fetch.fetch
    const answer = yield* Effect.tryPromise({
      try: (signal) =>
        fetch(endpoint(options.url, "RemoveParticipant"), {
          method: "POST",
          headers: {
            authorization: `Bearer ${Redacted.value(options.token)}`,
            "content-type": "application/json"
          },
          body: JSON.stringify({ room: options.room, identity: options.identity }),
          signal
        }),
      catch: (cause) => codeOf(cause) ?? "no answer"
    })
    yield* Effect.promise(() => answer.arrayBuffer().catch(() => undefined))
    if (!answer.ok && answer.status !== gone) return yield* Effect.fail(`status ${answer.status}`)
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail("no answer in time") }))
