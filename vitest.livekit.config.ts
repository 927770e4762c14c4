import { defineConfig, mergeConfig } from "vitest/config"
import base from "./vitest.base.config.ts"

// What needs a LiveKit server: one is started unless `LIVEKIT_URL` names one.
const merged = mergeConfig(
  base,
  defineConfig({
    test: {
      globalSetup: ["./test/livekit/support/server.ts"],
      fileParallelism: false
    }
  })
)

export default {
  ...merged,
  test: {
    ...merged.test,
    include: ["test/livekit/**/*.test.ts"],
    exclude: ["**/node_modules/**"]
  }
}
