import { globSync, readFileSync } from "node:fs"
import { defineConfig } from "vitest/config"
import base from "./vitest.base.config.ts"

// What changes the process that it runs in, such as its modules, says so in a line of its own, and why.
const alone = globSync("{test,examples}/**/*.test.ts").filter((file) =>
  /^\/\/ Alone: \S/m.test(readFileSync(file, "utf8"))
)

const { exclude = [], ...test } = base.test ?? {}

// The others share what they import, which takes longer than most of them run.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    projects: [
      { extends: false, ...base, test: { ...test, name: "shared", isolate: false, exclude: [...exclude, ...alone] } },
      { extends: false, ...base, test: { ...test, name: "alone", include: alone, exclude } }
    ]
  }
})
