/** Servers of providers that drip, flood, lie of their length or never end: whoever asks them has an answer or an error, in time, and keeps nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Logger, type Scope, Stream } from "effect"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as Net from "node:net"
import { gzipSync } from "node:zlib"
import * as faults from "../contract/faults.ts"
import { megabytesKept } from "../support/kept.ts"

const { apiKey } = faults

const layers: Readonly<Record<string, faults.Ask>> = {
  HttpLlm: faults.llm((url) => HttpLlm.layer({ url })),
  OpenAiLlm: faults.llm((url) => OpenAiLlm.layer({ apiKey, baseUrl: url, model: "m" })),
  "OpenAiLlm, responses": faults.llm((url) => OpenAiLlm.layer({ apiKey, baseUrl: url, model: "m", api: "responses" })),
  HttpStt: faults.stt((url) => HttpStt.layer({ url })),
  OpenAiStt: faults.stt((url) => OpenAiStt.layer({ apiKey, baseUrl: url })),
  HttpTts: faults.tts((url) => HttpTts.layer({ url })),
  OpenAiTts: faults.tts((url) => OpenAiTts.layer({ apiKey, baseUrl: url }))
}

/** What is sent to who has asked: first at once, and then again and again. */
interface Manner {
  readonly head: string
  readonly first?: string | Uint8Array
  readonly again?: string | Uint8Array
  /** Between one and the next (ms); without it as fast as it is taken. */
  readonly every?: number
  readonly ends?: boolean
}

const answered = (type: string, more = "") => `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${more}`
const chunked = (type: string, more = "") => answered(type, `transfer-encoding: chunked\r\n${more}\r\n`)
const chunk = (content: string | Uint8Array) => {
  const bytes = Buffer.from(content as Uint8Array)
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")])
}
const bomb = gzipSync(Buffer.alloc(100_000_000))
const sse = "text/event-stream"
const json = "application/json"

const manners: Readonly<Record<string, Manner>> = {
  "a status line that drips": { head: "", again: "H", every: 20 },
  "heads without an end": { head: answered(json), again: "x-a: b\r\n", every: 5 },
  "heads without an end, all at once": { head: answered(json), again: `x-a: ${"b".repeat(1000)}\r\n` },
  "one head that is too long": { head: answered(json, `x-a: ${"b".repeat(1_000_000)}\r\n`) },
  "no body": { head: chunked(json) },
  "comments that drip": { head: chunked(sse), again: chunk(": alive\n\n"), every: 20 },
  "an event that drips": { head: chunked(sse), first: chunk("data: "), again: chunk("x"), every: 20 },
  "events of nothing that drip": {
    head: chunked(sse),
    again: chunk("data: {\"choices\":[{\"delta\":{}}]}\n\n"),
    every: 20
  },
  "JSON that drips": { head: chunked(json), first: chunk("{\"text\":\""), again: chunk("x"), every: 20 },
  "bytes that drip": { head: chunked("application/octet-stream"), again: chunk("x"), every: 20 },
  "white space that drips": { head: chunked(json), again: chunk(" "), every: 20 },
  "chunks that drip their length": { head: chunked(json), again: "0", every: 20 },
  "a bomb of gzip": { head: chunked(json, "content-encoding: gzip\r\n"), first: chunk(bomb), ends: true },
  "a bomb of gzip, in events": { head: chunked(sse, "content-encoding: gzip\r\n"), first: chunk(bomb), ends: true },
  "a bomb of gzip, as audio": {
    head: chunked("audio/pcm", "content-encoding: gzip\r\n"),
    first: chunk(bomb),
    ends: true
  },
  "gzip that is none": {
    head: chunked(json, "content-encoding: gzip\r\n"),
    first: chunk("{\"text\":\"x\"}"),
    ends: true
  },
  "less than it says": { head: answered(json, "content-length: 1000\r\n\r\n"), first: "{\"text\":\"x\"}", ends: true },
  "more than it says": { head: answered(json, "content-length: 5\r\n\r\n"), first: `{"text":"${"x".repeat(1000)}"}` },
  "two lengths": { head: answered(json, "content-length: 5\r\ncontent-length: 7\r\n\r\n"), first: "{\"a\":1}" },
  "a length that is none": { head: answered(json, "content-length: -1\r\n\r\n"), first: "{\"a\":1}" },
  "lists in lists": { head: chunked(json), first: chunk("[".repeat(100_000)), ends: true },
  "lists in lists, each closed": {
    head: chunked(json),
    first: chunk(`{"text":${"[".repeat(30_000)}${"]".repeat(30_000)}}`),
    ends: true
  },
  "lists in lists, in an event": {
    head: chunked(sse),
    first: chunk(
      `data: {"choices":[{"delta":{"content":"x","reasoning":${"[".repeat(15_000)}${"]".repeat(15_000)}}}]}\n\n` +
        `data: {"type":"response.completed","response":{"output":${"[".repeat(15_000)}${"]".repeat(15_000)}}}\n\n`
    ),
    ends: true
  },
  "a status that is none": { head: "HTTP/1.1 999 ?\r\n\r\n" },
  "another protocol": { head: "SSH-2.0-OpenSSH_9.9\r\n" },
  "an early answer, again and again": { head: "", again: "HTTP/1.1 100 Continue\r\n\r\n" },
  "megabytes of one line": { head: chunked(sse), first: chunk("data: "), again: chunk("x".repeat(100_000)) },
  "megabytes of nothing": { head: chunked(sse), again: chunk("\n".repeat(100_000)) }
}

