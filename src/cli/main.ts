#!/usr/bin/env node
/** The command `effect-voice`, as it is started: says which Node or package is missing before anything needs it. */
import { readFileSync } from "node:fs"
import process from "node:process"

const missing = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
    ? /package '((?:@[^/']+\/)?[^/']+)/.exec(cause.message)?.[1]
    : undefined

const refuse = (why: string): void => {
  process.stderr.write(`effect-voice needs ${why}\n`)
  process.exitCode = 1
}

const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8")
const [, least = ""] = /"node": ">=([\d.]+)"/.exec(manifest) ?? []
const numbers = (version: string): ReadonlyArray<number> => version.replace(/^v/, "").split(".").map(Number)
const [major = 0, minor = 0] = numbers(process.version)
const [leastMajor = 0, leastMinor = 0] = numbers(least)

// An older one would stop at an import that it does not know.
if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
  refuse(`Node ${least} or later, and this is ${process.version}: https://nodejs.org has it, or npm install node`)
} else {
  try {
    await import("./commands.ts")
  } catch (cause) {
    const name = missing(cause)
    if (name === undefined) throw cause
    refuse(`${name}, which is not installed: npm install ${name}`)
  }
}
