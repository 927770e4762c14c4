/** Each limit at its edge: one less and exactly as much is taken in, one more is not. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Metric, Redacted, Result, Schema, Stream } from "effect"
import { Agent, CallState, Text, Tools } from "effect-voice"
import { unusable } from "effect-voice/internal/audio/usable"
import { hasFewFields } from "effect-voice/internal/fields"
import { makeReceiveLimits } from "effect-voice/internal/livekit/receiveLimits"
import { Calls, mostAsked } from "effect-voice/internal/llm/calls"
import { StrictChunk } from "effect-voice/internal/llm/chunks"
import { masked } from "effect-voice/internal/numbers"
import { given, makeIntake, said, transcripts } from "effect-voice/internal/pipeline/longTexts"
import { bounded } from "effect-voice/internal/provider/bounded"
import { isDense } from "effect-voice/internal/provider/dense"
import { http } from "effect-voice/internal/provider/http"
import { events } from "effect-voice/internal/provider/lines"
import { makeTextLimit } from "effect-voice/internal/room/textLimit"
import { inParts } from "effect-voice/internal/streams"
import { read as readMedia } from "effect-voice/internal/telephone/protocol"
import { isSigned, sign } from "effect-voice/internal/telephone/signature"
import { write } from "effect-voice/internal/tools/json"
import { repair } from "effect-voice/internal/tools/params"
import { read as readMessage } from "effect-voice/internal/webSocket/protocol"
import { read, tell } from "effect-voice/internal/worker/measured"
import { decode as readServer } from "effect-voice/internal/worker/protocol"
import { makeTelling } from "effect-voice/internal/worker/telling"
import * as Testing from "effect-voice/testing"
import { HttpClientRequest } from "effect/http"
import * as provider from "../support/provider.ts"

const x = (length: number): string => "x".repeat(length)
const many = <A>(count: number, of: (i: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, i) => of(i))

/** A session that keeps its warnings. */
const core = () => {
  const warnings: Array<string> = []
  const publish = ({ message }: { readonly message: string }) => void warnings.push(message)
  return { core: { publish } as never, warnings }
}

const media = (start: object) =>
  JSON.stringify({ event: "start", start: { streamSid: "MZ1", callSid: "CA1", ...start } })

const signed = (count: number) => {
  const token = Redacted.make("token")
  const url = "https://desk.example.com/call"
  const form = many(count, (i): readonly [string, string] => [`a${i}`, "b"])
  return isSigned({ token, url, form, signature: sign(token, url, form) })
}

const registered = (count: number, label = "") => {
  const context = Context.make(Metric.MetricRegistry, new Map())
  for (let i = 0; i < count; i++) {
    Metric.counter("desk_jobs", { attributes: { room: `${label}${i}` } }).updateUnsafe(1, context)
  }
  return tell(context)
}

/** Whether a browser's message is read with all that it has. */
const message = (told: object) => {
  const read = readMessage(JSON.stringify(told))
  return read !== undefined && Object.keys(told).every((field) => field in read)
}

