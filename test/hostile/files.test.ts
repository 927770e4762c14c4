/** Files and folders that are none: who reads or writes them is told so, and waits for nothing. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, FileSystem, Layer, Redacted } from "effect"
import { Agent, Audio, Recorder, Tts } from "effect-voice"
import { withOutput } from "effect-voice/internal/command/files"
import { makeFolderIn } from "effect-voice/internal/folders"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as Testing from "effect-voice/testing"
import { execFileSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { init } from "../../src/cli/init.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-files-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** What is named as a file, and is none, or is larger than any. */
const strange = Effect.map(folder, (path) => {
  execFileSync("mkfifo", [join(path, "pipe")])
  mkdirSync(join(path, "folder"))
  writeFileSync(join(path, "empty"), "")
  // It takes no disk.
  writeFileSync(join(path, "huge"), "")
  truncateSync(join(path, "huge"), 3 * 1024 ** 3)
  return ["pipe", "folder", "empty", "huge", "none", "empty/below", "a\u0000b"].map((name) => join(path, name)).concat(
    "/dev/zero",
    ""
  )
})

const failed = (exit: Exit.Exit<unknown, unknown>): string => {
  assert.isTrue(Exit.isFailure(exit))
  if (Exit.isSuccess(exit)) return ""
  const error = Cause.findErrorOption(exit.cause)
  assert.strictEqual(error._tag, "Some", Cause.pretty(exit.cause))
  return error._tag === "Some" ? String((error.value as Error).message) : ""
}

const soon = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.orDie(Effect.timeout(Effect.exit(self), "5 seconds"))

describe("a file that is none", () => {
  it.live("is refused as a WAV, by its path", () =>
    Effect.gen(function*() {
      for (const path of yield* strange) {
        assert.notStrictEqual(failed(yield* soon(Audio.readWav(path))), "", path)
      }
    }).pipe(Effect.provide(NodeFileSystem.layer), Effect.scoped))

  it.live("is refused as what a caller says, by its path", () =>
    Effect.gen(function*() {
      for (const path of yield* strange) {
        const layer = LocalRoom.layer({ participants: [{ identity: "ann", audio: path }] })
        assert.include(failed(yield* soon(Layer.build(layer))), "audio", path)
      }
    }).pipe(Effect.scoped))

  it.live("is refused as a model, by its path", () =>
    Effect.gen(function*() {
      for (const path of yield* strange) {
        if (path === "") continue
        const said = failed(yield* soon(Layer.build(SileroVad.layer({ modelPath: path }))))
        assert.isNotEmpty(said)
      }
    }).pipe(Effect.scoped))

  it.live("is refused as what a program has written", () =>
    Effect.gen(function*() {
      for (const act of [(file: string) => execFileSync("mkfifo", [file]), (file: string) => mkdirSync(file)]) {
        const exit = yield* soon(withOutput("out.wav", 1000, (file) => Effect.sync(() => act(file))))
        assert.include(failed(exit), "no regular file")
      }
    }))

  it.live("is refused as a folder, by its path, whoever makes one", () =>
    Effect.gen(function*() {
      const path = yield* folder
      writeFileSync(join(path, "file"), "")
      symlinkSync(join(path, "nowhere"), join(path, "link"))
      const makers: Readonly<
        Record<string, (directory: string) => Effect.Effect<unknown, unknown, FileSystem.FileSystem>>
      > = {
        recordings: (directory) =>
          Effect.scoped(Layer.build(FileRecorder.layer({
            folder: directory,
            key: Redacted.make(Buffer.alloc(32, 7).toString("base64"))
          }))),
        speech: (directory) => Tts.fileStore({ path: directory, variant: "calm" }),
        project: (directory) => init(directory, { version: "0.0.0", ranges: {}, node: "*", source: "*" }),
        any: (directory) => Effect.flatMap(FileSystem.FileSystem, (files) => makeFolderIn(files, directory))
      }
      for (const directory of ["file", "file/below", "link", "/proc/none/here", "a\u0000b"]) {
        for (const [name, make] of Object.entries(makers)) {
          const exit = yield* soon(make(directory.startsWith("/") ? directory : `${path}/${directory}`))
          assert.isNotEmpty(failed(exit), `${name}: ${directory}`)
        }
      }
      for (const [name, make] of Object.entries(makers)) {
        yield* make(`${path}/${name}/of/many`)
        assert.isTrue(statSync(`${path}/${name}/of/many`).isDirectory())
        if (name === "recordings" || name === "speech") {
          assert.strictEqual(statSync(`${path}/${name}/of`).mode & 0o777, 0o700)
        }
      }
      // Made by several at once, it is made once.
      yield* Effect.all(
        Array.from({ length: 20 }, () =>
          Effect.all([makers["any"]!(`${path}/x/y/z`), makers["speech"]!(`${path}/x/y/z`)])),
        { concurrency: "unbounded" }
      )
    }).pipe(Effect.provide(NodeFileSystem.layer), Effect.scoped))

  it("is made in one place of the source alone, which does not try for ever", () => {
    const source = fileURLToPath(new URL("../../src/", import.meta.url))
    const makers = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts") && /\b(?:mkdir|mkdirSync|makeDirectory)\(/.test(readFileSync(join(source, file), "utf8"))
    )
    assert.deepStrictEqual(makers, ["internal/folders.ts", "internal/nodeFolders.ts"])
  })
})

