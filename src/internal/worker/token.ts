/** Tokens that the worker signs for itself: each allows one thing, and nothing else. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SignJWT } from "jose"

interface Signer {
  readonly apiKey: Redacted.Redacted
  readonly apiSecret: Redacted.Redacted
}

const sign = (
  { apiKey, apiSecret }: Signer,
  video: Readonly<Record<string, string | boolean>>,
  lifetime: number
): Effect.Effect<Redacted.Redacted> =>
  Effect.gen(function*() {
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const token = yield* Effect.promise(() =>
      new SignJWT({ video })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setIssuer(Redacted.value(apiKey))
        .setNotBefore(now - 60)
        .setExpirationTime(now + lifetime)
        .sign(new TextEncoder().encode(Redacted.value(apiSecret)))
    )
    return Redacted.make(token)
  })

/** It may register workers, for an hour. */
export const workerToken = (signer: Signer): Effect.Effect<Redacted.Redacted> => sign(signer, { agent: true }, 3600)

/** It may take participants out of one room, for a minute. */
export const roomToken = (signer: Signer, room: string): Effect.Effect<Redacted.Redacted> =>
  sign(signer, { roomAdmin: true, room }, 60)
