/**
 * The folder of the recordings: one file each, in a folder for each day. Names
 * tell when and nothing else; what has another name is never touched.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { FileFailed, RecorderError } from "../../Recorder.ts"
import * as native from "../native.ts"
import { makeFolder } from "../nodeFolders.ts"
import { openPlainFile } from "../plainFile.ts"
import { codeOf } from "../thrown.ts"
import { closingMs, type Sink } from "./writer.ts"

const extension = ".evrec"
const dayName = /^\d{4}-\d{2}-\d{2}$/
const fileName = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(\d{3})Z-[0-9a-f]{16}\.evrec$/
const dayMs = 86_400_000

const pieceBytes = 64 * 1024

type Doing = FileFailed["doing"]

const fail = (file: string, doing: Doing, cause: unknown): RecorderError =>
  new RecorderError({ reason: new FileFailed({ file, doing, code: codeOf(cause) ?? "unknown" }) })

const attempt = <A>(file: string, doing: Doing, act: () => Promise<A>): Effect.Effect<A, RecorderError> =>
  native.track(Effect.tryPromise({ try: act, catch: (cause) => fail(file, doing, cause) }))

/** What is not there, or not any more, is as good as empty. */
const none = <A>(otherwise: A) => (error: RecorderError): Effect.Effect<A, RecorderError> =>
  error.reason._tag === "FileFailed" && error.reason.code === "ENOENT" ? Effect.succeed(otherwise) : Effect.fail(error)

const nameAt = (ms: number): { readonly day: string; readonly name: string } => {
  const [day = "", time = ""] = DateTime.formatIso(DateTime.makeUnsafe(ms)).split("T")
  const stamp = `${day}T${time}`.replace(/[-:.]/g, "")
  return { day, name: `${stamp}-${randomBytes(8).toString("hex")}${extension}` }
}

/** When a recording began, by its name. */
const timeOf = (name: string): number | undefined => {
  const parts = fileName.exec(name)
  if (parts === null) return undefined
  const [, year, month, day, hour, minute, second, ms] = parts.map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second, ms)
}

export interface Stored {
  readonly file: string
  readonly at: number
}

/** For its owner alone; what fails is told of `file`. */
const makeOwn = (folder: string, file: string): Effect.Effect<void, RecorderError> =>
  native.track(Effect.mapError(makeFolder(folder, 0o700), (cause) => fail(file, "write", cause)))

/** Makes the folder, for its owner alone. */
export const prepare = (folder: string): Effect.Effect<unknown, RecorderError> =>
  Effect.andThen(
    makeOwn(folder, folder),
    attempt(folder, "write", () => fs.access(folder, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK))
  )

/** A new file, until the scope closes. */
export const create = (folder: string): Effect.Effect<Sink, RecorderError, Scope.Scope> =>
  Effect.gen(function*() {
    const { day, name } = nameAt(yield* Clock.currentTimeMillis)
    const file = path.join(folder, day, name)
    const open = Effect.andThen(
      makeOwn(path.join(folder, day), file),
      attempt(file, "write", () => fs.open(file, "wx", 0o600))
    )
    const handle = yield* Effect.acquireRelease(
      // Another process may have removed the folder of the day, empty, in this moment.
      Effect.catchIf(open, ({ reason }) => reason._tag === "FileFailed" && reason.code === "ENOENT", () => open),
      // A disk that does not answer holds nobody up; what is out there ends when it does.
      (handle) =>
        Effect.ignore(
          Effect.timeoutOption(Effect.interruptible(attempt(file, "write", () => handle.close())), closingMs)
        )
    )
    const act = (what: () => Promise<unknown>): Effect.Effect<void, string> =>
      native.track(Effect.tryPromise({ try: what, catch: (cause) => codeOf(cause) ?? "unknown" })).pipe(Effect.asVoid)
    return {
      write: (bytes, position) =>
        act(async () => {
          for (let done = 0; done < bytes.length;) {
            const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
            done += bytesWritten
          }
        }),
      sync: act(async () => {
        await handle.datasync()
        // It was removed while it was written: nobody can find it by a name.
        if ((await handle.stat()).nlink === 0) throw Object.assign(new Error("removed"), { code: "ENOENT" })
      })
    }
  })

