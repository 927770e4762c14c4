import base from "./vitest.base.config.ts"

// Whatever the world sends, mutated and random: `EFFECT_VOICE_FUZZ` inputs for each decoder, 10,000 unless it says otherwise.
export default { ...base, test: { ...base.test, include: ["test/fuzz/**/*.fuzz.ts"] } }
