import { globSync, readFileSync } from "node:fs"
import { defineConfig } from "vitest/config"
import base from "./vitest.config.ts"

/** Files that put something else in the place of a module, or listen to the process, have a process to themselves. */
const alone = globSync("test/**/*.test.ts").filter((file) => /\bvi\.|process\.on\(/.test(readFileSync(file, "utf8")))

const { exclude = [], ...shared } = base.test ?? {}

// The others share what they import, which takes longer than most of them run.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    projects: [
      { extends: false, ...base, test: { ...shared, name: "shared", isolate: false, exclude: [...exclude, ...alone] } },
      { extends: false, ...base, test: { ...shared, name: "alone", include: alone, exclude } }
    ]
  }
})
