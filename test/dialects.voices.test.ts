/** What voices answer in the dialects of the real world: audio that is not what its header says, and times of each spelling. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Stream } from "effect"
import { Audio, Tts } from "effect-voice"
import * as CommandTts from "effect-voice/Layers/CommandTts"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as provider from "./support/provider.ts"
import { key as apiKey } from "./support/transcribing.ts"

const text = "Good morning."

/** Samples and their peak, what is told of the words (ms); `!` is a failure, with its status or what it says of the audio. */
const outcome = (layer: Layer.Layer<Tts.Tts, Tts.TtsError>) =>
  Stream.runCollect(Tts.speak(Stream.make(text))).pipe(
    Effect.provide(layer),
    Effect.match({
      onFailure: ({ reason }) =>
        reason._tag === "Rejected"
          ? `! ${reason.status}`
          : `! ${/(?:audio is|wrote) (.*?)(?:, (?:and|which)|$)/.exec(reason.message)?.[1] ?? reason._tag}`,
      onSuccess: (chunks) => {
        const samples = chunks.flatMap(({ frame }) => [...frame.samples])
        const peak = samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)
        const words = chunks.flatMap(({ alignment }) => alignment ?? [])
          .map(({ end, start, text }) => `${text}${Math.round(start)}-${Math.round(end)}`)
        return `${samples.length} ${peak} ${words.join(" ")}`
      }
    })
  )

/** 200 ms. */
const pcm = Buffer.alloc(9600, 1)
const base64 = pcm.toString("base64")
const whole = "4800 257 Good morning.0-200"
const timed = "4800 257 Good 0-60 morning.75-195"

const times = (length = 15) => Array.from(text, (_, i) => i * length)
const aligned = (more: object = {}) => ({
  chars: [...text],
  charStartTimesMs: times(),
  charDurationsMs: times().map(() => 15),
  ...more
})
const inSeconds = {
  characters: [...text],
  character_start_times_seconds: times().map((ms) => ms / 1000),
  character_end_times_seconds: times().map((ms) => (ms + 15) / 1000)
}
const wavOf = (samples: number) =>
  Buffer.from(Audio.encodeWav({ sampleRate: 24_000, channels: 1, samples: new Int16Array(samples).fill(257) }))

const messages: ReadonlyArray<readonly [how: string, told: ReadonlyArray<unknown>, outcome: string]> = [
  ["audio in lines", [{ audio: base64.replaceAll(/(.{76})/g, "$1\n"), alignment: aligned() }], timed],
  ["audio in lines of Windows", [{ audio: base64.replaceAll(/(.{76})/g, "$1\r\n") }], whole],
  [
    "audio without its padding",
    [{ audio: Buffer.alloc(9602, 1).toString("base64").replace(/=+$/, "") }],
    "4801 257 Good morning.0-200"
  ],
  [
    "audio as addresses have it",
    [{ audio: Buffer.alloc(9600, 0xfb).toString("base64url") }],
    "4800 1029 Good morning.0-200"
  ],
  ["audio as an address", [{ audio: `data:audio/pcm;base64,${base64}` }], whole],
  ["half a sample", [{ audio: pcm.subarray(0, 4801).toString("base64") }, {
    audio: pcm.subarray(4801).toString("base64")
  }], whole],
  ["no audio, and then some", [{ audio: "" }, { audio: base64 }], whole],
  [
    "times longer than the audio",
    [{ audio: base64, alignment: aligned({ charStartTimesMs: times(150) }) }],
    "4800 257 Good 0-200 morning.200-200"
  ],
  [
    "times of half of it",
    [{ audio: base64, alignment: { chars: [..."Good"], charStartTimesMs: [0, 15, 30, 45] } }],
    "4800 257 Good 0-45 morning.45-200"
  ],
  ["times of what is spoken alone", [{ audio: base64, alignment: null, normalizedAlignment: aligned() }], timed],
  ["times of words", [{
    audio: base64,
    alignment: { chars: ["Good ", "morning."], charStartTimesMs: [0, 75], charDurationsMs: [75, 120] }
  }], "4800 257 Good 0-75 morning.75-195"],
  ["times in seconds", [{ audio: base64, alignment: inSeconds }], timed],
  ["times with another spelling", [{
    audio: base64,
    alignment: { chars: [...text], char_start_times_ms: times(), chars_durations_ms: times().map(() => 15) }
  }], timed],
  ["fewer times than characters", [{ audio: base64, alignment: aligned({ charStartTimesMs: [0, 15] }) }], whole],
  [
    "times that are none",
    [{ audio: base64, alignment: aligned({ charStartTimesMs: times().map(() => null) }) }],
    whole
  ],
  ["times that go back", [{ audio: base64, alignment: aligned({ charStartTimesMs: times(-15) }) }], whole],
  [
    "messages that a proxy has made bytes of",
    [Buffer.from(JSON.stringify({ audio: base64, alignment: aligned() }))],
    timed
  ],
  ["nothing", ["", "null", "{}", { audio: base64 }], whole],
  [
    "another name of the end",
    [{ audio: base64, contextId: "a", isFinal: null }, { contextId: "a", is_final: true }],
    whole
  ],
  ["MP3", [{ audio: Buffer.concat([Buffer.from("ID3\u0004"), pcm]).toString("base64") }], "! a file of MP3"],
  ["a WAV file", [{ audio: wavOf(4800).toString("base64") }], "! a file of WAV"],
  ["an error with its name within", [{ error: { code: "quota_exceeded", message: "no" } }], "! 402"],
  ["an error as over HTTP", [{ detail: { status: "too_many_concurrent_requests", message: "no" } }], "! 429"]
]

