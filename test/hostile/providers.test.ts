/** Servers of providers that drip, flood, lie of their length or never end: whoever asks them has an answer or an error, in time, and keeps nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Logger, type Scope, Stream } from "effect"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import type * as Net from "node:net"
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib"
import * as faults from "../contract/faults.ts"
import { keepsLessThan, megabytesKept } from "../support/kept.ts"
import { rawServer } from "../support/rawServer.ts"

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
const redirected = (status: number, location: string) =>
  `HTTP/1.1 ${status} ?\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`
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
  "a page": { head: chunked("text/html"), first: chunk("<html>Sign in</html>"), ends: true },
  "an empty answer": { head: chunked(json), first: chunk(" "), ends: true },
  "two types": {
    head: answered(`${json}\r\ncontent-type: text/html`, "transfer-encoding: chunked\r\n\r\n"),
    ends: true
  },
  "a length, and chunks": {
    head: answered(json, "content-length: 7\r\ntransfer-encoding: chunked\r\n\r\n"),
    first: chunk("{\"a\":1}"),
    ends: true
  },
  "a coding of transfer that nobody knows": {
    head: answered(json, "transfer-encoding: x-unknown\r\n\r\n"),
    first: "{}"
  },
  "a coding that nobody knows": {
    head: chunked(json, "content-encoding: x-unknown\r\n"),
    first: chunk("\u0001\u0002"),
    ends: true
  },
  "gzip of gzip of a bomb": {
    head: chunked(json, "content-encoding: gzip, gzip\r\n"),
    first: chunk(gzipSync(bomb)),
    ends: true
  },
  "a bomb of deflate": {
    head: chunked(json, "content-encoding: deflate\r\n"),
    first: chunk(deflateSync(Buffer.alloc(100_000_000))),
    ends: true
  },
  "a bomb of brotli": {
    head: chunked(sse, "content-encoding: br\r\n"),
    first: chunk(brotliCompressSync(Buffer.alloc(100_000_000), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })),
    ends: true
  },
  "gzip that breaks off": {
    head: chunked(sse, "content-encoding: gzip\r\n"),
    first: chunk(gzipSync(Buffer.alloc(1000)).subarray(0, 15)),
    ends: true
  },
  "a loop of redirections": { head: redirected(307, "/") },
  "a loop of redirections that stay": { head: redirected(308, "?again") },
  "a redirection to another server": { head: redirected(307, "http://127.0.0.1:9/") },
  "a redirection to a file": { head: redirected(307, "file:///etc/passwd") },
  "a redirection to nowhere": { head: redirected(307, "") },
  "a redirection with a key in it": { head: redirected(302, "http://user:password@127.0.0.1:9/") },
  "a redirection that is asked for by GET": { head: redirected(303, "/") },
  "bytes that are no UTF-8": {
    head: chunked(json),
    first: chunk(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])),
    ends: true
  },
  "half a character, in events": {
    head: chunked(sse),
    first: Buffer.concat([
      chunk(Buffer.concat([Buffer.from("data: {\"x\":\""), Buffer.from([0xf0, 0x9f])])),
      chunk(Buffer.from("\"}\n\n"))
    ]),
    ends: true
  },
  "a character that is too long, cut in three": {
    head: chunked(sse),
    first: Buffer.concat([chunk(Buffer.from([0xe0])), chunk(Buffer.from([0x80])), chunk(Buffer.from([0x80, 0x0a]))]),
    ends: true
  },
  "half of a pair": { head: chunked(json), first: chunk(Buffer.from([0xed, 0xa0, 0x80])), ends: true },
  "UTF-16": { head: chunked(json), first: chunk(Buffer.from("\ufeff{\"text\":\"x\"}", "utf16le")), ends: true },
  "an event that is all of one value": {
    head: chunked(sse),
    first: chunk("data: null\n\ndata: 7\n\ndata: []\n\n"),
    ends: true
  },
  "an event that is cut off": { head: chunked(sse), first: chunk("data: {\"choices\":[{\"del"), ends: true },
  "an error with a status that is fine": {
    head: chunked(json),
    first: chunk("{\"error\":{\"message\":\"no\",\"code\":500}}"),
    ends: true
  },
  "an error as an event": {
    head: chunked(sse),
    first: chunk("event: error\ndata: {\"message\":\"no\"}\n\n"),
    ends: true
  },
  "a time to try again that never comes": { head: "HTTP/1.1 429 ?\r\nretry-after: 1e999\r\ncontent-length: 0\r\n\r\n" },
  "a status without a body that has one": {
    head: "HTTP/1.1 204 ?\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n"
  },
  "a switch to another protocol": { head: "HTTP/1.1 101 ?\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n" },
  "a head with a line within": { head: "HTTP/1.1 200 OK\r\nx: a\rb\n c\r\n\r\n" },
  "a chunk of a length that is none": { head: chunked(json), first: "ffffffffffffffffff\r\n" },
  "a chunk with an extension without an end": { head: chunked(json), again: `1;${"x".repeat(10_000)}` },
  "trailers without an end": { head: chunked(json), first: "0\r\n", again: `x: ${"y".repeat(1000)}\r\n` },
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
const serving = (manner: Manner) => rawServer((socket) => answer(socket, manner))

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

/** Of those that a fallback, or another attempt, knows what to do with. */
const reasons = ["TimedOut", "InvalidResponse", "Disconnected", "Rejected", "EndedEarly", "Broken"]

/** What came of asking each layer. */
const tried = (manner: string) =>
  Effect.gen(function*() {
    const { url } = yield* serving(manners[manner]!)
    const seen = yield* Effect.all(
      Object.fromEntries(Object.entries(layers).map(([name, ask]) => [name, outcome(ask(url, { policy }))])),
      { concurrency: "unbounded" }
    )
    for (const [name, ended] of Object.entries(seen)) {
      assert.include(reasons, ended, `${manner}: ${name}`)
    }
  }).pipe(Effect.scoped)

const names = Object.keys(manners)
const slow = names.filter((name) => manners[name]!.every !== undefined)

const holds = (name: string, tried: Effect.Effect<unknown>) =>
  it.live(name, () =>
    Effect.gen(function*() {
      const most = megabytesKept() + 60
      yield* tried
      // Connections that were aborted are closed in their own time.
      const free: Effect.Effect<void> = Effect.suspend(() =>
        keepsLessThan(most) ? Effect.void : Effect.andThen(Effect.sleep(50), free)
      )
      yield* free
    }).pipe(Effect.provide(Logger.layer([]))))

describe("a server is an error to each layer, in time, that sends", () => {
  holds("what never ends, drop by drop", Effect.forEach(slow, tried, { concurrency: 4 }))

  for (const name of names.filter((name) => !slow.includes(name))) holds(name, tried(name))
})
