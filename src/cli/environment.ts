/** The file of settings that a command reads before anything else: `.env`, unless told otherwise. */
import * as Flag from "effect/cli/Flag"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import process from "node:process"

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

/** Runs what reads the environment when the file is part of it, for child processes too. */
export const withEnvFile =
  (file: Option.Option<string>) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | EnvFileError, R> =>
    Effect.gen(function*() {
      const name = Option.getOrElse(file, () => ".env")
      const isThere = existsSync(resolve(name))
      if (!isThere && Option.isSome(file)) {
        return yield* new EnvFileError({ file: name, detail: "there is no such file" })
      }
      if (isThere) {
        yield* Effect.try({
          try: () => process.loadEnvFile(resolve(name)),
          catch: () => new EnvFileError({ file: name, detail: "it cannot be read" })
        })
      }
      return yield* Effect.provide(self, ConfigProvider.layer(Effect.sync(() => ConfigProvider.fromEnv())))
    })
