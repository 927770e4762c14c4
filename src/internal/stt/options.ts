/** What a program says of a recogniser of single utterances, checked where it is made. */
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Audio from "../../Audio.ts"
import type * as Failure from "../../Failure.ts"
import type * as Vad from "../../Vad.ts"
import { Checks, invalid } from "../provider/options.ts"
import { isProblem, settings } from "../vad/settings.ts"

export interface Checked {
  readonly format?: Audio.Format | undefined
  readonly vadOptions?: Vad.Options | undefined
  readonly interimEvery?: Duration.Input | undefined
  readonly maxSpeech?: Duration.Input | undefined
}

export const problemOf = (
  { format = Audio.speech, interimEvery, maxSpeech, vadOptions }: Checked
): Failure.InvalidRequest | undefined => {
  const checks = new Checks()
    .time("maxSpeech", maxSpeech, 100, Number.POSITIVE_INFINITY)
    .time("interimEvery", interimEvery, 10, Number.POSITIVE_INFINITY)
  if (checks.problem !== undefined) return checks.problem
  const shape = Audio.validateFormat(format)
  if (Result.isFailure(shape)) return invalid("format", shape.failure.message)
  const found = settings(Audio.speech.sampleRate, [vadOptions])
  return isProblem(found) ? invalid(`vadOptions.${found.option}`, found.detail) : undefined
}
