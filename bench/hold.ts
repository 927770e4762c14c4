/**
 * How long the worst input that is allowed holds the event loop, for every parser,
 * repairer, segmenter and encoder that reads what comes from outside, in one
 * go: the middle of nine runs, after a first that compiles (ms of this thread's
 * own time, so that what else runs on the machine counts little), and what is
 * allowed. Prints JSON.
 */
import { Effect, Metric, Redacted, Result, Schema, Stream } from "effect"
import { Audio, History, Text, Turn } from "effect-voice"
import { heard as heardOf } from "effect-voice/internal/alignment"
import { decodeMulaw } from "effect-voice/internal/audio/g711"
import { tapsFor } from "effect-voice/internal/audio/resampler"
import { ssml } from "effect-voice/internal/azure/ssml"
import { makeFitting, pushInParts } from "effect-voice/internal/fitted"
import { decode } from "effect-voice/internal/frontend/preconnectAudio"
import { load } from "effect-voice/internal/frontend/protocol"
import { shortened, shortening } from "effect-voice/internal/history/shorten"
import { assembled } from "effect-voice/internal/llm/assembly"
import { chunkParts, StrictChunk } from "effect-voice/internal/llm/chunks"
import { Unsaid } from "effect-voice/internal/llm/unsaid"
import { masked } from "effect-voice/internal/numbers"
import { makeUtterance, makeWriter } from "effect-voice/internal/pipeline/utterance"
import { isDense } from "effect-voice/internal/provider/dense"
import { events } from "effect-voice/internal/provider/lines"
import { encode, makeSealer } from "effect-voice/internal/recorder/format"
import { inParts, throughUntil } from "effect-voice/internal/streams"
import { read as readMedia } from "effect-voice/internal/telephone/protocol"
import { isSigned } from "effect-voice/internal/telephone/signature"
import { write } from "effect-voice/internal/tools/json"
import { repair } from "effect-voice/internal/tools/params"
import { Aligner } from "effect-voice/internal/tts/aligner"
import { read as readMessage } from "effect-voice/internal/webSocket/protocol"
import { decodeFromChild } from "effect-voice/internal/worker/ipc"
import { read, tell } from "effect-voice/internal/worker/measured"
import { decode as readServer } from "effect-voice/internal/worker/protocol"
import { loadavg } from "node:os"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** From which on others hear of it (ms). */
const most = 10

/** Time of this thread alone (ms): what others do on the machine, and the collector beside it, holds no loop. */
const cpuMs = (): number => {
  const { system, user } = process.threadCpuUsage()
  return (user + system) / 1000
}

const text = (unit: string, length: number): string => unit.repeat(Math.ceil(length / unit.length)).slice(0, length)

// The longest text that may be typed, and the longest parameters of a call.
const typed = 16_384
const params = 65_536
const broken = 4096

const frame = (sampleRate: number, ms: number, channels = 1): Audio.Frame => ({
  samples: Int16Array.from({ length: Math.round(sampleRate * ms / 1000) * channels }, (_, i) => (i * 7919) % 30_000),
  sampleRate,
  channels
})

/** An answer as long as one may be, all at once, as it is cut and rewritten for a voice. */
const writing = (unit: string, begins = "") =>
  Effect.suspend(() => {
    const writer = makeWriter(
      makeUtterance("1", 0),
      Text.segmenter({ maxLength: 500 }),
      Text.speechTransforms,
      "en",
      () => {}
    )
    return Stream.make(begins + text(unit, params)).pipe(
      inParts(4096),
      throughUntil((parts) => ({ made: parts.flatMap((part) => writer.push(part)), last: false })),
      Stream.runDrain,
      Effect.andThen(Effect.sync(() => writer.end()))
    )
  })

const unsaying = (unit: string) => () => {
  const unsaid = new Unsaid()
  for (const letter of text(unit, typed)) unsaid.push({ _tag: "Text", text: letter })
  unsaid.end()
}

let ratio = 0

const converting = (from: number, to: number, channels = 1) => {
  const input = [frame(from, 100, channels)]
  return () => {
    const converter = Audio.converter({ to: { sampleRate: to, channels: 1 } })
    converter.push(input)
    converter.flush()
  }
}