const ending = Buffer.from("0\r\n\r\n")

const answer = (socket: Net.Socket, { again, ends = false, every, first, head }: Manner): void => {
  socket.write(head)
  if (first !== undefined) socket.write(first)
  if (ends) return void socket.end(ending)
  if (again === undefined) return
  if (every !== undefined) {
    // @effect-diagnostics-next-line globalTimers:off
    const timer = setInterval(() => void socket.write(again), every)
    return void socket.once("close", () => clearInterval(timer))
  }
  // As fast as it is taken.
  const pour = (): void => {
    if (socket.destroyed) return
    if (socket.write(again)) setImmediate(pour)
    else socket.once("drain", pour)
  }
  pour()
}

/** A server that answers so. */
const serving = (manner: Manner) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly server: Net.Server; readonly sockets: Set<Net.Socket> }>(
      (resume) => {
        const sockets = new Set<Net.Socket>()
        const server = Net.createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          socket.on("close", () => sockets.delete(socket))
          socket.once("data", () => answer(socket, manner))
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, server, sockets }))
        })
      }
    ),
    ({ server, sockets }) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )

const policy = { retries: 0, firstOutput: "250 millis", nextOutput: "250 millis" } as const

/** How asking has ended, in time. */
const outcome = (asked: Stream.Stream<string, faults.ProviderError, Scope.Scope>) =>
  Effect.scoped(Stream.runDrain(asked)).pipe(
    Effect.exit,
    Effect.timeout("8 seconds"),
    Effect.map((exit) =>
      Exit.isSuccess(exit)
        ? "answered"
        : Cause.findErrorOption(exit.cause).pipe((error) =>
          error._tag === "None" ? Cause.pretty(exit.cause) : error.value.reason._tag
        )
    ),
    Effect.catchTag("TimeoutError", () => Effect.succeed("nothing"))
  )

/** What came of asking each layer. */
const tried = (manner: string) =>
  Effect.gen(function*() {
    const { url } = yield* serving(manners[manner]!)
    const seen = yield* Effect.all(
      Object.fromEntries(Object.entries(layers).map(([name, ask]) => [name, outcome(ask(url, { policy }))])),
      { concurrency: "unbounded" }
    )
    for (const [name, ended] of Object.entries(seen)) {
      assert.include(["TimedOut", "InvalidResponse", "Disconnected", "Rejected"], ended, `${manner}: ${name}`)
    }
  }).pipe(Effect.scoped)

const names = Object.keys(manners)
const slow = names.filter((name) => manners[name]!.every !== undefined)

const holds = (name: string, tried: Effect.Effect<unknown>) =>
  it.live(name, () =>
    Effect.gen(function*() {
      const before = megabytesKept()
      yield* tried
      // Connections that were aborted are closed in their own time.
      const free: Effect.Effect<void> = Effect.suspend(() =>
        megabytesKept() - before < 60 ? Effect.void : Effect.andThen(Effect.sleep(50), free)
      )
      yield* Effect.orDie(Effect.timeout(free, "10 seconds"))
    }).pipe(Effect.provide(Logger.layer([]))))

describe("a server is an error to each layer, in time, that sends", () => {
  holds("what never ends, drop by drop", Effect.forEach(slow, tried, { concurrency: 4 }))

  for (const name of names.filter((name) => !slow.includes(name))) holds(name, tried(name))
})
