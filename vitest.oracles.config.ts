import base from "./vitest.base.config.ts"

// The providers' own packages beside our layers: each skips where its package is not installed, `npm install --prefix test/oracles`.
export default { ...base, test: { ...base.test, include: ["test/oracles/**/*.oracle.ts"], reporters: ["verbose"] } }
