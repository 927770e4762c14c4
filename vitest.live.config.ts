import base from "./vitest.base.config.ts"

// What asks the real services: each skips without its key in the environment, and the reporter names what it wants.
export default { ...base, test: { ...base.test, include: ["test/live/**/*.live.ts"], reporters: ["verbose"] } }