interface Header {
  readonly channels?: number
  readonly bits?: number
  readonly tag?: number
  readonly rate?: number
  readonly block?: number
  readonly size?: number
  readonly riff?: number
}

/** A WAV file with a header that may lie. */
const wav = (data: Buffer, { bits = 16, block = 2, channels = 1, rate = 24_000, riff, size, tag = 1 }: Header = {}) => {
  const head = Buffer.alloc(44)
  head.write("RIFF", 0)
  head.writeUInt32LE(riff ?? 36 + data.length, 4)
  head.write("WAVEfmt ", 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(tag, 20)
  head.writeUInt16LE(channels, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(1, 28)
  head.writeUInt16LE(block, 32)
  head.writeUInt16LE(bits, 34)
  head.write("data", 36)
  head.writeUInt32LE(size ?? data.length, 40)
  return Buffer.concat([head, data])
}

const floats = Buffer.from(new Float32Array(4800).fill(0.5).buffer)
const wide = Buffer.from(new Int32Array(4800).fill(0x40000000).buffer)
const half = "4800 16384 Good morning.0-200"
const framed = (bytes: ReadonlyArray<number>, length: number) =>
  Buffer.concat(
    Array.from({ length: 6 }, () => Buffer.concat([Buffer.from(bytes), Buffer.alloc(length - bytes.length)]))
  )
const mp3 = framed([0xff, 0xfb, 0x90, 0x64], 417)
const aac = framed([0xff, 0xf1, 0x50, 0x80, 0x0c, 0x9f, 0xfc], 100)

const files: ReadonlyArray<readonly [how: string, body: Buffer, outcome: string]> = [
  ["as it should be", wav(pcm), whole],
  ["two channels", wav(pcm, { channels: 2, block: 4 }), "2400 257 Good morning.0-100"],
  ["samples of 32 bits with a point", wav(floats, { bits: 32, tag: 3, block: 4 }), half],
  ["24 bits of 32", wav(wide, { bits: 24, block: 4 }), half],
  ["a width that cannot be", wav(pcm, { block: 0 }), whole],
  ["no bits", wav(pcm, { bits: 0 }), whole],
  ["no length", wav(pcm, { size: 0, riff: 36 }), whole],
  ["the greatest length", wav(pcm, { size: 0xffffffff, riff: 0xffffffff }), whole],
  ["a line before it", Buffer.concat([Buffer.from("[info] loaded\n"), wav(pcm)]), whole],
  ["an empty line before it", Buffer.concat([Buffer.from("\n"), wav(pcm)]), whole],
  ["a name before it", Buffer.concat([Buffer.from("ID3\u0004\0\0\0\0\0\0"), wav(pcm)]), whole],
  ["no rate", wav(pcm, { rate: 0 }), "! not a WAV file that can be read"],
  ["no channels", wav(pcm, { channels: 0 }), "! not a WAV file that can be read"],
  ["MP3 within", wav(mp3, { tag: 85 }), "! not a WAV file that can be read"],
  ["MP3 instead", mp3, "! a file of MP3"],
  ["a page instead", Buffer.from("<!DOCTYPE html><html></html>"), "! text"],
  ["samples alone instead", pcm, "! not a WAV file that can be read"],
  ["no samples", wav(Buffer.alloc(0)), "! EndedEarly"]
]

const bare: ReadonlyArray<readonly [how: string, body: Buffer, outcome: string]> = [
  ["samples", pcm, whole],
  [
    "samples that begin as a frame of MP3 does",
    Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(9596, 1)]),
    "4800 25744 Good morning.0-200"
  ],
  ["MP3 without a name", mp3, "! a file of MP3"],
  ["AAC", aac, "! a file of AAC"],
  ["Opus", Buffer.concat([Buffer.from("OggS"), pcm]), "! a file of Ogg"],
  ["AIFF", Buffer.concat([Buffer.from("FORM\0\0\0\0AIFF"), pcm]), "! a file of AIFF"],
  ["AU", Buffer.concat([Buffer.from(".snd\0\0\0\u0018"), pcm]), "! a file of AU"],
  ["a long WAV file", Buffer.concat([Buffer.from("RF64"), pcm]), "! a file of WAV"],
  ["an error", Buffer.from(`{"error":{"message":"no"}}`), "! text"],
  ["a page", Buffer.from("\n<html><body>Sign in</body></html>"), "! text"]
]

