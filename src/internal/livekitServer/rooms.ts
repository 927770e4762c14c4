/**
 * What is asked of a LiveKit server about its rooms, over HTTP. A request is
 * over in five seconds, whatever the server does; interruption ends it at once.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fetch from "../provider/fetch.ts"
import { codeOf } from "../provider/http.ts"
import { roomToken, type Signer } from "./token.ts"

const patience = "5 seconds"
// Somebody else was faster.
const gone = 404

const endpoint = (server: string, method: string): URL => {
  const url = new URL(server)
  url.protocol = url.protocol.replace("ws", "http")
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/twirp/livekit.RoomService/${method}`
  return url
}

/** Takes a participant out of a room; it fails with what stood in the way. Who has gone already is no failure. */
export const removeParticipant = (
  signer: Signer,
  { identity, room, url }: { readonly url: string; readonly room: string; readonly identity: string }
): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    const fetch = yield* Fetch.fetch
    const token = yield* roomToken(signer, room)
    const answer = yield* Effect.tryPromise({
      try: (signal) =>
        fetch(endpoint(url, "RemoveParticipant"), {
          method: "POST",
          headers: { authorization: `Bearer ${Redacted.value(token)}`, "content-type": "application/json" },
          body: JSON.stringify({ room, identity }),
          signal
        }),
      catch: (cause) => codeOf(cause) ?? "no answer"
    })
    yield* Effect.promise(() => answer.arrayBuffer().catch(() => undefined))
    if (!answer.ok && answer.status !== gone) return yield* Effect.fail(`status ${answer.status}`)
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail("no answer in time") }))
