import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { events } from "../../src/internal/provider/lines.ts"

const encode = (text: string) => new TextEncoder().encode(text)

const read = (format: "sse" | "ndjson", pieces: ReadonlyArray<Uint8Array>) =>
  Stream.runCollect(events(format)(Stream.fromIterable(pieces)))

const cut = (bytes: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

describe("events of an answer", () => {
  const sse = encode(
    "\uFEFF: hello\r\n\r\nid: 1\r\nretry: 10\r\ndata: {\"a\":\"på\"}\r\n\r\nevent: token\ndata: one\ndata:two\n\n\rdata: 🙂\r\rdata: [DONE]\n\n"
  )
  const ndjson = encode(`{"a":"på"}\n\n  \r\n{"b":"🙂"}\r\n{"c":3}`)

  it.effect("are the same however the bytes are cut", () =>
    Effect.gen(function*() {
      for (const size of [1, 2, 3, 5, 7, 64, 1000]) {
        assert.deepStrictEqual(
          yield* read("sse", cut(sse, size)),
          [`{"a":"på"}`, "one\ntwo", "🙂", "[DONE]"],
          `${size}`
        )
        const lines = yield* read("ndjson", cut(ndjson, size))
        assert.deepStrictEqual(lines.map((line) => line.trim()), [`{"a":"på"}`, `{"b":"🙂"}`, `{"c":3}`], `${size}`)
      }
    }))

  it.effect("are given on at once, not when the next one comes", () =>
    Effect.gen(function*() {
      const endless = Stream.concat(Stream.make(encode("data: 1\n\n")), Stream.never)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(events("sse")(endless), 1)), ["1"])
    }))

  it.effect("that came in one piece with an error are given before it, and those behind it are not", () =>
    Effect.gen(function*() {
      const bytes = encode("data: 1\n\ndata: 2\n\nevent: error\ndata: {}\n\ndata: 3\n\n")
      const seen: Array<string> = []
      const error = yield* events("sse")(Stream.concat(Stream.make(bytes), Stream.never)).pipe(
        Stream.runForEach((event) => Effect.sync(() => seen.push(event))),
        Effect.flip
      )
      assert.deepStrictEqual([seen, error._tag], [["1", "2"], "Broken"])
    }))

  it.effect("leave room for others, however many come at once", () =>
    Effect.gen(function*() {
      let turns = 0
      const others = yield* Effect.forkChild(
        Effect.forever(Effect.andThen(Effect.yieldNow, Effect.sync(() => void turns++)))
      )
      const all = yield* read("sse", [encode("data: {}\n\n".repeat(10_000))])
      yield* Fiber.interrupt(others)
      assert.strictEqual(all.length, 10_000)
      assert.isAtLeast(turns, 40)
    }))

  it.effect("may lack the mark of their end at the end of the answer", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* read("sse", [encode("data: 1\n\ndata: 2")]), ["1", "2"])
      assert.deepStrictEqual(yield* read("ndjson", [encode("1\n2")]), ["1", "2"])
      assert.deepStrictEqual(yield* read("sse", []), [])
      assert.deepStrictEqual(yield* read("ndjson", [encode("\n")]), [])
    }))

  it.effect("that are too long, no UTF-8 or an error are failures, after what came before", () =>
    Effect.gen(function*() {
      const long = "x".repeat(600_000)
      const faults: ReadonlyArray<readonly ["sse" | "ndjson", ReadonlyArray<Uint8Array>, string]> = [
        ["sse", [encode("data: 1\n\n"), encode(`data: ${long}`), encode(long)], "InvalidResponse"],
        [
          "sse",
          [encode("data: 1\n\n"), ...Array.from({ length: 20 }, () => encode(`data: ${"x".repeat(60_000)}\n`))],
          "InvalidResponse"
        ],
        ["ndjson", [encode("1\n"), encode(long), encode(long)], "InvalidResponse"],
        ["ndjson", [encode("1\n"), encode(`${long}${long}\n`)], "InvalidResponse"],
        ["sse", [encode("data: 1\n\n"), encode("data: å").subarray(0, 7)], "InvalidResponse"],
        ["ndjson", [encode("1\n"), new Uint8Array([0x22, 0xff, 0x22])], "InvalidResponse"],
        ["sse", [encode("data: 1\n\n"), encode("event: error\ndata: {\"secret\":1}\n\n")], "Broken"]
      ]
      for (const [format, pieces, tag] of faults) {
        const seen: Array<string> = []
        const error = yield* events(format)(Stream.rechunk(Stream.fromIterable(pieces), 1)).pipe(
          Stream.runForEach((event) => Effect.sync(() => seen.push(event))),
          Effect.flip
        )
        assert.strictEqual(error._tag, tag)
        assert.notInclude(error.message, "secret")
        assert.deepStrictEqual(seen, ["1"])
      }
    }))
})
