import { assert, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { makeJob, serveAgent } from "../support/agentServer.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

const program = `
import { Effect, Layer } from "effect"
import { Worker } from "effect-voice"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"
import { word } from "./words/word.ts"

export default Worker.define({
  layer: Layer.effectDiscard(
    Effect.acquireRelease(
      word === "dead" ? Effect.die(new RangeError("out of words")) : Effect.logInfo("built " + word),
      () => Effect.logInfo("closed " + word)
    )
  ),
  connect: ({ job }) => Effect.map(makeMemoryRoom({ name: job.room.name }), ({ room }) => room),
  entry: (job) =>
    job.onShutdown(Effect.logInfo(job.id + " goodbye from " + word)).pipe(
      Effect.andThen(Effect.logInfo(job.id + " hello from " + word)),
      Effect.andThen(Effect.never)
    )
})
`

const folder = Effect.acquireRelease(
  Effect.sync(() => {
    mkdirSync(join(root, "out"), { recursive: true })
    return mkdtempSync(join(root, "out/watch-"))
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** The command, with what it has printed. */
const dev = Effect.fnUntraced(function*(file: string, url: string) {
  const waiting: Array<{ readonly text: string; readonly found: Deferred.Deferred<void> }> = []
  let output = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [
        "--conditions",
        "effect-voice/source",
        "src/cli/main.ts",
        "dev",
        "--no-playground",
        "--watch",
        file
      ], {
        cwd: root,
        env: {
          ...process.env,
          NO_COLOR: "1",
          LIVEKIT_URL: url,
          LIVEKIT_API_KEY: "devkey",
          LIVEKIT_API_SECRET: "secret-at-least-thirty-two-characters"
        }
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output += data.toString()
      for (const { found, text } of waiting) {
        if (output.includes(text)) Deferred.doneUnsafe(found, Effect.void)
      }
    })
  }
  const until = (text: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (output.includes(text)) return Effect.void
      const found = Deferred.makeUnsafe<void>()
      waiting.push({ text, found })
      return Deferred.await(found)
    })
  return { until, output: () => output }
})

it.live("dev --watch gives new calls what was changed, and lets those in progress end with what they began with", () =>
  Effect.gen(function*() {
    const server = yield* serveAgent()
    const place = yield* folder
    const write = (name: string, text: string) => Effect.sync(() => writeFileSync(join(place, name), text))
    mkdirSync(join(place, "words"))
    yield* write("words/word.ts", `export const word: string = "one"`)
    yield* write("desk.ts", program)
    const { output, until } = yield* dev(join(place, "desk.ts"), server.url)
    const connection = yield* server.next
    yield* until("the worker is registered")
    yield* connection.dispatch(makeJob("AJ_1"))
    yield* until("AJ_1 hello from one")

    yield* write("words/word.ts", `export const word: string = "two"`)
    yield* until("word.ts: changed; new calls have it")
    yield* connection.dispatch(makeJob("AJ_2"))
    yield* until("AJ_2 hello from two")
    assert.notInclude(output(), "closed one")
    connection.terminate("AJ_1")
    yield* until("AJ_1 goodbye from one")
    yield* until("closed one")

    yield* write("words/word.ts", `export const word: string = `)
    yield* until("word.ts: the change is not taken, calls go on as before: ")
    yield* connection.dispatch(makeJob("AJ_3"))
    yield* until("AJ_3 hello from two")

    yield* write("words/word.ts", `export const word: string = "three"`)
    yield* until("built three")

    // A layer that dies, an import that does not end: neither is the end of looking.
    yield* write("words/word.ts", `export const word: string = "dead"`)
    yield* until("RangeError: out of words")
    yield* write(
      "words/word.ts",
      `console.log("an endless import")\nawait new Promise(() => {})\nexport const word = ""`
    )
    yield* until("an endless import")
    yield* write("words/word.ts", `export const word: string = "four"`)
    yield* until("built four")

    // A folder that another has taken the place of, as git does it.
    renameSync(join(place, "words"), join(place, "old"))
    mkdirSync(join(place, "words"))
    yield* write("words/word.ts", `export const word: string = "five"`)
    yield* until("built five")
    yield* write("words/word.ts", `export const word: string = "six"`)
    yield* until("built six")
  }))