const daysOf = (folder: string): Effect.Effect<ReadonlyArray<string>, RecorderError> =>
  attempt(folder, "read", () => fs.readdir(folder, { withFileTypes: true })).pipe(
    Effect.catch(none<Array<never>>([])),
    Effect.map((found) => found.flatMap((one) => one.isDirectory() && dayName.test(one.name) ? [one.name] : []).sort())
  )

const filesOf = (folder: string, day: string): Effect.Effect<ReadonlyArray<Stored>, RecorderError> =>
  attempt(path.join(folder, day), "read", () => fs.readdir(path.join(folder, day), { withFileTypes: true })).pipe(
    Effect.catch(none<Array<never>>([])),
    Effect.map((found) =>
      found.flatMap((one): ReadonlyArray<Stored> => {
        const at = one.isFile() ? timeOf(one.name) : undefined
        return at === undefined ? [] : [{ file: path.join(folder, day, one.name), at }]
      }).sort((a, b) => a.at - b.at)
    )
  )

/** Goes on after what failed, which is told at the end: one that is in the way must not hide all others. */
const makeObstacles = () => {
  let first: RecorderError | undefined
  const past = <A>(effect: Effect.Effect<A, RecorderError>, otherwise: A): Effect.Effect<A> =>
    Effect.catch(effect, (error) =>
      Effect.sync(() => {
        first ??= error
        return otherwise
      }))
  return { past, first: () => first }
}

/** All recordings, the oldest first; fails at the end if a folder could not be read. */
export const list = (folder: string): Stream.Stream<Stored, RecorderError> =>
  Stream.suspend(() => {
    const { first, past } = makeObstacles()
    const told = Stream.suspend(() => {
      const error = first()
      return error === undefined ? Stream.empty : Stream.fail(error)
    })
    return Stream.unwrap(Effect.map(daysOf(folder), Stream.fromIterable)).pipe(
      Stream.mapEffect((day) => past(filesOf(folder, day), [])),
      Stream.flattenIterable,
      Stream.concat(told)
    )
  })

/** Whether it was there. */
export const remove = (file: string): Effect.Effect<boolean, RecorderError> =>
  attempt(file, "remove", () => fs.unlink(file)).pipe(Effect.as(true), Effect.catch(none(false)))

const removeDay = (folder: string, day: string): Effect.Effect<void> =>
  Effect.ignore(attempt(day, "remove", () => fs.rmdir(path.join(folder, day))))

/** Removes what began before `cutoff`; tells how many, and the first thing that was in the way. */
export const sweep = (
  folder: string,
  cutoff: number
): Effect.Effect<{ readonly removed: number; readonly problem: RecorderError | undefined }, RecorderError> =>
  Effect.gen(function*() {
    const { first, past } = makeObstacles()
    let removed = 0
    for (const day of yield* daysOf(folder)) {
      const begins = Date.parse(day)
      if (begins >= cutoff) break
      for (const { at, file } of yield* past(filesOf(folder, day), [])) {
        if (at < cutoff && (yield* past(remove(file), false))) removed++
      }
      if (begins + dayMs <= cutoff) yield* removeDay(folder, day)
    }
    return { removed, problem: first() }
  })

/** Whether two names are of one file, as far as the system tells. */
export const isSameFile = (one: string, other: string): Effect.Effect<boolean> =>
  native.track(
    Effect.promise(async () => {
      const [a, b] = await Promise.all([one, other].map((file) => fs.stat(file).catch(() => undefined)))
      return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino
    })
  )

/** The bytes of a file, piece by piece. */
export const bytesOf = (file: string): Stream.Stream<Uint8Array, RecorderError> =>
  Stream.unwrap(Effect.gen(function*() {
    const handle = yield* Effect.acquireRelease(
      attempt(file, "read", () => openPlainFile(file)),
      (handle) => Effect.ignore(attempt(file, "read", () => handle.close()))
    )
    return Stream.fromEffectRepeat(
      attempt(file, "read", async () => {
        const { buffer, bytesRead } = await handle.read(new Uint8Array(pieceBytes), 0, pieceBytes)
        return buffer.subarray(0, bytesRead)
      })
    ).pipe(Stream.takeWhile((bytes) => bytes.length > 0))
  }))
