/** Files that live as long as one run of a program, in a directory that only this user can read. */
import * as Effect from "effect/Effect"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import * as Failure from "../../Failure.ts"
import { codeOf } from "../thrown.ts"

const broken = (what: string) => (cause: unknown): Failure.Reason =>
  new Failure.Broken({ detail: `${what} (${codeOf(cause) ?? "unknown"})` })

const notAFile = Symbol()

const withDirectory = <A>(
  use: (directory: string) => Effect.Effect<A, Failure.Reason>
): Effect.Effect<A, Failure.Reason> =>
  Effect.acquireUseRelease(
    Effect.tryPromise({
      try: () => fs.mkdtemp(path.join(os.tmpdir(), "effect-voice-")),
      catch: broken("no temporary directory can be made")
    }),
    use,
    (directory) => Effect.promise(() => fs.rm(directory, { recursive: true, force: true }))
  )

/** Runs with the path of a file that holds the bytes. */
export const withInput = <A>(
  name: string,
  bytes: Uint8Array,
  use: (path: string) => Effect.Effect<A, Failure.Reason>
): Effect.Effect<A, Failure.Reason> =>
  withDirectory((directory) => {
    const file = path.join(directory, name)
    return Effect.andThen(
      Effect.tryPromise({ try: () => fs.writeFile(file, bytes), catch: broken("no temporary file can be written") }),
      use(file)
    )
  })

/** Runs with the path of a file that is to be written, and gives what is in it then. */
export const withOutput = (
  name: string,
  maxBytes: number,
  use: (path: string) => Effect.Effect<unknown, Failure.Reason>
): Effect.Effect<Uint8Array, Failure.Reason> =>
  withDirectory((directory) => {
    const file = path.join(directory, name)
    const read = Effect.tryPromise({
      try: async () => {
        const stat = await fs.stat(file)
        if (!stat.isFile()) throw notAFile
        return stat.size > maxBytes ? undefined : await fs.readFile(file)
      },
      catch: (cause) =>
        cause === notAFile
          ? new Failure.InvalidResponse({ detail: "the program wrote no regular file" })
          : codeOf(cause) === "ENOENT"
          ? new Failure.InvalidResponse({ detail: "the program wrote no file" })
          : broken("the program's file cannot be read")(cause)
    })
    return Effect.flatMap(Effect.andThen(use(file), read), (bytes) =>
      bytes === undefined
        ? Effect.fail(new Failure.InvalidResponse({ detail: `the program wrote more than ${maxBytes} bytes` }))
        : Effect.succeed<Uint8Array>(bytes))
  })
