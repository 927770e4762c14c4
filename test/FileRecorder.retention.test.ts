/** Recordings among which something cannot be read or removed. */
// Alone: puts a file system that fails in the place of the real one.
import { assert, it } from "@effect/vitest"
import { Effect, Redacted, Stream } from "effect"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { vi } from "vitest"
import * as store from "../src/internal/recorder/store.ts"

vi.mock("node:fs/promises", { spy: true })

const denied = (): Promise<never> => Promise.reject(Object.assign(new Error("EACCES"), { code: "EACCES" }))

const nameOf = (day: string, number: number) => `${day.replaceAll("-", "")}T00000${number}000Z-0123456789abcdef.evrec`

/** A folder of three days with a recording each; the first day cannot be read. */
const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const made = await fs.mkdtemp(path.join(os.tmpdir(), "recordings-"))
    for (const day of ["2020-01-01", "2020-01-02", "2020-01-03"]) {
      await fs.mkdir(path.join(made, day))
      await fs.writeFile(path.join(made, day, nameOf(day, 1)), "")
    }
    const readdir = vi.mocked(fs.readdir).getMockImplementation()
    const real = (await vi.importActual<typeof fs>("node:fs/promises")).readdir
    vi.mocked(fs.readdir).mockImplementation(
      ((where: string, options: never) =>
        where.endsWith("2020-01-01")
          ? denied()
          : readdir?.(where, options) ?? real(where, options)) as typeof fs.readdir
    )
    return made
  }),
  (made) =>
    Effect.promise(() => {
      vi.mocked(fs.readdir).mockReset()
      return fs.rm(made, { recursive: true })
    })
)

it.effect("are removed all the same when they are old, and what was in the way is told", () =>
  Effect.gen(function*() {
    const made = yield* folder
    const swept = yield* store.sweep(made, Date.parse("2020-01-03"))
    assert.strictEqual(swept.removed, 1)
    assert.deepInclude(swept.problem?.reason, { _tag: "FileFailed", code: "EACCES" })
    assert.deepStrictEqual(yield* Effect.promise(() => fs.readdir(path.join(made, "2020-01-03"))), [
      nameOf("2020-01-03", 1)
    ])
  }))

it.effect("are listed, and removed for their owner, before it is told that some could not be read", () =>
  Effect.gen(function*() {
    const made = yield* folder
    const options = { folder: made, key: Redacted.make("ab".repeat(32)) }
    const seen: Array<string> = []
    const error = yield* FileRecorder.list(options).pipe(
      Stream.runForEach(({ file }) => Effect.sync(() => void seen.push(path.basename(file)))),
      Effect.flip
    )
    assert.deepInclude(error.reason, { _tag: "FileFailed", code: "EACCES" })
    assert.deepStrictEqual(seen, [nameOf("2020-01-02", 1), nameOf("2020-01-03", 1)])
    yield* Effect.flip(FileRecorder.remove({ ...options, where: () => true }))
    assert.deepStrictEqual(yield* Effect.promise(() => fs.readdir(path.join(made, "2020-01-02"))), [])
  }))
