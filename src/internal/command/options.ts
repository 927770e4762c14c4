/** Options that all layers of local programs share. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as os from "node:os"
import * as path from "node:path"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import { millisOf } from "../provider/options.ts"

export interface Settings {
  readonly timeoutMs: number
  readonly maxOutput: number
  readonly concurrency: number
}

interface Limits {
  readonly timeout?: Duration.Input | undefined
  readonly maxOutput?: number | undefined
  readonly concurrency?: number | undefined
}

const invalid = (detail: string): Failure.InvalidRequest => new Failure.InvalidRequest({ detail })

/** The program without its directory. */
export const nameOf = (program: string): string => path.basename(program)

// What a timer of Node can wait for.
const longestMs = 2 ** 31 - 1

export const settings = (
  options: Limits & { readonly program: string },
  defaults: { readonly timeout: Duration.Input; readonly maxOutput: number }
): Effect.Effect<Settings, Failure.InvalidRequest> => {
  if (options.program.trim() === "") return Effect.fail(invalid("program: the name of a program is missing"))
  const timeout = options.timeout ?? defaults.timeout
  const timeoutMs = millisOf(timeout)
  if (!(timeoutMs > 0 && timeoutMs <= longestMs)) {
    return Effect.fail(invalid(`timeout: must be longer than 0 and at most ${longestMs} ms`))
  }
  const maxOutput = options.maxOutput ?? defaults.maxOutput
  if (!(Number.isSafeInteger(maxOutput) && maxOutput > 0)) {
    return Effect.fail(invalid(`maxOutput: must be a whole number of bytes from 1 on, not ${maxOutput}`))
  }
  const concurrency = options.concurrency ?? os.availableParallelism()
  if (!(Number.isSafeInteger(concurrency) && concurrency > 0)) {
    return Effect.fail(invalid(`concurrency: must be a whole number from 1 on, not ${concurrency}`))
  }
  return Effect.succeed({ timeoutMs, maxOutput, concurrency })
}

const leastRate = 4000

export const checkedFormat = (option: string, format: Audio.Format): Effect.Effect<Audio.Format, Failure.Reason> =>
  // What has fewer samples holds no speech, and blocks the process while it is converted.
  format.sampleRate < leastRate ?
    Effect.fail(invalid(`${option}: must have at least ${leastRate} Hz, not ${format.sampleRate}`)) :
    Result.match(Audio.validateFormat(format), {
      onFailure: (error) => Effect.fail(invalid(`${option}: ${error.message}`)),
      onSuccess: (format) => Effect.succeed(format)
    })
