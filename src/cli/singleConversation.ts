/** One conversation without a worker: a job that nobody has dispatched. */
import * as Effect from "effect/Effect"
import type * as Config from "../Config.ts"
import { within } from "../internal/config/findings.ts"
import { CurrentJob } from "../internal/session.ts"
import { entryInTime } from "../internal/worker/executor.ts"
import { checkDefinition } from "../internal/worker/options.ts"
import { ownJob } from "../internal/worker/ownJob.ts"
import type { Room } from "../Room.ts"
import type { Definition } from "../Worker.ts"
import { explainedAs } from "./userError.ts"

interface About {
  readonly id: string
  readonly identity: string
  readonly metadata: string
}

/** Runs the entry of a definition in a room that is there, as a job of its own. */
export const hold = <E>(
  { agentName, type }: Definition<E>,
  entry: Effect.Success<Definition<E>["open"]>,
  room: Room["Service"],
  about: About
) =>
  Effect.gen(function*() {
    const job = yield* ownJob({
      id: about.id,
      dispatch: "",
      type,
      room: { name: room.name, sid: "", metadata: "" },
      agentName,
      metadata: about.metadata,
      attributes: {},
      identity: about.identity
    })
    const facts = { id: job.id, room: room.name, ...(agentName === "" ? {} : { agentName }) }
    yield* Effect.provideService(entry(job, room), CurrentJob, facts)
  })

/** The entry of a definition that is in order, with its layer built and warm. */
export const ready = <E>(definition: Definition<E>) =>
  Effect.flatMap(checkDefinition(definition), (settings) => entryInTime(definition, settings))

/** Runs the entry of a definition once, in a room that is opened when everything else is there. */
export const converse = <E, E2, R>(
  definition: Definition<E>,
  open: Effect.Effect<Room["Service"], E2, R>,
  about: About,
  given: Config.Given
) =>
  within(given)(Effect.scoped(Effect.gen(function*() {
    const entry = yield* ready(definition)
    yield* explainedAs("the agent's entry has failed")(hold(definition, entry, yield* open, about))
  })))
