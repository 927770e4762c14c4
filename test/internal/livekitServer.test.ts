/** What we sign for a LiveKit server and ask of it, held to the server's own kit. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import {
  AccessToken,
  RoomAgentDispatch,
  RoomConfiguration,
  RoomServiceClient,
  SipClient,
  TokenVerifier
} from "livekit-server-sdk"
import { removeParticipant, transferParticipant } from "../../src/internal/livekitServer/rooms.ts"
import {
  callerToken,
  callToken,
  participantToken,
  roomToken,
  type TokenOptions,
  workerToken
} from "../../src/internal/livekitServer/token.ts"
import type { Destination } from "../../src/internal/room/destination.ts"
import * as provider from "../support/provider.ts"

const key = "devkey"
const secret = "secret-at-least-thirty-two-characters"
const signer = { apiKey: Redacted.make(key), apiSecret: Redacted.make(secret) }

const inRoom: TokenOptions = { apiKey: key, apiSecret: signer.apiSecret, room: "lobby", identity: "ada" }

/** A token of the server's kit. */
const theirs = (identity: string | undefined, ttl: number, say: (token: AccessToken) => void) => () => {
  const token = new AccessToken(key, secret, { ttl, ...(identity === undefined ? {} : { identity }) })
  say(token)
  return token.toJwt()
}

const rights = {
  roomJoin: true,
  room: "lobby",
  canPublish: true,
  canSubscribe: true,
  canPublishData: true,
  canUpdateOwnMetadata: true
}

const tokens: ReadonlyArray<
  readonly [name: string, ours: Effect.Effect<Redacted.Redacted, unknown>, theirs: () => Promise<string>]
> = [
  [
    "an agent's",
    participantToken(inRoom),
    theirs("ada", 3600, (token) => {
      token.kind = "agent"
      token.addGrant({ ...rights, agent: true })
    })
  ],
  [
    "that of an agent of whom something is said",
    participantToken({ ...inRoom, name: "Ada", metadata: "{}", attributes: { floor: "7" }, ttl: "5 minutes" }),
    theirs("ada", 300, (token) => {
      token.kind = "agent"
      token.name = "Ada"
      token.metadata = "{}"
      token.attributes = { floor: "7" }
      token.addGrant({ ...rights, agent: true })
    })
  ],
  [
    "that of someone whom nobody sees",
    participantToken({ ...inRoom, kind: "standard", hidden: true, ttl: 1 }),
    theirs("ada", 1, (token) => token.addGrant({ ...rights, hidden: true }))
  ],
  [
    "that of an agent who may take others out of the room, and transfer their calls",
    participantToken({ ...inRoom, admin: true }),
    theirs("ada", 3600, (token) => {
      token.kind = "agent"
      token.addGrant({ ...rights, agent: true, roomAdmin: true })
      token.addSIPGrant({ call: true })
    })
  ],
  [
    "a caller's, which asks for an agent",
    callerToken(signer, { room: "lobby", identity: "ada", agentName: "desk" }),
    theirs("ada", 3600, (token) => {
      token.name = "ada"
      token.roomConfig = new RoomConfiguration({ agents: [new RoomAgentDispatch({ agentName: "desk" })] })
      const { canUpdateOwnMetadata: _, ...caller } = rights
      token.addGrant(caller)
    })
  ],
  [
    "a caller's, for agents that come by themselves",
    callerToken(signer, { room: "lobby", identity: "ada", agentName: "" }),
    theirs("ada", 3600, (token) => {
      token.name = "ada"
      const { canUpdateOwnMetadata: _, ...caller } = rights
      token.addGrant(caller)
    })
  ],
  ["a worker's", workerToken(signer), theirs(undefined, 3600, (token) => token.addGrant({ agent: true }))],
  [
    "that which hangs up a call, or transfers it",
    callToken(signer, "lobby"),
    theirs(undefined, 86_400, (token) => {
      token.addGrant({ roomAdmin: true, room: "lobby" })
      token.addSIPGrant({ call: true })
    })
  ],
  [
    "the operator's of one room",
    roomToken(signer, "lobby"),
    theirs(undefined, 60, (token) => token.addGrant({ roomAdmin: true, room: "lobby" }))
  ]
]

/** The claims of a token, if it is believed; of the room's configuration, what a server reads: what is left out is the default. */
const verify = (token: string) =>
  Effect.map(Effect.promise(() => new TokenVerifier(key, secret).verify(token)), ({ roomConfig, ...claims }) => ({
    ...claims,
    ...(roomConfig === undefined ? {} : { roomConfig: RoomConfiguration.fromJson({ ...roomConfig } as never).toJson() })
  }))

