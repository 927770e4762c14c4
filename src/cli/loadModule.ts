/** Finds what a module exports: the agent's definition. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { existsSync, lstatSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import process from "node:process"
import { fileURLToPath, pathToFileURL } from "node:url"
import { own } from "../internal/own.ts"
import { packageFile } from "../internal/packageFiles.ts"
import { shortened } from "../internal/text/head.ts"
import { readable } from "../internal/thrown.ts"
import { definitionIn, insteadOf } from "../internal/worker/exported.ts"
import type * as Worker from "../Worker.ts"

/** A module that holds no agent. */
export class ModuleError extends Schema.TaggedError<ModuleError>("effect-voice/cli/ModuleError")("ModuleError", {
  file: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.file}: ${this.detail}`
  }
}

export interface Loaded {
  readonly definition: Worker.Definition<unknown>
  readonly url: string
}

const otherwise = "build it to JavaScript, or install tsx and set NODE_OPTIONS=\"--import tsx\""

const hints: Readonly<Record<string, string>> = {
  ERR_UNKNOWN_FILE_EXTENSION: `this version of Node cannot read it; ${otherwise}`,
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX: `Node alone cannot run this kind of TypeScript; ${otherwise}`
}

const ours = fileURLToPath(packageFile("dist/"))

/** Where in whose file, as far as the failure tells. Node's own files and those of this package are no place to look at. */
const placeOf = ({ stack }: Error): string => {
  const lines = String(stack ?? "").split("\n").filter((line) => !/\(?node:/.test(line) && !line.includes(ours))
  const place = /(?:file:\/\/)?(\/[^\s()]+:\d+(?::\d+)?)/.exec(lines.join("\n").replaceAll(/\?version=\d+/g, ""))?.[1]
  return place === undefined ? "" : ` (${place})`
}

/** Of a message its beginning, and of the errors within it the first: they may be many, deep, or go round in a circle. */
const mostCharacters = 1000
const mostWithin = 5

const withinOf = (error: Error): ReadonlyArray<unknown> => {
  if (!(error instanceof AggregateError)) return error.cause === undefined ? [] : [error.cause]
  const errors: unknown = error.errors
  return Array.isArray(errors) ? errors.slice(0, mostWithin) : []
}

const messageOf = (error: Error, outer: ReadonlyArray<unknown> = []): string => {
  const own = shortened(error.message === "" ? error.name : error.message, mostCharacters)
  const known = [...outer, error]
  const others = known.length > mostWithin ? [] : withinOf(error).filter((one) => !known.includes(one)).map(readable)
  const inner = others.flatMap((one) =>
    one instanceof Error ? [messageOf(one, known)] : typeof one === "string" ? [shortened(one, mostCharacters)] : []
  )
  return inner.length === 0 ? own : `${own}: ${inner.join("; ")}`
}

/** Which file was meant by an import that finds none: Node wants its name as it is. */
const meantBy = (cause: Error): string | undefined => {
  if (!Predicate.hasProperty(cause, "url") || typeof cause.url !== "string" || !cause.url.startsWith("file:")) return
  const path = fileURLToPath(cause.url)
  const names = [`${path}.ts`, `${path}.js`, path.replace(/\.([cm]?)js$/, ".$1ts"), join(path, "index.ts")]
  const found = names.find((name) => name !== path && existsSync(name))
  return found === undefined ? undefined : `${found} is there: import it by its whole name`
}

const hintOf = (file: string, cause: Error, place: string): string | undefined => {
  if (!(cause instanceof SyntaxError)) return meantBy(cause)
  const isTypeScript = /\.[cm]?tsx?$/.test(file)
  if (cause.message.includes("does not provide an export named")) {
    return isTypeScript ? "if it is a type, write: import type" : undefined
  }
  if (place !== "") return undefined
  return isTypeScript
    ? `if it is TypeScript that Node alone cannot run, such as a decorator, ${otherwise}`
    : `node --check ${file} shows where, if it is in this file`
}

const textOf = (file: string, thrown: unknown): string => {
  const cause = readable(thrown)
  if (!(cause instanceof Error)) {
    const what = typeof cause === "string" ? `the text "${shortened(cause, mostCharacters)}"` : "what is no Error"
    return `it cannot be imported: it throws ${what}`
  }
  const place = placeOf(cause)
  const known = Predicate.hasProperty(cause, "code") && typeof cause.code === "string"
    ? own(hints, cause.code)
    : undefined
  if (known !== undefined) return `${known}${place}`
  const hint = hintOf(file, cause, place)
  return `it cannot be imported: ${messageOf(cause)}${hint === undefined ? "" : `; ${hint}`}${place}`
}

const instead = "write: export default Worker.define({ … })"

/** Why there is nothing to import. */
const absent = (file: string): string | undefined => {
  if (file === "") return "name a module, such as desk.ts"
  const stat = statSync(resolve(file), { throwIfNoEntry: false })
  if (stat === undefined) {
    const isLink = lstatSync(resolve(file), { throwIfNoEntry: false })?.isSymbolicLink() === true
    if (isLink) return "it is a link to a file that is not there"
    const meant = [".ts", ".js", ".mts", ".mjs"].find((ending) => existsSync(resolve(file + ending)))
    return `there is no such file${meant === undefined ? "" : `: ${file}${meant} may be meant`}`
  }
  if (stat.isDirectory()) return "it is a folder: name the module in it, such as desk.ts"
  return stat.isFile() ? undefined : "it is no file"
}

const unsettled = "it awaits something that does not come, where it is imported"

/** What takes so long is told, and then given up. */
const limit = (file: string): Effect.Effect<never, ModuleError> =>
  Effect.sleep("10 seconds").pipe(
    Effect.andThen(Effect.logWarning(`${file} is still being imported; perhaps ${unsettled}`)),
    Effect.andThen(Effect.sleep("50 seconds")),
    Effect.andThen(new ModuleError({ file, detail: `it is not imported within a minute; perhaps ${unsettled}` }))
  )

/** A module that calls `process.exit()` would end its command without a word, as if all were well. */
const unlessItLeaves = <A, E>(file: string, importing: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  const listener = (code: number): void => {
    if (code !== 0) return
    process.stderr.write(`${new ModuleError({ file, detail: "it ends the process where it is imported" }).message}\n`)
    process.exitCode = 1
  }
  return Effect.acquireUseRelease(
    Effect.sync(() => process.once("exit", listener)),
    () => importing,
    () => Effect.sync(() => process.off("exit", listener))
  )
}

/** Imports a file and takes its default export. */
export const load = (file: string): Effect.Effect<Loaded, ModuleError> =>
  Effect.gen(function*() {
    const wrong = absent(file)
    if (wrong !== undefined) return yield* new ModuleError({ file, detail: wrong })
    const url = pathToFileURL(resolve(file)).href
    const imported = Effect.tryPromise({
      try: (): Promise<unknown> => import(url),
      catch: (cause) => new ModuleError({ file, detail: textOf(file, cause) })
    })
    const module = yield* unlessItLeaves(file, Effect.raceFirst(imported, limit(file)))
    const found = yield* Effect.try({
      try: () => definitionIn(module) ?? insteadOf(module),
      catch: () => new ModuleError({ file, detail: `what it exports throws when it is read; ${instead}` })
    })
    if (typeof found === "string") return yield* new ModuleError({ file, detail: `${found}; ${instead}` })
    return { definition: found, url }
  })