/** One transcript more in a turn that is as long as one may be. */
const hearing = (unit: string, pieces: number) => {
  const settings = Result.getOrThrow(Turn.resolve({}))
  const ears = { stt: true, interims: true, detector: true, judge: false }
  const heard = (text: string, final: boolean): Turn.Signal => ({
    _tag: "Heard",
    text,
    final,
    startedAt: undefined,
    endedAt: undefined,
    language: "en"
  })
  let state = Turn.initial(settings, ears)
  for (let i = 0; i < pieces; i++) {
    state = Turn.step(state, 20 * i, heard(text(unit, Math.floor(typed / (pieces + 1))), true))[0]
  }
  return () => {
    Turn.step(state, 20 * pieces, heard(text(unit, typed), false))
    Turn.step(state, 20 * pieces, heard(text(unit, typed), true))
  }
}

const event = (unit: string, length: number) => {
  const json = `[${text(`${unit},`, length)}0]`
  const bytes = Buffer.from(json)
  return () => {
    if (isDense(bytes)) throw new Error("more values than are let through")
    JSON.parse(bytes.toString())
  }
}

/** A long history that a model has refused. */
const shorteningHistory = () => {
  const items = Array.from(
    { length: 400 },
    (_, i): History.Item =>
      History.Message.make({
        id: `${i}`,
        role: i % 2 === 0 ? "user" : "assistant",
        text: text("word ", 4000),
        createdAt: i
      })
  )
  const history = History.make(items)
  return () => {
    shortened(history, shortening(history, 0.25))
    History.toPrompt(history)
  }
}

const mib = 1024 * 1024

const protocol = await Effect.runPromise(load)

const request = 64 * 1024
const nothing = new Uint8Array(request).fill(0x0a)
const smallFields = Uint8Array.from({ length: request }, (_, i) => i % 2 === 0 ? 0x08 : 1)
// Field 2, of a length of nothing, over and over: repeated messages without content.
const nested = Uint8Array.from({ length: request }, (_, i) => i % 2 === 0 ? 0x12 : 0)

const wav = new Uint8Array(Buffer.from(text("RIFF", 1_000_000), "latin1"))

/** A streamed answer, cut into as many pieces as it may come in. */
const streamed = (format: "sse" | "ndjson", unit: string, pieces: number) => {
  const bytes = Buffer.from(text(unit, 1_000_000))
  const length = Math.ceil(bytes.length / pieces)
  const parts = Array.from({ length: pieces }, (_, i) => bytes.subarray(i * length, (i + 1) * length))
  return Effect.ignore(Stream.runDrain(events(format)(Stream.fromIterable(parts))))
}

/** An answer of as many calls of tools as are taken in, told in events that are as dense as one may be. */
const calling = (fragment: (index: number) => string, calls = 16_384, inOne = 1024) => {
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(StrictChunk))
  const told = (from: number) =>
    `data: {"choices":[{"delta":{"tool_calls":[${
      Array.from({ length: inOne }, (_, i) => fragment(from + i)).join(",")
    }]}}]}\n\n`
  const bytes = Buffer.from(
    Array.from({ length: calls / inOne }, (_, i) => told(i * inOne)).join("") +
      "data: {\"choices\":[{\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"
  )
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / 65_536) },
    (_, i) => bytes.subarray(i * 65_536, (i + 1) * 65_536)
  )
  return events("sse")(Stream.fromIterable(pieces)).pipe(
    Stream.filter((event) => event !== "[DONE]"),
    Stream.mapEffect((event) => Effect.map(decode(event), chunkParts)),
    (parts) => assembled({ key: "bench", finishes: true }, Stream.mapError(parts, () => "wrong")),
    Stream.runDrain
  )
}

/** Times of the words of an answer that is as long as one may be, all at once. */
const fitting = (unit: string, told: string) => {
  const spoken = text(unit, params)
  const stretches = Array.from({ length: 4096 }, (_, i) => ({ text: told, start: i, end: i + 1 }))
  return Effect.suspend(() => {
    const fit = makeFitting(() => spoken)
    return Effect.andThen(pushInParts(fit, stretches, () => {}), Effect.sync(() => fit.end(5000)))
  })
}

