/**
 * Takes the agent of a process that has died out of its room. The server notices
 * by itself, but some 20 seconds later, in which the caller talks to nobody.
 */
import * as Effect from "effect/Effect"
import { removeParticipant } from "../livekit/server.ts"
import type { Assignment } from "./job.ts"
import type { Settings } from "./options.ts"
import { roomToken } from "./token.ts"

export const evict = (
  settings: Pick<Settings, "apiKey" | "apiSecret">,
  { identity, job, url }: Assignment
): Effect.Effect<void> =>
  Effect.flatMap(
    roomToken(settings, job.room.name),
    (token) => removeParticipant({ url, token, room: job.room.name, identity })
  ).pipe(
    Effect.catch((why) =>
      Effect.logWarning("the agent of a process that has ended is still in its room").pipe(Effect.annotateLogs({ why }))
    )
  )