describe("a token for a LiveKit server", () => {
  it.live.each(tokens)("says what the server's kit says: %s", ([, ours, theirs]) =>
    Effect.gen(function*() {
      const { exp: expires = 0, nbf: counts = 0, ...claims } = yield* verify(Redacted.value(yield* ours))
      const { exp = 0, nbf = 0, ...expected } = yield* verify(yield* Effect.promise(theirs))
      assert.deepStrictEqual(claims, expected)
      // It counts from a little earlier, for a server whose clock is behind; both are signed within a second or two.
      assert.closeTo(expires, exp, 2)
      assert.isAtMost(counts, nbf)
      assert.isAtLeast(counts, nbf - 62)
    }))

  it.live("is believed by who knows the secret alone", () =>
    Effect.gen(function*() {
      const token = Redacted.value(yield* workerToken(signer))
      const other = new TokenVerifier(key, "another-secret-of-thirty-two-characters")
      assert.isFalse(yield* Effect.promise(() => other.verify(token).then(() => true, () => false)))
    }))
})

const remove = (from: { readonly url: string; readonly room: string; readonly identity: string }) =>
  Effect.flatMap(roomToken(signer, from.room), (token) => removeParticipant({ ...from, token }))

describe("a request to a LiveKit server", () => {
  it.live("is what the server's kit puts on the wire: a participant is taken out of a room", () =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) =>
        void response.writeHead(200, { "content-type": "application/json" }).end("{}")
      )
      const url = server.url.replace("http", "ws")
      const told = Effect.flatMap(server.next, ({ body, headers, method, url }) =>
        Effect.gen(function*() {
          const [scheme, token = ""] = (headers.authorization ?? "").split(" ")
          const { exp, iss, nbf, ...claims } = yield* verify(token)
          assert.isAbove(exp ?? 0, nbf ?? Infinity)
          const [type] = (headers["content-type"] ?? "").split(";")
          return {
            path: `${url.pathname}${url.search}`,
            method,
            scheme,
            iss,
            claims,
            type,
            body: JSON.parse(body.toString()) as unknown
          }
        }))
      yield* Effect.promise(() => new RoomServiceClient(url, key, secret).removeParticipant("lobby", "ada"))
      const theirs = yield* told
      yield* remove({ url, room: "lobby", identity: "ada" })
      assert.deepStrictEqual(yield* told, theirs)
      assert.deepInclude(theirs, { iss: key, scheme: "Bearer", body: { room: "lobby", identity: "ada" } })
    }))

  it.live.each<readonly [string, Destination]>([
    ["tel:+4930123456", { _tag: "Number", number: "+4930123456" }],
    ["sip:desk@example.com", { _tag: "Sip", address: "sip:desk@example.com" }]
  ])("is what the server's kit puts on the wire: a call goes to %s", ([address, to]) =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) =>
        void response.writeHead(200, { "content-type": "application/json" }).end("{}")
      )
      const url = server.url.replace("http", "ws")
      const told = Effect.flatMap(server.next, ({ body, headers, url }) =>
        Effect.gen(function*() {
          const { exp: _, iss: __, nbf: ___, ...claims } = yield* verify(headers.authorization?.split(" ")[1] ?? "")
          return { path: url.pathname, claims, body: JSON.parse(body.toString()) as unknown }
        }))
      const kit = new SipClient(url, key, secret)
      yield* Effect.promise(() => kit.transferSipParticipant("lobby", "ada", address, { playDialtone: true }))
      const theirs = yield* told
      const token = yield* callToken(signer, "lobby")
      yield* transferParticipant({ url, token, room: "lobby", identity: "ada", to })
      assert.deepStrictEqual(yield* told, theirs)
      assert.strictEqual(theirs.path, "/twirp/livekit.SIP/TransferSIPParticipant")
    }))

  it.live.each([404, 408, 503])("fails where nobody takes a call: %d", (status) =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) => void response.writeHead(status).end("{}"))
      const token = yield* callToken(signer, "lobby")
      const to: Destination = { _tag: "Number", number: "+4930123456" }
      const asked = transferParticipant({ url: server.url, token, room: "lobby", identity: "ada", to })
      assert.strictEqual(yield* Effect.flip(asked), `status ${status}`)
    }))

  it.live.each([[200, undefined], [404, undefined], [401, "status 401"], [500, "status 500"]] as const)(
    "that is answered with %d: %s",
    ([status, failure]) =>
      Effect.gen(function*() {
        const server = yield* provider.http((_, response) => void response.writeHead(status).end("{}"))
        const asked = remove({ url: `${server.url}/below/`, room: "lobby", identity: "ada" })
        const answer = yield* Effect.result(asked)
        assert.strictEqual(answer._tag === "Failure" ? answer.failure : undefined, failure)
        assert.strictEqual((yield* server.next).url.pathname, "/below/twirp/livekit.RoomService/RemoveParticipant")
      })
  )

  it.live("that reaches nobody fails with the reason", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.scoped(provider.http(() => {}))
      const asked = remove({ url: gone.url, room: "lobby", identity: "ada" })
      assert.strictEqual(yield* Effect.flip(asked), "ECONNREFUSED")
    }))
})