const types = ["audio/pcm", "audio/mpeg", "application/octet-stream", ""]

describe.concurrent("the dialects of voices", () => {
  it.live.each(messages)("ElevenLabs over a socket: %s", ([, told, expected]) =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          if (JSON.parse(String(message)).text !== "") return
          for (const one of told) peer.send(one)
          peer.send({ audio: null, isFinal: true })
          peer.socket.close(1000)
        }
      })
      assert.strictEqual(yield* outcome(ElevenLabsTts.layer({ apiKey, baseUrl: server.url })), expected)
    }))

  it.live.each(files)("a WAV file over HTTP, and of a program: %s", ([, body, expected]) =>
    Effect.gen(function*() {
      const server = yield* provider.http((_, response) =>
        void response.writeHead(200, { "content-type": "audio/wav" }).end(body)
      )
      assert.strictEqual(yield* outcome(HttpTts.layer({ url: server.url, answer: "wav" })), expected)
      if (expected.startsWith("!")) return
      assert.strictEqual(yield* outcome(written(body, {})), expected)
    }))

  it.live.each(bare)(
    "samples alone over HTTP, whatever their type, and of a program: %s",
    ([, body, expected]) =>
      Effect.gen(function*() {
        for (const type of types) {
          const server = yield* provider.http((_, response) =>
            void response.writeHead(200, type === "" ? {} : { "content-type": type }).end(body)
          )
          assert.strictEqual(yield* outcome(HttpTts.layer({ url: server.url })), expected, type)
        }
        const audio = { sampleRate: 24_000, channels: 1 }
        assert.strictEqual(yield* outcome(written(body, { audio })), expected)
      })
  )
})

/** A program that writes this. */
const written = (body: Buffer, options: Pick<CommandTts.Options, "audio">) => {
  const file = Path.join(Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-dialects-")), "speech")
  Fs.writeFileSync(file, body)
  return CommandTts.layer({
    program: "sh",
    args: ["-c", `cat > /dev/null; cat "$1"; rm -r "$(dirname "$1")"`, "sh", file],
    ...options
  })
}
