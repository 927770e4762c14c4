import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { readSettings, settingsOf } from "../../src/cli/settingsFile.ts"

const utf16 = (text: string, isBig = false): Uint8Array => {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le")
  return isBig ? bytes.swap16() : bytes
}

const bytesOf = (text: string | Uint8Array): Uint8Array => typeof text === "string" ? Buffer.from(text) : text

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-env-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

describe("a file of settings", () => {
  it.each<readonly [what: string, text: string | Uint8Array, sets: object]>([
    ["lines", "A=1\nB=2", { A: "1", B: "2" }],
    ["lines of Windows", "A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["lines of an old Mac", "A=1\rB=2\r", { A: "1", B: "2" }],
    ["the mark of UTF-8", "\ufeffA=1\nB=2", { A: "1", B: "2" }],
    ["UTF-16 of Windows", utf16("A=1\r\nB=ü\r\n"), { A: "1", B: "ü" }],
    ["UTF-16 the other way round", utf16("A=1\nB=2", true), { A: "1", B: "2" }],
    ["exports", "export A=1\n  export  B=2\nexport\tC=3", { A: "1", B: "2", C: "3" }],
    ["quotes", "A=\"1\"\nB='2'\nC=`3`", { A: "1", B: "2", C: "3" }],
    ["a quote within", "A=it's\nB=2", { A: "it's", B: "2" }],
    ["comments", "# A=0\nA=1 # one\n\n  # two\nB=\"2 # 3\" # 4", { A: "1", B: "2 # 3" }],
    ["values of several lines", "A=\"1\nx y\n3\"\nB='\n'\nC=4", { A: "1\nx y\n3", B: "\n", C: "4" }],
    ["space", "\tA = 1\nB =\t2 \n", { A: "1", B: "2" }],
    ["signs", "A=a=b==\nB=", { A: "a=b==", B: "" }],
    ["empty values", "export A=\nB=\"\"\nC= # none\nexport D=", { A: "", B: "", C: "", D: "" }],
    ["a value of several lines that looks like settings", "A='\nexport   B=1\n'", { A: "\nexport   B=1\n" }],
    ["space that is none of ASCII", "\u00a0A=\u00a01\n\ufeffB=2", { A: "1", B: "2" }],
    ["a name twice", "A=1\nA=2", { A: "2" }],
    ["a # in quotes", "A=\"b#c\"#d\nB='#'\nC=`# e`", { A: "b#c", B: "#", C: "# e" }],
    ["what stands for a line's end", "A=\"x\\ny\"\nB='x\\ny'\nC=x\\ny", { A: "x\ny", B: "x\\ny", C: "x\\ny" }],
    ["nothing", "", {}]
  ])("is read with %s", (_, text, sets) => {
    assert.deepStrictEqual({ ...Result.getOrThrow(settingsOf(bytesOf(text))) }, sets)
  })

  it.each<readonly [text: string | Uint8Array, says: string]>([
    ["A: secret\nB=2\nC: 3", "lines 1, 3: write NAME=value"],
    ["A=1\nsecret", "line 2: write NAME=value"],
    ["set A=secret", "line 1:"],
    ["$env:A=\"secret\"", "line 1:"],
    ["{\"A\": \"secret\"}", "line 1:"],
    ["A=\"secret\nB=2", "line 1:"],
    ["A=\"secret\nB=2\nC=\"3\"", "line 1:"],
    ["A='secret'B\nB=2", "line 1:"],
    ["A=secret#1", "with quotes where there is a # in it"],
    ["A=#secret", "line 1:"],
    ["-A=1\n".repeat(9), "lines 1, 2, 3, 4, 5 and more"],
    [Uint8Array.of(0x41, 0x3d, 0xfc), "save it as UTF-8"],
    ["A=1\0", "save it as UTF-8"]
  ])("passes over nothing, and quotes nothing: %j", (text, says) => {
    const refused = settingsOf(bytesOf(text))
    assert.isTrue(Result.isFailure(refused))
    if (Result.isFailure(refused)) {
      assert.include(refused.failure.detail, says)
      assert.notInclude(refused.failure.detail, "secret")
    }
  })

  it.effect("is a file of a size, and nothing that would never end", () =>
    Effect.gen(function*() {
      const place = yield* folder
      const path = (name: string) => join(place, name)
      mkdirSync(path("folder"))
      symlinkSync("/dev/zero", path("endless"))
      writeFileSync(path("huge"), Buffer.alloc(1024 * 1024 + 1, 10))
      for (const [name, says] of [["folder", "folder"], ["endless", "no file"], ["huge", "more than"]] as const) {
        assert.include((yield* Effect.flip(readSettings(path(name)))).detail, says)
      }
      assert.isTrue((yield* Effect.flip(readSettings(path("none")))).isMissing)
    }))

  it.effect("may be a pipe, which is waited for if nobody writes, for a second", () =>
    Effect.gen(function*() {
      const pipe = join(yield* folder, "pipe")
      execFileSync("mkfifo", [pipe])
      const reading = yield* Effect.forkChild(readSettings(pipe))
      while (reading.pollUnsafe() === undefined) {
        yield* TestClock.adjust("100 millis")
        yield* Effect.promise(() => setImmediate())
      }
      assert.deepStrictEqual({ ...(yield* Fiber.join(reading)) }, {})
    }))
})
