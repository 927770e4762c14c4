/** What `bench/endpointing.ts` measures with, by itself. */
import { assert, describe, it } from "@effect/vitest"
import { Audio } from "effect-voice"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { frontier, pointOf, quickest, shareOf, wilson } from "../bench/endpointing/curves.ts"
import { hold } from "../bench/endpointing/policy.ts"
import { read } from "../bench/endpointing/rows.ts"
import { sounds } from "../bench/endpointing/sounds.ts"

const tone = (ms: number): Audio.Frame => ({
  ...Audio.speech,
  samples: Int16Array.from({ length: ms * 16 }, (_, i) => Math.round(9000 * Math.sin(i / 7)))
})
const talk = Audio.concat([tone(500), Audio.silence(400, Audio.speech), tone(600), Audio.silence(200, Audio.speech)])
const spans = [{ start: 0.2, end: 0.25 }, { start: 0.5, end: 0.9 }, { start: 1.5, end: 1.7 }]

const written = <A>(
  rows: ReadonlyArray<object>,
  files: Readonly<Record<string, Uint8Array>>,
  use: (file: string) => A
): A => {
  const folder = mkdtempSync(join(tmpdir(), "eot-"))
  try {
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
    writeFileSync(join(folder, "rows.jsonl"), `${rows.map((row) => JSON.stringify(row)).join("\n")}\n\n`)
    return use(join(folder, "rows.jsonl"))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("turns in eot-bench's public format", () => {
  const wav = Audio.encodeWav(talk)
  const row = { id: "a", language: "en", silence_spans: spans, messages: [{ role: "assistant", content: "Hello?" }] }

  it("are read from the bytes of a WAV, from a file, and from samples", () => {
    const audios = [
      { bytes: Buffer.from(wav).toString("base64"), path: null },
      { bytes: null, path: "a.wav" },
      { array: [...talk.samples].map((sample) => sample / 32_768), sampling_rate: 16_000 }
    ]
    const turns = written(audios.map((audio) => ({ ...row, audio })), { "a.wav": wav }, read)
    assert.strictEqual(turns.length, 3)
    for (const { audio, end, pauses, words } of turns) {
      // What is shorter than a tenth of a second is no pause, and the last silence is the end.
      assert.deepStrictEqual(pauses, [{ from: 500, to: 900 }])
      assert.strictEqual(end, 1500)
      assert.deepStrictEqual(words, [])
      assert.deepStrictEqual(audio.samples.slice(0, 24_000), talk.samples.slice(0, 24_000))
      // Silence enough for the longest wait.
      assert.isAtLeast(Audio.durationMs(audio), 6000 - 1)
    }
  })

  it("tell their words, by either name, in milliseconds", () => {
    const words = [{ word: " Hello ", start: 0.1, end: 0.4 }, { text: "there", start: 1, end: 1.4 }, {
      text: " ",
      start: 1,
      end: 1
    }]
    const [turn] = written([{ ...row, audio: { path: "a.wav" }, words }], { "a.wav": wav }, read)
    assert.deepStrictEqual(turn?.words, [{ text: "Hello", start: 100, end: 400 }, {
      text: "there",
      start: 1000,
      end: 1400
    }])
  })

  it("are refused without audio or without an end", () => {
    assert.throws(() => written([{ ...row, audio: {} }], {}, read), "a has no audio")
    assert.throws(() => written([{ ...row, audio: { path: "a.wav" }, silence_spans: [] }], { "a.wav": wav }, read))
  })
})

describe("true silence", () => {
  it("is what is no sound for a tenth of a second", () => {
    assert.deepStrictEqual(sounds(talk), [{ from: 0, to: 500 }, { from: 900, to: 1500 }])
  })
})

describe("a policy over a turn", () => {
  const turn = { id: "a", language: "en", audio: talk, pauses: [{ from: 500, to: 900 }], end: 1500, words: [] }
  const voice = [
    { at: 100, signal: { _tag: "VoiceStarted", startedAt: 0 } },
    { at: 560, signal: { _tag: "VoicePaused", voiceAt: 500 } },
    { at: 960, signal: { _tag: "VoiceResumed", voiceAt: 900 } },
    { at: 1560, signal: { _tag: "VoicePaused", voiceAt: 1500 } },
    { at: 2010, signal: { _tag: "VoiceEnded", endedAt: 1500 } }
  ] as const
  const asked = (probabilities: ReadonlyArray<number>) => {
    let i = 0
    return { ask: () => Promise.resolve(probabilities[i++] ?? 0), save: () => {} }
  }

  it("waits for the silence that the options say, after the last sound", async () => {
    const options = { endpointing: { minDelay: 700 } }
    const { outcome } = await hold({ turn, voice }, { model: false, words: false, options }, asked([]), undefined)
    assert.deepStrictEqual(outcome, { cuts: [false], wait: 700 })
  })

  it("takes the floor where the model is sure, in a pause as at the end", async () => {
    const policy = { model: true, words: false, options: {} }
    const sure = await hold({ turn, voice }, policy, asked([0.1, 0.99]), undefined)
    assert.deepStrictEqual(sure.outcome.cuts, [false])
    assert.isAtMost(sure.outcome.wait, 300)
    const hasty = await hold({ turn, voice }, policy, asked([0.99, 0.99]), undefined)
    assert.deepStrictEqual(hasty.outcome.cuts, [true])
  })
})

describe("curves", () => {
  const point = (wait: number, cuts: number) =>
    pointOf(
      { wait },
      Array.from({ length: 10 }, (_, i) => ({ cuts: [i < cuts], wait: wait + (i % 2 === 0 ? 10 : -10) }))
    )
  const points = [point(200, 5), point(300, 5), point(400, 2), point(500, 3), point(900, 0)]

  it("are what no other setting beats, and answer for a rate of cut-offs", () => {
    assert.deepStrictEqual(frontier(points).map(({ cuts, wait }) => [wait, cuts]), [[200, 0.5], [400, 0.2], [900, 0]])
    assert.strictEqual(quickest(points, 0.25)?.wait, 400)
    assert.strictEqual(quickest(points.slice(0, 2), 0.25), undefined)
  })

  it("tell how sure they are", () => {
    const [low, high] = wilson(0.2, 100)
    assert.approximately(low, 0.133, 0.001)
    assert.approximately(high, 0.289, 0.001)
    const { interval, share } = shareOf(points[0]!, points[2]!)
    assert.strictEqual(share, 0.5)
    assert.isAtMost(interval[0], 0.5)
    assert.isAtLeast(interval[1], 0.5)
  })
})