/** Whether so much is taken in, for each limit; what is not is bounded, refused or told. */
const limits: ReadonlyArray<readonly [what: string, limit: number, taken: (amount: number) => boolean]> = [
  ["characters of a typed text", 16_384, (n) => makeTextLimit(() => 0)(x(n)) === undefined],
  ["typed texts in ten seconds", 20, (n) => {
    const refuse = makeTextLimit(() => 0)
    return many(n, () => refuse("x")).every((why) => why === undefined)
  }],
  ["streams of one sender", 16, (n) => {
    const limits = makeReceiveLimits(1000)
    return many(n, () => limits.open("eve", 1000)).every((stream) => stream !== undefined)
  }],
  ["streams of all", 256, (n) => {
    const limits = makeReceiveLimits(1000)
    return many(n, (i) => limits.open(`${i % 100}`, 1000)).every((stream) => stream !== undefined)
  }],
  ["bytes of a stream", 1000, (n) => makeReceiveLimits(5000).open("eve", 1000)!.take(n)],
  ["bytes of all streams of one sender", 2 * 16_384 - 2 * 64, (n) => {
    const limits = makeReceiveLimits(16_384)
    return limits.open("eve", 16_384)!.take(16_384) && limits.open("eve", 16_384)!.take(n - 16_384)
  }],
  ["characters of a transcript", 16_384, (n) => {
    const { core: one, warnings } = core()
    return transcripts(one)({ text: x(n), final: true }).text.length === n && warnings.length === 0
  }],
  ["words of a transcript with times", 4096, (n) => {
    const { core: one, warnings } = core()
    const words = many(n, (i) => ({ text: "x", start: i, end: i }))
    return transcripts(one)({ text: "x", final: true, words }).words?.length === n && warnings.length === 0
  }],
  ["characters that a program gives", 65_536, (n) => {
    const { core: one, warnings } = core()
    return given(one, "send", x(n)).length === n && warnings.length === 0
  }],
  // With its last character an answer has ended.
  ["characters of an answer", 65_535, (n) => !makeIntake(core().core)({ _tag: "Text", text: x(n) }).last],
  ["deltas of an answer without a word", 16_383, (n) => {
    const take = makeIntake(core().core)
    return many(n, () => take({ _tag: "Text", text: "" })).every(({ last }) => !last)
  }],
  ["calls of an answer", 16_383, (n) => {
    const take = makeIntake(core().core)
    return many(n, (i) => take({ _tag: "ToolCall", id: `${i}`, name: "x", params: {} })).every(({ last }) => !last)
  }],
  ["characters that a program has said", 1_048_575, (n) => {
    const { core: one, warnings } = core()
    const pieces = Effect.runSync(Stream.runCollect(said(one)(Stream.make(x(n)))))
    return pieces.length === 1 && warnings.length === 0
  }],
  ["values of a message of JSON", 32_768, (n) => !isDense(`${",".repeat(n)}${x(40_000)}`)],
  ["characters of parameters", 65_536, (n) => repair(`{"a":"${x(n - 8)}"}`)._tag === "Object"],
  ["characters of parameters that are to be mended", 4096, (n) => repair(`{a:"${x(n - 5)}"`)._tag === "Object"],
  ["values of a result", 262_144, (n) => Result.isSuccess(write(many(n - 1, () => 1)))],
  ["characters of a result", 4_194_304, (n) => Result.isSuccess(write([x(n - 1), "y"]))],
  ["characters of names in a result", 4_194_304, (n) => Result.isSuccess(write({ [x(n)]: 1 }))],
  ["levels of a result", 100, (n) => Result.isSuccess(write(many(n, () => 0).reduce<unknown>((inner) => [inner], 1)))],
  ["characters of a name in a log", 1024, (n) => masked(x(n)) === x(n)],
  [
    "milliseconds of a frame",
    10_000,
    (n) => unusable({ sampleRate: 8000, channels: 1, samples: new Int16Array(8 * n) }) === undefined
  ],
  [
    "channels of a frame",
    64,
    (n) => unusable({ sampleRate: 8000, channels: n, samples: new Int16Array(n) }) === undefined
  ],
  ["fields of a message", 64, (n) => hasFewFields(new Uint8Array(2 * n).fill(8))],
  ["bytes of a message of the server", 1_048_576, (n) => {
    const offer = (length: number) => JSON.stringify({ availability: { job: { id: x(length) } } })
    return Result.isSuccess(readServer(offer(n - offer(0).length)))
  }],
  [
    "parameters of a call by telephone",
    64,
    (n) => readMedia(media({ customParameters: Object.fromEntries(many(n, (i) => [`a${i}`, "b"])) })) !== undefined
  ],
  ["characters of one of them", 2048, (n) => readMedia(media({ customParameters: { a: x(n) } })) !== undefined],
  [
    "characters of the name of one of them",
    2048,
    (n) => readMedia(media({ customParameters: { [x(n)]: "a" } })) !== undefined
  ],
  ["characters of the id of a call", 64, (n) => readMedia(media({ callSid: x(n) })) !== undefined],
  [
    "bytes of audio of a carrier at once",
    8000,
    (n) =>
      readMedia(JSON.stringify({ event: "media", media: { payload: Buffer.alloc(n).toString("base64") } })) !==
        undefined
  ],
  ["fields of a form", 512, signed],
  ["characters of a text of a browser", 16_384, (n) => message({ type: "text", topic: "lk.chat", text: x(n) })],
  ["characters of its topic", 256, (n) => message({ type: "text", topic: x(n), text: "" })],
  ["keys of a browser at once", 64, (n) => message({ type: "keys", digits: "1".repeat(n) })],
  [
    "characters of a payload of a browser",
    16_384,
    (n) => message({ type: "call", id: "1", method: "book", payload: x(n) })
  ],
  ["characters of the name of a caller", 256, (n) => message({ type: "join", sampleRate: 8000, name: x(n) })],
  ["characters of a token", 8192, (n) => message({ type: "join", sampleRate: 8000, token: x(n) })],
  ["samples a second of a browser", 48_000, (n) => message({ type: "join", sampleRate: n })],
  ["series of a process", 8192, (n) => registered(n).left === 0],
  ["characters of a part of its figures", 262_144, (n) => {
    const [text = ""] = registered(1).texts
    return read(text + " ".repeat(n - text.length)).size === 1
  }],
  [
    "bytes that wait for a worker that stands still",
    4_194_304,
    (n) => makeTelling({ writable: true, writableLength: n, write: () => true }).tellInBounds({ _tag: "Ready" })
  ],
  [
    "stops at the end of a sentence",
    32,
    (n) => Text.segmenter({ minLength: 1 }).push(`Hello${"!".repeat(n)}`).length === 0
  ],
  [
    "characters of a word in a text that is cut",
    500,
    (n) => Text.segmenter({ minLength: 1, maxLength: 100 }).push(x(n)).length === 0
  ]
]

