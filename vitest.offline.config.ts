import base from "./vitest.base.config.ts"

// What runs against real engines on this machine: each skips where its engine is not there, and the reporter names what it wants.
export default { ...base, test: { ...base.test, include: ["test/offline/**/*.offline.ts"], reporters: ["verbose"] } }
