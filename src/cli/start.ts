/** What `start` does: runs the agent as a worker, in this process or in children. */
import * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Worker from "../Worker.ts"
import { load } from "./loadModule.ts"
import * as settings from "./settings.ts"

export interface Input {
  readonly file: string
  readonly port: number
  readonly host: Option.Option<string>
  readonly token: Option.Option<Redacted.Redacted>
  readonly processes: number
  readonly jobs: Option.Option<number>
}

/** As `PoolOptions` has it. */
const mostInChild = 1000

export const run = (input: Input) =>
  Effect.gen(function*() {
    const jobs = Option.getOrUndefined(input.jobs)
    if (input.processes > 0 && jobs !== undefined && jobs > mostInChild) {
      return yield* new CliError.UserError({ cause: `--jobs: from 1 to ${mostInChild} where there are --processes` })
    }
    const { definition, url } = yield* load(input.file)
    const { server } = yield* settings.withServer(definition)
    yield* Worker.serve(definition, {
      ...server,
      http: {
        port: input.port,
        host: Option.getOrUndefined(input.host),
        token: Option.getOrUndefined(input.token)
      },
      ...(input.processes === 0
        ? { maxJobs: jobs }
        : { pool: { module: url, processes: input.processes, jobsPerProcess: jobs } })
    })
  })
