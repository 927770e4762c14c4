/** How tests hold calls over a socket: those of one call, and of a server of three. */
import type { Settings } from "effect-voice/internal/webSocket/call"

export const callSettings: Settings = {
  sampleRate: 24_000,
  aheadMs: 400,
  returnMs: 20_000,
  silentMs: 10_000,
  attach: undefined
}

export const serverSettings = { ...callSettings, mostCalls: 3, joinMs: 10_000, mostBytes: 400_000 }