/** A WAV by its header: what each field says of itself. */
const wav = (fields: {
  readonly riff?: number
  readonly format?: number
  readonly channels?: number
  readonly rate?: number
  readonly align?: number
  readonly bits?: number
  readonly fmt?: number
  readonly data?: number
}): Uint8Array => {
  const bytes = Buffer.alloc(1044)
  bytes.write("RIFF", 0)
  bytes.writeUInt32LE(fields.riff ?? 1036, 4)
  bytes.write("WAVEfmt ", 8)
  bytes.writeUInt32LE(fields.fmt ?? 16, 16)
  bytes.writeUInt16LE(fields.format ?? 1, 20)
  bytes.writeUInt16LE(fields.channels ?? 1, 22)
  bytes.writeUInt32LE(fields.rate ?? 16_000, 24)
  bytes.writeUInt16LE(fields.align ?? 2, 32)
  bytes.writeUInt16LE(fields.bits ?? 16, 34)
  bytes.write("data", 36)
  bytes.writeUInt32LE(fields.data ?? 1000, 40)
  return bytes
}

describe("a WAV whose header is absurd", () => {
  const all = [0, 1, 2, 3, 7, 255, 32_767, 32_768, 65_535]
  const large = [...all, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]

  it("is audio of what it has, or an error that names a field", () => {
    let audio = 0
    for (const name of ["riff", "format", "channels", "rate", "align", "bits", "fmt", "data"] as const) {
      for (const value of ["riff", "rate", "fmt", "data"].includes(name) ? large : all) {
        for (const bits of [8, 16, 24, 32, 64]) {
          const decoded = Audio.decodeWav(wav({ bits, align: bits / 8, [name]: value }))
          if (decoded._tag === "Failure") {
            assert.isNotEmpty(decoded.failure.field)
            continue
          }
          audio++
          assert.isAtMost(decoded.success.samples.length, 1000)
          assert.isTrue(decoded.success.samples.every(Number.isInteger))
        }
      }
    }
    assert.isAbove(audio, 20)
  })
})

describe("a recorder that fails in the middle", () => {
  it.effect("costs its call nothing, and is told by name", () =>
    Effect.gen(function*() {
      const recorder = Layer.succeed(Recorder.Recorder, {
        open: () =>
          Effect.succeed({
            event: (event) => {
              if (event._tag === "UserStoppedSpeaking") throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" })
            },
            audio: () => {
              throw new Error("ENOSPC")
            }
          })
      })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "" }),
        user: [Testing.say(1000, 2000, "Hello?")],
        llm: ["Hello."],
        layer: recorder
      })
      assert.deepStrictEqual(timeline.of("AgentSpeechCommitted").map(({ text }) => text), ["Hello."])
      assert.strictEqual(timeline.logs.filter(({ text }) => text.includes("the recorder has thrown")).length, 1)
    }))
})
