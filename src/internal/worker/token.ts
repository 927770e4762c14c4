/** The worker's own token: it may register workers, and nothing else. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SignJWT } from "jose"

const lifetime = 3600

export const workerToken = (key: Redacted.Redacted, secret: Redacted.Redacted): Effect.Effect<Redacted.Redacted> =>
  Effect.gen(function*() {
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const token = yield* Effect.promise(() =>
      new SignJWT({ video: { agent: true } })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setIssuer(Redacted.value(key))
        .setNotBefore(now - 60)
        .setExpirationTime(now + lifetime)
        .sign(new TextEncoder().encode(Redacted.value(secret)))
    )
    return Redacted.make(token)
  })
