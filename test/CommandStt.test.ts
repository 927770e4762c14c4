import { assert, describe, it, layer } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Fiber, Schema, Stream } from "effect"
import { Audio, Stt } from "effect-voice"
import * as CommandStt from "effect-voice/Layers/CommandStt"
import { contract } from "./contract/stt.ts"
import { recording } from "./fixtures/speech.ts"
import * as programs from "./support/programs.ts"

const tone: Audio.Frame = {
  sampleRate: 16_000,
  channels: 1,
  samples: Int16Array.from({ length: 48_000 }, (_, i) => 8000 * Math.sin(i / 5))
}

const hear = (options: CommandStt.Options, speech: Audio.Frame = tone) =>
  Effect.flatMap(
    CommandStt.make(options),
    (stt) =>
      Stream.runCollect(Stt.transcribe(Stream.make<[Audio.Frame, Stt.Input]>(speech, Stt.Finalize))).pipe(
        Effect.provideService(Stt.Stt, stt)
      )
  )

/** A program of Node that reads standard input to its end and then runs. */
const script = (body: string): Pick<CommandStt.Options, "program" | "args"> => ({
  program: process.execPath,
  args: ["-e", `const input = require("node:fs").readFileSync(0); ${body}`]
})

contract("CommandStt", CommandStt.layer({ program: "/bin/sh", args: ["-c", "wc -c"] }), { speech: [tone], live: true })

