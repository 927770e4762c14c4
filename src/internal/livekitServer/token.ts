/**
 * Access tokens for a LiveKit server, signed here: each allows what it is made
 * for, and nothing else. They are values; what is forgotten of one is its time.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHmac } from "node:crypto"
import type { RoomError } from "../../Room.ts"
import * as Check from "../options.ts"
import { refused } from "../room/options.ts"

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
  /** May take others out of the room (`Room.remove`), and transfer their calls (`Room.transfer`). @default false */
  readonly admin?: boolean | undefined
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

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url")

// In the same breath, which a key of Web Crypto does not allow: no job waits for a signature.
const sign = (
  { apiKey, apiSecret }: Signer,
  { claims, identity, leewaySeconds, lifetimeSeconds }: Token
): Effect.Effect<Redacted.Redacted> =>
  Effect.map(Clock.currentTimeMillis, (ms) => {
    const now = Math.floor(ms / 1000)
    const payload = {
      ...claims,
      ...(identity === undefined ? {} : { sub: identity }),
      iss: Redacted.value(apiKey),
      nbf: now - leewaySeconds,
      exp: now + lifetimeSeconds
    }
    const text = [{ alg: "HS256", typ: "JWT" }, payload].map(encoded).join(".")
    const signature = createHmac("sha256", Redacted.value(apiSecret)).update(text).digest("base64url")
    return Redacted.make(`${text}.${signature}`)
  })

/** To transfer calls takes the right to make them. */
const calling = { sip: { call: true } }

const named = Check.required(Check.text({ must: "not be empty" }))

const schema = Check.struct<TokenOptions>()({
  apiKey: named,
  apiSecret: Check.required(Check.secret),
  room: named,
  identity: named,
  name: Check.words,
  metadata: Check.words,
  attributes: Check.texts,
  kind: Check.oneOf(["agent", "standard"], { default: "agent" }),
  hidden: Check.flag({ default: false }),
  admin: Check.flag({ default: false }),
  ttl: Check.duration({ above: 0, most: 10 * 365 * 86_400_000, default: "1 hour" })
})

/** It lets someone into one room, to speak, to listen, to send and to change what is said of them. */
export const participantToken = (options: TokenOptions): Effect.Effect<Redacted.Redacted, RoomError> =>
  Effect.gen(function*() {
    const settings = yield* Check.readOrFail(schema, options, refused, "token")
    const { apiKey, apiSecret, attributes, identity, kind, metadata, name, room } = settings
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
          ...(settings.hidden ? { hidden: true } : {}),
          ...(settings.admin ? { roomAdmin: true } : {})
        },
        ...(settings.admin ? calling : {})
      },
      identity,
      lifetimeSeconds: Math.max(1, Math.round(settings.ttl / 1000)),
      leewaySeconds: 10
    })
  })

/** It lets a caller into one room for an hour, and asks for the agent if that makes the room. */
export const callerToken = (
  signer: Signer,
  { agentName, identity, metadata = "", room }: {
    readonly agentName: string
    readonly identity: string
    readonly room: string
    /** Of the agent's job. @default none */
    readonly metadata?: string | undefined
  }
): Effect.Effect<Redacted.Redacted> =>
  sign(signer, {
    claims: {
      name: identity,
      video: { roomJoin: true, room, canPublish: true, canSubscribe: true, canPublishData: true },
      ...(agentName === ""
        ? {}
        : { roomConfig: { agents: [metadata === "" ? { agentName } : { agentName, metadata }] } })
    },
    identity,
    lifetimeSeconds: 3600,
    leewaySeconds: 60
  })

/** It may register workers, for an hour. */
export const workerToken = (signer: Signer): Effect.Effect<Redacted.Redacted> =>
  sign(signer, { claims: { video: { agent: true } }, lifetimeSeconds: 3600, leewaySeconds: 60 })

/** It may take participants out of one room, for a minute unless told otherwise. */
export const roomToken = (signer: Signer, room: string, lifetimeSeconds = 60): Effect.Effect<Redacted.Redacted> =>
  sign(signer, { claims: { video: { roomAdmin: true, room } }, lifetimeSeconds, leewaySeconds: 60 })

// Longer than any call.
const callSeconds = 24 * 3600

/**
 * The same for as long as a call may last, for who ends the line of one at a telephone, or gives it to somebody
 * else.
 */
export const callToken = (signer: Signer, room: string): Effect.Effect<Redacted.Redacted> =>
  sign(signer, {
    claims: { video: { roomAdmin: true, room }, ...calling },
    lifetimeSeconds: callSeconds,
    leewaySeconds: 60
  })

interface Claims {
  readonly video?: { readonly roomAdmin?: unknown } | undefined
  readonly sip?: { readonly call?: unknown } | undefined
}

const claimsOf = (token: Redacted.Redacted): Claims => {
  try {
    const text = Buffer.from(Redacted.value(token).split(".")[1] ?? "", "base64url").toString("utf8")
    return JSON.parse(text) as Claims | null ?? {}
  } catch {
    return {}
  }
}

/** Whether a token lets its holder take others out of the room. */
export const mayRemove = (token: Redacted.Redacted): boolean => claimsOf(token).video?.roomAdmin === true

/** Whether it lets its holder transfer their calls. */
export const mayTransfer = (token: Redacted.Redacted): boolean => mayRemove(token) && claimsOf(token).sip?.call === true
