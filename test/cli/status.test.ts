// Alone: it reads the metrics of its process
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Worker } from "effect-voice"
import { once } from "node:events"
import { createServer } from "node:http"
import { status } from "../../src/cli/status.ts"
import { makeJob, serveAgent } from "../support/agentServer.ts"
import { start, virtualRooms } from "../worker/support.ts"

describe("effect-voice status", () => {
  it.live("tells calls, load, breakers and whether calls are taken, and wants the token where there is one", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const rooms = yield* virtualRooms
      const definition = Worker.define({ entry: () => Effect.never, layer: Layer.empty, connect: rooms.connect })
      const http = { port: 0, host: "127.0.0.1", metricsPort: false, token: Redacted.make("sesame") } as const
      const worker = yield* start(definition, server, { http, maxJobs: 1 })
      const url = `http://127.0.0.1:${worker.ports[0]}`
      assert.match(yield* status(url, "sesame"), /worker +healthy\nserver +registered\ntakes calls +yes\ncalls +0\n/)
      const connection = yield* server.next
      yield* connection.dispatch(makeJob("AJ_1"))
      yield* rooms.next
      const busy = yield* status(url, "sesame")
      assert.match(busy, /takes calls +no: it has its 1 jobs\ncalls +1, the oldest since \d+ s\n/)
      assert.match(busy, /breakers +all closed/)
      assert.include((yield* Effect.flip(status(url, undefined))).message, "--token")
      assert.include((yield* Effect.flip(status("http://127.0.0.1:1", undefined))).message, "nobody answers")
      for (const wrong of ["nonsense", "127.0.0.1:8081", "ftp://127.0.0.1", "http://127.0.0.1:99999", ""]) {
        assert.include((yield* Effect.flip(status(wrong, undefined))).message, "no address of a worker; --url")
      }
    }))

  it.live("says nothing of breakers where no metrics are served, and follows nobody elsewhere", () =>
    Effect.gen(function*() {
      const server = yield* serveAgent()
      const definition = Worker.define({ entry: () => Effect.never, layer: Layer.empty })
      const http = { port: 0, host: "127.0.0.1", metricsPort: false, metrics: false } as const
      const worker = yield* start(definition, server, { http })
      const url = `http://127.0.0.1:${worker.ports[0]}`
      assert.match(yield* status(url, undefined), /^breakers +unknown: it serves no metrics \(status 404\)$/m)
      const elsewhere = createServer((request, response) =>
        response.writeHead(302, { location: url + request.url }).end()
      )
      yield* Effect.acquireRelease(
        Effect.promise(() => once(elsewhere.listen(0, "127.0.0.1"), "listening")),
        () => Effect.sync(() => elsewhere.close())
      )
      const address = elsewhere.address()
      const port = typeof address === "object" ? address?.port : undefined
      const refused = yield* Effect.flip(status(`http://127.0.0.1:${port}`, undefined))
      assert.include(refused.message, "no worker's answer")
    }))
})
