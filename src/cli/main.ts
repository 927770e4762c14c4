#!/usr/bin/env node
/** The command `effect-voice`, as it is started: says which Node or package is missing before anything needs it. */
import { readFileSync } from "node:fs"
import module from "node:module"
import process from "node:process"
import { tooOld } from "./nodeVersion.ts"

const missing = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
    ? /package '((?:@[^/']+\/)?[^/']+)/.exec(cause.message)?.[1]
    : undefined

const refuse = (why: string): void => {
  process.stderr.write(`${why}\n`)
  process.exitCode = 1
}

const { engines } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
const old = tooOld(process.versions.node, engines.node)
if (old !== undefined) refuse(old)
else {
  // The next start finds it compiled. Where nothing can be written, it goes on without.
  module.enableCompileCache()
  try {
    await import("./commands.ts")
  } catch (cause) {
    const name = missing(cause)
    if (name === undefined) throw cause
    refuse(`effect-voice needs ${name}, which is not installed: npm install ${name}`)
  }
}
