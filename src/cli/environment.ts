/** The file of settings that a command reads before anything else: `.env`, unless told otherwise. */
import * as Flag from "effect/cli/Flag"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { lstat } from "node:fs/promises"
import { resolve } from "node:path"
import process from "node:process"
import { readSettings } from "./settingsFile.ts"

/** A file of settings that cannot be read. */
export class EnvFileError extends Schema.TaggedError<EnvFileError>("effect-voice/cli/EnvFileError")("EnvFileError", {
  file: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.file}: ${this.detail}`
  }
}

export const envFile = Flag.String("env-file").pipe(
  Flag.withDescription("File of settings, a NAME=value a line; what the environment says goes first (default: .env)"),
  Flag.optional
)

const isThere = (path: string): Effect.Effect<boolean> =>
  Effect.promise(() => lstat(path).then(() => true, () => false))

/** What the file sets; nothing if there is none and nobody has named one. */
const settings = (file: Option.Option<string>): Effect.Effect<Readonly<Record<string, string>>, EnvFileError> => {
  const name = Option.getOrElse(file, () => ".env")
  const path = resolve(name)
  const refuse = (detail: string) => Effect.fail(new EnvFileError({ file: name, detail }))
  return Effect.catch(
    readSettings(path),
    ({ detail, isMissing }) =>
      !isMissing ? refuse(detail) : Effect.flatMap(isThere(path), (isLink) =>
        isLink
          ? refuse("it is a link to a file that is not there")
          : Option.isSome(file)
          ? refuse("there is no such file")
          : Effect.succeed({}))
  )
}

/** Runs what reads the environment when the file is part of it, for child processes too. */
export const withEnvFile =
  (file: Option.Option<string>) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | EnvFileError, R> =>
    Effect.gen(function*() {
      for (const [name, value] of Object.entries(yield* settings(file))) process.env[name] ??= value
      return yield* Effect.provide(self, ConfigProvider.layer(Effect.sync(() => ConfigProvider.fromEnv())))
    })
