/** What a server asks for, as plain data that also crosses to a child process, and what holds the conversation of it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as Scope from "effect/Scope"
import type { InvalidOptions } from "../../Failure.ts"
import type { Room } from "../../Room.ts"
import { problem } from "../options.ts"

/**
 * What holds the conversation of a job, such as `Pipeline.run` gives.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Held<ROut> = Effect.Effect<unknown, unknown, ROut | Room | Scope.Scope>

/**
 * What makes the server ask for an agent: a new room, a participant that
 * publishes for the first time, or a participant that joins.
 *
 * @category models
 * @since 0.1.0
 */
export const JobType = Schema.Literals(["room", "publisher", "participant"])

/**
 * @category models
 * @since 0.1.0
 */
export type JobType = typeof JobType.Type

const Attributes = Schema.Record(Schema.String, Schema.String)

/**
 * A job that a server offers.
 *
 * **Details**
 *
 * `metadata` and `attributes` are those of the dispatch; `participant` is there
 * for the types `publisher` and `participant`.
 *
 * @category models
 * @since 0.1.0
 */
export const JobRequest = Schema.Struct({
  id: Schema.String,
  dispatch: Schema.String,
  type: JobType,
  room: Schema.Struct({ name: Schema.String, sid: Schema.String, metadata: Schema.String }),
  participant: Schema.optionalKey(
    Schema.Struct({ identity: Schema.String, name: Schema.String, metadata: Schema.String, attributes: Attributes })
  ),
  agentName: Schema.String,
  metadata: Schema.String,
  attributes: Attributes
})

/**
 * @category models
 * @since 0.1.0
 */
export interface JobRequest extends Schema.Schema.Type<typeof JobRequest> {}

/** Why a job has to end before its entry has. */
export const EndReason = Schema.Literals(["terminated", "drained", "stopped", "room_ended"])

/**
 * Why a job has to end before its entry has: the server says so, the worker has
 * drained for long enough or is stopped, or the room is over.
 *
 * @category models
 * @since 0.1.0
 */
export type EndReason = typeof EndReason.Type

/** A job that is ours, with the way into its room. */
export const Assignment = Schema.Struct({
  job: JobRequest,
  identity: Schema.String,
  url: Schema.String,
  token: Schema.RedactedFromValue(Schema.String),
  /** Lets the agent take others out of its room. */
  admin: Schema.optionalKey(Schema.RedactedFromValue(Schema.String))
})

export interface Assignment extends Schema.Schema.Type<typeof Assignment> {}

export type Report =
  | { readonly status: "running" }
  | { readonly status: "success" }
  | { readonly status: "failed"; readonly error: string }

export const isFinal = (report: Report): boolean => report.status !== "running"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** The fields of what does not fit, and none of its values. */
const unfit = (issue: SchemaIssue.Issue): string => {
  const fields = issuesOf(issue).issues.map(({ path = [] }) => path.map(String).join("."))
  const named = [...new Set(fields.filter((field) => field !== ""))]
  return `does not fit the schema${named.length === 0 ? "" : `: look at ${named.join(", ")}`}`
}

/**
 * Reads the metadata of a job, which is JSON, by a schema.
 *
 * **Details**
 *
 * It is what the dispatch, or the caller's token, says of the job; `effect-voice dev`, `console` and
 * `connect` give it with `--metadata`. Fails with `InvalidOptions` if it is empty, no JSON, or does not
 * fit: the error names the fields, and not their values.
 *
 * **Example** (An agent for each tenant)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Agent, Pipeline, Worker } from "effect-voice"
 *
 * const entry = (job: Worker.Job) =>
 *   Effect.flatMap(Worker.metadata(job, Schema.Struct({ tenant: Schema.String })), ({ tenant }) =>
 *     Pipeline.run(Agent.make({ instructions: `You answer the phone of ${tenant}.` })))
 * ```
 *
 * @see `Telephone.parameters` for what a telephone call tells
 * @category combinators
 * @since 0.1.0
 */
export const metadata = <A, I>(
  job: Pick<JobRequest, "metadata">,
  schema: Schema.Codec<A, I>
): Effect.Effect<A, InvalidOptions> => {
  if (job.metadata === "") {
    const write = "give it to the dispatch, to the caller's token, or to the command with --metadata"
    return Effect.fail(problem("metadata", `of the job is empty: ${write}`))
  }
  return Effect.try({
    try: (): unknown => JSON.parse(job.metadata),
    catch: () => problem("metadata", "of the job is no JSON")
  }).pipe(
    Effect.flatMap((told) =>
      Effect.mapError(
        Schema.decodeUnknownEffect(schema, { errors: "all" })(told),
        ({ issue }) => problem("metadata", `of the job ${unfit(issue)}`)
      )
    )
  )
}