describe("CommandStt", () => {
  it.live("gives the speech as a WAV file on standard input, in the format that was asked for", () =>
    Effect.gen(function*() {
      const wav = script(
        `console.log(input.toString("latin1", 0, 4), input.readUInt16LE(22), input.readUInt32LE(24), input.length)`
      )
      assert.deepStrictEqual((yield* hear(wav)).map(({ text }) => text), ["RIFF 1 16000 96044"])
      const [heard] = yield* hear({ ...wav, format: { sampleRate: 8000, channels: 2 } })
      assert.strictEqual(heard?.text, "RIFF 2 8000 96044")
      const [padded] = yield* hear({ ...wav, padding: { before: "500 millis", after: "1 second" } })
      assert.strictEqual(padded?.text, `RIFF 1 16000 ${96_044 + 48_000}`)
    }))

  it.live("gives it as a file, the last argument or where the function puts it", () =>
    Effect.gen(function*() {
      const [last] = yield* hear({ program: "wc", args: ["-c"], input: "file" })
      assert.match(last?.text ?? "", /^96044 \/.*\/speech\.wav$/)
      const [placed] = yield* hear({
        program: "/bin/sh",
        args: ({ input, language }) => ["-c", `wc -c < "$1"; echo "$2"`, "sh", input, language ?? "any"],
        input: "file",
        language: "nb"
      })
      assert.strictEqual(placed?.text, "96044 nb")
    }))

  it.live("reads JSON by a schema, with times that count from the start of the audio", () =>
    Effect.gen(function*() {
      const answer = CommandStt.json(
        Schema.Struct({ result: Schema.Struct({ text: Schema.String, p: Schema.Finite, end: Schema.Finite }) }),
        ({ result }) => ({
          text: result.text,
          confidence: result.p,
          words: [{ text: result.text, start: 0, end: result.end }]
        })
      )
      const stt = yield* CommandStt.make({
        ...script(`console.log(JSON.stringify({ result: { text: "hello", p: 0.75, end: 300 } }))`),
        answer
      })
      const input = Stream.make<ReadonlyArray<Stt.Input>>(tone, Stt.Finalize, tone)
      const heard = yield* Stream.runCollect(stt.transcribe(input))
      assert.deepStrictEqual(heard.map(({ confidence, words }) => [confidence, words?.[0]?.start, words?.[0]?.end]), [
        [0.75, 0, 300],
        [0.75, 3000, 3300]
      ])
    }))

  it.live("knows another language", () =>
    Effect.gen(function*() {
      const stt = yield* CommandStt.make({
        program: "/bin/sh",
        args: ({ language }) => ["-c", `wc -c; echo ${language}`]
      })
      const german = stt.withLanguage?.("de")
      const heard = yield* Stream.runCollect((german ?? stt).transcribe(Stream.make<ReadonlyArray<Stt.Input>>(tone)))
      assert.strictEqual(heard[0]?.text, "96044 de")
    }))

  const faults: ReadonlyArray<readonly [name: string, options: CommandStt.Options, tag: string]> = [
    ["an exit code", script("console.log('secret'); process.exit(1)"), "Broken"],
    ["an end before the audio was read", { program: "/bin/sh", args: ["-c", "exit 0"] }, "Broken"],
    ["a standard input that it closes", { program: "/bin/sh", args: ["-c", "exec <&-; sleep 0.1; exit 0"] }, "Broken"],
    ["malformed JSON", {
      ...script(`console.log('{"text": "sec')`),
      answer: CommandStt.json(Schema.Struct({ text: Schema.String }), (answer) => answer)
    }, "InvalidResponse"],
    ["JSON of another shape", {
      ...script(`console.log('{"words": "secret"}')`),
      answer: CommandStt.json(Schema.Struct({ text: Schema.String }), (answer) => answer)
    }, "InvalidResponse"],
    ["truncated UTF-8", script("process.stdout.write(Buffer.from('å').subarray(0, 1))"), "InvalidResponse"],
    ["too much output", { ...script("console.log('secret '.repeat(1e6))"), maxOutput: 1000 }, "InvalidResponse"],
    ["no end", { program: "sleep", args: ["600"], timeout: "100 millis" }, "TimedOut"]
  ]
  for (const [name, options, tag] of faults) {
    it.live(`fails typed, without content: ${name}`, () =>
      Effect.gen(function*() {
        // Longer than what a pipe holds.
        const speech = Audio.concat(Array.from({ length: 4 }, () => tone))
        const error = yield* Effect.flip(hear({ name: "local", ...options }, speech))
        assert.strictEqual(error.reason._tag, tag)
        assert.notInclude(error.message + JSON.stringify(error), "sec")
      }))
  }

  it.live("hears nothing where the program says nothing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* hear(script("")), [])
    }))

  it.live("refuses what cannot work when it is built", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [options: CommandStt.Options, says: RegExp]> = [
        [{ program: "no-such-program" }, /^no-such-program: program: "no-such-program" was not found/],
        [{ program: " " }, /program must be the name/],
        [{ program: "cat", timeout: 0 }, /timeout must/],
        [{ program: "cat", timeout: "30 days" }, /timeout must/],
        [{ program: "cat", maxOutput: 0.5 }, /maxOutput must/],
        [{ program: "cat", concurrency: 0 }, /concurrency must/],
        [{ program: "cat", format: { sampleRate: 0, channels: 1 } }, /format.sampleRate must/]
      ]
      for (const [options, says] of wrong) {
        const error = yield* Effect.flip(CommandStt.make(options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.match(error.message, says)
      }
    }))

  it.live("is configured from outside", () =>
    Effect.gen(function*() {
      const stt = CommandStt.layerConfig({ program: Config.String("STT_PROGRAM"), args: Config.succeed(["-c"]) })
      const heard = yield* Stream.make<ReadonlyArray<Stt.Input>>(tone).pipe(
        Stt.transcribe,
        Stream.runCollect,
        Effect.provide(stt),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({ STT_PROGRAM: "wc" }))
      )
      assert.strictEqual(heard[0]?.text, "96044")
    }))

  it.live("runs no more programs at a time than it may", () =>
    Effect.gen(function*() {
      const watch = yield* programs.watch
      const stt = yield* CommandStt.make({
        program: process.execPath,
        args: programs.immortal(watch.port),
        concurrency: 1
      })
      const one = Stream.runDrain(stt.transcribe(Stream.make<ReadonlyArray<Stt.Input>>(tone)))
      const first = yield* Effect.forkChild(one)
      yield* watch.started
      yield* watch.started
      const second = yield* Effect.forkChild(one)
      yield* Fiber.interrupt(first)
      yield* watch.gone
      yield* watch.gone
      yield* watch.started
      yield* Fiber.interrupt(second)
      yield* watch.gone
    }))
})

const pocketsphinx = programs.available("pocketsphinx_continuous")

if (pocketsphinx) {
  contract("pocketsphinx", CommandStt.layer(CommandStt.pocketsphinx), {
    speech: [recording("weather_question.wav")],
    live: true
  })
}

layer(CommandStt.layer(pocketsphinx ? CommandStt.pocketsphinx : { program: "cat" }), { excludeTestServices: true })(
  "pocketsphinx",
  (it) => {
    it.effect.skipIf(!pocketsphinx)("hears a real question", () =>
      Effect.gen(function*() {
        const heard = yield* Stream.make<[Audio.Frame, Stt.Input]>(recording("weather_question.wav"), Stt.Finalize)
          .pipe(
            Stt.transcribe,
            Stream.runCollect
          )
        assert.match(heard.map(({ text }) => text).join(" "), /weather.*in/i)
      }))
  }
)
