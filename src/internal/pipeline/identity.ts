/** What a session is called, and which job it is a part of. */
import * as Effect from "effect/Effect"
import * as Metrics from "../../Metrics.ts"
import type { Options } from "../../Pipeline.ts"
import type * as Room from "../../Room.ts"
import { maskedAll } from "../numbers.ts"
import { CurrentJob } from "../session.ts"

export interface Identity {
  readonly id: string
  readonly job: Readonly<Record<string, string>>
  /** Whether a worker's operator follows it. */
  readonly operated: boolean
  /** Its names in logs and traces. */
  readonly ids: Readonly<Record<string, string | number>>
}

// How many sessions each room has had, for their names.
const sessions = new WeakMap<Room.Room["Service"], number>()

const nameSession = (room: Room.Room["Service"]): string => {
  const number = (sessions.get(room) ?? 0) + 1
  sessions.set(room, number)
  return `${room.name}-${number}`
}

export const identify = (
  options: Pick<Options, "sessionId" | "job">,
  room: Room.Room["Service"]
): Effect.Effect<Identity> =>
  Effect.gen(function*() {
    const session = options.sessionId ?? nameSession(room)
    const about = options.job ?? (yield* CurrentJob)
    const { id: job, ...facts } = about
    const ids = maskedAll({ ...facts, ...Metrics.annotations({ session, job }) })
    return { id: session, job: about, operated: job !== undefined, ids }
  })
