/**
 * Takes the agent of a process that has died out of its room. The server notices
 * by itself, but some 20 seconds later, in which the caller talks to nobody.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fetch from "../provider/fetch.ts"
import { codeOf } from "../provider/http.ts"
import type { Assignment } from "./job.ts"
import type { Settings } from "./options.ts"
import { roomToken } from "./token.ts"

const patience = "5 seconds"
// Somebody else was faster.
const gone = 404

const endpoint = (server: string): URL => {
  const url = new URL(server)
  url.protocol = url.protocol.replace("ws", "http")
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/twirp/livekit.RoomService/RemoveParticipant`
  return url
}

export const evict = (
  settings: Pick<Settings, "apiKey" | "apiSecret">,
  { identity, job, url }: Assignment
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const fetch = yield* Fetch.fetch
    const token = yield* roomToken(settings, job.room.name)
    const answer = yield* Effect.tryPromise({
      try: (signal) =>
        fetch(endpoint(url), {
          method: "POST",
          headers: { authorization: `Bearer ${Redacted.value(token)}`, "content-type": "application/json" },
          body: JSON.stringify({ room: job.room.name, identity }),
          signal
        }),
      catch: (cause) => codeOf(cause) ?? "no answer"
    })
    yield* Effect.promise(() => answer.arrayBuffer().catch(() => undefined))
    if (!answer.ok && answer.status !== gone) return yield* Effect.fail(`status ${answer.status}`)
  }).pipe(
    Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail("no answer in time") }),
    Effect.catch((why) =>
      Effect.logWarning("the agent of a process that has ended is still in its room").pipe(Effect.annotateLogs({ why }))
    )
  )
