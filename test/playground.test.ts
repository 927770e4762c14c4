import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { decodeJwt, jwtVerify } from "jose"
import { request } from "node:http"
import { serve } from "../src/cli/playground.ts"
import * as provider from "./support/provider.ts"

const secret = "a-secret-of-at-least-thirty-two-characters"
const options = {
  url: "ws://127.0.0.1:7880",
  apiKey: Redacted.make("devkey"),
  apiSecret: Redacted.make(secret),
  agentName: "desk",
  port: 0
}

const post = (url: string, body: unknown, contentType = "application/json") =>
  Effect.promise(async () => {
    const answer = await fetch(`${url}/token`, {
      method: "POST",
      headers: { "content-type": contentType },
      body: JSON.stringify(body)
    })
    return { status: answer.status, body: await answer.json() as { token?: string; url?: string; message?: string } }
  })

describe("The playground", () => {
  it.live("serves its page and the client that the page imports", () =>
    Effect.gen(function*() {
      const url = yield* serve(options)
      for (
        const [path, type, contains] of [
          ["/", "text/html", "playground.js"],
          ["/playground.css", "text/css", "--ground"],
          ["/playground.js", "text/javascript", "lk.transcription"],
          ["/replies.js", "text/javascript", "makeReplies"],
          ["/livekit-client.js", "text/javascript", "export"]
        ] as const
      ) {
        const answer = yield* Effect.promise(() => fetch(url + path))
        assert.strictEqual(answer.status, 200, path)
        assert.include(answer.headers.get("content-type") ?? "", type)
        assert.include(yield* Effect.promise(() => answer.text()), contains)
      }
      assert.strictEqual((yield* Effect.promise(() => fetch(`${url}/../package.json`))).status, 404)
    }))

  it.live("gives a token that joins one room and asks for the agent", () =>
    Effect.gen(function*() {
      const url = yield* serve(options)
      const { body, status } = yield* post(url, { room: "lobby", identity: "ada" })
      assert.strictEqual(status, 200)
      assert.strictEqual(body.url, options.url)
      const { payload } = yield* Effect.promise(() =>
        jwtVerify(body.token ?? "", new TextEncoder().encode(secret), { issuer: "devkey", subject: "ada" })
      )
      assert.deepStrictEqual(payload.video, {
        roomJoin: true,
        room: "lobby",
        canPublish: true,
        canSubscribe: true,
        canPublishData: true
      })
      assert.deepStrictEqual(payload.roomConfig, { agents: [{ agentName: "desk" }] })
    }))

  it.live("makes up a room and a name, and asks for nobody where agents come by themselves", () =>
    Effect.gen(function*() {
      const url = yield* serve({ ...options, agentName: "" })
      const { body } = yield* post(url, {})
      const claims = decodeJwt<{ video: { room: string }; roomConfig?: unknown }>(body.token ?? "")
      assert.match(claims.video.room, /^playground-[0-9a-z]{6}$/)
      assert.match(claims.sub ?? "", /^caller-[0-9a-z]{6}$/)
      assert.isUndefined(claims.roomConfig)
    }))

  it.live("refuses what no page of ours asks", () =>
    Effect.gen(function*() {
      const url = yield* serve(options)
      assert.strictEqual((yield* post(url, { room: "../etc" })).status, 400)
      assert.strictEqual((yield* post(url, { room: "a".repeat(65) })).status, 400)
      assert.strictEqual((yield* post(url, {}, "text/plain")).status, 415)
      assert.strictEqual((yield* Effect.promise(() => fetch(`${url}/token`))).status, 405)
      const foreign = yield* Effect.callback<number | undefined>((resume) => {
        request(`${url}/token`, { method: "POST", headers: { host: "evil.example" } }, (response) => {
          response.resume()
          resume(Effect.succeed(response.statusCode))
        }).end("{}")
      })
      assert.strictEqual(foreign, 421)
    }))

  it.live("asks the server for the agent where a room was open already, and for nobody else", () =>
    Effect.gen(function*() {
      const asked: Array<{ readonly url: string; readonly body: unknown }> = []
      const server = yield* provider.http((request, response) => {
        asked.push({ url: request.url.pathname, body: JSON.parse(request.body.toString()) })
        response.end("{}")
      })
      const url = yield* serve({ ...options, url: server.url.replace("http", "ws") })
      const ask = (body: unknown, type = "application/json") =>
        Effect.promise(async () =>
          (await fetch(`${url}/agent`, {
            method: "POST",
            headers: { "content-type": type },
            body: JSON.stringify(body)
          })).status
        )
      assert.strictEqual(yield* ask({ room: "lobby" }), 200)
      assert.deepStrictEqual(asked, [
        { url: "/twirp/livekit.AgentDispatchService/CreateDispatch", body: { room: "lobby", agent_name: "desk" } }
      ])
      assert.strictEqual(yield* ask({ room: "../etc" }), 400)
      assert.strictEqual(yield* ask({ room: "lobby" }, "text/plain"), 415)
      assert.strictEqual(asked.length, 1)
    }))

  it.live("tells a port that is taken, and gives its own back", () =>
    Effect.gen(function*() {
      const port = yield* Effect.scoped(Effect.gen(function*() {
        const url = yield* serve(options)
        const port = Number(new URL(url).port)
        const error = yield* Effect.flip(serve({ ...options, port }))
        assert.include(error.message, `port ${port} is in use`)
        return port
      }))
      assert.strictEqual(yield* serve({ ...options, port }), `http://127.0.0.1:${port}`)
    }))
})
