/** Answers of servers that are odd, and fine: what they say is heard, by each layer of models that speaks like OpenAI. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Stream } from "effect"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"
import * as faults from "../contract/faults.ts"
import { rawServer } from "../support/rawServer.ts"

const layers: Readonly<Record<string, faults.Ask>> = {
  HttpLlm: faults.llm((url) => HttpLlm.layer({ url, answer: HttpLlm.chatStream })),
  OpenAiLlm: faults.llm((url) => OpenAiLlm.layer({ apiKey: faults.apiKey, baseUrl: url, model: "m" }))
}

const said = "Grüß Gott 🐝, 你好!"
const delta = (content: unknown, more: object = {}) =>
  JSON.stringify({ choices: [{ index: 0, delta: { content }, ...more }] })
const half = Math.floor(said.length / 2)
const [one, other] = [delta(said.slice(0, half)), delta(said.slice(half))]
const end = delta(undefined, { finish_reason: "stop" })
const event = (data: string) => `data: ${data}\n\n`
const all = [one, other, end, "[DONE]"].map(event).join("")

const head = (more = "", type = "text/event-stream") =>
  `HTTP/1.1 200 OK\r\n${type === "" ? "" : `content-type: ${type}\r\n`}connection: close\r\n${more}\r\n`
const chunk = (content: string | Uint8Array, extension = "") => {
  const bytes = Buffer.from(content as Uint8Array)
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}${extension}\r\n`), bytes, Buffer.from("\r\n")])
}
const chunked = "transfer-encoding: chunked\r\n"
const last = Buffer.from("0\r\n\r\n")
const of = (text: string, ...more: Parameters<typeof head>) => [head(...more), text]

/** In pieces of so many bytes, each of which is a chunk. */
const cut = (text: string | Uint8Array, size: number): ReadonlyArray<Buffer> => {
  const bytes = Buffer.from(text as Uint8Array)
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => chunk(bytes.subarray(i * size, (i + 1) * size))
  )
}

const answers: Readonly<Record<string, ReadonlyArray<string | Uint8Array>>> = {
  "as usual": of(all),
  "byte by byte, in the middle of characters": [head(chunked), ...cut(all, 1), last],
  "in pieces of three bytes": [head(chunked), ...cut(all, 3), last],
  "with lines of Windows": of(all.replaceAll("\n", "\r\n")),
  "with lines of old": of(all.replaceAll("\n", "\r")),
  "with a mark of its order": of(`\ufeff${all}`),
  "without a space behind the colon": of(all.replaceAll("data: ", "data:")),
  "with comments": of(`: hello\n\n: again\n${all.replaceAll("\n\n", "\n\n: alive\n\n")}`),
  "with names, ids and times of events": of(all.replaceAll("data: ", "event: message\nid: 7\nretry: 10\ndata: ")),
  "with a time that is none": of(`retry: 1e999\n\n${all}`),
  "with an id of nothing": of(`id: \u0000\n\n${all}`),
  "with fields that nobody knows": of(all.replaceAll("data: ", "x: y\nz\ndata: ")),
  "with events of nothing": of(`\n\n\n${all.replaceAll("\n\n", "\n\n\n\n\n")}`),
  "with each event on two lines": of(all.replaceAll("data: {\"choices\":", "data: {\ndata: \"choices\":")),
  "without its mark": of([one, other, end].map(event).join("")),
  "with its mark alone": of([one, other, "[DONE]"].map(event).join("")),
  "with more behind its mark": of(`${all}${event(delta("Never."))}`),
  "without an end of the last line": of(all.trimEnd()),
  "with an empty beginning": of(`${event(delta(""))}${event(delta(null))}${all}`),
  "with a role first": of(`${event(JSON.stringify({ choices: [{ delta: { role: "assistant" } }] }))}${all}`),
  "with a count, and no choices": of(
    `${[one, other, end].map(event).join("")}${event("{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}")}${
      event("[DONE]")
    }`
  ),
  "with choices of null": of(
    `${[one, other, end].map(event).join("")}${event("{\"choices\":null,\"usage\":null}")}${event("[DONE]")}`
  ),
  "with numbers that are none": of(all.replaceAll("\"index\":0", "\"index\":null,\"logprobs\":null,\"created\":1e308")),
  "in escapes": of(
    all.replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`)
  ),
  "with a type in capitals": of(all, "", "TEXT/EVENT-STREAM; CHARSET=UTF-8"),
  "with a charset": of(all, "", "text/event-stream;charset=utf-8"),
  "with chunks that say more": [head(chunked), chunk(all, ";x=y;z=\"a b\""), last],
  "with chunks of letters": [
    head(chunked),
    Buffer.from(`00${Buffer.byteLength(all).toString(16).toUpperCase()}\r\n${all}\r\n`),
    last
  ],
  "with trailers": [head(`${chunked}trailer: x\r\n`), chunk(all), "0\r\nx: y\r\n\r\n"],
  "with a length": of(all, `content-length: ${Buffer.byteLength(all)}\r\n`),
  "with a hundred heads": of(all, Array.from({ length: 100 }, (_, i) => `x-${i}: ${"y".repeat(50)}\r\n`).join("")),
  "with a head twice": of(all, "x-request-id: 1\r\nx-request-id: 2\r\nset-cookie: a=b\r\nset-cookie: c=d\r\n"),
  "behind a note": [`HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n`, ...of(all)],
  "as gzip": [head("content-encoding: gzip\r\n"), gzipSync(all)],
  "as gzip, byte by byte": [head(`${chunked}content-encoding: gzip\r\n`), ...cut(gzipSync(all), 1), last],
  "as deflate": [head("content-encoding: deflate\r\n"), deflateSync(all)],
  "as brotli": [head("content-encoding: br\r\n"), brotliCompressSync(all)],
  "as gzip of gzip": [head("content-encoding: gzip, gzip\r\n"), gzipSync(gzipSync(all))]
}

const serving = (pieces: ReadonlyArray<string | Uint8Array>) =>
  rawServer((socket) => {
    for (const piece of pieces) socket.write(piece)
    socket.end()
  })

describe.each(Object.keys(layers))("an answer to %s", (name) => {
  it.live.each(Object.keys(answers))("is heard %s", (manner) =>
    Effect.gen(function*() {
      const { url } = yield* serving(answers[manner]!)
      const heard = yield* Stream.mkString(layers[name]!(url))
      assert.strictEqual(heard, said)
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))))
})
