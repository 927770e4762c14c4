#!/usr/bin/env node
/** The command `effect-voice`, as it is started: says which Node or package is missing before anything needs it. */
import { readFileSync } from "node:fs"
import module from "node:module"
import process from "node:process"
import { missingPackage } from "./missingPackage.ts"
import { tooOld } from "./nodeVersion.ts"

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
    const missing = missingPackage(cause)
    if (missing === undefined) throw cause
    refuse(missing)
  }
}
