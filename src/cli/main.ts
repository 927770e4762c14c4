#!/usr/bin/env node
/** The command `effect-voice`, as it is started: says which package is missing before anything needs it. */
import process from "node:process"

const missing = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
    ? /package '((?:@[^/']+\/)?[^/']+)/.exec(cause.message)?.[1]
    : undefined

try {
  await import("./commands.ts")
} catch (cause) {
  const name = missing(cause)
  if (name === undefined) throw cause
  process.stderr.write(`effect-voice needs ${name}, which is not installed: npm install ${name}\n`)
  process.exitCode = 1
}
