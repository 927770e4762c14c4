import livekit from "./vitest.livekit.config.ts"

// Those who come back a dozen ways, and those who flood a room: on a LiveKit server, as the suite of calls.
export default { ...livekit, test: { ...livekit.test, include: ["test/hostile/livekit/**/*.test.ts"] } }
