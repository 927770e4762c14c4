import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

// Programs that tests start, and their workers, find what they import compiled.
const { env } = process
env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "effect-voice-compiled")

const src = fileURLToPath(new URL("./src/", import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-voice$/, replacement: `${src}index.ts` },
      { find: /^effect-voice\/(.*)$/, replacement: `${src}$1.ts` }
    ]
  },
  test: {
    // One more waits, for real time or a process, where two work.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: ["test/livekit/**", "test/hostile/livekit/**", "**/node_modules/**"],
    // Two loaded cores need their time; a test that fails is never run again.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    // Those that wait for real time, in a file that says so, wait together.
    maxConcurrency: 2
  }
})
