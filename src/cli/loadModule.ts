/** Finds what a module exports: the agent's definition. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { own } from "../internal/own.ts"
import * as Worker from "../Worker.ts"

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

const hints: Readonly<Record<string, string>> = {
  ERR_UNKNOWN_FILE_EXTENSION: "this version of Node cannot read it; ",
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX: "Node alone cannot run this kind of TypeScript; "
}

const otherwise = "build it to JavaScript, or install tsx and set NODE_OPTIONS=\"--import tsx\""

/** Where in whose file, as far as the failure tells. */
const placeOf = ({ stack = "" }: Error): string => {
  const place = /(?:file:\/\/)?(\/[^\s()]+:\d+(?::\d+)?)/.exec(stack.replaceAll(/^.*\(node:.*$/gm, ""))?.[1]
  return place === undefined ? "" : ` (${place})`
}

const textOf = (cause: unknown): string => {
  const hint = Predicate.hasProperty(cause, "code") && typeof cause.code === "string"
    ? own(hints, cause.code)
    : undefined
  if (!(cause instanceof Error)) return "it cannot be imported"
  return hint === undefined
    ? `it cannot be imported: ${cause.message}${placeOf(cause)}`
    : `${hint}${otherwise}${placeOf(cause)}`
}

/** Imports a file and takes its default export. */
export const load = (file: string): Effect.Effect<Loaded, ModuleError> =>
  Effect.gen(function*() {
    const path = resolve(file)
    if (!existsSync(path)) return yield* new ModuleError({ file, detail: "there is no such file" })
    const url = pathToFileURL(path).href
    const module = yield* Effect.tryPromise({
      try: (): Promise<{ readonly default?: unknown }> => import(url),
      catch: (cause) => new ModuleError({ file, detail: textOf(cause) })
    })
    if (!Worker.isDefinition(module.default)) {
      const detail = "its default export is no agent; write: export default Worker.define({ … })"
      return yield* new ModuleError({ file, detail })
    }
    return { definition: module.default, url }
  })