describe("the limit", () => {
  it.each(limits)("of %s: up to %d", (_, limit, taken) => {
    assert.isTrue(taken(limit - 1), "one less")
    assert.isTrue(taken(limit), "as much")
    assert.isFalse(taken(limit + 1), "one more")
  })

  it("of samples a second of a browser, at least: 8000", () => {
    assert.deepStrictEqual([7999, 8000, 8001].map((n) => message({ type: "join", sampleRate: n })), [false, true, true])
  })

  it("of calls that a server tells of in pieces is 16384 beside those of its last event", () => {
    const calls = new Calls()
    for (let i = 0; i < mostAsked; i++) calls.push([{ index: i, id: `${i}`, name: "look", params: "{}" }])
    assert.strictEqual(calls.size, mostAsked)
  })

  it("of calls in one event of a model is 1024", () => {
    const decode = Schema.decodeUnknownExit(Schema.fromJsonString(StrictChunk))
    const event = (count: number) =>
      JSON.stringify({
        choices: [{ delta: { tool_calls: many(count, (index) => ({ index, function: { name: "x" } })) } }]
      })
    assert.deepStrictEqual([1023, 1024, 1025].map((count) => decode(event(count))._tag), [
      "Success",
      "Success",
      "Failure"
    ])
  })

  it("of parameters that come in pieces is 65536, and one more is kept, by which it is seen", () => {
    const told = (length: number) => {
      const calls = new Calls()
      calls.push([{ index: 0, id: "1", name: "look", params: "{\"a\":\"" }])
      for (let at = 8; at < length; at += 1000) calls.push([{ index: 0, params: x(Math.min(1000, length - at)) }])
      calls.push([{ index: 0, params: "\"}" }])
      return Effect.runSync(calls.end(false))[0]!.params
    }
    for (const length of [65_535, 65_536]) assert.strictEqual(repair(told(length))._tag, "Object", `${length}`)
    for (const length of [65_537, 1_000_000]) {
      const params = told(length)
      assert.strictEqual(String(params).length, 65_537)
      assert.deepInclude(repair(params), { _tag: "Other", wrong: "they have more than 65536 characters" })
    }
  })

  it.effect("of a text of a model at once is 4096: others have their turn in longer ones", () =>
    Effect.gen(function*() {
      let turns = 0
      const text = `${x(10_000)}💥${x(10_000)}`
      const parts = yield* Effect.raceFirst(
        Stream.runCollect(Stream.make("a", text, "b").pipe(inParts(4096))),
        Effect.forever(Effect.andThen(Effect.sync(() => turns++), Effect.yieldNow))
      )
      assert.strictEqual(parts.join(""), `a${text}b`)
      assert.isAtMost(Math.max(...parts.map(({ length }) => length)), 4096)
      assert.isAtLeast(turns, 4)
    }))

  it.effect.each([2_097_151, 2_097_152, 2_097_153])(
    "of an answer that is read as a whole: 2 MiB, of %d",
    (bytes) =>
      Effect.gen(function*() {
        const { url } = yield* provider.http((_, response) =>
          void response.writeHead(200, { "content-type": "application/json" }).end(`"${x(bytes - 2)}"`)
        )
        const exit = yield* Effect.exit((yield* http).json(HttpClientRequest.get(url), Schema.String))
        assert.strictEqual(Exit.isSuccess(exit), bytes <= 2_097_152)
      }).pipe(Effect.scoped)
  )

  it.effect.each([1_048_575, 1_048_576, 1_048_577])(
    "of a line of JSON: 1 MiB, of %d",
    (length) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(
          Stream.runCollect(events("ndjson")(Stream.make(Buffer.from(`"${x(length - 2)}"\n`))))
        )
        assert.strictEqual(Exit.isSuccess(exit), length <= 1_048_576)
      })
  )

  it.effect.each([999, 1000, 1001])("of an answer of a package, of %d bytes", (length) =>
    Effect.gen(function*() {
      const fetch = bounded(async () => new Response(new Uint8Array(length)), 1000)
      const exit = yield* Effect.exit(Effect.tryPromise(async () => (await fetch("http://x.invalid")).arrayBuffer()))
      assert.strictEqual(Exit.isSuccess(exit), length <= 1000)
    }))

  const tools = Tools.functions({
    long: { parameters: Schema.Struct({ length: Schema.Int }), run: ({ length }) => x(length) }
  })

  it.effect.each([65_535, 65_536, 65_537])(
    "of what a model is shown of a result: 65536, of %d",
    (length) =>
      Effect.gen(function*() {
        const { output } = yield* Tools.execute(tools, { id: "1", name: "long", params: { length } })
        assert.strictEqual(output === x(length), length <= 65_536)
        assert.isAtMost(String(output).length, 65_536)
      })
  )

  it.effect.each([63, 64, 65])("of calls that are run together: 64, of %d", (count) =>
    Effect.gen(function*() {
      let run = 0
      const counted = Tools.functions({ count: { run: () => void run++ } })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: counted }),
        user: [Testing.say(1000, 2000, "Do it.")],
        llm: [{ tools: many(count, (i) => ({ name: "count", params: { i } })) }, "Done."]
      })
      assert.strictEqual(run, Math.min(count, 64))
      const outputs = timeline.history.items.filter((item) => item._tag === "ToolOutput")
      assert.strictEqual(
        outputs.filter((item) => item._tag === "ToolOutput" && item.isFailure).length,
        count > 64 ? 1 : 0
      )
    }))

  it.effect.each([65_535, 65_536, 65_537])(
    "of a state of a call: 65536 characters of JSON, of %d",
    (length) =>
      Effect.gen(function*() {
        const Note = CallState.make("note", Schema.String, { initial: "" })
        const seen: Array<string> = []
        yield* Testing.scenario({
          at: [{
            at: 1000,
            do: (session) =>
              Effect.map(Effect.exit(session.callState(Note).set(x(length - 2))), (exit) => void seen.push(exit._tag))
          }],
          until: 2000
        })
        assert.deepStrictEqual(seen, [length <= 65_536 ? "Success" : "Failure"])
      })
  )
})
