import { assert, describe, it, layer } from "@effect/vitest"
import { Config, Effect, Fiber, Stream } from "effect"
import { Audio, Tts } from "effect-voice"
import * as CommandTts from "effect-voice/Layers/CommandTts"
import { contract } from "./contract/tts.ts"
import * as programs from "./support/programs.ts"

/** A program of Node that reads the text from standard input, makes `wav(samples)`, and then runs. */
const script = (body: string): Pick<CommandTts.Options, "program" | "args"> => ({
  program: process.execPath,
  args: [
    "-e",
    `const text = require("node:fs").readFileSync(0, "utf8")
     const pcm = (count, value = 1) => Buffer.from(new Int16Array(count).fill(value).buffer)
     const wav = (data, rate = 24000) => {
       const header = Buffer.alloc(44)
       header.write("RIFF", 0); header.writeUInt32LE(36 + data.length, 4); header.write("WAVEfmt ", 8)
       header.writeUInt32LE(16, 16); header.writeUInt16LE(1, 20); header.writeUInt16LE(1, 22)
       header.writeUInt32LE(rate, 24); header.writeUInt32LE(rate * 2, 28); header.writeUInt16LE(2, 32)
       header.writeUInt16LE(16, 34); header.write("data", 36); header.writeUInt32LE(data.length, 40)
       return Buffer.concat([header, data])
     }
     const say = (bytes) => process.stdout.write(bytes)
     ${body}`
  ]
})

const say = (options: CommandTts.Options, text: string, asked?: Tts.Options) =>
  Effect.flatMap(CommandTts.make(options), (tts) => Stream.runCollect(tts.speak(Stream.make(text), asked)))

contract("CommandTts", CommandTts.layer(script("say(wav(pcm(text.length * 100)))")), { live: true })

