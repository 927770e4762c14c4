/** Tokens that the worker signs for itself: each allows one thing, and nothing else. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHmac } from "node:crypto"

interface Signer {
  readonly apiKey: Redacted.Redacted
  readonly apiSecret: Redacted.Redacted
}

const sign = (
  { apiKey, apiSecret }: Signer,
  video: Readonly<Record<string, string | boolean>>,
  lifetime: number
): Effect.Effect<Redacted.Redacted> =>
  Effect.map(Clock.currentTimeMillis, (ms) => {
    const now = Math.floor(ms / 1000)
    const claims = { video, iss: Redacted.value(apiKey), nbf: now - 60, exp: now + lifetime }
    const text = [{ alg: "HS256", typ: "JWT" }, claims].map(encoded).join(".")
    // In the same breath: no job waits for a signature.
    const signature = createHmac("sha256", Redacted.value(apiSecret)).update(text).digest("base64url")
    return Redacted.make(`${text}.${signature}`)
  })

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url")

/** It may register workers, for an hour. */
export const workerToken = (signer: Signer): Effect.Effect<Redacted.Redacted> => sign(signer, { agent: true }, 3600)

/** It may take participants out of one room, for a minute unless told otherwise (seconds). */
export const roomToken = (signer: Signer, room: string, lifetime = 60): Effect.Effect<Redacted.Redacted> =>
  sign(signer, { roomAdmin: true, room }, lifetime)

// Longer than any call.
const callLifetime = 24 * 3600

/** The same for as long as a call may last: whoever hangs up ends the line of who is at a telephone. */
export const callToken = (signer: Signer, room: string): Effect.Effect<Redacted.Redacted> =>
  roomToken(signer, room, callLifetime)
