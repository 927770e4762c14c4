/**
 * How long the worst input that is allowed holds the event loop, for every parser,
 * repairer, segmenter and encoder that reads what comes from outside: the longest
 * of five runs in one go (ms), and what is allowed. Prints JSON.
 */
import { Effect } from "effect"
import { Audio, Text } from "effect-voice"
import { tapsFor } from "effect-voice/internal/audio/resampler"
import { decode } from "effect-voice/internal/frontend/preconnectAudio"
import { Unsaid } from "effect-voice/internal/llm/unsaid"
import { repair } from "effect-voice/internal/tools/params"

/** From which on others hear of it (ms). */
const most = 10

const text = (unit: string, length: number): string => unit.repeat(Math.ceil(length / unit.length)).slice(0, length)

// The longest text that may be typed, and the longest parameters of a call.
const typed = 16_384
const params = 65_536
const broken = 8192

const frame = (sampleRate: number, ms: number, channels = 1): Audio.Frame => ({
  samples: Int16Array.from({ length: Math.round(sampleRate * ms / 1000) * channels }, (_, i) => (i * 7919) % 30_000),
  sampleRate,
  channels
})

const segmenting = (unit: string) => () => {
  Text.splitSentences(text(unit, typed))
}

const transforming = (transform: Text.Transform, unit: string) => () => {
  Text.applyTransforms(text(unit, typed), [transform])
}

const unsaying = (unit: string) => () => {
  const unsaid = new Unsaid()
  for (const letter of text(unit, typed)) unsaid.push({ _tag: "Text", text: letter })
  unsaid.end()
}

let ratio = 0

const converting = (from: number, to: number, channels = 1) => () => {
  const converter = Audio.converter({ to: { sampleRate: to, channels: 1 } })
  converter.push([frame(from, 100, channels)])
  converter.flush()
}

const cases: ReadonlyArray<readonly [name: string, run: () => void]> = [
  ["sentences, full stops", segmenting(".")],
  ["sentences, abbreviations", segmenting("Dr. ")],
  ["sentences, quotes that stay open", segmenting("\"( ")],
  ["sentences, no space", segmenting("x")],
  ["markdown, stars", transforming(Text.markdown, "*_")],
  ["markdown, brackets", transforming(Text.markdown, "[](")],
  ["markdown, backticks", transforming(Text.markdown, "`` ")],
  ["markdown, pipes", transforming(Text.markdown, "|-\n")],
  ["emoji", transforming(Text.emoji, "👨‍👩‍👧‍👦")],
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
  ["WAV of a megabyte", () => void Audio.decodeWav(text("RIFF", 1_000_000) as never)],
  ["taps of a ratio that is new", () => {
    tapsFor(768_000 - 1 - ratio++, 4001)
  }],
  ["convert 100 ms from 4 to 192 kHz", converting(4000, 192_000)],
  ["convert 100 ms from 192 kHz, 8 channels", converting(192_000, 16_000, 8)],
  ["convert 100 ms from 44.1 kHz", converting(44_100, 48_000)]
]

const results = cases.map(([name, run]) => {
  const ms = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage()
    try {
      run()
    } catch {
      // What is refused holds the loop, too.
    }
    const { system, user } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  // The first run compiles, as it does in a process that has just begun.
  return { name, first: Math.round(ms[0]! * 10) / 10, worst: Math.round(Math.max(...ms.slice(1)) * 10) / 10 }
})

/** What works in slices: the longest time in which nobody else had a turn. */
const longestHold = Effect.fnUntraced(function*(work: Effect.Effect<unknown, unknown>) {
  let last = performance.now()
  let longest = 0
  const look = Effect.sync(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  })
  yield* Effect.raceFirst(Effect.exit(work), Effect.forever(Effect.andThen(Effect.sleep(1), look)))
  yield* look
  return Math.round(longest * 10) / 10
})

const recording = (mimeType: string, head: ReadonlyArray<number>) =>
  longestHold(decode({
    identity: "caller",
    topic: "lk.agent.pre-connect-audio-buffer",
    mimeType,
    attributes: {},
    bytes: Uint8Array.from({ length: 2_000_000 }, (_, i) => head[i % head.length]!)
  }))

const sliced = await Effect.runPromise(Effect.all({
  ogg: recording("audio/ogg; codecs=opus", [...Buffer.from("OggS"), 0, 0, ...new Array<number>(20).fill(0), 0]),
  webm: recording("audio/webm; codecs=opus", [0x1a, 0x45, 0xdf, 0xa3, 0x80])
}))

process.stdout.write(`${
  JSON.stringify(
    { most, held: results, sliced, over: results.filter(({ worst }) => worst > most).map(({ name }) => name) },
    null,
    2
  )
}\n`)