const aligned = text("seven words ", params).split(/(?<= )/).map((text, i) => ({ text, start: i, end: i + 1 }))

/** Times of its characters, in messages that are as long as they may be. */
const aligning = (unit: string, told: string) => {
  const chars = Array.from(text(told, 8192))
  const alignment = {
    chars,
    charStartTimesMs: chars.map((_, i) => i),
    charDurationsMs: chars.map(() => 1)
  }
  return () => {
    const aligner = new Aligner()
    aligner.append(text(unit, params))
    aligner.push(alignment, 0, 1000)
    aligner.end(2000)
  }
}

/** What a tool gives back, of very many values, or one in another. */
const many = Array.from({ length: 20_000 }, (_, i) => ({ i, of: [`${i}`] }))
const deep = Array.from({ length: 3000 }).reduce<unknown>((inner) => ({ inner }), "end")

const sealer = makeSealer(new Uint8Array(32), new Uint8Array(16))
const sound: Audio.Frame = frame(48_000, 1000, 2)
const form = Array.from({ length: 512 }, (_, i) => [`a${i}`, text(`${i}`, 100)] as const)
const figures = Effect.runSync(
  Effect.gen(function*() {
    for (let i = 0; i < 2000; i++) {
      yield* Metric.update(Metric.counter("desk_jobs", { attributes: { room: `${i}` } }), i)
    }
    return tell(yield* Effect.context<never>()).texts.toSorted((one, other) => other.length - one.length)[0]!
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
)
const offer = (length: number): string =>
  JSON.stringify({ availability: { job: { id: "AJ_1", metadata: "x".repeat(length), room: { name: "room" } } } })
const mulaw = new Uint8Array(64 * 1024).fill(0x55)

const cases: ReadonlyArray<readonly [name: string, run: () => void]> = [
  ["words", () => void Text.countWords(text("a'b-", typed))],
  ["equivalent texts", () => void Text.equivalent(text("ab ", typed), text("ba ", typed))],
  ["thoughts that open", unsaying("<think>")],
  ["tags that are none", unsaying("<")],
  ["parameters, nested", () => void repair(text("[", params))],
  ["parameters, whole", () => void repair(`{"a":"${text("x", params - 8)}"}`)],
  ["parameters, broken quotes", () => void repair(`{${text("\"", broken - 1)}`)],
  ["parameters, broken brackets", () => void repair(text("{", broken))],
  ["parameters, broken escapes", () => void repair(`{"a":"${text("\\", broken - 6)}`)],
  ["parameters, broken words", () => void repair(text("{a:b c ", broken))],
  ["WAV of a megabyte", () => void Audio.decodeWav(wav)],
  ["taps of a ratio that is new", () => {
    tapsFor(768_000 - 1 - ratio++, 4001)
  }],
  ["convert 100 ms from 4 to 192 kHz", converting(4000, 192_000)],
  ["convert 100 ms from 192 kHz, 8 channels", converting(192_000, 16_000, 8)],
  ["convert 100 ms from 44.1 kHz", converting(44_100, 48_000)],
  ["a turn as long as one may be, words", hearing("word ", 400)],
  ["a turn as long as one may be, signs", hearing("yes. ", 400)],
  ["a turn as long as one may be, in one piece", hearing("a'b-", 1)],
  ["a history that is made shorter", shorteningHistory()],
  [
    "a message of a browser, of objects",
    () => void readMessage(`{"type":"text","a":[${text("{\"a\":[{}]},", 131_000)}0]}`)
  ],
  [
    "a message of a carrier, of objects",
    () => void readMedia(`{"event":"start","start":{"a":[${text("{\"a\":[{}]},", 65_000)}0]}}`)
  ],
  // As many as their bytes let through.
  [
    "messages of a browser at once, of objects",
    () => {
      for (let i = 0; i < 2; i++) void readMessage(`{"type":"text","a":[${text("{\"a\":[{}]},", 131_000)}0]}`)
    }
  ],
  [
    "messages of a carrier at once, of objects",
    () => {
      for (let i = 0; i < 4; i++) void readMedia(`{"event":"start","start":{"a":[${text("{\"a\":[{}]},", 65_000)}0]}}`)
    }
  ],
  ["a request about a session, of nothing", () => void protocol.read(nothing)],
  ["a request about a session, of small fields", () => void protocol.read(smallFields)],
  ["a request about a session, of messages in messages", () => void protocol.read(nested)],
  ["an event of a stream, of objects", event("{\"a\":[{}]}", 120_000)],
  ["phrases, signs", () => void Text.phraseKind(text("yes okay right ", typed), { language: "en" })],
  ["phrases, none", () => void Text.phraseKind(text("wait no ", typed), { language: "en" })],
  ["paragraphs", () => void Text.paragraphs(text(" \n \n\n", typed))],
  ["all transforms of a voice", () => {
    Text.applyTransforms(text("**a** <b>[x](y)</b> &amp; ", typed), Text.speechTransforms)
  }],
  ["what was heard of an answer", () => void heardOf(aligned, params)],
  ["times of characters that are the text", aligning("seven words ", "seven words ")],
  ["times of characters that are not the text", aligning("ab ", "ba ")],
  ["speech markup of an answer", () => {
    ssml(text("<&'\"\u0001", params), {
      voice: "v",
      language: "en-US",
      rate: 1,
      pitch: "0%",
      volume: "100",
      style: undefined
    })
  }],
  ["what a tool gives, of many values", () => void write(many)],
  ["what a tool gives, one in another", () => void write(deep)],
  ["a second of audio for a recording", () => {
    sealer.record(encode({ _tag: "Audio", at: 0, source: "user", frame: sound }))
  }],
  ["a name of numbers for a log", () => void masked(text("+49 30 1234567 ", params))],
  ["a name that is nearly a number", () => void masked(text("+1 ", params))],
  ["a form of a carrier, signed by another", () => {
    isSigned({ token: Redacted.make("token"), url: "https://desk.example.com/call", form, signature: "none" })
  }],
  ["an address of slashes", () => {
    isSigned({
      token: Redacted.make("token"),
      url: `https://desk.example.com${"/".repeat(16_000)}x`,
      signature: "none"
    })
  }],
  ["audio of a carrier", () => void decodeMulaw(mulaw)],
  ["a part of the figures of a process", () => void read(figures)],
  ["a line of the log of a process", () => {
    decodeFromChild({ _tag: "Log", level: "Info", text: text("x", mib), lost: 0 })
  }],
  ["an offer of a server, of text", () => void readServer(offer(mib - 200))],
  ["a message of a server, of nothing", () => void readServer(new Uint8Array(mib).fill(0x0a))],
  ["a message of a server, of objects", () => void readServer(`{"a":[${text("{\"a\":[{}]},", 120_000)}0]}`)],
  ["a message of a socket, of text", event(`"${text("x", 2 * mib)}"`, 2 * mib)],
  ["a message of a socket, of objects", event("{\"a\":[{}]}", 120_000)]
]

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const spent = (run: () => void): number => {
  const before = cpuMs()
  try {
    run()
  } catch {
    // What is refused holds the loop, too.
  }
  return cpuMs() - before
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10

// The first run compiles, as it does in a process that has just begun. Of the others the middle: the work is always the same.
const results = cases.map(([name, run]) => {
  // What the case before has left is not this one's.
  collect()
  const first = spent(run)
  const ms = Array.from({ length: 9 }, () => spent(run)).toSorted((one, other) => one - other)
  return { name, first: rounded(first), hold: rounded(ms[4]!) }
})

/** What works in slices: the longest time in which nobody else had a turn. */
const longestHold = Effect.fnUntraced(function*(work: Effect.Effect<unknown, unknown>) {
  collect()
  let last = cpuMs()
  let longest = 0
  const look = Effect.sync(() => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
  })
  yield* Effect.raceFirst(Effect.exit(work), Effect.forever(Effect.andThen(Effect.sleep(1), look)))
  yield* look
  return Math.round(longest * 10) / 10
})

const recording = (mimeType: string, head: ReadonlyArray<number>) =>
  decode({
    identity: "caller",
    topic: "lk.agent.pre-connect-audio-buffer",
    mimeType,
    attributes: {},
    bytes: Uint8Array.from({ length: 2_000_000 }, (_, i) => head[i % head.length]!)
  })

const slices: ReadonlyArray<readonly [name: string, work: Effect.Effect<unknown, unknown>]> = [
  ["events of a stream, each of nothing", streamed("sse", "data: {}\n\n", 16)],
  ["an event of a stream, without an end", streamed("sse", "data: x", 100)],
  ["lines of JSON, each of nothing", streamed("ndjson", "{}\n", 10)],
  ["a line of JSON, without an end", streamed("ndjson", "x", 10_000)],
  [
    "a recording of Ogg",
    recording("audio/ogg; codecs=opus", [...Buffer.from("OggS"), 0, 0, ...new Array<number>(21).fill(0)])
  ],
  ["an answer at once, of sentences", writing("Seven words. ")],
  ["an answer at once, of a stop", writing("!", "Hello")],
  ["an answer at once, of full stops", writing(".", "Hello")],
  ["an answer at once, of stops and quotes", writing("!\"", "Hello")],
  ["an answer at once, without a space", writing("a")],
  ["an answer at once, of signs", writing("-", "Hello")],
  ["an answer at once, of marks", writing("**a** [b](c) <i>&amp; ")],
  ["an answer at once, of abbreviations", writing("Dr. ")],
  ["an answer at once, of quotes that stay open", writing("\"( ")],
  ["an answer at once, of markdown, stars", writing("*_")],
  ["an answer at once, of markdown, brackets", writing("[](")],
  ["an answer at once, of markdown, backticks", writing("`` ")],
  ["an answer at once, of markdown, pipes", writing("|-\n")],
  ["an answer at once, of HTML, brackets", writing("<a <b ")],
  ["an answer at once, of HTML, entities", writing("&amp&#x")],
  ["an answer at once, of HTML, raised", writing("a<sup>1</sup>")],
  ["an answer at once, of HTML, attributes", writing("<a b=\"><")],
  ["an answer at once, of math, prices", writing("$1+")],
  ["an answer at once, of math, formulas", writing("$x^2$ ")],
  ["an answer at once, of math, one of many groups", writing("\\frac{")],
  ["an answer at once, of math, blocks", writing("\\[{x^")],
  ["an answer at once, of markdown, citations", writing("a [1]. ")],
  ["an answer at once, of markdown, definitions", writing("[a]: https://x \n")],
  ["an answer at once, of letters", writing("z. B. ")],
  ["an answer at once, of emoji", writing("👨‍👩‍👧‍👦")],
  [
    "calls of an answer, each whole",
    calling((i) => `{"index":${i},"id":"c${i}","function":{"name":"look","arguments":"{}"}}`)
  ],
  [
    "calls of an answer, in one delta of nothing but names",
    calling((i) => `{"index":${i},"function":{"name":"n"}}`, 16_384, 1024)
  ],
  ["calls of an answer, of one index", calling(() => `{"index":0,"function":{"name":"look","arguments":"{}"}}`)],
  ["calls of an answer, of which each is of another", calling((i) => `{"id":"c${i}","function":{"arguments":"{"}}`)],
  ["a recording of WebM", recording("audio/webm; codecs=opus", [0x1a, 0x45, 0xdf, 0xa3, 0x80])],
  ["times of words that are the text", fitting("seven words ", "words ")],
  ["times of words that are not the text", fitting("a", "b")]
]

const sliced = await Effect.runPromise(
  Effect.forEach(slices, ([name, work]) =>
    Effect.gen(function*() {
      const first = yield* longestHold(work)
      const others = yield* Effect.replicateEffect(longestHold(work), 5)
      return { name, first, hold: others.toSorted((one, other) => one - other)[2]! }
    }))
)
const all = [...results, ...sliced]

process.stdout.write(`${
  JSON.stringify(
    {
      most,
      load: loadavg()[0],
      held: results,
      sliced,
      over: all.filter(({ first, hold }) => Math.max(first, hold) > most).map(({ name }) => name)
    },
    null,
    2
  )
}\n`)
