/** The file of settings, from its bytes to the variables that it sets. Nothing in it is passed over in silence. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { constants } from "node:fs"
import * as fs from "node:fs/promises"

/** Why a file gives no settings, without a word of what is in it. */
export interface Unread {
  readonly detail: string
  readonly isMissing: boolean
}

/** Largest file that is read (bytes). */
const largest = 1024 * 1024

/** For how long a pipe is waited for, and how often it is looked at (ms). */
const patience = 1000
const interval = 20

const unread = (detail: string): Unread => ({ detail, isMissing: false })

const codeOf = (cause: unknown): string => cause instanceof Error && "code" in cause ? String(cause.code) : "unknown"

const system = (cause: unknown): Unread => {
  const code = codeOf(cause)
  return { detail: `it cannot be read (${code})`, isMissing: code === "ENOENT" }
}

const tooLarge = unread(`it has more than ${largest} bytes`)

/** What a pipe has now; undefined where its writer has not written yet. */
const look = (handle: fs.FileHandle, buffer: Buffer): Promise<number | undefined> =>
  handle.read(buffer).then(({ bytesRead }) => bytesRead, (cause: unknown) => {
    if (codeOf(cause) === "EAGAIN") return undefined
    throw cause
  })

/** A pipe to its end. One that nobody opens for writing would hold its reader for ever. */
const readPipe = Effect.fnUntraced(function*(handle: fs.FileHandle) {
  const pieces: Array<Buffer> = []
  const buffer = Buffer.alloc(65_536)
  let size = 0
  for (let waited = 0; waited < patience;) {
    const found = yield* Effect.tryPromise({ try: () => look(handle, buffer), catch: system })
    if (found === 0 && size > 0) break
    if (found === 0 || found === undefined) {
      yield* Effect.sleep(interval)
      waited += interval
      continue
    }
    pieces.push(Buffer.from(buffer.subarray(0, found)))
    size += found
    waited = 0
    if (size > largest) return yield* Effect.fail(tooLarge)
  }
  return Buffer.concat(pieces)
})

/** The bytes of a file or a pipe. */
const bytesOf = (path: string): Effect.Effect<Uint8Array, Unread> =>
  Effect.acquireUseRelease(
    Effect.tryPromise({ try: () => fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK), catch: system }),
    (handle) =>
      Effect.gen(function*() {
        const stat = yield* Effect.tryPromise({ try: () => handle.stat(), catch: system })
        if (stat.isFIFO()) return yield* readPipe(handle)
        if (path === "/dev/null") return new Uint8Array()
        if (!stat.isFile()) return yield* Effect.fail(unread(stat.isDirectory() ? "it is a folder" : "it is no file"))
        if (stat.size > largest) return yield* Effect.fail(tooLarge)
        return yield* Effect.tryPromise({ try: () => handle.readFile(), catch: system })
      }),
    (handle) => Effect.promise(() => handle.close())
  )

const encodingOf = (bytes: Uint8Array): string =>
  bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8"

/** The text, without the mark of its encoding that Windows writes, and with the ends of lines that are usual here. */
const textOf = (bytes: Uint8Array): Result.Result<string, Unread> =>
  Result.try({
    try: () => new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes),
    catch: () => unread("it is not written in UTF-8: save it as UTF-8")
  }).pipe(
    Result.filterOrFail((text) => !text.includes("\0"), () => unread("it is not written in UTF-8: save it as UTF-8")),
    Result.map((text) => text.replaceAll(/\r\n?/g, "\n"))
  )

const blank = /^\s*(?:#.*)?$/
const beginning = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=/

/** Where the line ends that a place is in. */
const lineEnd = (text: string, at: number): number => {
  const end = text.indexOf("\n", at)
  return end < 0 ? text.length : end
}

interface Setting {
  readonly name: string
  readonly value: string
  /** Where the last line of its value ends. */
  readonly to: number
}

/** What the line sets that begins there; undefined if nothing, or not what it seems to. */
const settingAt = (text: string, at: number): Setting | undefined => {
  const to = lineEnd(text, at)
  const line = text.slice(at, to)
  const [begun = "", name] = beginning.exec(line) ?? []
  if (name === undefined) return undefined
  const rest = line.slice(begun.length)
  const quote = /^\s*(["'`])/.exec(rest)
  if (quote === null) {
    // With a # in its midst it may be meant as it is, or to end there.
    const value = rest.replace(/\s#.*$/, "").trim()
    return value.includes("#") ? undefined : { name, value, to }
  }
  const from = at + begun.length + quote[0].length
  const close = text.indexOf(quote[1]!, from)
  const end = lineEnd(text, close)
  if (close < 0 || !blank.test(text.slice(close + 1, end))) return undefined
  const value = text.slice(from, close)
  return { name, value: quote[1] === "\"" ? value.replaceAll("\\n", "\n") : value, to: end }
}

const most = 5

const refused = (wrong: ReadonlyArray<number>): Unread => {
  const which = `${wrong.slice(0, most).join(", ")}${wrong.length > most ? " and more" : ""}`
  return unread(
    `line${
      wrong.length === 1 ? "" : "s"
    } ${which}: write NAME=value, with a quote at both ends of the value or at none, and with quotes where there is a # in it`
  )
}

/** What a text sets. */
export const settingsOf = (bytes: Uint8Array): Result.Result<Readonly<Record<string, string>>, Unread> =>
  Result.flatMap(textOf(bytes), (text) => {
    const settings = new Map<string, string>()
    const wrong: Array<number> = []
    let number = 1
    for (let at = 0; at < text.length;) {
      const isBlank = blank.test(text.slice(at, lineEnd(text, at)))
      const setting = isBlank ? undefined : settingAt(text, at)
      if (setting !== undefined) settings.set(setting.name, setting.value)
      else if (!isBlank) wrong.push(number)
      const end = setting?.to ?? lineEnd(text, at)
      number += text.slice(at, end).split("\n").length
      at = end + 1
    }
    return wrong.length > 0 ? Result.fail(refused(wrong)) : Result.succeed(Object.fromEntries(settings))
  })

/** What a file sets. */
export const readSettings = (path: string): Effect.Effect<Readonly<Record<string, string>>, Unread> =>
  Effect.flatMap(bytesOf(path), (bytes) => Effect.fromResult(settingsOf(bytes)))
