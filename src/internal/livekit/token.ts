/** Access tokens, signed here. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { TokenOptions } from "../../Layers/LiveKitRoom.ts"
import { RoomError } from "../../Room.ts"
import { millisOf } from "../provider/options.ts"

const longestSeconds = 10 * 365 * 86_400

const invalid = (option: string) => new RoomError({ reason: "InvalidOption", detail: `token: ${option} is empty` })

export const sign = (options: TokenOptions): Effect.Effect<Redacted.Redacted, RoomError> =>
  Effect.gen(function*() {
    const { apiKey, identity, kind = "agent", room } = options
    const secret = Redacted.value(options.apiSecret)
    for (const [option, value] of Object.entries({ apiKey, identity, room, apiSecret: secret })) {
      if (value === "") return yield* invalid(option)
    }
    const ttl = millisOf(options.ttl ?? "1 hour") / 1000
    if (!(ttl > 0 && ttl <= longestSeconds)) {
      return yield* new RoomError({
        reason: "InvalidOption",
        detail: "token: ttl must be a duration above 0 and of at most 10 years, such as \"1 hour\""
      })
    }
    const { SignJWT } = yield* Effect.promise(() => import("jose"))
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const jwt = new SignJWT({
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
      ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
      ...(kind === "agent" ? { kind } : {}),
      video: {
        roomJoin: true,
        room,
        canPublish: true,
        canSubscribe: true,
        canPublishData: true,
        canUpdateOwnMetadata: true,
        ...(kind === "agent" ? { agent: true } : {}),
        ...(options.hidden === true ? { hidden: true } : {}),
        ...(options.admin === true ? { roomAdmin: true } : {})
      }
    }).setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(apiKey)
      .setSubject(identity)
      .setNotBefore(now - 10)
      .setExpirationTime(now + Math.max(1, Math.round(ttl)))
    return Redacted.make(
      yield* Effect.tryPromise({
        try: () => jwt.sign(new TextEncoder().encode(secret)),
        catch: () => new RoomError({ reason: "InvalidOption", detail: "token: apiSecret cannot sign" })
      })
    )
  })
