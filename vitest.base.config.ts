import { readdirSync, renameSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

// Test files, and the programs that they start, find what they import compiled.
const compiled = join(tmpdir(), "effect-voice-compiled")
const { env } = process
env["NODE_COMPILE_CACHE"] ??= compiled

// A test file has another name there with each run. This many files are some 150 MB. Other runs may read, write and remove
// them now: the folder gets another name first, which is one step, and whoever comes late finds none.
try {
  if (readdirSync(compiled, { recursive: true }).length > 20_000) {
    const old = `${compiled}-${process.pid}`
    renameSync(compiled, old)
    rmSync(old, { recursive: true, force: true })
  }
} catch (error) {
  if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error
}

// What a test starts takes a port that is free: two of them would want the same, and two runs on one machine.
env["METRICS_PORT"] ??= "0"

const imports = fileURLToPath(new URL("./test/support/imports.ts", import.meta.url))

// And they find it without a search.
const resolve = new URL("./test/support/resolve.mjs", import.meta.url).href
env["NODE_OPTIONS"] = `${env["NODE_OPTIONS"] ?? ""} --import=${resolve}`.trim()

export default defineConfig({
  test: {
    // Node reads TypeScript by itself, as in the programs that tests start: it keeps what it has compiled, and runs it as it stands.
    experimental: { viteModuleRunner: false },
    // A conversation in virtual time leaves much behind in little time: a tenth of it went into collections of 16 MB.
    execArgv: ["--import", imports, "--disable-warning=ExperimentalWarning", "--max-semi-space-size=64"],
    // As many wait, for real time or a process, as work: on two cores three need 229 s, four 200, five 202.
    maxWorkers: availableParallelism() * 2,
    setupFiles: [fileURLToPath(new URL("./test/support/equality.ts", import.meta.url))],
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: ["test/livekit/**", "test/hostile/livekit/**", "**/node_modules/**"],
    // Cores that others load, too, need their time; a test that fails is never run again.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    retry: 0,
    // Those that wait for real time, in a file that says so, wait together.
    maxConcurrency: 2
  }
})