describe("CommandTts", () => {
  it.live("gives the text on standard input and reads a WAV file, at the rate of the speech", () =>
    Effect.gen(function*() {
      const [same] = yield* say(script("say(wav(pcm(text.length)))"), "Blåbær and a house")
      assert.strictEqual(same?.frame.samples.length, 18)
      const [other] = yield* say(script("say(wav(pcm(800), 8000))"), "Hello")
      assert.deepStrictEqual([other?.frame.sampleRate, other?.frame.samples.length], [24_000, 2400])
    }))

  it.live("reads raw audio of a format", () =>
    Effect.gen(function*() {
      const [mono] = yield* say(
        { ...script("say(pcm(320, 258))"), audio: { sampleRate: 16_000, channels: 1 } },
        "Hello"
      )
      assert.strictEqual(mono?.frame.sampleRate, 16_000)
      assert.deepStrictEqual([...mono?.frame.samples ?? []], Array.from({ length: 320 }, () => 258))
      const [stereo] = yield* say(
        { ...script("say(pcm(320, 258))"), audio: { sampleRate: 16_000, channels: 2 } },
        "Hello"
      )
      assert.deepStrictEqual([...stereo?.frame.samples ?? []], Array.from({ length: 160 }, () => 258))
    }))

  it.live("gives the text, voice and speed as arguments, and reads a file", () =>
    Effect.gen(function*() {
      const given = {
        program: process.execPath,
        args: ({ output, speed, text, voice }) => {
          const [, body = ""] = script(
            `require("node:fs").writeFileSync(process.argv[2], wav(Buffer.from(JSON.stringify(process.argv.slice(1, 2).concat(process.argv.slice(3))) + " ")))`
          ).args as ReadonlyArray<string>
          return [
            "-e",
            body.replace(`require("node:fs").readFileSync(0, "utf8")`, "''"),
            "--",
            text,
            output,
            voice ?? "",
            String(speed)
          ]
        },
        input: "argument",
        output: "file",
        voice: "anna"
      } satisfies CommandTts.Options
      const told = (chunks: ReadonlyArray<Tts.Chunk>) =>
        JSON.parse(Buffer.from(chunks[0]!.frame.samples.buffer).toString().replace(/\]\s*.?$/, "]")) as unknown
      assert.deepStrictEqual(told(yield* say(given, "Hello you", { speed: 1.5 })), ["Hello you", "anna", "1.5"])
      assert.deepStrictEqual(told(yield* say(given, "--help", { voice: "otto" })), [" --help", "otto", "undefined"])
      assert.deepStrictEqual(told(yield* say({ ...given, speed: 2 }, "a\0b")), ["a b", "anna", "2"])
    }))

  it.live("says nothing for what has no sound, without running anything", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        (yield* say({ program: "false" }, "...!")).map(({ frame }) => frame.samples.length),
        [0]
      )
    }))

  const faults: ReadonlyArray<readonly [name: string, options: CommandTts.Options, tag: string]> = [
    ["an exit code", script("say(wav(pcm(100))); process.exitCode = 9"), "Broken"],
    ["an end before the text was read", { program: "/bin/sh", args: ["-c", "exit 0"] }, "Broken"],
    ["no audio", script(""), "InvalidResponse"],
    ["a WAV file without audio", script("say(wav(pcm(0)))"), "InvalidResponse"],
    ["what is no WAV file", script("say('<html>secret</html>')"), "InvalidResponse"],
    ["half a WAV header", script("say(wav(pcm(9)).subarray(0, 30))"), "InvalidResponse"],
    [
      "half a sample",
      { ...script("say(pcm(9).subarray(1))"), audio: { sampleRate: 8000, channels: 1 } },
      "InvalidResponse"
    ],
    ["audio without end", {
      ...script("const more = () => say(pcm(1e5)) && setImmediate(more); process.stdout.on('drain', more); more()"),
      maxOutput: 1e6
    }, "InvalidResponse"],
    ["no file", { program: "true", args: () => [], output: "file", input: "argument" }, "InvalidResponse"],
    ["no end", { program: "sleep", args: ["600"], timeout: "100 millis" }, "TimedOut"]
  ]
  for (const [name, options, tag] of faults) {
    it.live(`fails typed, without content: ${name}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(say({ name: "local", ...options }, "secret ".repeat(50_000)))
        assert.strictEqual(error.reason._tag, tag)
        assert.notInclude(error.message + JSON.stringify(error), "secret")
      }))
  }

  it.live("kills the program when the speech is interrupted", () =>
    Effect.gen(function*() {
      const watch = yield* programs.watch
      const speaking = say({ program: process.execPath, args: programs.immortal(watch.port) }, "Hello")
      const fiber = yield* Effect.forkChild(speaking)
      yield* watch.started
      yield* watch.started
      yield* Fiber.interrupt(fiber)
      yield* watch.gone
      yield* watch.gone
    }))

  it.live("refuses what cannot work", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [options: CommandTts.Options, says: RegExp]> = [
        [{ program: "no-such-program" }, /"no-such-program" was not found/],
        [{ program: "cat", output: "file" }, /^cat: args must be a function with output "file"/],
        [{ program: "cat", voice: "x", voices: ["a", "b"] }, /voice must be one of a, b, not "x"/],
        [{ program: "cat", speed: 0 }, /speed must/],
        [{ program: "cat", sampleRate: 0 }, /sampleRate must/],
        [{ program: "cat", audio: { sampleRate: 16_000, channels: 0 } }, /audio.channels must/]
      ]
      for (const [options, says] of wrong) {
        const error = yield* Effect.flip(CommandTts.make(options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.message, says)
      }
      const voice = yield* Effect.flip(say({ program: "cat", voices: ["a"] }, "Hello", { voice: "b" }))
      assert.match(voice.message, /voice must be one of a, not "b"/)
      assert.match((yield* Effect.flip(say({ program: "cat" }, "Hello", { speed: -1 }))).message, /speed must/)
    }))

  it.live("is configured from outside", () =>
    Effect.gen(function*() {
      const tts = CommandTts.layerConfig({ program: Config.succeed("no-such-program") })
      const error = yield* Effect.flip(Effect.provide(Stream.runDrain(Tts.speak(Stream.make("a"))), tts))
      assert.strictEqual(error._tag, "TtsError")
    }))
})

const engines = [["espeak-ng", CommandTts.espeakNg], ["flite", CommandTts.flite]] as const

for (const [name, options] of engines) {
  const there = programs.available(name)
  if (there) contract(name, CommandTts.layer(options), { live: true })
  layer(CommandTts.layer(there ? options : { program: "cat" }), { excludeTestServices: true })(name, (it) => {
    it.effect.skipIf(!there)("speaks, faster and in another voice where it is asked to", () =>
      Effect.gen(function*() {
        const ms = (options?: Tts.Options) =>
          Stream.make("The weather in Paris is sunny today.").pipe(
            Tts.speak(options),
            Stream.runFold(() => 0, (ms, { frame }) => ms + Audio.durationMs(frame))
          )
        const plain = yield* ms()
        assert.isAbove(plain, 1000)
        assert.isBelow(yield* ms({ speed: 1.5 }), plain * 0.85)
        assert.notStrictEqual(yield* ms({ voice: name === "flite" ? "rms" : "nb" }), plain)
      }))
  })
}
