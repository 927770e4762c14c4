import livekit from "./vitest.livekit.config.ts"

// Telephone calls by SIP: each skips where a part of the rig is not there, and the reporter names what it wants.
export default {
  ...livekit,
  test: { ...livekit.test, include: ["test/sip/**/*.sip.ts"], reporters: ["verbose"] }
}
