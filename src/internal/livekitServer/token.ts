/**
 * Access tokens for a LiveKit server, signed here: each allows what it is made
 * for, and nothing else. They are values; what is forgotten of one is its time.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { RoomError } from "../../Room.ts"

/** Whose tokens the server believes. */
export interface Signer {
  readonly apiKey: Redacted.Redacted
  readonly apiSecret: Redacted.Redacted
}

/**
 * What a token says.
 *
 * @category options
 * @since 0.1.0
 */
export interface TokenOptions {
  readonly apiKey: string
  readonly apiSecret: Redacted.Redacted
  readonly room: string
  readonly identity: string
  readonly name?: string | undefined
  readonly metadata?: string | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** An agent is known as one to frontends, and may speak in another's name. @default "agent" */
  readonly kind?: "agent" | "standard" | undefined
  /** Not seen by the others. @default false */
  readonly hidden?: boolean | undefined
  /** How long it lets someone in. @default "1 hour" */
  readonly ttl?: Duration.Input | undefined
}

interface Token {
  readonly claims: Readonly<Record<string, unknown>>
  readonly identity?: string
  readonly lifetimeSeconds: number
  /** It counts from so long ago, for servers whose clock is behind. */
  readonly leewaySeconds: number
}

const invalid = (detail: string) => new RoomError({ reason: "InvalidOption", detail: `token: ${detail}` })

const sign = (
  { apiKey, apiSecret }: Signer,
  { claims, identity, leewaySeconds, lifetimeSeconds }: Token
): Effect.Effect<Redacted.Redacted, RoomError> =>
  Effect.gen(function*() {
    const { SignJWT } = yield* Effect.promise(() => import("jose"))
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const jwt = new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(Redacted.value(apiKey))
      .setNotBefore(now - leewaySeconds)
      .setExpirationTime(now + lifetimeSeconds)
    if (identity !== undefined) jwt.setSubject(identity)
    const secret = new TextEncoder().encode(Redacted.value(apiSecret))
    return Redacted.make(
      yield* Effect.tryPromise({ try: () => jwt.sign(secret), catch: () => invalid("apiSecret cannot sign") })
    )
  })

/** It lets someone into one room, to speak, to listen, to send and to change what is said of them. */
export const participantToken = (options: TokenOptions): Effect.Effect<Redacted.Redacted, RoomError> =>
  Effect.gen(function*() {
    const { apiKey, apiSecret, attributes, identity, kind = "agent", metadata, name, room } = options
    for (const [option, value] of Object.entries({ apiKey, identity, room, apiSecret: Redacted.value(apiSecret) })) {
      if (value === "") return yield* invalid(`${option} is empty`)
    }
    const lifetime = Duration.toSeconds(Duration.fromInputUnsafe(options.ttl ?? "1 hour"))
    return yield* sign({ apiKey: Redacted.make(apiKey), apiSecret }, {
      claims: {
        ...(name === undefined ? {} : { name }),
        ...(metadata === undefined ? {} : { metadata }),
        ...(attributes === undefined ? {} : { attributes }),
        ...(kind === "agent" ? { kind } : {}),
        video: {
          roomJoin: true,
          room,
          canPublish: true,
          canSubscribe: true,
          canPublishData: true,
          canUpdateOwnMetadata: true,
          ...(kind === "agent" ? { agent: true } : {}),
          ...(options.hidden === true ? { hidden: true } : {})
        }
      },
      identity,
      lifetimeSeconds: Math.max(1, Math.round(lifetime)),
      leewaySeconds: 10
    })
  })

/** It lets a caller into one room for an hour, and asks for the agent if that makes the room. */
export const callerToken = (
  signer: Signer,
  { agentName, identity, room }: { readonly agentName: string; readonly identity: string; readonly room: string }
): Effect.Effect<Redacted.Redacted> =>
  Effect.orDie(sign(signer, {
    claims: {
      name: identity,
      video: { roomJoin: true, room, canPublish: true, canSubscribe: true, canPublishData: true },
      ...(agentName === "" ? {} : { roomConfig: { agents: [{ agentName }] } })
    },
    identity,
    lifetimeSeconds: 3600,
    leewaySeconds: 60
  }))

/** It may register workers, for an hour. */
export const workerToken = (signer: Signer): Effect.Effect<Redacted.Redacted> =>
  Effect.orDie(sign(signer, { claims: { video: { agent: true } }, lifetimeSeconds: 3600, leewaySeconds: 60 }))

/** It may take participants out of one room, for a minute. */
export const roomToken = (signer: Signer, room: string): Effect.Effect<Redacted.Redacted> =>
  Effect.orDie(
    sign(signer, { claims: { video: { roomAdmin: true, room } }, lifetimeSeconds: 60, leewaySeconds: 60 })
  )
