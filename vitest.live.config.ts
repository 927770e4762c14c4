import base from "./vitest.config.ts"

// What asks the real services: each test skips without its key in the environment.
export default { ...base, test: { ...base.test, include: ["test/live/**/*.live.ts"] } }
